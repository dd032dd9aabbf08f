"""A dump and a log tell nobody who it was, nor what was said; what cannot be read is seen."""

import io
import json
import logging
import re
from base64 import b64encode
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from booking import resealing
from booking.desk import decide, incidents, replies, staff, undelivered
from booking.models import CaseReview, EventKind, Role, Verdict
from booking.triage.protocol import Level
from config import backup, logs, sealed
from config.database import Base, transaction
from config.sealing import Keys, SealBroken
from notifications import delivery, opt_outs, outbox, ways
from notifications.letters import Draft, Way
from notifications.models import Channel, Kind, OutboxMessage, Status
from notifications.senders import LocalSender
from schedules.calendars import keeping
from tests.builders import LINKS, a_professional, a_site, a_slot, a_triaged_request
from tests.clockwork import NOON
from tests.conftest import DEVELOPMENT, address_of
from tests.integration.test_api_booking import wants
from tests.integration.test_api_keys import a_partner, assert_problem
from tests.staffing import an_account, signed_in, words

PHONES = {
    "patient": "+33639987701",
    "doctor": "+33639987702",
    "on call": "+33639987703",
    "said STOP": "+33639987704",
}
PERSON = {
    "family_name": "Canarinom",
    "given_name": "Canariprenom",
    "birth_date": "1992-07-14",
    "phone": PHONES["patient"],
    "email": "canarimail@patient.example",
}
WORDS = {
    "note": "Canarinote",
    "address": "Canarirue",
    "hours": "Canariheures",
    "reply": "Canarireponse",
    "calendar": "https://agenda.example/canarisecret.ics",
    "reason": "Canariraison",
    "event": "Canarifait",
    "comment": "Canariavis",
}
CANARIES = tuple(dict.fromkeys((*PERSON.values(), *WORDS.values(), *PHONES.values())))

OLD, NEW = (f"{name}:{b64encode(name.encode() * 32).decode()}" for name in ("o", "n"))
SECRET = DEVELOPMENT.secret_key.get_secret_value().encode()


def senders():
    return dict.fromkeys(Channel, LocalSender())


def opening(session):
    @contextmanager
    def open_transaction():
        with transaction(session):
            yield session

    return open_transaction


@pytest.fixture
def lines():
    """Everything that is logged meanwhile."""
    root, ours = logging.getLogger(), logging.getLogger("jourmeme")
    before = root.handlers[:], root.level, ours.level
    written = io.StringIO()
    logs.configure(written)
    yield written
    root.handlers[:], root.level, ours.level = before
    logging.getLogger("werkzeug").disabled = False


@pytest.fixture
def partner(session, client, protocol):
    return a_partner(session, client, protocol)


@pytest.fixture
def practice(session, partner):
    with transaction(session):
        partner.community.on_call_phone = PHONES["on call"]
        session.add(partner.community)
        site = a_site(session, partner.community)
        return site, a_professional(session, partner.community, site, mobile=PHONES["doctor"])


@pytest.fixture
def lived(session, partner, practice, protocol, lines):
    """A day of the product in which every word that somebody says is a canary; its links."""
    site, doctor = practice
    with transaction(session):
        three = NOON + timedelta(hours=3)
        slot = a_slot(session, professional=doctor, site=site, starts_at=three)
    path = f"/{partner.asks()['reference']}/booking"
    said = wants(slot.reference, person=PERSON)
    made = partner.send("POST", path, said, **{"Idempotency-Key": "one"})
    assert made.status_code == 201, made.json
    with transaction(session):
        _words_of_staff(session, partner.community, protocol)
        keeping.begin(session, doctor, site, WORDS["calendar"], by=None, now=NOON)
        opt_outs.add(session, PHONES["said STOP"], now=NOON)
        inbound = replies.Inbound("SM1", PHONES["patient"], WORDS["reply"])
        assert replies.receive(session, inbound, links=LINKS, now=NOON)
    assert delivery.drain(opening(session), senders(), clock=lambda: NOON, limit=50)
    session.rollback()
    return [made.json["links"]["appointment"].rpartition("/")[2]]


