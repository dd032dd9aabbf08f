"""Every line gets its number, and holds on to the line before: what is changed later, shows.

The worker that leads does it a minute after at most, in the order of the lines, and changes no
line for it. What is past its term goes, from the beginning of the chain; where it begins then is
kept.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from booking.audit.verifying import NOTHING_BEFORE, Start, link, sealed_start
from config import logs
from config.database import OpenTransaction

BATCH = 1_000
LOCK = 73_732
"""Advisory: one at a time puts on numbers, or takes away what is past its term."""

LATE = timedelta(hours=1)
"""No transaction is open for so long: a line that is older than the last of the chain by more was
not written by us, and gets no number."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_LAST = text("""
    SELECT k.number, k.hash, l.at FROM audit_link k LEFT JOIN audit_line l ON l.reference = k.line
     ORDER BY k.number DESC LIMIT 1
""")
_NEW = text("""
    SELECT l.id, l.reference, l.mac FROM audit_line l
     WHERE l.at >= :since AND NOT EXISTS (SELECT 1 FROM audit_link k WHERE k.line = l.reference)
     ORDER BY l.id LIMIT :most
""")
_ADD = text("""
    INSERT INTO audit_link (number, line, hash)
    SELECT * FROM unnest(CAST(:number AS bigint[]), CAST(:line AS uuid[]), CAST(:hash AS bytea[]))
""")
_ALONE = text("SELECT pg_advisory_xact_lock(:lock)")
_FORGETS = text("SET LOCAL jourmeme.forgets = 'audit'")
_PAST = text("""
    SELECT k.number, k.hash, k.line, l.at FROM audit_link k
      LEFT JOIN audit_line l ON l.reference = k.line ORDER BY k.number LIMIT :most
""")
_KEEP_START = text("""
    INSERT INTO audit_start (id, number, hash, mac) VALUES (1, :number, :hash, :mac)
    ON CONFLICT (id) DO UPDATE
    SET number = excluded.number, hash = excluded.hash, mac = excluded.mac
""")


def start(session: Session) -> Start:
    """Return where the chain begins now."""
    found = session.execute(text("SELECT number, hash, mac FROM audit_start")).one_or_none()
    return NOTHING_BEFORE if found is None else Start(found[0], bytes(found[1]), bytes(found[2]))


def last(session: Session) -> tuple[int, bytes, datetime | None]:
    """Return the last number, its hash, and of when it is: what an anchor holds."""
    found = session.execute(_LAST).one_or_none()
    if found is None:
        begins = start(session)
        return begins.number, begins.hash, None
    return found.number, bytes(found.hash), found.at


def extend(session: Session) -> int:
    """Give the next thousand lines their numbers; return how many there were."""
    session.execute(_ALONE, {"lock": LOCK})
    number, before, at = last(session)
    since = BEGINNING if at is None else at - LATE
    added: dict[str, list[object]] = {"number": [], "line": [], "hash": []}
    for line in session.execute(_NEW, {"since": since, "most": BATCH}):
        number += 1
        before = link(before, number, line.id, bytes(line.mac))
        for name, value in (("number", number), ("line", line.reference), ("hash", before)):
            added[name].append(value)
    if added["number"]:
        session.execute(_ADD, added)
    return len(added["number"])


def extend_all(open_transaction: OpenTransaction) -> int:
    """Give every line its number, a thousand in each transaction; return how many there were."""
    done = 0
    while True:
        with open_transaction() as session:
            added = extend(session)
        done += added
        if added < BATCH:
            return done


def forget(session: Session, *, past: datetime) -> int:
    """Delete up to a thousand lines from before that moment, the first ones; return how many."""
    session.execute(_ALONE, {"lock": LOCK})
    due = []
    for each in session.execute(_PAST, {"most": BATCH}):
        if each.at is None or each.at > past:
            break
        due.append(each)
    if not due:
        return 0
    end = due[-1]
    session.execute(_FORGETS)
    gone = {"lines": [each.line for each in due]}
    session.execute(text("DELETE FROM audit_link WHERE line = ANY(:lines)"), gone)
    session.execute(text("DELETE FROM audit_line WHERE reference = ANY(:lines)"), gone)
    begins = sealed_start(end.number, bytes(end.hash))
    session.execute(_KEEP_START, begins._asdict())
    return len(due)


def anchor(session: Session) -> None:
    """Write to the log how far the chain goes: whoever cuts its end must change the log as well."""
    number, before, _at = last(session)
    logs.event("audit_anchor", number=number, digest=before)
