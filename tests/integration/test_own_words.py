"""A coordinator says in the community's own words what its patients are told."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from booking.desk import ask, tell
from booking.desk import own_words as desk
from booking.models import Role
from config.database import transaction
from notifications.models import Channel, Kind, OutboxMessage
from notifications.texts import TEXTS
from schedules.models import Community
from tests.builders import (
    LINKS,
    MOBILE,
    a_booking,
    a_community,
    a_professional,
    a_site,
    a_slot,
    a_triaged_request,
)
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words

PAGE = "/coordination/messages/confirmed/sms/fr"
OURS = "RDV confirmé {jour} à {heure}{lieu}. Changer, annuler : {lien}"
THEIRS = "On vous attend {jour} à {heure}{lieu}. Un souci ? {lien}"


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def doctor(session, community):
    return a_professional(session, community, a_site(session, community))


@pytest.fixture
def coordinator(app, session, community, doctor):
    account = an_account(session, community, Role.COORDINATOR)
    session.commit()
    return signed_in(app, account)


def kept(session, community):
    session.rollback()
    session.refresh(community)
    return community.wording


def saved(client, text, page=PAGE, **button):
    return client.post(page, data={"texte": text, **button})


def test_the_list_shows_each_text_as_it_leaves_with_what_it_costs(coordinator):
    said = words(coordinator.get("/coordination/messages"))

    assert "RDV confirmé mercredi 23 sept. à 22h30, 12 rue des Lilas" in said
    assert said.count("1 SMS,") == 10
    assert "Votre texte" not in said
    english = words(coordinator.get("/coordination/messages?langue=en"))
    assert "Appointment confirmed Wed 23 Sep" in english
    assert coordinator.get("/coordination/messages?langue=\x00").status_code == 200


def test_a_saved_text_is_what_the_next_patient_reads(
    session, community, doctor, protocol, coordinator
):
    assert OURS in coordinator.get(PAGE).text
    assert saved(coordinator, f"  {THEIRS}\r\n").status_code == 303

    [record] = kept(session, community).values()
    assert record["saved_at"] == NOON.isoformat()
    assert record["saved_by"]
    a_booking(session, community, protocol, a_slot(session, professional=doctor))
    session.commit()
    sms = session.scalars(
        select(OutboxMessage).where(
            OutboxMessage.kind == Kind.CONFIRMATION, OutboxMessage.channel == Channel.SMS
        )
    ).one()
    assert sms.text.startswith("On vous attend samedi 27 mars à ")
    assert "http://localhost/r/" in sms.text
    listed = words(coordinator.get("/coordination/messages"))
    assert "Votre texte On vous attend" in listed


def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(
    session, community, coordinator
):
    answer = saved(coordinator, "Dr {docteur} {jour} à {heure}{lieu} {lien}")

    assert answer.status_code == 422
    assert "« docteur » ne peut pas figurer dans ce texte" in words(answer)
    assert "Dr {docteur} {jour} à {heure}{lieu} {lien}" in answer.text
    assert 'id="texte-error"' in answer.text
    assert kept(session, community) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Écrivez un texte"),
        ("Le {jour}{lieu} {lien}", "Il manque « {heure} »"),
        (THEIRS + " voir evil.example", "N’écrivez pas d’adresse web"),
        (THEIRS + " " + "très " * 20, "Ce texte est trop long de "),
        (THEIRS + "!", "Mettez un espace avant et après « {lien} »"),
        ("x" * 30_000, "Ce texte est trop long de 19680 caractères"),
        ("\x00😀{", "« { » ne peut pas figurer"),
    ],
)
def test_each_mistake_has_its_sentence(coordinator, text, why):
    answer = saved(coordinator, text)

    assert answer.status_code == 422
    assert why in words(answer)


def test_a_preview_keeps_nothing(session, community, coordinator):
    answer = saved(coordinator, THEIRS, apercu="1")

    assert answer.status_code == 200
    assert "On vous attend mercredi 23 sept. à 22h30, 12 rue des Lilas" in words(answer)
    assert THEIRS in answer.text
    assert kept(session, community) == {}


def test_ours_are_taken_again_by_a_button_or_by_typing_them(session, community, coordinator):
    saved(coordinator, THEIRS)
    assert saved(coordinator, THEIRS, revenir="1").status_code == 303
    assert kept(session, community) == {}

    saved(coordinator, THEIRS)
    saved(coordinator, OURS)
    assert kept(session, community) == {}


def test_a_mail_keeps_its_lines(session, community, coordinator):
    page = "/coordination/messages/confirmed/email/fr"
    saved(coordinator, "Bonjour\r\n\r\nLe {moment}, {lieu}.\r\n{lien}\r\nSinon, le 15.", page)

    [record] = kept(session, community).values()
    assert record["text"] == "Bonjour\n\nLe {moment}, {where}.\n{link}\nSinon, le 15.\n"


@pytest.mark.parametrize(
    "page", ["notice_booked/sms/fr", "confirmed/subject/fr", "confirmed/sms/de", "late/voice/fr"]
)
def test_only_what_patients_are_told_can_be_changed(coordinator, page):
    spoken = TEXTS["fr"]["late"].voice
    expected = 200 if page == "late/voice/fr" and spoken else 404
    assert coordinator.get(f"/coordination/messages/{page}").status_code == expected
    assert saved(coordinator, "x", f"/coordination/messages/{page}").status_code != 500


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SECRETARY])
def test_nobody_else_may_change_a_text(app, session, community, role):
    sites = (a_site(session, community),) if role is Role.SECRETARY else ()
    account = an_account(session, community, role, sites=sites)
    session.commit()
    client = signed_in(app, account)

    assert client.get("/coordination/messages").status_code == 404
    assert saved(client, THEIRS).status_code == 404
    assert kept(session, community) == {}


def test_the_words_of_a_community_are_its_own(session, protocol, community):
    other = a_community(session)
    desk.save(
        session, other.id, "Vite : {day} avant {hour}{place}. Pire ? Le 15. {link}",
        case="call_back", part="sms", language="fr", links=LINKS, by=other.reference, now=NOON,
    )  # fmt: skip
    for each in (community, other):
        request = a_triaged_request(session, each, protocol)
        ask.ask_for_call(session, request, phone=MOBILE, hours=None, now=NOON)
        tell.call_back_promised(session, each, request, links=LINKS, now=NOON)
    session.commit()

    told = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    assert [each.text.split(" ")[0] for each in told] == ["Nous", "Vite"]


def test_two_who_change_two_texts_at_once_keep_both(session, community):
    told = {"part": "sms", "language": "fr", "links": LINKS, "by": community.reference, "now": NOON}
    common = "{day} à {hour}{place} {link}"
    session.commit()
    assert session.get_one(Community, community.id).wording == {}
    with Session(session.get_bind()) as other, transaction(other):
        desk.save(other, community.id, f"Venez {common}", case="confirmed", **told)
    desk.save(session, community.id, f"Rappel {common}", case="reminder", **told)

    assert set(community.wording) == {"confirmed.sms.fr", "reminder.sms.fr"}


def test_own_words_cost_a_booking_no_query(session, community, doctor, protocol):
    def counted(hours):
        slot = a_slot(
            session, professional=doctor, site=None, starts_at=NOON + timedelta(hours=hours)
        )
        statements = []
        heard = lambda *said: statements.append(said[2])  # noqa: E731
        event.listen(session.get_bind(), "before_cursor_execute", heard)
        a_booking(session, community, protocol, slot)
        event.remove(session.get_bind(), "before_cursor_execute", heard)
        return len(statements)

    counted(1)
    before = counted(2)
    community.wording = {"confirmed.sms.fr": {"text": "Venez {day} à {hour}{place} {link}"}}
    session.flush()
    assert counted(3) == before
