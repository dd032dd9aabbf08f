"""Reserved time as professionals keep it: by a phrase, as last week, week after week, undone."""

import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from booking.models import Role
from schedules.models import Absence, Act, Opening, Professional, ProfessionalSite, Slot
from tests.builders import a_booking, a_community, a_professional, a_site, a_slot
from tests.clockwork import NOON
from tests.staffing import an_account, signed_in, words

DAY = timedelta(days=1)
RESERVED = ["CPTS", "SNP"]
ELEVEN_TOMORROW = datetime(2027, 3, 28, 9, 0, tzinfo=UTC)
"""The clocks go forward that night."""


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
def offer(session, doctor, site):
    """Opens a slot of this doctor by hand."""

    def offered(starts_at: datetime = NOON + timedelta(hours=2)) -> Slot:
        return a_slot(session, professional=doctor, site=site, starts_at=starts_at)

    return offered


@pytest.fixture
def book(session, community, protocol):
    """Lets a patient take a slot."""

    def booked(slot: Slot) -> None:
        a_booking(session, community, protocol, slot)
        session.commit()

    return booked


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
def stranger(app, session) -> FlaskClient:
    """A professional of another community."""
    other = a_community(session)
    who = a_professional(session, other, a_site(session, other))
    account = an_account(session, other, Role.PROFESSIONAL, professional=who)
    session.commit()
    return signed_in(app, account)


@pytest.fixture
def colleague(app, session, community, site) -> FlaskClient:
    """Another professional of the same practice."""
    who = a_professional(session, community, site)
    account = an_account(
        session, community, Role.PROFESSIONAL, professional=who, email="colleague@tilleuls.example"
    )
    session.commit()
    return signed_in(app, account)


def live(session) -> list[datetime]:
    session.expire_all()
    found = select(Slot.starts_at).where(Slot.withdrawn_at.is_(None)).order_by(Slot.starts_at)
    return list(session.scalars(found))


def last_act(session) -> str:
    session.expire_all()
    return str(session.scalars(select(Act.reference).order_by(Act.id.desc())).first())


def hidden(page: str) -> dict[str, list[str]]:
    """Return what the form of the big button hands on: the first form of the page after main."""
    form = page[page.index('name="sure"') - 2000 :]
    start = form.rindex("<form", 0, form.index('name="sure"'))
    inside = form[start : form.index("</form>", start)]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', inside):
        found.setdefault(name, []).append(value)
    return found


# One phrase (D1)


def say(client, place, phrase, **but):
    return client.post(
        "/creneaux", data={"phrase": phrase, "place": place, "visibility": RESERVED} | but
    )


def test_a_phrase_is_said_back_before_it_counts(session, professional, place, site):
    echo = say(professional, place, "demain 11h-12h 3x20")

    said = words(echo)
    assert echo.status_code == 200
    assert "3 créneaux de 20 min : 11 h 00, 11 h 20, 11 h 40" in said
    assert "demain, dimanche 28 mars" in said
    assert site.name in said
    assert live(session) == []
    # The button says a day, not « demain »: midnight may pass before it is pressed.
    assert hidden(echo.text)["phrase"] == ["dimanche 28 mars 2027, 11 h 00, 3 x 20 min"]
    professional.post("/creneaux", data=hidden(echo.text))
    assert live(session) == [ELEVEN_TOMORROW + timedelta(minutes=m) for m in (0, 20, 40)]


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        (
            "demain 11h-12h trois patients",
            "Je ne comprends pas « patients ». Compris : dimanche 28",
        ),
        ("3x20", "Il manque le jour"),
        ("demain", "Il manque l’heure"),
        ("demain 3 11-12h30 4x61", "deux fois"),
        ("1 demain 9h-18h", "Un créneau dure de 5 à 60 minutes"),
        ("aujourd'hui 9h", "Cette heure est déjà passée"),
        ("30 mai 9h", "31 jours à venir"),
        ("\x00\u202e", "Écrivez une phrase"),
        ("x" * 5000, "Je ne comprends pas"),
    ],
)
def test_a_phrase_that_cannot_be_meant_says_why_beside_it(
    session, professional, place, phrase, sentence
):
    answer = say(professional, place, phrase)

    assert answer.status_code == 422
    assert sentence in words(answer)
    assert live(session) == []


def test_a_phrase_over_slots_that_are_there_is_refused_beside_it(session, professional, place):
    say(professional, place, "demain 11h", sure="1")
    answer = say(professional, place, "demain 11h30 1x20", sure="1")

    assert answer.status_code == 422
    assert 'href="#phrase"' in answer.text
    assert len(live(session)) == 3


