"""Demand, and every door through which people and software come in."""
