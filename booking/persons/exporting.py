"""All that is kept of one person, in two forms: for other software, and to be read."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum, IntEnum
from functools import partial
from html import escape
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import LargeBinary, inspect
from sqlalchemy.orm import Session

from booking.audit import reading
from booking.audit.reading import Access
from booking.persons import belonging, finding
from booking.persons.finding import Visit, Whose
from booking.persons.french import DAY, FIELDS, MOMENT, SECTIONS, VALUES
from config import sealed
from config.database import Base
from notifications.models import InboundMessage

IN_YEARS = 36
"""Months from which an age is said in years."""

A_DAY = re.compile(r"\d{4}-\d\d-\d\d$")
A_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d[\d:.]*[+]\d\d:\d\d$")

File = dict[str, list[dict[str, Any]]]

OURS = frozenset(
    (
        "account",
        "by",
        "claimed_by",
        "digest",
        "ended_by",
        "follows",
        "given_up_id",
        "id",
        "lease",
        "lease_until",
        "looked_by",
        "looked_name",
        "name",
        "opened_by",
        "owner",
        "provider_id",
        "regular_doctor",
        "saved_by",
        "seen_by",
        "started_by",
    )
)
"""Columns that tell of our rows, or of who works here: nothing of the person."""


def collect(session: Session, whose: Whose, *, now: datetime) -> File:
    """Return all rows about this person by table, every sealed value opened, in plain values."""
    asked = finding.requests(session, whose)
    found = belonging.rows(session, asked)
    file = {table.__tablename__: [_plain(row) for row in rows] for table, rows in found.items()}
    messages = belonging.messages(session, found)
    file["appointment"] = [_visit(each) for each in finding.visits(session, asked)]
    file["message"] = [_plain(row) for row in messages if row.kind not in belonging.TO_STAFF]
    replies: Sequence[InboundMessage] = ()
    # Of what a number wrote nobody knows who did, where several people have it.
    if whose.born is None or not belonging.is_shared(session, asked, whose):
        replies = belonging.replies(session, whose.phone_key, whose.community_id)
        file["reply"] = [_plain(row) for row in replies]
        file["opt_out"] = [_plain(row) for row in belonging.stopped(session, whose.phone)]
    theirs = [*(each.reference for each in asked), *(each.reference for each in replies)]
    file["access"] = [_access(each) for each in reading.of_rows(session, theirs)]
    file["file"] = [{"made_at": now.isoformat(), "notice": "docs/privacy/notice.md"}]
    return {name: rows for name, rows in file.items() if rows}


def readable(file: File, zone: ZoneInfo, words: Mapping[str, str]) -> str:
    """Return a page that says the same in French, for whoever is not a programmer.

    `words`: what complaints, questions and answers are called, as `french.said_by` gives them.
    """
    tell = partial(_words, zone=zone, words=words)
    parts = [
        f"<section><h2>{escape(SECTIONS.get(name, name))}</h2>{_rows(rows, tell)}</section>"
        for name, rows in sorted(file.items(), key=lambda each: _place(each[0]))
        if name in SECTIONS
    ]
    return (
        '<!doctype html><html lang="fr"><meta charset="utf-8"><title>Vos données</title>'
        '<meta name="viewport" content="width=device-width"><main><h1>Vos données</h1>'
        "<p>Tout ce que JourMême garde à votre sujet. Le même contenu, complet, est dans le "
        f"fichier JSON.</p>{''.join(parts)}</main></html>\n"
    )


def _place(name: str) -> int:
    return list(SECTIONS).index(name) if name in SECTIONS else len(SECTIONS)


def _rows(rows: Iterable[dict[str, Any]], tell: Callable[[str, Any], str]) -> str:
    lists = []
    for row in rows:
        said = [
            f"<dt>{escape(FIELDS[name])}</dt><dd>{escape(tell(name, value))}</dd>"
            for name, value in row.items()
            if name in FIELDS and value not in (None, "", [], {})
        ]
        lists.append(f"<dl>{''.join(said)}</dl>")
    return "<hr>".join(lists)


def _words(name: str, value: Any, *, zone: ZoneInfo, words: Mapping[str, str]) -> str:
    tell = partial(_words, zone=zone, words=words)
    if isinstance(value, list):
        return ", ".join(tell(name, each) for each in value)
    if isinstance(value, dict):
        # Of a rule that counted: what it says. Its name and level are in the JSON.
        named = {words.get(key, FIELDS.get(key, key)): tell(key, value[key]) for key in value}
        pairs = (f"{key}\u00a0: {said}" for key, said in named.items())
        return str(value.get("because") or ", ".join(pairs))
    if name == "age_months" and value is not None:
        return f"{value // 12} ans" if value >= IN_YEARS else f"{value} mois"
    said = {True: "oui", False: "non"}[value] if isinstance(value, bool) else str(value)
    if A_MOMENT.match(said):
        return datetime.fromisoformat(said).astimezone(zone).strftime(MOMENT)
    if A_DAY.match(said):
        return date.fromisoformat(said).strftime(DAY)
    return words.get(f"{name}={said}") or words.get(said) or VALUES.get(said, said)


def _visit(visit: Visit) -> dict[str, Any]:
    return {
        "starts_at": visit.slot.starts_at.isoformat(),
        "ends_at": visit.slot.ends_at.isoformat(),
        "professional": visit.professional.name,
        "place": f"{visit.site.name}, {visit.site.address}",
        "status": visit.booking.status.value,
        "code": visit.booking.code,
    }


def _access(line: Access) -> dict[str, Any]:
    """Return one line of the audit: who, by what they do here and not by their name."""
    return {
        "at": line.at.isoformat(),
        "actor": (line.role or line.kind).value,
        "action": line.action.value,
    }


def _plain(row: Base) -> dict[str, Any]:
    """Return a row's columns under their names, without ours and without hashes."""
    hidden = {each.kept_as for each in sealed.columns(type(row))}
    columns = {
        attribute.key: getattr(row, attribute.key)
        for attribute in inspect(type(row)).column_attrs
        if attribute.key not in OURS | hidden
        and not attribute.key.endswith("_id")
        and not _is_hash(attribute.columns[0].type)
    }
    opened = {each.name: getattr(row, each.name) for each in sealed.columns(type(row))}
    return {name: _value(value) for name, value in (columns | opened).items()}


def _is_hash(kind: Any) -> bool:
    return isinstance(getattr(kind, "item_type", kind), LargeBinary)


def _value(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.name if isinstance(value, IntEnum) else value.value
    return str(value) if isinstance(value, UUID) else value
