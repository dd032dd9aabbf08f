"""No pattern of ours goes back and forth: each is tried with long texts that almost fit."""

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from itertools import product

import pytest

ROOMS = ("booking", "schedules", "notifications", "config")
LONG = 20_000
PATIENCE = 6
"""Seconds of computing: what is proportional takes thousandths of one, what is not, minutes."""


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Return every compiled pattern that a module of ours holds, alone or in a collection."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            # The second one writes in the environment, and holds no pattern.
            if ".migrations" in found.name or found.name == "config.gunicorn":
                continue
            held = vars(importlib.import_module(found.name))
            for name, value in held.items():
                yield from ((f"{found.name}.{name}", each) for each in within(value))


def within(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from within(each)
    elif isinstance(value, tuple | list | frozenset | set):
        for each in value:
            yield from within(each)


OURS = {name: pattern for name, pattern in patterns() if isinstance(pattern.pattern, str)}
PARTS = ("a", "1", " ", "-", ".", "@", "a ", "1 ", "a-", "1,", "h", ":", "\n", "é", "a1", "(", "_")
NASTY = [
    before + part * (LONG // len(part)) + after
    for part, before, after in product(PARTS, ("", "a", "1"), ("", "!"))
]


def test_there_are_patterns_to_try():
    assert len(OURS) > 20


@pytest.fixture
def patience() -> Iterator[None]:
    """Stop a match that does not end; by computing time, so that a busy machine fails none."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("name", sorted(OURS))
def test_no_pattern_of_ours_goes_back_and_forth(name: str):
    for text in NASTY:
        OURS[name].fullmatch(text)
        OURS[name].search(text[:2_000])
