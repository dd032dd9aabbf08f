"""What patients write back: done where it is sure, answered, shown to somebody."""

from datetime import timedelta
from threading import Thread
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session
from twilio.request_validator import RequestValidator

from booking import privacy
from booking.desk import replies
from booking.models import Booking, BookingStatus, CareRequest, Role
from config.database import transaction
from config.settings import Settings
from notifications.gsm7 import gsm7, segments
from notifications.models import InboundMessage, Kind, Meaning, OptOut, OutboxMessage
from notifications.replies import meaning_of
from notifications.texts import REPLIES
from schedules.models import Community
from tests.builders import LINKS, MOBILE, a_booking, a_community, a_slot
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in

TOKEN = "a token of the tests"
ACCOUNT = "AC" + "1" * 32
PUBLIC = "https://rdv.example"
SOMEBODY_ELSE = "+33639980002"


@pytest.fixture
def app_settings(engine):
    return Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        public_base_url=PUBLIC,
        secret_key=SecretStr("s" * 40),
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=SecretStr(TOKEN),
        twilio_from="RDVCPTS",
    )


@pytest.fixture
def booked(session, protocol):
    return another(session, protocol, hours=2)


def another(session, protocol, *, hours=3):
    with transaction(session):
        slot = a_slot(session, starts_at=NOON + timedelta(hours=hours))
        community = session.get_one(Community, slot.community_id)
        return a_booking(session, community, protocol, slot)


def write(client, body, *, phone=MOBILE, sid=None, token=TOKEN, account=ACCOUNT):
    said = {
        "MessageSid": sid or f"SM{uuid4().hex}",
        "AccountSid": account,
        "From": phone,
        "To": "+33939980099",
        "Body": body,
    }
    path = "/webhooks/twilio/inbound"
    signature = RequestValidator(token).compute_signature(PUBLIC + path, said)
    return client.post(path, data=said, headers={"X-Twilio-Signature": signature})


def answers(response):
    assert response.status_code == 200
    return [each.text for each in ET.fromstring(response.text)]


def statuses(session):
    session.rollback()
    return session.scalars(select(Booking.status).order_by(Booking.id)).all()


def noted(session):
    session.rollback()
    return session.scalars(select(InboundMessage).order_by(InboundMessage.id)).all()


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("ANNULER", Meaning.CANCEL),
        (" Annulé. ", Meaning.CANCEL),
        ("c", Meaning.CANCEL),
        ("Annuler mon rendez-vous", Meaning.CANCEL),
        ("C’est où ?", Meaning.OTHER),
        ("ne pas annuler", Meaning.OTHER),
        ("annuler si possible, sinon garder", Meaning.OTHER),
        ("Stop", Meaning.STOP),
        ("Arrêt", Meaning.STOP),
        ("start", Meaning.START),
        ("1", Meaning.WORSE),
        ("1.", Meaning.WORSE),
        ("1 il respire mal", Meaning.WORSE),
        ("14h ça va", Meaning.OTHER),
        ("", Meaning.OTHER),
        ("👍", Meaning.OTHER),
    ],
)
def test_only_a_word_that_is_surely_ours_is_understood(said, meaning):
    assert meaning_of(said) is meaning


@given(st.text(max_size=300))
def test_any_text_means_something(said):
    assert meaning_of(said) in Meaning


@pytest.mark.parametrize(
    "answer", [text for each in REPLIES.values() for text in vars(each).values()]
)
def test_every_answer_is_one_segment(answer):
    longest = answer.format(day="mercredi 23 sept. a 23h59", link="https://" + "x" * 62)

    assert segments(gsm7(longest)) == 1


@pytest.mark.parametrize("word", ["ANNULER", "C"])
def test_the_one_appointment_of_a_number_is_cancelled_and_its_message_says_so(
    session, client, booked, word
):
    assert answers(write(client, word)) == []

    assert statuses(session) == [BookingStatus.CANCELLED]
    kinds = session.scalars(select(OutboxMessage.kind)).all()
    assert Kind.CANCELLED in kinds
    [reply] = noted(session)
    assert (reply.meaning, reply.needs_somebody) == (Meaning.CANCEL, False)


def test_the_same_message_again_does_nothing_and_gets_the_same_answer(session, client, booked):
    sid = "SM" + "a" * 32

    first = [write(client, "où est-ce ?", sid=sid).text for _ in range(3)]

    assert len(set(first)) == 1
    assert len(noted(session)) == 1


def test_nobody_cancels_somebody_else_s_appointment(session, client, booked):
    for phone in (SOMEBODY_ELSE, "0639980001x", "", "+447700900001"):
        assert answers(write(client, "ANNULER", phone=phone)) == []

    assert statuses(session) == [BookingStatus.CONFIRMED]
    assert noted(session) == []


def test_a_number_that_a_family_shares_is_never_guessed_at(session, app, client, protocol, booked):
    other = another(session, protocol)
    links = app.extensions["jourmeme"].links

    said = answers(write(client, "ANNULER"))

    assert statuses(session) == [BookingStatus.CONFIRMED] * 2
    wanted = [links.booking(each.reference) for each in (booked, other)]
    assert [each.split()[-1] for each in said] == wanted
    assert all(segments(each) == 1 for each in said)


def test_a_past_appointment_is_not_cancelled_and_somebody_reads_it(session, client, booked, hands):
    hands.now = NOON + timedelta(hours=5)

    [said] = answers(write(client, "annuler"))

    assert said.startswith("Message transmis")
    assert statuses(session) == [BookingStatus.CONFIRMED]
    assert noted(session)[0].needs_somebody