def test_a_phrase_for_another_practice_opens_nothing(session, stranger, place):
    assert say(stranger, place, "demain 11h").status_code == 404
    assert say(stranger, place, "demain 11h", sure="1").status_code == 404
    assert live(session) == []


def test_the_form_remembers_what_was_opened_last(session, secretary, community, site, doctor):
    colleague = a_professional(session, community, site, family_name="Zola")
    session.commit()
    theirs = f"{colleague.reference}~{site.reference}"
    say(secretary, theirs, "lundi 8h15 5x15", sure="1")

    page = secretary.get("/creneaux").text

    assert f'value="{theirs}" selected' in page
    for sign in ('value="08:15" checked', 'value="5" checked', 'value="15" checked'):
        assert sign in page


def test_enter_in_a_field_publishes_and_copies_nothing(professional):
    page = professional.get("/creneaux").text

    buttons = re.findall(r'<button[^>]*type="submit"[^>]*>([^<]*)<', page[page.index("phrase") :])
    assert buttons[:2] == ["Publier", "Recopier la semaine dernière"]


# « Annuler »


def test_what_was_opened_can_be_taken_back_for_ten_minutes(session, professional, place, hands):
    say(professional, place, "demain 11h", sure="1")
    hands.wait(timedelta(minutes=9))
    page = words(professional.get("/creneaux"))
    undone = professional.post("/creneaux/annuler", data={"acte": last_act(session)})

    assert "Dernières actions 3 créneaux ouverts" in page
    assert live(session) == []
    assert "C’est annulé." in words(professional.get(undone.location))


def test_after_ten_minutes_it_cannot_and_says_so(session, professional, place, hands):
    say(professional, place, "demain 11h", sure="1")
    hands.wait(timedelta(minutes=11))
    refused = professional.post("/creneaux/annuler", data={"acte": last_act(session)})

    assert "Plus de dix minutes" in words(professional.get(refused.location))
    assert "Dernières actions" not in words(professional.get("/creneaux"))
    assert len(live(session)) == 3


def test_undoing_says_what_a_patient_took_meanwhile(session, professional, place, book):
    say(professional, place, "demain 11h", sure="1")
    slot = session.scalars(select(Slot).order_by(Slot.starts_at)).first()
    book(slot)
    undone = professional.post("/creneaux/annuler", data={"acte": last_act(session)})

    assert live(session) == [ELEVEN_TOMORROW]
    assert "1 créneau n’a pas pu l’être" in words(professional.get(undone.location))


def test_nobody_takes_back_what_another_practice_did(session, professional, stranger, place):
    say(professional, place, "demain 11h", sure="1")
    act = last_act(session)

    assert stranger.post("/creneaux/annuler", data={"acte": act}).status_code == 404
    assert "créneaux ouverts" not in words(stranger.get(f"/creneaux?acte={act}"))
    assert stranger.post("/creneaux/annuler", data={"acte": "\x00"}).status_code == 404
    assert len(live(session)) == 3


def test_a_secretary_takes_back_nothing_of_a_practice_that_is_not_hers(
    session, professional, secretary, community, doctor
):
    other = a_site(session, community)
    session.add(
        ProfessionalSite(community_id=community.id, professional_id=doctor.id, site_id=other.id)
    )
    session.commit()
    say(professional, f"{doctor.reference}~{other.reference}", "demain 11h", sure="1")

    refused = secretary.post("/creneaux/annuler", data={"acte": last_act(session)})

    assert refused.status_code == 404
    assert "créneaux ouverts" not in words(secretary.get("/creneaux"))
    assert len(live(session)) == 3


# Last week (D1)


def test_last_week_is_opened_again_on_the_same_days(session, professional, offer, place):
    days = [NOON - n * DAY + timedelta(hours=2) for n in (1, 3, 7)]
    for starts_at in days:
        offer(starts_at)
    # An hour that the clocks have moved: still two o'clock on the wall.
    session.commit()
    before = live(session)

    answer = professional.post("/creneaux/recopier", data={"place": place})

    made = [at for at in live(session) if at not in before]
    assert [at - DAY * 7 for at in made] == [
        days[2],
        *(d - timedelta(hours=1) for d in days[1::-1]),
    ]
    assert "3 créneaux ouverts" in words(professional.get(answer.location))
    professional.post("/creneaux/annuler", data={"acte": last_act(session)})
    assert live(session) == before


