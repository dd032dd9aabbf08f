"""Screen O1: an operator takes a call, from pick-up to booked, on one page."""
