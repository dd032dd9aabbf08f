"""Calendar entries, read by parsers that did not write them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import ics as ics_py
import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from schedules import ics

REFERENCE = UUID("8b0a2d0e-0d0c-4b8e-9a55-0c2c8f3c9d11")
AUTUMN = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
"""02:30 in Paris, the first of the two."""


MOMENTS = st.integers(0, 130_000_000).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def entry(**but) -> ics.Entry:
    said = {
        "reference": REFERENCE,
        "starts_at": AUTUMN,
        "ends_at": AUTUMN + timedelta(minutes=20),
        "changed_at": AUTUMN - timedelta(days=1),
        "version": 0,
        "is_cancelled": False,
        "summary": "Rendez-vous de soins",
        "location": "Maison de santé de l’Orvanne, 12 rue des Lilas, 77999 Saint-Loup",
        "description": "01 99 00 00 20",
        "url": "https://rdv.example/r/abc",
    }
    return ics.Entry(**said | but)


def published(**but) -> bytes:
    return ics.published(entry(**but), host="rdv.example", organizer="rdv@cpts.example")


def invitation(**but) -> bytes:
    return ics.message(an_invitation(**but))


def an_invitation(**but) -> ics.Invitation:
    return ics.Invitation(
        entry=entry(**but),
        host="rdv.example",
        organizer="rdv@cpts.example",
        attendee="c.bernard@cpts.example",
        has_accepted=True,
    )


@given(MOMENTS, st.booleans())
def test_an_invitation_that_was_written_down_is_drawn_as_it_was_meant(start, is_cancelled):
    meant = an_invitation(
        starts_at=start, ends_at=start + timedelta(minutes=5), is_cancelled=is_cancelled
    )

    on_paper = json.loads(json.dumps(ics.written(meant)))

    assert ics.drawn(on_paper) == (ics.message(meant), ics.method(meant.entry))


@given(MOMENTS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_other_readers_find_the_same_instants(start):
    raw = published(starts_at=start, ends_at=start + timedelta(minutes=20))

    by_vobject = vobject.readOne(raw.decode()).vevent
    [by_ics] = ics_py.Calendar(raw.decode()).events

    assert by_vobject.dtstart.value == start
    assert by_vobject.dtend.value == start + timedelta(minutes=20)
    assert by_ics.begin.datetime == start
    assert by_ics.end.datetime == start + timedelta(minutes=20)


def test_a_second_reader_finds_nothing_missing():
    assert vobject.readOne(published().decode()).validate(raiseException=True)
    assert vobject.readOne(invitation().decode()).validate(raiseException=True)


def test_the_same_entry_gives_the_same_bytes():
    assert published() == published()


def test_the_uid_stays_and_the_sequence_rises():
    before, after = (Calendar.from_ical(published(version=v)).events[0] for v in (0, 1))

    assert before["UID"] == after["UID"] == f"{REFERENCE}@rdv.example"
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)


def test_a_published_entry_names_nobody_but_the_organizer():
    raw = published().decode()

    assert "METHOD:PUBLISH" in raw
    assert "ATTENDEE" not in raw


def test_a_cancelled_invitation_says_so_everywhere():
    calendar = Calendar.from_ical(invitation(is_cancelled=True, version=2))
    [event] = calendar.events

    assert calendar["METHOD"] == "CANCEL" == ics.method(entry(is_cancelled=True))
    assert event["STATUS"] == "CANCELLED"
    assert event["SUMMARY"].startswith("Annulé")
    assert event["TRANSP"] == "TRANSPARENT"


def test_a_professional_is_not_asked_to_accept_their_own_slot():
    [event] = Calendar.from_ical(invitation()).events

    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"


@given(st.text(max_size=80))
def test_no_name_of_a_place_can_add_a_line(name):
    clean = "".join(c for c in name if c.isprintable())
    calendar = Calendar.from_ical(published(location=f"{clean}\r\nATTENDEE:mailto:x@y.example"))

    assert "ATTENDEE" not in calendar.events[0]
    assert len(calendar.events) == 1


CHANGES = (
    {"reference": UUID(int=1)}, {"starts_at": AUTUMN - timedelta(minutes=5)},
    {"ends_at": AUTUMN + timedelta(hours=1)}, {"changed_at": AUTUMN}, {"version": 1},
    {"is_cancelled": True}, {"summary": "RDV"}, {"location": "Ailleurs"},
    {"description": "Autre chose"}, {"url": "https://rdv.example/journee"},
)  # fmt: skip
"""All that an entry can differ by."""


def a_feed(*entries: ics.Entry, **but) -> ics.Feed:
    said = {"host": "rdv.example", "name": "RDV SNP", "organizer": "rdv@cpts.example"}
    return ics.Feed(entries=entries or (entry(),), **said | but)


@given(st.lists(MOMENTS, min_size=1, max_size=5, unique=True))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_other_readers_find_the_instants_of_a_whole_feed(starts):
    meant = [
        entry(reference=UUID(int=n), starts_at=start, ends_at=start + timedelta(minutes=20))
        for n, start in enumerate(starts)
    ]
    raw = ics.subscribed(a_feed(*meant)).decode()

    by_vobject = vobject.readOne(raw)

    assert by_vobject.validate(raiseException=True)
    assert [e.dtstart.value for e in by_vobject.vevent_list] == starts
    assert sorted(e.begin.datetime for e in ics_py.Calendar(raw).events) == sorted(starts)


def test_a_feed_invites_nobody_wakes_nobody_and_has_no_name_that_changes():
    raw = ics.subscribed(a_feed()).decode()
    head = raw.partition("BEGIN:VEVENT")[0]

    assert "METHOD:PUBLISH" in head
    assert "UID" not in head
    assert "X-WR-CALNAME:RDV SNP" in head
    for word in ("ATTENDEE", "VALARM"):
        assert word not in raw


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_other_bytes_have_another_digest(change):
    one, other = a_feed(entry()), a_feed(entry(**change))

    assert ics.subscribed(one) != ics.subscribed(other)
    assert ics.digest(one) != ics.digest(other)


def test_a_digest_knows_who_reads_where_and_who_draws(monkeypatch):
    feed = a_feed()
    others = [replace(feed, **{name: "other"}) for name in ("host", "name", "organizer")]
    seen = {ics.digest(each) for each in (feed, *others)}
    monkeypatch.setattr(ics, "_DRAWN_BY", b"the next version")

    assert len(seen) == 4
    assert ics.digest(feed) not in seen


def test_the_same_feed_has_the_same_digest_and_bytes():
    assert ics.digest(a_feed()) == ics.digest(a_feed())
    assert ics.subscribed(a_feed()) == ics.subscribed(a_feed())