def test_what_cannot_be_copied_is_listed_with_its_reason(
    session, professional, offer, place, hands
):
    hands.now = datetime(2027, 3, 26, 11, 0, tzinfo=UTC)
    # Today at nine is past; Easter Monday, an absence on Tuesday, and something on Wednesday.
    for day, hour in ((19, 8), (22, 10), (23, 10), (24, 10)):
        starts_at = datetime(2027, 3, day, hour, tzinfo=UTC)
        offer(starts_at)
    offer(datetime(2027, 3, 31, 9, 10, tzinfo=UTC))
    doctor = session.scalars(select(Professional)).one()
    session.add(
        Absence(
            community_id=doctor.community_id,
            professional_id=doctor.id,
            starts_on=date(2027, 3, 30),
            ends_on=date(2027, 3, 30),
            weekdays=[1, 2, 3, 4, 5, 6, 7],
            created_at=hands.now,
        )
    )
    session.commit()

    answer = professional.post("/creneaux/recopier", data={"place": place})

    said = words(professional.get(answer.location))
    assert "Rien à recopier" in said
    for line in (
        "vendredi 26 mars, à 9 h 00 : heure passée",
        "lundi 29 mars, à 11 h 00 : jour férié",
        "mardi 30 mars, à 11 h 00 : absence",
        "mercredi 31 mars, à 11 h 00 : déjà un créneau",
    ):
        assert line in said


def test_copying_for_somebody_else_is_not_there(stranger, place):
    assert stranger.post("/creneaux/recopier", data={"place": place}).status_code == 404
    assert stranger.post("/creneaux/recopier", data={"place": "~"}).status_code == 422


# The week (D3)


def test_the_week_tells_free_from_taken(session, professional, offer, book):
    book(offer())
    offer(NOON + timedelta(hours=5))
    session.commit()

    said = words(professional.get("/creneaux/semaine"))

    assert "1 rendez-vous · 1 libre" in said
    assert "14 h 00 Réservé" in said
    assert "17 h 00 Libre" in said


def test_the_week_says_that_a_slot_is_closed_by_its_owners_calendar(session, professional, offer):
    closed = offer()
    closed.busy_since = NOON
    session.commit()

    answer = professional.get("/creneaux/semaine")

    assert answer.status_code == 200
    assert "0 libre · 1 fermé" in words(answer)
    assert "14 h 00 Fermé par l’agenda" in words(answer)
    # Nothing is left to close for today: nobody can book it.
    assert "restant d’aujourd’hui" not in words(answer)


def test_one_tap_closes_the_rest_of_today_and_another_opens_it_again(
    session, professional, offer, book, doctor
):
    hours = [NOON + timedelta(hours=h) for h in (2, 5, 6, 30)]
    made = [offer(at) for at in hours]
    book(made[0])
    page = professional.get("/creneaux/semaine")

    closed = professional.post("/creneaux/fermer", data={"professional": str(doctor.reference)})

    assert "Fermer les 2 créneaux restants d’aujourd’hui" in words(page)
    assert live(session) == [hours[0], hours[3]]
    assert "2 créneaux retirés." in words(professional.get(closed.location))
    professional.post("/creneaux/annuler", data={"acte": last_act(session)})
    assert live(session) == hours


def test_nobody_closes_anothers_day(session, stranger, doctor, site):
    a_slot(session, professional=doctor, site=site)
    session.commit()

    answer = stranger.post("/creneaux/fermer", data={"professional": str(doctor.reference)})

    assert answer.status_code == 303
    assert len(live(session)) == 1
    assert stranger.post("/creneaux/fermer", data={"professional": "x"}).status_code == 404


def test_a_secretary_closes_one_professionals_day_and_no_others(
    session, secretary, community, site, doctor
):
    other = a_professional(session, community, site)
    a_slot(session, professional=doctor, site=site)
    a_slot(session, professional=other, site=site, starts_at=NOON + timedelta(hours=3))
    session.commit()

    secretary.post("/creneaux/fermer", data={"professional": str(doctor.reference)})

    assert live(session) == [NOON + timedelta(hours=3)]


@pytest.mark.parametrize("day", ["2027-02-31", "9999-12-31", "x" * 99, "0001-01-01"])
def test_a_week_that_does_not_exist_says_so(professional, day):
    answer = professional.get("/creneaux/semaine", query_string={"jour": day})

    assert answer.status_code == 422


# Week after week (D6)

