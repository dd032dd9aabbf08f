"""How long a message waits: between two tries, and for a report, in the time that is left. Pure.

An appointment in forty minutes leaves no room for a pause of thirty: no pause may use more than a
small part of what is left, and when none fits the next way takes over.
"""

from datetime import timedelta

RETRY_AFTER = (timedelta(seconds=20), timedelta(minutes=1), timedelta(minutes=5))
"""The wait after the first, second … failed try; then the next way, or a person."""

MOST_CALLS = len(RETRY_AFTER) + 1
"""How often a provider is called about one message, whatever it answers."""

PART_OF_WHAT_IS_LEFT = 8
"""A pause uses an eighth of it at the most: what is left is for the ways that follow."""

REPORT_WITHIN = timedelta(minutes=3)
"""How long a message to a patient may go unreported before the next way takes over."""

SHORTEST_WAIT = timedelta(seconds=30)
"""Operators need that long to report anything at all."""


def pause(tries: int, left: timedelta) -> timedelta | None:
    """Return the wait after so many tries, or None if no further try fits the time left."""
    waits = RETRY_AFTER[max(tries, 1) - 1 : max(tries, 1)]
    return waits[0] if waits and waits[0] * PART_OF_WHAT_IS_LEFT <= left else None


def report_wait(left: timedelta) -> timedelta:
    """Return how long to wait for a report of a message that had so much time left when it went."""
    return max(SHORTEST_WAIT, min(REPORT_WITHIN, left / PART_OF_WHAT_IS_LEFT))