def test_whoever_gets_worse_is_told_to_call_and_is_shown_first(session, client, booked):
    write(client, "merci")
    for _ in range(5):
        [said] = answers(write(client, "1"))
        assert "appelez le 15" in said

    community = session.scalars(select(Community)).one()
    with transaction(session):
        reach = replies.Reach(community.id, is_whole=True)
        listed = replies.unread(session, reach)
    assert [each.is_worse for each in listed] == [True] * 5 + [False]


def test_whoever_gets_worse_is_answered_even_if_we_never_wrote_to_them(session, client):
    [said] = answers(write(client, "1", phone=SOMEBODY_ELSE))

    assert "appelez le 15" in said
    assert noted(session) == []


def test_anything_else_is_answered_once_a_day_and_always_read(session, client, booked, hands):
    first = [len(answers(write(client, f"question {n}"))) for n in range(3)]
    hands.now = NOON + timedelta(days=1, minutes=1)
    later = len(answers(write(client, "encore")))

    assert first == [1, 0, 0]
    assert later == 1
    assert [each.needs_somebody for each in noted(session)] == [True] * 4


def test_links_are_sent_three_times_a_day_at_the_most(session, client, protocol, booked):
    another(session, protocol)

    counts = [len(answers(write(client, "ANNULER"))) for _ in range(5)]

    assert counts == [2, 2, 2, 0, 0]


def test_stop_is_noted_and_not_answered_and_start_takes_it_back(session, client, booked):
    assert answers(write(client, "STOP")) == []
    assert [stopped.phone for stopped in session.scalars(select(OptOut))] == [MOBILE]
    session.rollback()
    assert answers(write(client, "où ?")) == []

    write(client, "START")

    session.rollback()
    assert session.scalars(select(OptOut)).all() == []


def test_two_copies_at_once_cancel_once_and_are_noted_once(engine, session, booked):
    inbound = replies.Inbound("SM" + "b" * 32, MOBILE, "où ?")
    said = []

    def hear():
        with Session(engine) as own, transaction(own):
            said.append(replies.receive(own, inbound, links=LINKS, now=NOON))

    threads = [Thread(target=hear) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(said) == 4
    assert len({tuple(each) for each in said}) == 1
    assert len(noted(session)) == 1


def test_what_twilio_did_not_sign_or_is_not_ours_is_not_heard(session, client, booked):
    assert write(client, "ANNULER", token="another").status_code == 403
    assert write(client, "ANNULER", account="AC" + "2" * 32).status_code == 204
    assert write(client, "ANNULER", sid="x").status_code == 204
    assert statuses(session) == [BookingStatus.CONFIRMED]


def test_whatever_is_written_breaks_nothing(client, booked):
    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=700), st.sampled_from([MOBILE, SOMEBODY_ELSE, "", "x" * 90]))
    def arrive(body, phone):
        assert write(client, body, phone=phone).status_code == 200

    arrive()


def test_english_is_answered_in_english(session, client, booked):
    with transaction(session):
        session.execute(update(CareRequest).values(language="en"))

    [said] = answers(write(client, "1"))

    assert said.startswith("You are getting worse")


def test_what_was_written_is_forgotten_after_a_week(session, client, booked):
    write(client, "j’ai mal")
    for days, left in ((6, 1), (8, 0)):
        with transaction(session):
            privacy.forget(session, now=NOON + timedelta(days=days))
        assert session.scalar(select(func.count()).select_from(InboundMessage)) == left


# On the operators' page


@pytest.fixture
def operator(session, app, booked):
    with transaction(session):
        community = session.scalars(select(Community)).one()
        account = an_account(session, community, Role.OPERATOR)
    return signed_in(app, account)


def test_an_operator_reads_it_and_takes_it_off_the_list(session, client, operator):
    write(client, "1 je respire <mal>")
    page = operator.get("/console").text
    assert "Dit que cela s’aggrave" in page
    assert "1 je respire &lt;mal&gt;" in page
    [reply] = noted(session)

    gone = operator.post(f"/console/reponses/{reply.reference}/lue")

    assert gone.status_code == 303
    assert "je respire" not in operator.get("/console").text


def test_another_community_neither_sees_nor_reads_it(session, app, client, booked):
    write(client, "1")
    [reply] = noted(session)
    with transaction(session):
        account = an_account(session, a_community(session), Role.OPERATOR)
    stranger = signed_in(app, account)

    assert "s’aggrave" not in stranger.get("/console").text
    assert stranger.post(f"/console/reponses/{reply.reference}/lue").status_code == 404
    assert noted(session)[0].seen_at is None


def test_messages_that_do_not_leave_are_said_on_the_page(session, operator):
    with transaction(session):
        session.execute(
            text("INSERT INTO sender_pause VALUES ('SMS', 'twilio_20003', :now, :now)"),
            {"now": NOON},
        )

    page = operator.get("/console").text

    assert "plus rien ne part depuis" in page


def test_who_wants_no_sms_is_shown_so_beside_their_request(session, client, operator, booked):
    request = session.scalars(select(CareRequest.reference)).one()
    session.rollback()
    before = operator.get(f"/console/demandes/{request}").text
    write(client, "STOP")

    after = operator.get(f"/console/demandes/{request}").text

    assert "Ne veut plus de SMS" not in before
    assert "Ne veut plus de SMS" in after