MONDAYS = {
    "weekdays": ["1", "4"], "from_time": "11:00", "until_time": "12 h", "slot_minutes": "20",
    "every_weeks": "2", "starts_on": "2027-03-29", "visibility": RESERVED, "ladder": "community",
}  # fmt: skip


def an_opening(client, place, **but):
    return client.post("/creneaux/plages/nouvelle", data=MONDAYS | {"place": place} | but)


def openings_of(session) -> list[Opening]:
    session.expire_all()
    return list(session.scalars(select(Opening).where(Opening.ended_at.is_(None))))


def test_an_opening_is_tried_in_words_before_it_counts(session, professional, place, site):
    tried = an_opening(professional, place)

    said = words(tried)
    assert tried.status_code == 200
    assert (
        f"Tous les lundis et jeudis, 11 h – 12 h, 3 créneaux de 20 min, {site.name}, "
        "une semaine sur deux" in said
    )
    # Easter Monday is left out.
    assert "lundi 29 mars :" not in said
    assert "jeudi 1 avril : 3 créneaux de 20 min : 11 h 00, 11 h 20, 11 h 40" in said
    assert openings_of(session) == []
    assert live(session) == []

    saved = professional.post("/creneaux/plages/nouvelle", data=hidden(tried.text))

    [opening] = openings_of(session)
    assert (opening.weekdays, opening.every_weeks, opening.until_time) == ([1, 4], 2, time(12))
    assert live(session)[0] == datetime(2027, 4, 1, 9, tzinfo=UTC)
    page = words(professional.get(saved.location))
    assert "Plage habituelle enregistrée" in page
    professional.post("/creneaux/annuler", data={"acte": last_act(session), "page": "plages"})
    assert openings_of(session) == []
    assert live(session) == []


WRONG = [
    ({"weekdays": []}, "Choisissez au moins un jour"),
    ({"weekdays": ["8", "x"]}, "Choisissez au moins un jour"),
    ({"until_time": "10:00"}, "La fin est avant le début"),
    ({"until_time": "11:10"}, "Aucun créneau ne tient"),
    ({"from_time": "midi"}, "Indiquez une heure"),
    ({"slot_minutes": "540"}, "Un créneau dure de 5 à 60 minutes"),
    ({"slot_minutes": "vingt"}, "Indiquez un nombre"),
    ({"pause_minutes": "61"}, "Une pause dure de 0 à 60 minutes"),
    ({"most_slots": "999"}, "Ouvrez de 1 à 200 créneaux par jour"),
    ({"every_weeks": "9"}, "une semaine sur quatre"),
    ({"starts_on": "2027-03-01"}, "C’est déjà passé"),
    ({"starts_on": "2027-02-30"}, "Cette date n’existe pas"),
    ({"starts_on": "9999-12-31"}, "ou elle est trop loin"),
    ({"ends_on": "2027-03-28"}, "Le dernier jour est avant le premier"),
    ({"ends_on": "2027-03-30", "weekdays": ["3"]}, "Aucun de ces jours"),
    ({"visibility": []}, "Choisissez au moins un public"),
    ({"place": "~"}, "Choisissez pour qui"),
    ({"not_in_school_holidays": "1"}, "zone scolaire"),
    ({"ladder": "own", "step_OWN": "1", "step_CPTS": "1", "before_CPTS": "x"}, "Donnez des heures"),
    (
        {"ladder": "own", "step_OWN": "1", "step_CPTS": "1", "before_CPTS": "4", "step_SNP": "1",
         "before_SNP": "24"},
        "Chaque étape vient après",
    ),
]  # fmt: skip


def test_what_makes_no_opening_says_why_and_keeps_nothing(session, professional, place):
    for but, sentence in WRONG:
        for sure in ({}, {"sure": "1"}):
            answer = an_opening(professional, **{"place": place} | but | sure)
            assert answer.status_code == 422, but
            assert sentence in words(answer), but
    assert openings_of(session) == []


def test_overlapping_openings_name_the_other_one(session, professional, place):
    an_opening(professional, place, sure="1")

    answer = an_opening(professional, place, weekdays=["4"], from_time="11:30")

    assert answer.status_code == 422
    assert "Une autre plage a déjà ces heures : Tous les lundis et jeudis" in words(answer)
    assert 'href="#from_time"' in answer.text


