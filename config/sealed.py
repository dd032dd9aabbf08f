"""Columns that the database keeps sealed, and the words it finds them by without reading them.

A row's sealed attribute reads and is set like any other; what stands in the table is what
`sealing.Keys` makes of it, tied to that row and column. A class's attribute is the sealed column:
good for « is there anything », and for nothing else. What must be found is kept a second time as
a keyed hash: whoever has the database alone cannot try numbers until one fits.
"""

import json
import logging
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from hmac import digest
from typing import Any, Generic, TypeVar, cast, overload
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary
from sqlalchemy.orm import InstrumentedAttribute, mapped_column

from config import logs
from config.sealing import (
    FORM,
    LONGEST_KEY_ID,
    NONCE_BYTES,
    TAG_BYTES,
    UNREADABLE,
    Keys,
    Place,
)

Value = TypeVar("Value")
"""What an attribute gives: where it may be empty, `str | None` and the like."""

HASH_BYTES = 16


@dataclass(frozen=True)
class Ring:
    """What seals the columns of this process, and what their hashes are keyed with."""

    keys: Keys
    pepper: bytes = field(repr=False)


class NoRing(RuntimeError):
    """A sealed column was touched before anybody said with which keys."""


_rings: list[Ring] = []


def use(keys: Keys, secret: bytes) -> None:
    """Seal and open with these keys from now on, in this process."""
    _rings[:] = [Ring(keys, digest(secret, b"sealed columns: keyed hashes", sha256))]


def _ring() -> Ring:
    if not _rings:
        raise NoRing
    return _rings[0]


Watch = Callable[["Row", bool], None]
"""Is told of each row of which something was opened, or (True) set to something else."""

WATCH: ContextVar[Watch | None] = ContextVar("sealed_watch", default=None)
"""Who wants to know, in this request, job or command; a door sets it."""


@contextmanager
def unwatched() -> Iterator[None]:
    """Tell nobody what is opened meanwhile: for work that shows it to nobody."""
    before = WATCH.set(None)
    try:
        yield
    finally:
        WATCH.reset(before)


def _tell(row: "Row", *, is_set: bool) -> None:
    watch = WATCH.get()
    if watch is not None:
        watch(row, is_set)


# Keyed hashes


def authentic(kind: str, said: bytes) -> bytes:
    """Return what only this installation can have made of these bytes, for one kind of use."""
    return digest(_ring().pepper, kind.encode() + b"\0" + said, sha256)


def blind(kind: str, text: str) -> bytes:
    """Return what stands for a text where it must be found: the same for the same, and no more."""
    return digest(_ring().pepper, f"{kind}:{text}".encode(), sha256)[:HASH_BYTES]


def folded(text: str) -> str:
    """Return a name as it is compared: small letters, no accents, no hyphens."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = (c for c in plain if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in kept).split())


def blind_beginnings(kind: str, *names: str | None, least: int) -> list[bytes]:
    """Return what stands for each beginning of `least` letters or more of each word of names."""
    words = {word for name in names if name for word in folded(name).split()}
    beginnings = {word[:end] for word in words for end in range(least, len(word) + 1)}
    return [blind(kind, each) for each in sorted(beginnings)]


def seal(plain: str, *, table: str, column: str, row: UUID) -> bytes:
    """Return a text sealed for one place: what `Sealed` does, for whoever has no row in hand."""
    return _ring().keys.seal(plain.encode(), about=Place(table, column, row))


def open_(kept: bytes, *, table: str, column: str, row: UUID) -> str:
    """Return a text that was sealed for this place.

    Raises:
        sealing.KeyUnknown, sealing.SealBroken: see there.
    """
    return _ring().keys.open(kept, about=Place(table, column, row)).decode()


# The columns


class Row:
    """A row that has sealed attributes: each becomes a column, under the attribute's name.

    Its `reference` is known from the beginning, because what is sealed is tied to it.
    """

    __tablename__: str
    __sealed__: "tuple[Sealed[Any], ...]"
    id: Any
    reference: Any

    def __init_subclass__(cls, **words: Any) -> None:
        """Give every sealed attribute its column, before the table is made."""
        cls.__sealed__ = tuple(each for each in vars(cls).values() if isinstance(each, Sealed))
        for each in cls.__sealed__:
            setattr(cls, each.kept_as, mapped_column(each.name, LargeBinary, nullable=True))
        super().__init_subclass__(**words)

    def __init__(self, *, reference: UUID | None = None, **values: Any) -> None:
        """Make a row; its name first."""
        super().__init__()
        self.reference = reference or uuid4()
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{name!r} is no attribute of {type(self).__name__}")
            setattr(self, name, value)

    def seal_again(self) -> bool:
        """Seal with the newest key what is under another; False if there is nothing."""
        keys, changed = _ring().keys, False
        for each in columns(type(self)):
            kept: bytes | None = getattr(self, each.kept_as)
            if kept is not None and not keys.is_newest(kept):
                place = Place(self.__tablename__, each.name, self.reference)
                setattr(self, each.kept_as, keys.sealed_again(kept, about=place))
                changed = True
        return changed

    def as_set(self) -> dict[str, Any]:
        """Return what was set of this row, as columns: for a statement that writes it."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_sa_")}


