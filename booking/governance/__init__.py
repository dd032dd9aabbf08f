"""Who may change a protocol, who signed it, and which version counts where, on which day.

A version is a community's own: written by one named person, tested, signed by another, in force
from a day for twelve months at most, and kept for ever. Flushes and never commits, like the desk.
"""
