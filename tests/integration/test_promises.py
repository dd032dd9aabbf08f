# ruff: noqa: PLR0917 - fixtures are asked for by name
"""The promise: one per request that is owed care, until it is kept, late, declined, handed over."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from booking.desk import ask, change, choose, decide, orphans, promises, staff
from booking.models import (
    Booking,
    CancelledBy,
    CareRequest,
    Channel,
    LevelDecision,
    Promise,
    PromiseChange,
    PromiseEnd,
    PromiseEvent,
    RequestStatus,
    Role,
)
from booking.triage.protocol import Level
from schedules.models import Community, Professional
from tests.builders import (
    LINKS,
    a_promise,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.staffing import an_account

TODAY = {"tm_plaie": "yes"}
"""With this answer an ankle is seen today."""

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def slot(session):
    return a_slot(session, starts_at=NOON + timedelta(hours=4))


@pytest.fixture
def community(session, slot):
    return session.get_one(Community, slot.community_id)


@pytest.fixture
def request_(session, community, protocol):
    return a_triaged_request(session, community, protocol)


@pytest.fixture
def doctor(session, community, slot):
    professional = session.get_one(Professional, (community.id, slot.professional_id))
    account = an_account(session, community, Role.PROFESSIONAL, professional=professional)
    return staff.actor(session, community.id, account.reference)


def all_of(session, request):
    return session.scalars(
        select(Promise).where(Promise.request_id == request.id).order_by(Promise.id)
    ).all()


def what_happened(session):
    return list(session.scalars(select(PromiseEvent.what).order_by(PromiseEvent.id)))


def booked(session, request, community, slot, *, now=NOON):
    made = choose.book(
        session, request, community, slot.reference, by="PATIENT", links=LINKS, now=now
    )
    return change.by_reference(session, community.id, made.reference, lock=True)


def judged_again(session, request, community, protocol, *, now, **answers):
    ask.amend(session, request, {"answers": answers})
    return ask.assess(session, request, protocol, community, now=now)


def decided(session, request, to, doctor, community, protocol, *, now):
    return decide.level(
        session, request, to, reason="Vue au téléphone", by=doctor, protocol=protocol,
        community=community, now=now,
    )  # fmt: skip


def test_a_judgement_that_owes_care_promises_it_with_its_clock(session, community, request_):
    session.commit()

    [promise] = all_of(session, request_)

    assert (promise.level, promise.began_at) == (Level.WITHIN_24H, NOON)
    assert promise.due_at == request_.deadline == NOON + timedelta(hours=24)
    assert promise.next_step_at == NOON + timedelta(hours=12)
    assert what_happened(session) == [PromiseChange.BEGAN]


def test_an_appointment_within_the_time_keeps_it(session, community, request_, slot):
    booked(session, request_, community, slot, now=NOON + timedelta(minutes=5))
    session.commit()

    [promise] = all_of(session, request_)

    assert (promise.ended_as, promise.ended_at) == (PromiseEnd.KEPT, NOON + timedelta(minutes=5))
    assert (promise.next_step_at, promise.reason) == (None, None)
    assert what_happened(session) == [PromiseChange.BEGAN, PromiseChange.ENDED]


def test_an_appointment_after_the_time_ends_it_late(session, community, protocol, slot):
    request = a_triaged_request(session, community, protocol, now=NOON - timedelta(hours=22))
    late = NOON + timedelta(hours=2, minutes=1)
    judged_again(session, request, community, protocol, now=late)
    booked(session, request, community, slot, now=late)
    session.commit()

    [promise] = all_of(session, request)

    assert promise.ended_as is PromiseEnd.LATE


def test_a_graver_answer_makes_it_sooner_and_a_milder_one_gives_no_time_back(
    session, community, protocol, request_
):
    first = request_.deadline
    soon = NOON + timedelta(minutes=10)
    judged_again(session, request_, community, protocol, now=soon, **TODAY)
    [promise] = all_of(session, request_)
    today = promise.due_at
    judged_again(session, request_, community, protocol, now=soon, tm_plaie="no")
    session.commit()

    assert today < first
    assert all_of(session, request_) == [promise]
    assert (promise.level, promise.due_at) == (Level.WITHIN_24H, today)
    assert what_happened(session) == [PromiseChange.BEGAN, PromiseChange.SOONER]


def test_who_was_sent_to_the_15_and_answers_otherwise_starts_no_new_clock(
    session, community, protocol, request_
):
    due = request_.deadline
    sign = protocol.universal[0].id
    later = NOON + AN_HOUR
    judged_again(session, request_, community, protocol, now=later, **{sign: "yes"})
    session.commit()
    [handed] = all_of(session, request_)
    assert (handed.ended_as, handed.reason) == (PromiseEnd.HANDED_OVER, "called_15")

    judged_again(session, request_, community, protocol, now=later, **{sign: "no"})
    session.commit()

    [_, again] = all_of(session, request_)
    assert (again.began_at, again.due_at) == (NOON, due)


def test_a_clinician_who_lowers_gives_more_time_and_the_alarms_begin_again(
    session, community, protocol, doctor
):
    request = a_triaged_request(session, community, protocol, answers=TODAY)
    [promise] = all_of(session, request)
    before = promise.due_at
    promise.escalated_to, promise.escalated_at = "COORDINATOR", NOON
    later = NOON + AN_HOUR
    decision = decided(session, request, Level.WITHIN_24H, doctor, community, protocol, now=later)
    session.commit()

    assert promise.due_at == later + timedelta(hours=24) > before
    assert (promise.decision_id, promise.escalated_to) == (decision.id, None)
    last = session.scalars(select(PromiseEvent).order_by(PromiseEvent.id.desc())).first()
    assert (last.what, last.by) == (PromiseChange.LATER, str(doctor.account))


def test_a_decision_that_no_appointment_is_needed_hands_it_over(
    session, community, protocol, doctor, request_
):
    decided(session, request_, Level.NOT_UNSCHEDULED, doctor, community, protocol, now=NOON)
    session.commit()

    [promise] = all_of(session, request_)

    assert (promise.ended_as, promise.reason) == (PromiseEnd.HANDED_OVER, "advised")


@pytest.mark.parametrize(
    ("because", "how"),
    [
        (ask.BY_PATIENT, PromiseEnd.DECLINED),
        ("unreachable", PromiseEnd.DECLINED),
        ("called_15", PromiseEnd.HANDED_OVER),
        ("sas", PromiseEnd.HANDED_OVER),
    ],
)
def test_a_request_that_is_closed_says_why(session, request_, because, how):
    ask.decline(session, request_, because=because, by="somebody", now=NOON)
    session.commit()

    [promise] = all_of(session, request_)

    assert (promise.ended_as, promise.reason) == (how, because)
    last = session.scalars(select(PromiseEvent).order_by(PromiseEvent.id.desc())).first()
    assert last.by == "somebody"


def test_a_form_reopened_after_the_promise_is_still_owed_and_can_be_declined(session, request_):
    ask.amend(session, request_, {"answers": {}})
    session.commit()
    assert promises.open_of(session, request_) is not None

    ask.decline(session, request_, now=NOON)
    session.commit()

    assert request_.status is RequestStatus.DECLINED
    assert promises.open_of(session, request_) is None


def test_a_practice_that_cancels_reopens_it_with_its_first_times(
    session, community, request_, slot
):
    kept = booked(session, request_, community, slot)
    change.cancel(
        session, kept, cancelled_by=CancelledBy.PRACTICE, by="PRACTICE", links=LINKS,
        now=NOON + AN_HOUR,
    )  # fmt: skip
    session.commit()

    first, again = all_of(session, request_)

    assert first.ended_as is PromiseEnd.KEPT
    assert (again.began_at, again.due_at) == (first.began_at, first.due_at)
    assert again.ended_at is None
    assert what_happened(session)[-1] is PromiseChange.RESUMED


def test_a_patient_who_cancels_is_owed_nothing_more_until_they_ask_again(
    session, community, protocol, request_, slot
):
    kept = booked(session, request_, community, slot)
    change.cancel(
        session, kept, cancelled_by=CancelledBy.PATIENT, by="PATIENT", links=LINKS, now=NOON
    )
    session.commit()
    assert promises.open_of(session, request_) is None

    judged_again(session, request_, community, protocol, now=NOON + AN_HOUR)
    session.commit()

    assert promises.open_of(session, request_).due_at == request_.deadline


def test_whoever_loses_the_race_for_a_slot_keeps_their_promise(
    session, community, protocol, request_, slot
):
    booked(session, a_triaged_request(session, community, protocol), community, slot)
    session.commit()

    with pytest.raises(Exception, match=str(slot.reference)):
        booked(session, request_, community, slot)
    session.rollback()

    assert all_of(session, request_)[0].ended_at is None


# What the database refuses, whoever writes.


@pytest.mark.parametrize(
    ("change_", "named"),
    [
        ({"due_at": Promise.began_at}, "due_after_it_began"),
        ({"ended_at": NOON}, "end_is_whole"),
        ({"ended_as": PromiseEnd.KEPT}, "end_is_whole"),
        ({"ended_at": NOON, "ended_as": PromiseEnd.DECLINED, "next_step_at": None}, "has_reason"),
        ({"reason": "unwanted"}, "other_end_has_reason"),
        ({"escalated_to": "OPERATOR"}, "escalation_is_whole"),
        (
            {"ended_at": NOON, "ended_as": PromiseEnd.KEPT, "next_step_at": NOON},
            "quiet_once_ended",
        ),
        ({"level": Level.CALL_15}, "level_is_owed_care"),
    ],
)
def test_a_promise_that_contradicts_itself_is_refused(session, request_, change_, named):
    with pytest.raises(IntegrityError, match=named):
        session.execute(update(Promise).values(**change_))


def test_two_open_promises_of_one_request_are_refused(session, request_):
    with pytest.raises(IntegrityError, match="uq_promise_open"):
        a_promise(session, request_)


def test_more_time_without_a_clinicians_decision_is_refused(session, request_):
    with pytest.raises(IntegrityError, match="only a clinician"):
        session.execute(update(Promise).values(due_at=NOON + timedelta(days=3)))


def test_the_same_decision_gives_more_time_once(session, community, protocol, doctor):
    request = a_triaged_request(session, community, protocol, answers=TODAY)
    decided(session, request, Level.WITHIN_24H, doctor, community, protocol, now=NOON)

    with pytest.raises(IntegrityError, match="only a clinician"):
        session.execute(update(Promise).values(due_at=NOON + timedelta(days=3)))


def test_a_decision_about_another_request_gives_no_time(
    session, community, protocol, doctor, request_
):
    other = a_triaged_request(session, community, protocol, answers=TODAY)
    decided(session, other, Level.WITHIN_24H, doctor, community, protocol, now=NOON)
    theirs = session.scalars(select(LevelDecision.id)).one()

    with pytest.raises(IntegrityError, match="fk_promise_decided"):
        session.execute(
            update(Promise)
            .where(Promise.request_id == request_.id)
            .values(due_at=NOON + timedelta(days=3), decision_id=theirs)
        )


@pytest.mark.parametrize(
    "change_",
    [
        {"ended_as": PromiseEnd.LATE},
        {"due_at": NOON + AN_HOUR},
        {"ended_at": None, "ended_as": None},
        {"reason": "unwanted"},
    ],
)
def test_what_has_ended_never_changes(session, community, request_, slot, change_):
    booked(session, request_, community, slot)

    with pytest.raises(IntegrityError, match="has ended does not change"):
        session.execute(update(Promise).values(**change_))


def test_it_moves_to_no_other_request_and_begins_once(session, community, protocol, request_):
    for change_ in ({"began_at": NOON - AN_HOUR}, {"request_id": request_.id + 1}):
        with pytest.raises(IntegrityError, match="began once"), session.begin_nested():
            session.execute(update(Promise).values(**change_))


def test_neither_a_promise_nor_what_happened_to_it_is_deleted(session, request_):
    for table in (PromiseEvent, Promise):
        with (
            pytest.raises(DBAPIError, match=r"stays|not deleted|fk_promise"),
            session.begin_nested(),
        ):
            session.execute(delete(table))
    with pytest.raises(DBAPIError, match="not deleted"):
        session.execute(text("WITH e AS (DELETE FROM promise_event) DELETE FROM promise"))


def test_what_happened_is_not_changed_afterwards(session, request_):
    with pytest.raises(DBAPIError, match="stays"):
        session.execute(update(PromiseEvent).values(by="nobody"))


@pytest.mark.parametrize(
    "status",
    [RequestStatus.BOOKED, RequestStatus.EMERGENCY, RequestStatus.ADVISED, RequestStatus.DECLINED],
)
def test_a_request_cannot_end_while_its_promise_runs(session, request_, status):
    session.execute(update(CareRequest).values(status=status))

    with pytest.raises(IntegrityError, match="owed exactly what its promise says"):
        session.commit()


def test_a_promise_cannot_end_while_its_request_is_open(session, request_):
    session.execute(
        update(Promise).values(
            ended_at=NOON, ended_as=PromiseEnd.DECLINED, reason="lost", next_step_at=None
        )
    )

    with pytest.raises(IntegrityError, match="owed exactly what its promise says"):
        session.commit()


def test_the_deadline_and_the_promise_say_the_same(session, request_):
    request_.deadline += AN_HOUR

    with pytest.raises(IntegrityError, match="owed exactly what its promise says"):
        session.commit()


@pytest.mark.parametrize("status", [RequestStatus.OPEN, RequestStatus.BOOKED])
def test_a_request_that_is_owed_care_cannot_be_written_without_a_promise(
    session, community, status
):
    session.add(
        CareRequest(
            community_id=community.id,
            channel=Channel.PHONE,
            status=status,
            created_at=NOON,
            deadline=NOON + AN_HOUR,
        )
    )

    with pytest.raises(IntegrityError, match="owed exactly what its promise says"):
        session.commit()


# What the nightly check finds, should the database have been told to look away.


def by_force(session, *statements):
    session.execute(text("ALTER TABLE promise DISABLE TRIGGER USER"))
    session.execute(text("ALTER TABLE care_request DISABLE TRIGGER USER"))
    for statement in statements:
        session.execute(statement)
    session.commit()
    session.execute(text("ALTER TABLE promise ENABLE TRIGGER USER"))
    session.execute(text("ALTER TABLE care_request ENABLE TRIGGER USER"))
    session.commit()


def test_nothing_is_orphaned_in_a_day_as_it_should_be(session, community, protocol, request_, slot):
    booked(session, a_triaged_request(session, community, protocol), community, slot)
    ask.decline(session, a_triaged_request(session, community, protocol), now=NOON)
    ask.amend(session, a_triaged_request(session, community, protocol), {"answers": {}})
    ask.start(session, community, channel=Channel.WEB, language="fr", links=LINKS, now=NOON)
    session.commit()

    assert orphans.check(session, community.id, now=NOON) == 0
    session.refresh(community)
    assert (community.promises_wrong, community.promises_checked_at) == (0, NOON)


ENDED = {"ended_at": NOON, "ended_as": PromiseEnd.KEPT, "next_step_at": None}


@pytest.mark.parametrize(
    "harm",
    [
        update(Promise).values(**ENDED),
        update(Promise).values(due_at=NOON + AN_HOUR),
        update(CareRequest).values(status=RequestStatus.DECLINED),
        update(CareRequest).values(status=RequestStatus.BOOKED),
        update(CareRequest).values(deadline=NOON + AN_HOUR),
    ],
)
def test_the_check_finds_every_request_whose_promise_is_wrong(session, community, request_, harm):
    session.commit()
    by_force(session, harm)

    assert orphans.check(session, community.id, now=NOON) == 1
    assert orphans.wrong(session, community.id) == [request_.reference]


def test_the_check_finds_who_counts_as_booked_without_an_appointment(
    session, community, request_, slot
):
    booked(session, request_, community, slot)
    session.commit()
    by_force(session, update(Booking).values(status="CANCELLED", cancelled_by=CancelledBy.PATIENT))

    assert orphans.check(session, community.id, now=NOON) == 1


def test_the_check_of_one_community_does_not_look_at_anothers(session, community, request_, slot):
    session.commit()
    by_force(session, update(Promise).values(**ENDED))
    other = a_slot(session)

    assert orphans.check(session, other.community_id, now=NOON) == 0