def _words_of_staff(session, community, protocol):
    account = an_account(session, community, Role.COORDINATOR)
    by = staff.actor(session, community.id, account.reference)
    other = a_triaged_request(session, community, protocol, note=WORDS["note"])
    other.current_address, other.call_back_hours = WORDS["address"], WORDS["hours"]
    how = {"protocol": protocol, "community": community, "now": NOON}
    decide.level(session, other, Level.SAME_DAY, reason=WORDS["reason"], by=by, **how)
    incidents.report(session, other, EventKind.NEAR_MISS, WORDS["event"], by=by, now=NOON)
    said = {"why": ["DRAWN"], "verdict": Verdict.TO_DISCUSS, "comment": WORDS["comment"]}
    month = {"month": date(2027, 3, 1), "at": NOON}
    whose = {"community_id": community.id, "request_id": other.id}
    session.add(CaseReview(account=by.account, name=by.name, **whose, **said, **month))
    session.flush()


def dumped(engine):
    """Return a whole dump as text, with what stands in it in octets beside it."""
    url = address_of(engine)
    with backup._running(backup._program("pg_dump", url), "--inserts", url=url) as written:
        said = written.read().decode()
    octets = (bytes.fromhex(found) for found in re.findall(r"\\x([0-9a-f]+)", said))
    return said + "".join(each.decode("latin-1") for each in octets)


def found_in(said, words=CANARIES):
    """Return which of these words can be read in a text, in any of the usual ways to write it."""
    return [word for word in words if any(form in said for form in _forms(word))]


def _forms(word):
    yield word
    yield json.dumps(word)[1:-1]
    yield word.encode().hex()
    for shift in range(3):
        # What base64 makes of it within a longer text, whatever stands before and after.
        yield b64encode(b"x" * shift + word.encode()).decode()[4 if shift else 0 : -4]
    if word.startswith("+33"):
        digits = f"0{word[3:]}"
        yield from (digits, word[1:], " ".join(digits[n : n + 2] for n in range(0, 10, 2)))


def opened(session):
    """Return all that is sealed, as whoever has the keys reads it."""
    session.rollback()
    session.expire_all()
    return "\n".join(
        str(getattr(row, each.name))
        for table in (mapper.class_ for mapper in Base.registry.mappers)
        if sealed.columns(table)
        for row in session.scalars(select(table))
        for each in sealed.columns(table)
    )


def test_a_dump_of_a_day_shows_nobody_and_nothing_that_was_said(engine, session, lived):
    assert found_in(opened(session), (*CANARIES, *lived)) == [*CANARIES, *lived]

    assert found_in(dumped(engine), (*CANARIES, *lived)) == []


@pytest.mark.parametrize("form", range(9))
def test_the_search_would_find_a_word_in_whatever_form_it_stands(form):
    forms = list(_forms(PHONES["patient"]))

    assert PHONES["patient"] in found_in(f"x{forms[form]}y")


def test_a_day_leaves_no_word_in_logs_or_figures(client, lived, lines):
    written = lines.getvalue() + client.get("/metrics").text

    assert "message_kept_here" in written
    assert found_in(written, (*CANARIES, *lived)) == []


def test_under_a_new_key_everything_opens_without_the_old_one(session, lived):
    session.rollback()
    before = opened(session)
    both = f"{NEW},{_development()}"
    sealed.use(Keys.read(both), SECRET)

    assert resealing.seal_all_again(opening(session), Keys.read(both)) > len(WORDS)

    sealed.use(Keys.read(NEW), SECRET)
    assert opened(session) == before


def _development():
    [(name, key)] = DEVELOPMENT.keys.by_id.items()
    return f"{name}:{b64encode(key).decode()}"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE level_decision SET name = 'x'",
        "UPDATE safety_event SET what = what, at = now()",
        "UPDATE case_review SET verdict = 'SOUND'",
        "DELETE FROM level_decision",
    ],
)
def test_sealing_again_is_no_way_to_change_what_is_kept_for_ever(session, lived, change):
    session.execute(select(resealing.SEALING_AGAIN))

    with pytest.raises(DBAPIError, match=r"never changed|append only"):
        session.execute(text(change))


# What cannot be read


def a_draft(community, **but):
    said = {
        "community_id": community.id,
        "about": uuid4(),
        "version": 0,
        "kind": Kind.CONFIRMATION,
        "channel": Channel.SMS,
        "recipient": PHONES["patient"],
        "text": "RDV confirmé",
        "send_at": NOON,
        "expires_at": NOON + timedelta(hours=4),
        "fallbacks": (Way(channel=Channel.VOICE, recipient=PHONES["patient"], text="Bonjour"),),
    }
    return Draft(**said | but)


