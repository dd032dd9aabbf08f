"""A reminder says what is so when it leaves: of what was moved, cancelled or is over, none does."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from booking.desk import change, choose
from booking.models import CancelledBy
from config.database import transaction
from notifications import outbox
from notifications.models import Channel, Kind, OutboxMessage, Status
from schedules.models import Community
from tests.builders import LINKS, MOBILE, a_slot, a_triaged_request
from tests.clockwork import NOON

TOMORROW = NOON + timedelta(hours=23)
EVENING = NOON + timedelta(hours=6)


def booked(session, protocol, starts_at=TOMORROW, **who):
    with transaction(session):
        slot = a_slot(session, starts_at=starts_at)
        community = session.get_one(Community, slot.community_id)
        request = a_triaged_request(session, community, protocol, **who)
        made = choose.book(
            session, request, community, slot.reference, by="PATIENT", links=LINKS, now=NOON
        )
    return community.id, made


def reminders(session):
    session.rollback()
    return session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.kind == Kind.REMINDER)
        .order_by(OutboxMessage.id)
        .execution_options(populate_existing=True)
    ).all()


def cancel(session, community_id, made, by=CancelledBy.PATIENT):
    with transaction(session):
        kept = change.by_reference(session, community_id, made.reference, lock=True)
        change.cancel(session, kept, cancelled_by=by, by="test", links=LINKS, now=NOON)


def kinds_leaving(session, now):
    with transaction(session):
        letters = outbox.lease(session, now=now, limit=50)
    named = {each.id: each.kind for each in session.scalars(select(OutboxMessage))}
    return [named[letter.id] for letter in letters]


def test_an_appointment_of_tomorrow_is_reminded_of_the_evening_before(session, protocol):
    _, made = booked(session, protocol, phone=MOBILE)

    [reminder] = reminders(session)

    assert (reminder.channel, reminder.recipient) == (Channel.SMS, MOBILE)
    assert reminder.send_at == EVENING
    assert made.link in reminder.text
    assert reminder.fallbacks == []
    assert Kind.REMINDER not in kinds_leaving(session, NOON)
    assert Kind.REMINDER in kinds_leaving(session, EVENING)


def test_an_appointment_of_today_is_not_reminded_of(session, protocol):
    booked(session, protocol, starts_at=NOON + timedelta(hours=7))

    assert reminders(session) == []


@pytest.mark.parametrize(
    ("who", "channel", "next_way"),
    [
        ({"email": "a@b.example"}, Channel.SMS, [Channel.EMAIL]),
        ({"email": "a@b.example", "wants_sms": False}, Channel.EMAIL, []),
        ({"phone": "+33199000042"}, Channel.VOICE, []),
        ({"phone": "+33199000042", "email": "a@b.example"}, Channel.VOICE, [Channel.EMAIL]),
    ],
)
def test_one_reminder_leaves_by_the_best_way_there_is(session, protocol, who, channel, next_way):
    booked(session, protocol, **who)

    [reminder] = reminders(session)

    assert reminder.channel is channel
    assert [way["channel"] for way in reminder.fallbacks] == next_way
    assert reminder.invitation is None


@pytest.mark.parametrize("by", [CancelledBy.PATIENT, CancelledBy.PRACTICE])
def test_a_cancelled_appointment_is_not_reminded_of(session, protocol, by):
    cancel(session, *booked(session, protocol), by=by)

    assert [each.status for each in reminders(session)] == [Status.WITHDRAWN]
    assert Kind.REMINDER not in kinds_leaving(session, EVENING)


def test_a_moved_appointment_is_reminded_of_at_its_new_hour_alone(session, protocol):
    community_id, made = booked(session, protocol)
    with transaction(session):
        kept = change.by_reference(session, community_id, made.reference, lock=True)
        other = a_slot(
            session,
            professional=kept.professional,
            site=kept.site,
            starts_at=TOMORROW - timedelta(hours=1),
        )
        change.move(session, kept, other.reference, by="test", links=LINKS, now=NOON)

    former, present = reminders(session)
    assert (former.status, present.status) == (Status.WITHDRAWN, Status.WAITING)
    assert "12h00" in former.text
    assert "11h00" in present.text


def test_a_reminder_that_comes_too_late_does_not_leave(session, protocol):
    booked(session, protocol)

    assert Kind.REMINDER not in kinds_leaving(session, TOMORROW)
