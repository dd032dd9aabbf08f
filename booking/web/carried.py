"""What somebody was sending when their session rested: it goes with them through the sign-in."""

from dataclasses import dataclass

from flask import request

PREFIX = "garde:"
TARGET = "vers"

NOT_CARRIED = frozenset({"csrf_token", "password", "present", "wanted", "code", "passkey", TARGET})

DOORS = frozenset({"console", "coordination", "day", "supply", "agendas", "busy", "protocol"})
"""Blueprints whose forms are kept: those where somebody types for a while."""


@dataclass(frozen=True)
class Carried:
    """A form that was not taken: where it was to go, and its fields."""

    target: str = ""
    fields: tuple[tuple[str, str], ...] = ()

    @property
    def hidden(self) -> tuple[tuple[str, str], ...]:
        """The fields as they stand in the pages between: under other names, so that none acts."""
        return (
            (TARGET, self.target),
            *((PREFIX + name, value) for name, value in self.fields),
        )


def refused() -> Carried:
    """Return the form of this request, which the guard did not let through."""
    if request.method != "POST" or (request.blueprint or "").partition(".")[0] not in DOORS:
        return Carried()
    return _of(request.path, "")


def left(target: str) -> Carried:
    """Return the form of a page that somebody leaves by locking it."""
    return _of(target, "")


def handed_on(target: str) -> Carried:
    """Return what the page before this one has handed on."""
    return _of(target, PREFIX)


def _of(target: str, prefix: str) -> Carried:
    fields = tuple(
        (name.removeprefix(prefix), value)
        for name, value in request.form.items(multi=True)
        if name.startswith(prefix) and name not in NOT_CARRIED
    )
    return Carried(target, fields) if target and fields else Carried()
