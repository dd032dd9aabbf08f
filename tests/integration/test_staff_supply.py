"""Slots opened in two taps, seen, taken back; and every way of asking for what cannot be."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from booking.desk import choose
from booking.models import Role
from schedules.models import Community, Slot
from tests.builders import a_booking, a_community, a_professional, a_site, a_slot, a_triaged_request
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words

TWO_TAPS = {
    "day": "tomorrow", "hour": "11:00", "count": "3", "length": "20", "visibility": ["CPTS", "SNP"],
}  # fmt: skip


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def site(session, community):
    return a_site(session, community)


@pytest.fixture
def doctor(session, community, site):
    return a_professional(session, community, site)


@pytest.fixture
def place(doctor, site) -> str:
    return f"{doctor.reference}~{site.reference}"


@pytest.fixture
def professional(app, session, community, doctor) -> FlaskClient:
    account = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    session.commit()
    return signed_in(app, account)


@pytest.fixture
def secretary(app, session, community, doctor, site) -> FlaskClient:
    account = an_account(session, community, Role.SECRETARY, sites=(site,))
    session.commit()
    return signed_in(app, account)


@pytest.fixture
def elsewhere(session):
    """A doctor and a site of another community."""
    other = a_community(session)
    where = a_site(session, other)
    return a_professional(session, other, where), where


def starts(session) -> list[datetime]:
    live = select(Slot.starts_at).where(Slot.withdrawn_at.is_(None))
    return list(session.scalars(live.order_by(Slot.starts_at)))


def test_two_taps_open_three_slots_tomorrow_at_eleven(session, professional, place):
    page = professional.get("/creneaux").text
    answer = professional.post("/creneaux", data=TWO_TAPS | {"place": place})

    assert f'value="{place}"' in page
    assert answer.status_code == 303
    # The clocks go forward that night: 11:00 in Paris is 9:00 UTC.
    eleven = datetime(2027, 3, 28, 9, 0, tzinfo=UTC)
    assert starts(session) == [eleven + timedelta(minutes=m) for m in (0, 20, 40)]


def test_the_forms_own_defaults_are_those_two_taps(professional):
    page = professional.get("/creneaux").text

    for sign in (
        'value="tomorrow" checked', 'value="11:00"', 'value="3"', 'value="20"',
        'value="CPTS" checked', 'value="SNP" checked',
    ):  # fmt: skip
        assert sign in page


def test_what_was_understood_is_shown_with_a_way_back(session, professional, place):
    made = professional.post("/creneaux", data=TWO_TAPS | {"place": place})
    page = professional.get(made.location)

    said = words(page)
    assert "3 créneaux de 20 min : 11 h 00, 11 h 20, 11 h 40" in said
    assert "dimanche 28 mars" in said
    slots = [str(s) for s in session.scalars(select(Slot.reference))]
    undone = professional.post("/creneaux/retirer", data={"slot": slots})
    assert starts(session) == []
    assert "3 créneaux retirés." in words(professional.get(undone.location))


def test_opened_slots_are_for_the_community_and_the_sas(session, professional, place):
    professional.post("/creneaux", data=TWO_TAPS | {"place": place})

    assert {tuple(sorted(v)) for v in session.scalars(select(Slot.visibility))} == {("CPTS", "SNP")}


def test_a_secretary_opens_for_a_professional_of_her_site(session, secretary, place):
    answer = secretary.post(
        "/creneaux", data=TWO_TAPS | {"place": place, "day": "today", "hour": "14h30"}
    )

    assert answer.status_code == 303
    assert starts(session)[0] == NOON + timedelta(hours=2, minutes=30)


@pytest.mark.parametrize("written", ["2027-04-02", "02/04/2027", "2/4/2027"])
def test_another_day_can_be_written_in_figures(session, professional, place, written):
    professional.post(
        "/creneaux", data=TWO_TAPS | {"place": place, "day": "other", "date": written}
    )

    assert starts(session)[0] == datetime(2027, 4, 2, 9, 0, tzinfo=UTC)


REFUSED = [
    ({"day": "today", "hour": "11:59"}, "Cette heure est déjà passée"),
    ({"day": "today", "hour": "23:30"}, "Ces créneaux finiraient après minuit"),
    ({"day": "other", "date": "2027-05-30"}, "31 jours à venir"),
    ({"day": "other", "date": "2027-02-31"}, "Cette date n’existe pas"),
    ({"day": "other", "date": "9999-12-31"}, "Cette date n’existe pas"),
    ({"day": "other", "date": ""}, "Cette date n’existe pas"),
    ({"day": "hier"}, "Cette date n’existe pas"),
    ({"hour": "25:00"}, "Indiquez l’heure du premier créneau"),
    ({"hour": "midi"}, "Indiquez l’heure du premier créneau"),
    ({"hour": "\x00"}, "Indiquez l’heure du premier créneau"),
    ({"hour": "١١:٠٠"}, "Indiquez l’heure du premier créneau"),
    ({"count": "0"}, "Ouvrez de 1 à 24 créneaux à la fois"),
    ({"count": "25"}, "Ouvrez de 1 à 24 créneaux à la fois"),
    ({"count": "-1"}, "Indiquez un nombre de créneaux"),
    ({"count": "9" * 50}, "Indiquez un nombre de créneaux"),
    ({"count": "²"}, "Indiquez un nombre de créneaux"),
    ({"length": "4"}, "Un créneau dure de 5 à 60 minutes"),
    ({"length": "61"}, "Un créneau dure de 5 à 60 minutes"),
    ({"length": "vingt"}, "Indiquez une durée en minutes"),
    ({"visibility": []}, "Choisissez au moins un public"),
    ({"visibility": ["TOUT"]}, "Choisissez au moins un public"),
    ({"place": ""}, "Choisissez pour qui ouvrir ces créneaux"),
    ({"place": "~"}, "Choisissez pour qui ouvrir ces créneaux"),
]


def test_what_cannot_be_opened_says_why_and_opens_nothing(session, professional, place):
    answers = [
        (professional.post("/creneaux", data=TWO_TAPS | {"place": place} | but), sentence)
        for but, sentence in REFUSED
    ]

    for answer, sentence in answers:
        assert answer.status_code == 422
        assert sentence in words(answer)
        assert "Il y a un problème" in words(answer)
    assert starts(session) == []


def test_what_was_typed_is_still_there_beside_the_error(professional, place):
    answer = professional.post(
        "/creneaux",
        data={**TWO_TAPS, "place": place, "hour": "midi", "count": "7", "visibility": ["PRO"]},
    )

    for sign in ('value="midi"', 'value="7"', 'value="PRO" checked'):
        assert sign in answer.text
    assert 'value="CPTS" checked' not in answer.text


def test_slots_that_overlap_are_refused_whole(session, professional, place):
    professional.post("/creneaux", data=TWO_TAPS | {"place": place})

    answer = professional.post("/creneaux", data=TWO_TAPS | {"place": place, "hour": "11:30"})

    assert answer.status_code == 422
    assert "Des créneaux sont déjà ouverts à cette heure" in words(answer)
    assert len(starts(session)) == 3


@pytest.fixture
def neighbour(session, community):
    """A doctor and a site of another practice of the same community."""
    where = a_site(session, community)
    return a_professional(session, community, where), where


@pytest.fixture
def strangers(neighbour, elsewhere, doctor, site) -> list[str]:
    """Pairs of professional and site that are not this practice's, or not a pair."""
    (next_doctor, next_site), (far_doctor, far_site) = neighbour, elsewhere
    pairs = [
        (far_doctor, far_site),
        (next_doctor, next_site),
        (next_doctor, site),
        (doctor, next_site),
        (doctor, far_site),
    ]
    return [f"{who.reference}~{where.reference}" for who, where in pairs]