def test_changing_an_opening_leaves_the_booked_and_lists_them(session, professional, place, book):
    sundays = {"weekdays": ["7"], "every_weeks": "1", "starts_on": "2027-03-27"}
    an_opening(professional, place, sure="1", **sundays)
    [opening] = openings_of(session)
    slot = session.scalars(select(Slot).order_by(Slot.starts_at)).first()
    book(slot)
    path = f"/creneaux/plages/{opening.reference}/modifier"
    form = professional.get(path).text
    hours = {"place": place, "from_time": "14:00", "until_time": "15:00"}
    afternoon = MONDAYS | sundays | hours

    tried = professional.post(path, data=afternoon)
    professional.post(path, data=hidden(tried.text))

    assert 'value="11:00"' in form
    assert live(session)[:2] == [slot.starts_at, ELEVEN_TOMORROW + timedelta(hours=3)]
    page = professional.get("/creneaux/plages")
    assert "Rendez-vous hors de vos plages" in words(page)
    assert f"/creneaux/conflits/{slot.reference}/garder" in page.text
    professional.post(f"/creneaux/conflits/{slot.reference}/garder")
    assert "hors de vos plages" not in words(professional.get("/creneaux/plages"))
    professional.post("/creneaux/annuler", data={"acte": last_act(session)})
    assert live(session)[1] == slot.starts_at + timedelta(minutes=20)


def test_an_opening_shows_its_steps_and_a_day_of_it_can_be_left_out(session, professional, place):
    steps = {
        "ladder": "own", "step_OWN": "1", "step_CPTS": "1", "before_CPTS": "24", "step_SNP": "1",
        "before_SNP": "4", "step_BACK": "1", "before_BACK": "0,5", "keep_SNP": "1",
    }  # fmt: skip
    an_opening(professional, place, sure="1", **steps)
    [opening] = openings_of(session)
    path = f"/creneaux/plages/{opening.reference}"

    said = words(professional.get(path))

    assert (
        "Réservés d’abord à mes patients, puis à la CPTS 24 h avant, puis au SAS "
        "4 h avant (1 par jour exceptés), rendus 30 min avant." in said
    )
    assert "Mes patients : à la publication fait" in said
    assert "La CPTS : mercredi 31 mars à 11 h 00" in said
    professional.post(f"{path}/sauter", data={"jour": "2027-04-01"})
    assert live(session) == []
    professional.post("/creneaux/annuler", data={"acte": last_act(session)})
    assert len(live(session)) == 3
    for day in ("2027-04-02", "1999-01-01", "x", ""):
        assert professional.post(f"{path}/sauter", data={"jour": day}).status_code == 422


def test_only_reasons_of_the_protocol_are_kept(session, professional, place):
    an_opening(professional, place, sure="1", complaints=["mal_gorge", "<b>", "inconnu"])

    [opening] = openings_of(session)
    assert opening.complaints == ["mal_gorge"]
    assert "Motifs acceptés" in words(professional.get("/creneaux/plages"))


def test_being_away_closes_free_time_and_coming_back_opens_it(session, professional, place):
    an_opening(professional, place, sure="1")
    say(professional, place, "1 avril 15h", sure="1")
    before = live(session)
    away = {"place": place, "away_from": "2027-04-01", "away_until": "01/04/2027"}

    made = professional.post("/creneaux/absences", data=away)

    assert live(session) == []
    said = words(professional.get(made.location))
    assert "Absence enregistrée" in said
    assert "Le jeudi 1 avril" in said
    absence = session.scalars(select(Absence)).one()
    professional.post(f"/creneaux/absences/{absence.reference}/retirer")
    assert live(session) == before


def test_an_absence_that_is_none_says_why(session, professional, place):
    for but, sentence in (
        ({"away_from": ""}, "Indiquez le premier jour"),
        ({"away_from": "2027-02-30"}, "Cette date n’existe pas"),
        ({"away_until": "2027-03-30"}, "Le dernier jour est avant"),
        ({"away_starts": "9h"}, "Donnez les deux heures"),
        ({"away_starts": "9h", "away_ends": "8h"}, "La fin est avant le début"),
        ({"away_from": "2027-03-01", "away_until": "2027-03-02"}, "C’est déjà passé"),
        ({"place": ""}, "Choisissez pour qui"),
    ):
        away = {"place": place, "away_from": "2027-04-01"} | but
        answer = professional.post("/creneaux/absences", data=away)
        assert answer.status_code == 422, but
        assert sentence in words(answer), but
    assert session.scalars(select(Absence)).all() == []


