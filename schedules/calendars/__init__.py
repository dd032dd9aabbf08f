"""Professionals' own calendars, read again and again: what closes slots, and what opens some."""