def test_nobody_opens_for_another_practice_or_community(
    session, strangers, professional, secretary
):
    answers = [
        client.post("/creneaux", data=TWO_TAPS | {"place": place}).status_code
        for client in (professional, secretary)
        for place in strangers
    ]

    assert answers == [404] * 10
    assert starts(session) == []


def test_nobody_takes_back_another_practices_or_communitys_slot(
    session, neighbour, elsewhere, professional, secretary
):
    theirs = [
        a_slot(session, professional=who, site=where).reference
        for who, where in (neighbour, elsewhere)
    ]
    session.commit()

    answers = [
        client.post("/creneaux/retirer", data={"slot": str(slot)}).status_code
        for client in (professional, secretary)
        for slot in theirs
    ]

    assert answers == [404] * 4
    assert len(starts(session)) == 2


def test_one_slot_that_is_not_theirs_stops_the_whole_withdrawal(
    session, doctor, site, professional, elsewhere
):
    mine = a_slot(session, professional=doctor, site=site)
    far_doctor, far_site = elsewhere
    other = a_slot(session, professional=far_doctor, site=far_site)
    session.commit()

    answer = professional.post(
        "/creneaux/retirer", data={"slot": [str(mine.reference), str(other.reference)]}
    )

    assert answer.status_code == 404
    assert len(starts(session)) == 2


def test_a_slot_that_a_patient_holds_or_has_booked_stays(
    session, protocol, doctor, site, professional
):
    community = session.get_one(Community, doctor.community_id)
    hours = [NOON + timedelta(hours=h) for h in (1, 2, 3)]
    held, booked, free = (
        a_slot(session, professional=doctor, site=site, starts_at=at) for at in hours
    )
    request = a_triaged_request(session, community, protocol)
    choose.hold(session, request, held.reference, now=NOON)
    a_booking(session, community, protocol, booked)
    session.commit()

    wanted = [str(slot.reference) for slot in (held, booked, free)]
    answer = professional.post("/creneaux/retirer", data={"slot": wanted})

    assert starts(session) == hours[:2]
    said = words(professional.get(answer.location))
    assert "1 créneau retiré." in said
    assert "2 créneaux restent" in said


def test_only_free_slots_have_a_button_to_take_them_back(
    session, protocol, doctor, site, professional
):
    community = session.get_one(Community, doctor.community_id)
    a_booking(session, community, protocol, a_slot(session, professional=doctor, site=site))
    a_slot(session, professional=doctor, site=site, starts_at=NOON + timedelta(hours=5))
    session.commit()

    page = professional.get("/creneaux/semaine").text

    assert page.count("/creneaux/retirer") == 1


def test_nonsense_takes_nothing_back(session, doctor, site, professional):
    a_slot(session, professional=doctor, site=site)
    session.commit()

    for wanted in ([], [""], ["\x00"], ["x" * 9000], ["pas-un-uuid"] * 150):
        answer = professional.post("/creneaux/retirer", data={"slot": wanted})
        assert answer.status_code == 303
    assert len(starts(session)) == 1


def test_nonsense_in_the_address_shows_the_plain_page(professional):
    for query in ("?fait=x&retires=-1&gardes=\x00", "?retires=" + "9" * 99, "?fait="):
        answer = professional.get("/creneaux" + query)
        assert answer.status_code == 200
        assert "retiré" not in words(answer)


def test_looking_changes_nothing(session, professional):
    professional.get("/creneaux?fait=x")

    assert session.scalar(select(func.count()).select_from(Slot)) == 0