@pytest.fixture
def two(session, partner):
    """Two messages: the first sealed with a key that is lost, the other with one that is there."""
    for keys in (OLD, NEW):
        sealed.use(Keys.read(keys), SECRET)
        with transaction(session):
            outbox.promise(session, a_draft(partner.community))
    return session.scalars(select(OutboxMessage.reference).order_by(OutboxMessage.id)).all()


def statuses(session):
    session.rollback()
    kept = session.scalars(
        select(OutboxMessage).order_by(OutboxMessage.id).execution_options(populate_existing=True)
    )
    return [(each.status, each.failure) for each in kept]


def test_a_message_whose_key_is_lost_is_a_persons_and_the_others_leave(session, two, lines):
    assert delivery.drain(opening(session), senders(), clock=lambda: NOON, limit=9) == 1

    assert statuses(session) == [(Status.FAILED, "unreadable"), (Status.DELIVERED, None)]
    assert session.scalars(
        select(OutboxMessage.reference).where(undelivered._needs_somebody())
    ).all() == [two[0]]
    assert str(two[0]) in lines.getvalue()


def test_its_other_ways_wait_for_the_key(session, two):
    delivery.drain(opening(session), senders(), clock=lambda: NOON, limit=9)
    sealed.use(Keys.read(f"{NEW},{OLD}"), SECRET)

    lost = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).first()

    assert [way["channel"] for way in lost.fallbacks] == [Channel.VOICE]


def test_one_that_cannot_be_read_does_not_keep_the_silent_from_being_passed_on(session, two):
    session.execute(
        text("UPDATE outbox_message SET status = 'SENT', call_started_at = :now"), {"now": NOON}
    )
    session.commit()

    with transaction(session):
        assert ways.give_up_on_the_silent(session, now=NOON + timedelta(hours=1)) == 2

    assert [status for status, _ in statuses(session)] == [
        Status.UNKNOWN,
        Status.UNKNOWN,
        Status.WAITING,
    ]


def test_a_text_that_was_moved_to_another_message_does_not_leave(session, two):
    sealed.use(Keys.read(f"{NEW},{OLD}"), SECRET)
    session.execute(
        text(
            "UPDATE outbox_message SET text = other.text FROM outbox_message other"
            " WHERE outbox_message.id < other.id"
        )
    )
    session.commit()

    delivery.drain(opening(session), senders(), clock=lambda: NOON, limit=9)

    # Its next way was left as it was: the call that follows can be read.
    assert statuses(session) == [
        (Status.FAILED, "unreadable"),
        (Status.DELIVERED, None),
        (Status.DELIVERED, None),
    ]


@pytest.fixture
def swapped(session, lived):
    """Whoever may write in the database has put one patient's number in another's place."""
    session.execute(
        text("UPDATE care_request SET phone = (SELECT recipient FROM outbox_message LIMIT 1)")
    )
    session.commit()


def test_a_page_says_that_something_cannot_be_read_and_whom_to_call(
    app, session, partner, swapped, lines
):
    account = an_account(session, partner.community, Role.OPERATOR)
    session.commit()

    page = signed_in(app, account).get("/console")

    assert page.status_code == 500
    assert "ne peut pas être lu en ce moment" in words(page)
    assert '"event": "unreadable"' in lines.getvalue()


def test_software_is_told_that_an_answer_cannot_be_read(session, partner):
    once = {"Idempotency-Key": "once"}
    asked = partner.questionnaire()
    assert partner.send("POST", "", asked, **once).status_code == 201
    session.execute(text("UPDATE idempotency_key SET body = set_byte(body, 60, 0)"))
    session.execute(text("UPDATE idempotency_key SET body = set_byte(body, 61, 0)"))
    session.commit()

    said = assert_problem(partner.send("POST", "", asked, **once), 500, "failure")

    assert "ne peut pas être lu" in said["detail"]


def test_sealing_again_stops_at_what_was_changed_and_names_its_row(session, swapped):
    keys = f"{NEW},{_development()}"
    sealed.use(Keys.read(keys), SECRET)

    with pytest.raises(SealBroken, match=r"^care_request\.phone of [0-9a-f-]{36}$"):
        resealing.seal_all_again(opening(session), Keys.read(keys))