class Sealed(Generic[Value]):
    """An attribute whose column is sealed. Set to what it is already, it stays as it was."""

    def __init__(
        self,
        write: Callable[[Any], str],
        read: Callable[[str], Any],
        *,
        empty: Callable[[], Value],
        then: Callable[[Any], None] | None = None,
    ) -> None:
        self._write, self._read = write, read
        self._empty, self._then = empty, then

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the name."""
        self.name, self.kept_as = name, f"{name}_sealed"

    @overload
    def __get__(self, row: None, owner: type) -> InstrumentedAttribute[bytes | None]: ...
    @overload
    def __get__(self, row: Row, owner: type) -> Value: ...
    def __get__(self, row: Row | None, owner: type) -> Value | InstrumentedAttribute[bytes | None]:
        """Return what was sealed; of the class, the sealed column."""
        if row is None:
            return cast("InstrumentedAttribute[bytes | None]", getattr(owner, self.kept_as))
        kept = getattr(row, self.kept_as)
        if kept is not None:
            _tell(row, is_set=False)
        return self.opened(type(row), row.reference, kept)

    def opened(self, table: type[Row], row: UUID, kept: bytes | None) -> Value:
        """Return what a row of this name keeps in this column.

        Raises:
            sealing.KeyUnknown, sealing.SealBroken: see there.
        """
        if kept is None:
            return self._empty()
        return cast("Value", self._read(self._plain(table, row, kept)))

    def _plain(self, table: type[Row], row: UUID, kept: bytes) -> str:
        return open_(kept, table=table.__tablename__, column=self.name, row=row)

    def _kept_text(self, table: type[Row], row: UUID, kept: bytes) -> str | None:
        """Return what is kept; None where it cannot be read: it can still be replaced."""
        try:
            return self._plain(table, row, kept)
        except UNREADABLE:
            return None

    def sealed(self, table: type[Row], row: UUID, value: Value) -> bytes | None:
        """Return what a row of this name is to keep in this column; None for nothing."""
        if value == self._empty():
            return None
        return seal(self._write(value), table=table.__tablename__, column=self.name, row=row)

    def __set__(self, row: Row, value: Value) -> None:
        """Seal a value; nothing, where it is empty."""
        table, kept = type(row), getattr(row, self.kept_as)
        # Sealed anew it would look changed; what is emptied need not be opened.
        if (
            kept is None
            or value == self._empty()
            or self._kept_text(table, row.reference, kept) != self._write(value)
        ):
            new = self.sealed(table, row.reference, value)
            setattr(row, self.kept_as, new)
            if new is not kept:
                _tell(row, is_set=True)
        if self._then is not None:
            self._then(row)


def text(*, then: Callable[[Any], None] | None = None) -> Sealed[str | None]:
    """Return a sealed text."""
    return Sealed(str, str, empty=_nothing, then=then)


def words(*, then: Callable[[Any], None] | None = None) -> Sealed[str]:
    """Return a sealed text of which nothing is an empty text."""
    return Sealed(str, str, empty=str, then=then)


def day() -> Sealed[date | None]:
    """Return a sealed date."""
    return Sealed(date.isoformat, date.fromisoformat, empty=_nothing)


def mapping() -> Sealed[dict[str, Any]]:
    """Return a sealed JSON object; it is changed by being set, never in place."""
    return Sealed(_json, json.loads, empty=dict)


def record() -> Sealed[dict[str, Any] | None]:
    """Return a sealed JSON object that may be missing; it is changed by being set."""
    return Sealed(_json, json.loads, empty=_nothing)


def sequence() -> Sealed[list[Any]]:
    """Return a sealed JSON list; it is changed by being set, never in place."""
    return Sealed(_json, json.loads, empty=list)


def most_bytes(characters: int) -> int:
    """Return how long a sealed text of so many characters may be, in octets."""
    return len(FORM) + 1 + LONGEST_KEY_ID + NONCE_BYTES + TAG_BYTES + 4 * characters


def _nothing() -> None:
    return None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def columns(table: type[Any]) -> Sequence[Sealed[Any]]:
    """Return the sealed attributes of a table, in the order of its class."""
    return table.__sealed__ if issubclass(table, Row) else ()


def written(table: type[Row], row: UUID, said: Mapping[str, Any]) -> dict[str, bytes | None]:
    """Return sealed attributes of a row of this name as columns: for a statement without a row.

    What is not said is nothing.
    """
    return {
        each.name: each.sealed(table, row, said[each.name]) if each.name in said else None
        for each in columns(table)
    }


def is_readable(row: Row, name: str) -> bool:
    """Whether a sealed attribute can be read; where it cannot, the logs say of which table.

    For whoever works through many rows: one that was broken must not keep the others.
    """
    try:
        getattr(row, name)
    except UNREADABLE as error:
        logs.event("unreadable", level=logging.ERROR, error=error, kind=row.__tablename__)
        return False
    return True


def read(table: type[Row], found: Any, *names: str) -> dict[str, Any]:
    """Return sealed attributes of a row that was found as columns, its reference among them.

    Raises:
        sealing.KeyUnknown, sealing.SealBroken: if one of them cannot be read.
    """
    return {
        each.name: each.opened(table, found.reference, getattr(found, each.name))
        for each in columns(table)
        if each.name in names
    }
