"""What is past its term is gone from every table, and what is not stays."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from booking import privacy
from booking.accounts import entering
from booking.desk.ask import DRAFT_LIVES
from booking.models import (
    Account,
    ApiClient,
    Assessment,
    Booking,
    BookingStatus,
    CancelledBy,
    CareRequest,
    Channel,
    HalfSignIn,
    IdempotencyKey,
    KnownDevice,
    PasswordReset,
    PromiseEnd,
    RequestStatus,
    Role,
    SignInFailure,
    StaffSession,
)
from booking.retention import TERMS
from booking.retention import Kind as Kept
from booking.triage.protocol import Level
from config import sealed
from config.database import Base, transaction
from notifications.models import Channel as MessageChannel
from notifications.models import Kind, OutboxMessage, Status
from tests import builders
from tests.clockwork import NOON

DAY = timedelta(days=1)
SLOT_ENDS = NOON + timedelta(hours=2, minutes=20)

ANSWERED = ("CanaryComplaint", "CanaryAnswer", "CanaryNote", "CanaryReason", "CanarySafetyNet")
WHO = (
    "CanaryFamily",
    "CanaryGiven",
    "CanaryStreet",
    "+33639980077",
    "canary@patients.example",
    "1931-07-14",
)
WRITTEN = ("CanaryText", "CanarySubject", "+33639980077", "canary@patients.example", "SMcanary")


def a_request_with_canaries(session, community, *, status=RequestStatus.BOOKED):
    asked = CareRequest(
        community_id=community.id,
        channel=Channel.PHONE,
        status=status,
        created_at=NOON,
        deadline=NOON + DAY,
        birth_date=date(1931, 7, 14),
        age_months=96 * 12,
        sex="female",
        pregnant="no",
        commune_insee="89901",
        latitude=47.1234,
        longitude=3.4321,
        complaints=["CanaryComplaint"],
        answers={"canary": "CanaryAnswer"},
        note="CanaryNote",
        family_name="CanaryFamily",
        given_name="CanaryGiven",
        phone="+33639980077",
        current_address="12 rue CanaryStreet, code 4B",
        email="canary@patients.example",
        call_back_hours="after 17 h",
    )
    session.add(asked)
    session.flush()
    judged = Assessment(
        community_id=community.id,
        request_id=asked.id,
        level=Level.WITHIN_24H,
        protocol="p",
        version=1,
        digest="d",
        patient={"sex": "female", "age_months": 96 * 12},
        complaints=["CanaryComplaint"],
        answers={"canary": "CanaryAnswer"},
        reasons=[{"because": "CanaryReason"}],
        routes=[{"because": "CanaryRoute"}],
        safety_net="CanarySafetyNet",
        assessed_at=NOON,
        latest_start_at=NOON + timedelta(hours=24),
    )
    session.add(judged)
    session.flush()
    asked.level, asked.assessment_id = judged.level, judged.id
    session.flush()
    if status is RequestStatus.BOOKED:
        builders.a_promise(session, asked, ended_at=NOON, ended_as=PromiseEnd.KEPT)
    return asked


def a_booking_of(session, asked, slot, **but):
    booking = Booking(
        community_id=asked.community_id,
        request_id=asked.id,
        assessment_id=asked.assessment_id,
        level=asked.level,
        slot_id=slot.id,
        link_hash=b"hash",
        code="K7P 2M",
        booked_at=NOON,
        changed_at=NOON,
        **but,
    )
    session.add(booking)
    session.flush()
    return booking


def a_message(session, community, *, channel=MessageChannel.EMAIL, **but):
    said = {
        "about": uuid4(),
        "version": 0,
        "kind": Kind.CONFIRMATION,
        "channel": channel,
        "recipient": "canary@patients.example",
        "subject": "CanarySubject" if channel is MessageChannel.EMAIL else None,
        "text": "CanaryText",
        "invitation": {"summary": "CanaryText"},
        "send_at": NOON,
        "expires_at": NOON,
        "status": Status.DELIVERED,
        "provider_id": "SMcanary",
    }
    message = OutboxMessage(community_id=community.id, **said | but)
    session.add(message)
    session.flush()
    return message


def dumped(session):
    """Return every row of every table as text, as a dump would show it."""
    session.flush()
    rows = []
    for table in Base.metadata.sorted_tables:
        rows += session.scalars(text(f"SELECT t::text FROM {table.name} t")).all()
    return "\n".join(rows)


def opened(session):
    """Return all that is sealed, as whoever has the keys reads it."""
    said = []
    for table in (mapper.class_ for mapper in Base.registry.mappers):
        names = [each.name for each in sealed.columns(table)]
        for row in session.scalars(select(table).execution_options(populate_existing=True)):
            said += [str(getattr(row, name)) for name in names]
    return "\n".join(said)


@pytest.fixture
def community(session):
    return builders.a_community(session)


@pytest.fixture
def slot(session, community):
    site = builders.a_site(session, community)
    return builders.a_slot(
        session, professional=builders.a_professional(session, community, site), site=site
    )


@pytest.fixture
def booked(session, community, slot):
    asked = a_request_with_canaries(session, community)
    return asked, a_booking_of(session, asked, slot)


def found(session, words):
    whole = dumped(session) + opened(session)
    return [word for word in words if word in whole]


def test_a_dump_shows_neither_who_it_was_nor_what_was_answered(session, booked):
    whole = dumped(session)

    assert found(session, (*WHO, *ANSWERED)) == [*WHO, *ANSWERED]
    assert [word for word in (*WHO, *ANSWERED[1:], "female") if word in whole] == ["female"]


def test_answers_stay_until_a_week_after_the_appointment(session, booked):
    done = privacy.forget(session, now=SLOT_ENDS + 7 * DAY - timedelta(seconds=1))

    assert done.total == 0
    assert found(session, ANSWERED) == list(ANSWERED)


def test_answers_are_gone_a_week_after_the_appointment_and_the_name_is_not(session, booked):
    done = privacy.forget(session, now=SLOT_ENDS + 7 * DAY)

    assert (done.answers, done.assessments, done.identities) == (1, 1, 0)
    assert found(session, ANSWERED) == []
    assert found(session, WHO) == list(WHO)


def test_who_it_was_is_gone_after_ninety_days_and_the_figures_are_not(session, booked):
    asked, booking = booked

    done = privacy.forget(session, now=SLOT_ENDS + 90 * DAY)

    assert done.identities == 1
    assert found(session, (*ANSWERED, *WHO, "89901", "47.1234", "female", "after 17 h")) == []
    session.refresh(asked)
    assert (asked.level, asked.status, asked.created_at) == (
        Level.WITHIN_24H,
        RequestStatus.BOOKED,
        NOON,
    )
    assert booking.booked_at == NOON


def test_who_it_was_stays_until_the_ninetieth_day(session, booked):
    privacy.forget(session, now=SLOT_ENDS + 90 * DAY - timedelta(seconds=1))

    assert found(session, WHO) == list(WHO)


def test_a_request_that_led_to_nothing_counts_from_its_own_day(session, community):
    a_request_with_canaries(session, community, status=RequestStatus.OPEN)

    privacy.forget(session, now=NOON + 7 * DAY)

    assert found(session, ANSWERED) == []


def test_a_form_that_was_not_finished_is_empty_after_a_day(session, community):
    asked = a_request_with_canaries(session, community, status=RequestStatus.DRAFT)
    asked.link_hash = b"CanaryLink"
    asked.level = asked.assessment_id = None
    session.execute(delete(Assessment))

    done = privacy.forget(session, now=NOON + DAY)

    assert (done.drafts, done.answers, done.identities) == (1, 0, 0)
    assert found(session, (*ANSWERED, *WHO, b"CanaryLink".hex(), "89901", "after 17 h")) == []
    assert privacy.forget(session, now=NOON + DAY).total == 0


def test_a_form_that_was_not_finished_stays_while_its_link_lives(session, community):
    a_request_with_canaries(session, community, status=RequestStatus.DRAFT)

    assert privacy.forget(session, now=NOON + DAY - timedelta(seconds=1)).total == 0
    assert found(session, WHO) == list(WHO)


@pytest.mark.parametrize("status", [s for s in RequestStatus if s is not RequestStatus.DRAFT])
def test_a_form_that_was_finished_is_kept_for_longer_than_a_day(session, community, status):
    a_request_with_canaries(session, community, status=status)

    assert privacy.forget(session, now=NOON + DAY).total == 0


def test_a_draft_whose_patient_waits_for_a_call_is_kept_for_longer_than_a_day(session, community):
    asked = a_request_with_canaries(session, community, status=RequestStatus.DRAFT)
    asked.call_back_asked_at = NOON

    assert privacy.forget(session, now=NOON + DAY).total == 0
    assert privacy.forget(session, now=NOON + 7 * DAY).answers == 1


def test_what_triage_judged_of_a_draft_is_kept_for_a_week(session, community):
    a_request_with_canaries(session, community, status=RequestStatus.DRAFT)

    assert privacy.forget(session, now=NOON + 6 * DAY).assessments == 0
    assert privacy.forget(session, now=NOON + 7 * DAY).assessments == 1
    assert found(session, ANSWERED) == []


def test_a_cancelled_appointment_keeps_nothing_longer(session, community, slot):
    asked = a_request_with_canaries(session, community, status=RequestStatus.DECLINED)
    a_booking_of(
        session, asked, slot, status=BookingStatus.CANCELLED, cancelled_by=CancelledBy.PATIENT
    )

    privacy.forget(session, now=NOON + 7 * DAY)

    assert found(session, ANSWERED) == []


def test_a_message_says_nothing_and_names_nobody_after_ninety_days(session, community):
    about = uuid4()
    for recipient in ("canary@patients.example", "left@patients.example"):
        a_message(session, community, about=about, recipient=recipient)
    a_message(
        session,
        community,
        channel=MessageChannel.SMS,
        recipient="+33639980077",
        invitation=None,
    )

    done = privacy.forget(session, now=NOON + 90 * DAY)

    assert done.messages == 3
    assert found(session, (*WRITTEN, "left@patients.example", b"CanaryText".hex())) == []


def test_a_message_stays_until_the_ninetieth_day(session, community):
    a_message(session, community)

    done = privacy.forget(session, now=NOON + 90 * DAY - timedelta(seconds=1))

    assert done.messages == 0


def test_a_message_that_somebody_is_sending_is_left_alone(session, community):
    a_message(session, community, status=Status.SENDING, lease=uuid4(), lease_until=NOON + 91 * DAY)

    assert privacy.forget(session, now=NOON + 90 * DAY).messages == 0


def test_old_sessions_failures_and_keys_are_deleted_and_young_ones_are_not(session, community):
    account = Account(
        community_id=community.id,
        email="a@tilleuls.example",
        display_name="A",
        password_hash="",
        role=Role.OPERATOR,
        created_at=NOON,
    )
    partner = ApiClient(community_id=community.id, name="P", key_hash=b"k", created_at=NOON)
    session.add_all([account, partner])
    session.flush()
    now = NOON + 30 * DAY
    for number, at in enumerate((NOON, now - timedelta(hours=1))):
        session.add(SignInFailure(who_hash=b"who", at=at))
        session.add(
            StaffSession(
                community_id=community.id,
                account_id=account.id,
                token_hash=bytes([number]),
                created_at=at,
                last_seen_at=at,
            )
        )
        of = {"community_id": community.id, "account_id": account.id}
        name = bytes([number])
        session.add(HalfSignIn(**of, token_hash=name, made_at=at))
        session.add(PasswordReset(**of, token_hash=name, asked_at=at))
        long_ago = at - timedelta(days=150) + timedelta(minutes=number)
        session.add(KnownDevice(**of, token_hash=name, last_seen_at=long_ago))
        session.add(
            IdempotencyKey(
                community_id=community.id,
                client_id=partner.id,
                key=str(number),
                fingerprint=b"f",
                status=201,
                body={},
                created_at=at,
            )
        )
    session.flush()

    done = privacy.forget(session, now=now)

    assert (done.sessions, done.sign_in_failures, done.idempotency_keys) == (1, 1, 1)
    assert (done.sign_in_steps, done.known_devices) == (2, 1)
    for table in (
        StaffSession, SignInFailure, IdempotencyKey, HalfSignIn, PasswordReset, KnownDevice
    ):  # fmt: skip
        assert session.scalar(select(func.count()).select_from(table)) == 1


def test_forgetting_twice_changes_nothing(session, booked, community):
    a_message(session, community)
    privacy.forget(session, now=SLOT_ENDS + 90 * DAY)
    before = dumped(session)

    again = privacy.forget(session, now=SLOT_ENDS + 90 * DAY)

    assert again.total == 0
    assert dumped(session) == before


def test_much_is_forgotten_in_small_transactions(engine, session, community, monkeypatch):
    monkeypatch.setattr(privacy, "BATCH", 3)
    session.execute(insert(SignInFailure), [{"who_hash": b"w", "at": NOON} for _ in range(8)])
    session.commit()
    opened = []

    def open_transaction():
        opened.append(1)
        return transaction(session)

    done = privacy.forget_all(open_transaction, now=NOON + 2 * DAY)

    assert done.sign_in_failures == 8
    assert len(opened) == 4


def test_a_row_that_somebody_is_changing_is_left_for_the_next_time(engine, session, booked):
    session.commit()
    with engine.connect() as busy:
        busy.execute(update(CareRequest).values(is_for_another=True))

        done = privacy.forget(session, now=SLOT_ENDS + 7 * DAY)

        assert done.answers == 0
        busy.rollback()


def test_the_terms_are_what_was_promised():
    assert TERMS[Kept.DRAFTS] == DRAFT_LIVES == DAY
    assert TERMS[Kept.ANSWERS] == TERMS[Kept.REPLIES] == 7 * DAY
    assert TERMS[Kept.IDENTITY] == TERMS[Kept.MESSAGES] == 90 * DAY
    assert TERMS[Kept.PARTNER_ANSWERS] == TERMS[Kept.SIGN_INS] == DAY
    assert TERMS[Kept.SESSIONS] == 30 * DAY
    assert TERMS[Kept.KNOWN_DEVICES] == entering.DEVICE_KNOWN_FOR == 180 * DAY
    assert TERMS[Kept.ACCOUNTS] == 730 * DAY