@pytest.mark.parametrize("who", ["stranger", "colleague"])
def test_nobody_sees_or_changes_anothers_opening(session, professional, who, place, request):
    stranger = request.getfixturevalue(who)
    an_opening(professional, place, sure="1")
    away = {"place": place, "away_from": "2027-06-01"}
    professional.post("/creneaux/absences", data=away)
    [opening] = openings_of(session)
    absence = session.scalars(select(Absence)).one()
    path = f"/creneaux/plages/{opening.reference}"

    answers = [
        an_opening(stranger, place).status_code,
        an_opening(stranger, place, sure="1").status_code,
        stranger.get(path).status_code,
        stranger.get(f"{path}/modifier").status_code,
        stranger.post(f"{path}/modifier", data=MONDAYS | {"place": place}).status_code,
        stranger.post(f"{path}/arreter").status_code,
        stranger.post(f"{path}/sauter", data={"jour": "2027-04-01"}).status_code,
        stranger.post("/creneaux/absences", data=away).status_code,
        stranger.post(f"/creneaux/absences/{absence.reference}/retirer").status_code,
        stranger.post(f"/creneaux/conflits/{opening.reference}/garder").status_code,
    ]  # fmt: skip

    assert answers == [404] * 10
    assert "lundis" not in words(stranger.get("/creneaux/plages"))
    assert len(openings_of(session)) == 1


def test_a_secretary_keeps_the_openings_of_her_practice(session, secretary, place, doctor):
    an_opening(secretary, place, sure="1")

    said = words(secretary.get("/creneaux/plages"))

    assert "Tous les lundis et jeudis" in said
    assert doctor.name in said


def test_ending_an_opening_takes_its_free_slots_and_can_be_undone(session, professional, place):
    an_opening(professional, place, sure="1")
    [opening] = openings_of(session)
    before = live(session)

    professional.post(f"/creneaux/plages/{opening.reference}/arreter")

    assert live(session) == []
    professional.post("/creneaux/annuler", data={"acte": last_act(session)})
    assert live(session) == before


# The community's own


@pytest.fixture
def coordinator(app, session, community) -> FlaskClient:
    account = an_account(session, community, Role.COORDINATOR)
    session.commit()
    return signed_in(app, account)


LADDER = {
    "step_OWN": "1", "step_CPTS": "1", "before_CPTS": "24", "step_BACK": "1",
    "before_BACK": "0,5", "holidays": "FR-57", "school_zone": "B",
}  # fmt: skip


def test_a_coordinator_sets_the_steps_that_openings_follow(
    session, coordinator, professional, community, place
):
    saved = coordinator.post("/coordination/creneaux", data=LADDER)
    an_opening(professional, place, sure="1")

    session.refresh(community)
    assert community.ladder == [
        {"to": "OWN", "before": None}, {"to": "CPTS", "before": 1440}, {"to": "BACK", "before": 30},
    ]  # fmt: skip
    assert (community.holidays, community.school_zone) == ("FR-57", "B")
    assert "Réglages enregistrés." in words(coordinator.get(saved.location))
    page = words(professional.get("/creneaux/plages"))
    assert "puis à la CPTS 24 h avant, rendus 30 min avant." in page


def test_slots_that_are_there_already_follow_the_new_steps(
    session, coordinator, professional, place
):
    an_opening(professional, place, sure="1")
    made = select(Slot).where(Slot.opening_id.is_not(None)).order_by(Slot.starts_at.desc())
    assert not session.scalars(made).first().only_own_patients

    coordinator.post("/coordination/creneaux", data=LADDER)

    session.expire_all()
    last = session.scalars(made).first()
    assert (last.only_own_patients, last.visibility) == (True, ["CPTS"])
    assert last.release_at == last.starts_at - DAY


@pytest.mark.parametrize(
    ("but", "sentence"),
    [
        ({"before_CPTS": "0,1"}, "Chaque étape vient après"),
        ({"before_CPTS": "nan"}, "Donnez des heures"),
        ({"before_CPTS": "1e9"}, "Donnez des heures"),
        ({"before_CPTS": "-1"}, "Donnez des heures"),
        ({"holidays": "US-CA"}, "Choisissez un territoire"),
    ],
)
def test_steps_that_do_not_follow_change_nothing(session, coordinator, community, but, sentence):
    answer = coordinator.post("/coordination/creneaux", data=LADDER | but)

    session.refresh(community)
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert community.ladder == []


def test_only_a_coordinator_sets_them(professional, secretary):
    for client in (professional, secretary):
        assert client.get("/coordination/creneaux").status_code == 404
        assert client.post("/coordination/creneaux", data=LADDER).status_code == 404
