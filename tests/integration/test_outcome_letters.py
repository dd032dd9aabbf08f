"""At the end of a day a professional is asked, once, what became of whom nobody has noted."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from booking.desk import answered_outcomes, change, outcome_letters
from booking.desk.answered_outcomes import Answer
from booking.models import (
    Booking,
    BookingState,
    BookingStatus,
    CancelledBy,
    OutcomeAsked,
    OutcomeLetter,
    SentOnTo,
)
from config.clock import PARIS, at, local_day
from config.database import transaction
from notifications.models import Channel, Kind, OutboxMessage
from schedules.models import Community, Professional, Site
from tests.builders import LINKS, a_booking, a_community, a_professional, a_site, a_slot
from tests.clockwork import NOON
from tests.staffing import words

TODAY = local_day(NOON, PARIS)
SIX, SEVEN, NINE = (at(TODAY, time(hour), PARIS) for hour in (18, 19, 21))
TOMORROW_AT_EIGHT = at(TODAY + timedelta(days=1), time(8), PARIS)
MINUTE = timedelta(minutes=1)


@dataclass
class Practice:
    community: Community
    site: Site
    doctor: Professional


@pytest.fixture
def practice(session) -> Practice:
    community = a_community(session)
    site = a_site(session, community)
    return Practice(community, site, a_professional(session, community, site))


def booked(session, protocol, practice, starts_at, *, now=NOON, who=None) -> Booking:
    """Return an appointment of twenty minutes."""
    slot = a_slot(
        session, professional=who or practice.doctor, site=practice.site, starts_at=starts_at
    )
    made = a_booking(session, practice.community, protocol, slot, now=now)
    return session.scalars(select(Booking).where(Booking.reference == made.reference)).one()


@pytest.fixture
def booking(session, protocol, practice) -> Booking:
    return booked(session, protocol, practice, NOON + timedelta(hours=2))


def ask(session, now) -> int:
    """Do what the worker does every five minutes; return how many mails that makes."""
    return sum(
        outcome_letters.ask(session, d, links=LINKS, now=now)
        for d in outcome_letters.due(session, now=now)
    )


def noted(session, booking, status, **but):
    kept = change.by_reference(session, booking.community_id, booking.reference, lock=True)
    change.note(session, kept, status, by="test", now=NOON + timedelta(hours=3), **but)


def mails(session) -> list[OutboxMessage]:
    found = select(OutboxMessage).where(OutboxMessage.kind == Kind.OUTCOME)
    return list(session.scalars(found.order_by(OutboxMessage.id)))


# When, and whom


def test_one_mail_in_the_evening_asks_about_the_whole_day(session, protocol, practice, booking):
    booked(session, protocol, practice, NOON + timedelta(hours=3))

    assert ask(session, SIX - MINUTE) == 0
    assert ask(session, SIX) == 1

    [mail] = mails(session)
    assert (mail.channel, mail.recipient) == (Channel.EMAIL, practice.doctor.email)
    assert "Combien : 2" in mail.text
    assert "samedi 27 mars 2027 à 14\u00a0h\u00a000" in mail.subject
    assert session.query(OutcomeAsked).count() == 2


def test_the_mail_names_no_patient_and_its_link_is_kept_as_a_hash(session, booking):
    ask(session, SIX)

    [mail], letter = mails(session), session.scalars(select(OutcomeLetter)).one()
    assert "Morel" not in mail.text + mail.subject
    assert "Lucie" not in mail.text + mail.subject
    assert LINKS.outcome(letter.reference) in mail.text
    assert LINKS.outcome_token(letter.reference).encode() != letter.link_hash
    assert letter.until == SIX + timedelta(days=7)


def test_nobody_is_asked_twice(session, booking):
    asked = [ask(session, SIX + timedelta(minutes=m)) for m in range(0, 180, 5)]
    asked += [ask(session, TOMORROW_AT_EIGHT + timedelta(minutes=m)) for m in range(0, 60, 5)]

    assert sum(asked) == 1


def test_asked_once_is_a_rule_of_the_database(session, practice, booking):
    ask(session, SIX)
    letter = OutcomeLetter(
        community_id=practice.community.id,
        professional_id=practice.doctor.id,
        link_hash=b"another",
        asked_at=SIX,
        until=NINE,
    )
    session.add(letter)
    session.flush()
    session.add(
        OutcomeAsked(community_id=booking.community_id, booking_id=booking.id, letter_id=letter.id)
    )

    with pytest.raises(IntegrityError, match="pk_outcome_asked"):
        session.flush()


def test_two_that_ask_from_the_same_look_send_one_mail(session, booking):
    [day] = outcome_letters.due(session, now=SIX)

    assert outcome_letters.ask(session, day, links=LINKS, now=SIX)
    assert not outcome_letters.ask(session, day, links=LINKS, now=SIX)


@pytest.mark.parametrize("status", [BookingStatus.HONOURED, BookingStatus.NO_SHOW])
def test_what_is_noted_is_not_asked(session, booking, status):
    noted(session, booking, status)

    assert ask(session, SIX) == 0


def test_who_was_only_noted_as_arrived_is_asked_about(session, booking):
    noted(session, booking, BookingStatus.ARRIVED)

    assert ask(session, SIX) == 1


def test_what_was_noted_between_looking_and_asking_is_seen(session, booking):
    [day] = outcome_letters.due(session, now=SIX)
    noted(session, booking, BookingStatus.HONOURED)

    assert not outcome_letters.ask(session, day, links=LINKS, now=SIX)
    assert mails(session) == []


def test_what_was_cancelled_is_not_asked(session, booking):
    kept = change.by_reference(session, booking.community_id, booking.reference, lock=True)
    change.cancel(
        session, kept, cancelled_by=CancelledBy.PATIENT, by="PATIENT", links=LINKS, now=NOON
    )

    assert ask(session, SIX) == 0


def test_who_has_no_mail_or_is_suspended_is_not_asked(session, protocol, practice):
    silent = a_professional(session, practice.community, practice.site, email=None)
    gone = a_professional(session, practice.community, practice.site)
    for who in (silent, gone):
        booked(session, protocol, practice, NOON + timedelta(hours=2), who=who)
    gone.suspended_at = NOON
    session.flush()

    assert ask(session, SIX) == 0


def test_the_day_is_over_half_an_hour_after_its_last_appointment(session, protocol, practice):
    booked(session, protocol, practice, NOON + timedelta(hours=2))
    booked(session, protocol, practice, SEVEN)
    over = SEVEN + timedelta(minutes=50)

    assert ask(session, over - MINUTE) == 0
    assert ask(session, over) == 1
    assert "Combien : 2" in mails(session)[0].text


def test_who_sees_somebody_late_is_asked_the_next_morning(session, protocol, practice):
    booked(session, protocol, practice, NINE - timedelta(minutes=20))

    assert ask(session, NINE + timedelta(minutes=30)) == 0
    assert ask(session, TOMORROW_AT_EIGHT - MINUTE) == 0
    assert ask(session, TOMORROW_AT_EIGHT) == 1


def test_what_is_booked_after_the_mail_is_asked_in_one_of_its_own(
    session, protocol, practice, booking
):
    ask(session, SIX)
    booked(session, protocol, practice, SEVEN, now=SIX + MINUTE)

    assert ask(session, SEVEN + timedelta(minutes=50)) == 1
    assert "Combien : 1" in mails(session)[1].text


def test_a_worker_that_stood_still_asks_when_it_is_back_and_about_no_old_times(session, booking):
    begun = NOON + timedelta(hours=2)

    assert outcome_letters.due(session, now=NOON + timedelta(days=1, hours=1))
    assert outcome_letters.due(session, now=begun + outcome_letters.WORTH_ASKING) == []


PARIS_AND_REUNION = (PARIS, ZoneInfo("Indian/Reunion"))


@pytest.mark.parametrize("zone", PARIS_AND_REUNION, ids=str)
@pytest.mark.parametrize("day", [(2026, 10, 24), (2026, 10, 25), (2027, 3, 27), (2027, 3, 28)])
@pytest.mark.parametrize("hour", range(24))
def test_at_both_changes_of_the_clock_nobody_is_asked_at_night_or_before_it_is_over(
    zone, day, hour
):
    ends_at = datetime(*day, hour, 20, tzinfo=zone).astimezone(UTC)

    moment = outcome_letters.asked_at(ends_at, zone)

    assert moment >= ends_at + outcome_letters.AFTER
    assert time(8) <= moment.astimezone(zone).time() < time(21)
    assert moment - ends_at < timedelta(hours=24)


# What they answer


@pytest.fixture
def asked(session, booking):
    ask(session, SIX)
    session.commit()
    letter = session.scalars(select(OutcomeLetter)).one()
    return f"/issues/{LINKS.outcome_token(letter.reference)}"


def state(session, booking):
    session.rollback()
    session.refresh(booking)
    return booking.status, booking.sent_on_to


def says(client, path, booking, said, shown=""):
    form = {"rendez-vous": str(booking.reference), "issue": said, "note": shown}
    return client.post(path, data=form)


def test_the_page_shows_hours_and_initials_and_looking_changes_nothing(
    client, session, hands, booking, asked
):
    hands.now = SIX

    page = client.get(asked)

    assert page.status_code == 200
    assert "14 h 00 L." in words(page)
    assert "Morel" not in page.text
    assert "Lucie" not in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert state(session, booking) == (BookingStatus.CONFIRMED, None)


@pytest.mark.parametrize(
    ("said", "is_so"),
    [
        (Answer.SEEN, (BookingStatus.HONOURED, None)),
        (Answer.MISSED, (BookingStatus.NO_SHOW, None)),
        (Answer.TO_EMERGENCY, (BookingStatus.HONOURED, SentOnTo.EMERGENCY)),
        (Answer.TO_COLLEAGUE, (BookingStatus.HONOURED, SentOnTo.COLLEAGUE)),
        (Answer.TO_EXAM, (BookingStatus.HONOURED, SentOnTo.EXAM)),
    ],
)
def test_one_tap_notes_what_became_of_them(  # noqa: PLR0917 - a table
    client, session, hands, booking, asked, said, is_so
):
    hands.now = SIX

    answer = says(client, asked, booking, said)

    assert answer.status_code == 303
    assert state(session, booking) == is_so
    assert "Tout est noté" in words(client.get(asked))
    last = select(BookingState.by).order_by(BookingState.id.desc()).limit(1)
    assert session.scalar(last) == answered_outcomes.BY_LETTER


def test_a_tap_twice_is_once_and_a_mistake_can_be_corrected(client, session, hands, booking, asked):
    hands.now = SIX
    for _ in range(2):
        assert says(client, asked, booking, Answer.MISSED).status_code == 303
    states = session.query(BookingState).count()

    says(client, asked, booking, Answer.TO_EXAM, shown=Answer.MISSED)
    assert state(session, booking) == (BookingStatus.HONOURED, SentOnTo.EXAM)
    says(client, asked, booking, Answer.MISSED, shown=Answer.TO_EXAM)

    assert state(session, booking) == (BookingStatus.NO_SHOW, None)
    assert session.query(BookingState).count() == states + 2


def test_what_the_practice_noted_meanwhile_stays_until_the_page_has_shown_it(
    client, session, hands, booking, asked
):
    hands.now = SIX
    with transaction(session):
        noted(session, booking, BookingStatus.HONOURED)

    answer = says(client, asked, booking, Answer.MISSED)

    assert answer.status_code == 409
    assert "entre-temps" in words(answer)
    assert state(session, booking) == (BookingStatus.HONOURED, None)


def test_the_link_dies_after_seven_days_for_looking_and_for_answering(
    client, session, hands, booking, asked
):
    hands.now = SIX + timedelta(days=7) - MINUTE
    assert client.get(asked).status_code == 200
    hands.now = SIX + timedelta(days=7)

    assert client.get(asked).status_code == 410
    assert says(client, asked, booking, Answer.SEEN).status_code == 410
    assert state(session, booking) == (BookingStatus.CONFIRMED, None)


@pytest.fixture
def another(session, protocol, practice) -> Booking:
    made = booked(session, protocol, practice, NOON + timedelta(hours=4))
    session.commit()
    return made


def test_it_opens_no_other_appointment(client, session, hands, asked, another):
    hands.now = SIX

    assert says(client, asked, another, Answer.SEEN).status_code == 409
    assert state(session, another) == (BookingStatus.CONFIRMED, None)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"issue": "vu"},
        {"issue": "vu", "rendez-vous": "\x00"},
        {"issue": "peut-etre", "rendez-vous": "c0ffee00-0000-4000-8000-000000000000"},
        {"issue": "", "rendez-vous": "c0ffee00-0000-4000-8000-000000000000"},
    ],
)
def test_a_form_that_says_nothing_changes_nothing(client, hands, asked, form):
    hands.now = SIX

    assert client.post(asked, data=form).status_code == 400


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_link_opens_nothing(client, method):
    form = {"issue": "vu", "rendez-vous": "c0ffee00-0000-4000-8000-000000000000"}
    said = {"data": form} if method == "post" else {}

    assert getattr(client, method)("/issues/nobodys", **said).status_code == 404


def test_who_was_sent_on_and_is_corrected_to_absent_was_sent_on_to_nobody(session, booking):
    noted(session, booking, BookingStatus.HONOURED, sent_on_to=SentOnTo.EXAM)
    noted(session, booking, BookingStatus.NO_SHOW)

    assert (booking.status, booking.sent_on_to) == (BookingStatus.NO_SHOW, None)
