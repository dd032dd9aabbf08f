"""The coordinator's page of members, as its coordinator and everybody else meet it."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from booking.models import Account, Invitation, Role, StaffSession
from notifications.models import OutboxMessage
from schedules.models import Enablement, Professional, ProfessionalSite, Slot
from tests.builders import (
    a_booking,
    a_community,
    a_professional,
    a_site,
    a_slot,
    an_enablement,
    slot_of,
)
from tests.clockwork import NOON
from tests.staffing import PASSWORD, an_account, signed_in, words

LIST = "/coordination/membres"
NEW = {
    "rpps": "10000000008",
    "civility": "Dr",
    "family_name": "Le Goff",
    "given_name": "Yann",
    "discipline": "MG",
    "languages": "français, breton",
    "contact": "yann@tilleuls.example",
}


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def site(session, community):
    return a_site(session, community, name="Maison des Lilas")


@pytest.fixture
def doctor(session, community, site) -> Professional:
    made = a_professional(session, community, site, family_name="Bernard")
    session.commit()
    return made


@pytest.fixture
def coordinator(app, session, community):
    account = an_account(session, community, Role.COORDINATOR)
    session.commit()
    return signed_in(app, account)


def of(doctor, *more):
    return "/".join((LIST, str(doctor.reference), *more))


def test_the_list_says_all_that_is_known(session, community, doctor, site, coordinator):
    an_enablement(session, doctor, "protocole-inconnu")
    a_slot(session, professional=doctor, site=site, starts_at=NOON - timedelta(days=9))
    session.commit()

    page = words(coordinator.get(LIST))

    for said in (doctor.rpps, "Bernard", "Médecin généraliste", "Maison des Lilas", "français"):
        assert said in page
    assert "Pas de compte" in page
    assert "il y a 9 jours" in page


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ("q=bernard", True),
        ("q=BÉRNARD lilas", True),
        ("q=personne", False),
        ("profession=MG", True),
        ("profession=SF", False),
        ("q=%00&profession=%27", False),
    ],
)
def test_the_list_can_be_narrowed(doctor, coordinator, asked, is_found):
    assert (str(doctor.reference) in coordinator.get(f"{LIST}?{asked}").text) is is_found


def test_a_member_is_added(session, coordinator):
    answer = coordinator.post(f"{LIST}/nouveau", data=NEW)

    assert answer.status_code == 303
    made = session.scalars(select(Professional)).one()
    assert (made.name, made.discipline, made.languages) == ("Dr Yann Le Goff", "MG", ["fr", "br"])
    assert "Enregistré" in words(coordinator.get(answer.location))


@pytest.mark.parametrize(
    ("but", "sentence"),
    [
        ({"rpps": "123"}, "11 chiffres"),
        ({"family_name": ""}, "Indiquez le nom de famille"),
        ({"given_name": "x" * 81}, "80 caractères"),
        ({"discipline": "PMI"}, "Choisissez une profession"),
        ({"languages": "patagon"}, "Langue inconnue : patagon"),
        ({"contact": "pas une adresse"}, "adresse électronique"),
        ({"civility": "Maître"}, "Choisissez une civilité"),
    ],
)
def test_what_cannot_be_a_member_says_why_and_loses_nothing(session, coordinator, but, sentence):
    answer = coordinator.post(f"{LIST}/nouveau", data=NEW | but)

    assert answer.status_code == 422
    assert sentence in words(answer)
    assert "yann@tilleuls.example" in answer.text or "contact" in but
    assert session.scalar(select(func.count()).select_from(Professional)) == 0


def test_nobody_is_added_twice(doctor, coordinator):
    answer = coordinator.post(f"{LIST}/nouveau", data=NEW | {"rpps": doctor.rpps})

    assert answer.status_code == 422
    assert "Un membre a déjà ce numéro" in words(answer)


def test_a_member_is_changed_and_keeps_their_speciality(session, doctor, coordinator):
    coordinator.post(of(doctor), data=NEW)

    session.refresh(doctor)
    assert (doctor.family_name, doctor.speciality) == ("Le Goff", "SM54")


def test_an_enablement_is_noted_limited_and_withdrawn(session, doctor, coordinator):
    doctor.discipline, doctor.profession, doctor.speciality = "MK", "70", None
    session.commit()
    said = {"code": "protocole-lombalgie", "starts_on": "2027-01-01", "ends_on": "2027-12-31"}
    assert coordinator.post(of(doctor, "habilitations"), data=said).status_code == 303
    kept = session.scalars(select(Enablement)).one()
    one = of(doctor, "habilitations", str(kept.reference))

    coordinator.post(one, data={f"ends_on-{kept.reference}": "30/06/2027"})
    session.refresh(kept)
    assert kept.ends_on.isoformat() == "2027-06-30"

    wrong = coordinator.post(one, data={f"ends_on-{kept.reference}": "2026-06-30"})
    assert wrong.status_code == 422
    assert "Le dernier jour vient avant le premier" in words(wrong)

    coordinator.post(one, data={"retirer": "1"})
    session.refresh(kept)
    assert kept.withdrawn_at == NOON


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "Indiquez le premier jour"),
        ({"starts_on": "31/02/2027"}, "Cette date n’existe pas"),
        ({"starts_on": "2026-W48-1"}, "Cette date n’existe pas"),
        ({"starts_on": "01/01/0202"}, "Vérifiez l’année"),
        ({"starts_on": "2027-01-01", "ends_on": "9999-12-31"}, "Vérifiez l’année"),
        ({"starts_on": "2027-01-01", "ends_on": "x"}, "Cette date n’existe pas"),
        ({"starts_on": "2027-01-01", "code": "\x00"}, "Choisissez une habilitation"),
    ],
)
def test_a_wrong_enablement_is_told_beside_its_field(doctor, coordinator, said, sentence):
    answer = coordinator.post(of(doctor, "habilitations"), data=said)

    assert answer.status_code == 422
    assert sentence in words(answer)


def test_sites_are_ticked_and_those_of_others_do_not_count(session, community, doctor, coordinator):
    other, far = a_site(session, community), a_site(session, a_community(session))
    session.commit()

    wanted = [str(other.reference), str(far.reference), "x"]
    assert coordinator.post(of(doctor, "lieux"), data={"sites": wanted}).status_code == 303

    assert session.scalars(select(ProfessionalSite.site_id)).all() == [other.id]


# The account


def invite(coordinator, session, doctor, email="dr@tilleuls.example"):
    answer = coordinator.post(of(doctor, "inviter"), data={"email": email})
    assert answer.status_code == 303, words(answer)
    letters = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    return re.search(r"http://localhost(/invitation/\S+)", letters[-1].text)[1]


def test_an_invited_member_chooses_a_password_once_and_signs_in(app, session, doctor, coordinator):
    link = invite(coordinator, session, doctor)
    assert "Invité" in words(coordinator.get(LIST))
    [kept] = session.scalars(select(Invitation.token_hash))
    assert link.rpartition("/")[2].encode() not in kept
    stranger = app.test_client()
    assert "dr@tilleuls.example" in words(stranger.get(link))

    short = stranger.post(link, data={"wanted": "court"})
    assert short.status_code == 422
    chosen = stranger.post(link, data={"wanted": PASSWORD})

    assert chosen.status_code == 303
    assert stranger.post(link, data={"wanted": PASSWORD + "x"}).status_code == 410
    entered = stranger.post(
        "/connexion", data={"email": "dr@tilleuls.example", "password": PASSWORD}
    )
    assert entered.location == "/journee"
    assert "Actif" in words(coordinator.get(LIST))


def test_an_invitation_is_good_for_seven_days_and_a_second_ends_the_first(
    app, session, hands, doctor, coordinator
):
    assert "Envoyer une invitation" in words(coordinator.get(of(doctor)))
    first = invite(coordinator, session, doctor)
    assert "rend le lien de la première inutilisable" in words(coordinator.get(of(doctor)))
    hands.wait(timedelta(minutes=1))
    second = invite(coordinator, session, doctor)
    stranger = app.test_client()

    assert stranger.get(first).status_code == 410
    assert stranger.get(second).status_code == 200
    assert stranger.get("/invitation/x").status_code == 410

    hands.wait(timedelta(days=7, seconds=1))
    assert stranger.get(second).status_code == 410
    assert stranger.post(second, data={"wanted": PASSWORD}).status_code == 410


def test_an_address_that_cannot_be_invited_is_told(session, community, doctor, coordinator):
    taken = an_account(session, community, Role.OPERATOR).email
    session.commit()

    for email, sentence in ((taken, "a déjà un compte"), ("x", "adresse électronique")):
        answer = coordinator.post(of(doctor, "inviter"), data={"email": email})
        assert answer.status_code == 422
        assert sentence in words(answer)
    assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 0


def test_a_suspended_member_is_out_and_their_appointments_wait_for_a_decision(  # noqa: PLR0917 - fixtures
    app, session, community, site, doctor, protocol, coordinator
):
    account = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    taken = a_slot(session, professional=doctor, site=site)
    free = a_slot(session, professional=doctor, site=site, starts_at=NOON + timedelta(hours=5))
    a_booking(session, community, protocol, taken)
    session.commit()
    theirs = signed_in(app, account)

    coordinator.post(of(doctor, "suspendre"))

    assert theirs.get("/journee").status_code == 303
    again = {"email": account.email, "password": PASSWORD}
    assert app.test_client().post("/connexion", data=again).status_code == 422
    session.expire_all()
    assert slot_of(session, free.reference).withdrawn_at is not None
    assert slot_of(session, taken.reference).claimed_by is not None
    page = coordinator.get(of(doctor))
    assert "Rendez-vous à décider" in words(page)
    link = re.search(r"/console/rendez-vous/[0-9a-f-]{36}", page.text)[0]
    assert coordinator.get(link).status_code == 200

    coordinator.post(of(doctor, "reprendre"))

    session.expire_all()
    assert slot_of(session, free.reference).withdrawn_at is None
    assert app.test_client().post("/connexion", data=again).status_code == 303
    assert session.scalar(select(func.count()).where(StaffSession.ended_at.is_(None))) == 2


# Rights


def every_door(doctor):
    return [
        ("GET", LIST),
        ("GET", f"{LIST}.csv"),
        ("GET", f"{LIST}/nouveau"),
        ("POST", f"{LIST}/nouveau"),
        ("GET", f"{LIST}/importer"),
        ("POST", f"{LIST}/importer"),
        ("POST", f"{LIST}/importer/appliquer"),
        *of_one(doctor),
    ]


def of_one(doctor):
    return [
        ("GET", of(doctor)),
        ("POST", of(doctor)),
        *(("POST", of(doctor, door)) for door in ("lieux", "habilitations", "inviter")),
        *(("POST", of(doctor, door)) for door in ("suspendre", "reprendre")),
        ("POST", of(doctor, "habilitations", str(doctor.reference))),
    ]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMINISTRATOR, Role.PROFESSIONAL])
def test_nobody_but_a_coordinator_sees_these_pages(app, session, community, doctor, role):
    own = {"professional": doctor} if role is Role.PROFESSIONAL else {}
    client = signed_in(app, committed(session, an_account(session, community, role, **own)))

    for method, door in every_door(doctor):
        assert client.open(door, method=method).status_code == 404


def committed(session, account) -> Account:
    session.commit()
    return account


def test_another_community_s_coordinator_finds_nobody(app, session, doctor):
    stranger = an_account(session, a_community(session), Role.COORDINATOR)
    client = signed_in(app, committed(session, stranger))

    for method, door in of_one(doctor):
        assert client.open(door, method=method, data=NEW).status_code == 404
    assert doctor.rpps not in client.get(LIST).text
    assert doctor.rpps not in client.get(f"{LIST}.csv").text


# Files


def sent(coordinator, content):
    # Written by hand: the test client would leave large files open.
    head = b'--part\r\nContent-Disposition: form-data; name="file"; filename="m.csv"\r\n\r\n'
    return coordinator.post(
        f"{LIST}/importer",
        data=head + content + b"\r\n--part--\r\n",
        content_type="multipart/form-data; boundary=part",
    )


def apply(coordinator, shown):
    text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", shown.text, re.DOTALL)[1]
    seal = re.search(r'name="seal" value="(\w+)"', shown.text)[1]
    text = text.replace("&#39;", "'").replace("&amp;", "&").replace("&#34;", '"')
    return coordinator.post(f"{LIST}/importer/appliquer", data={"text": text, "seal": seal})


def table(*rows, comma=";"):
    return "\r\n".join(comma.join(row) for row in rows)


HEAD = ("RPPS", "Nom", "Prénom", "Profession", "Spécialité", "Langues", "Lieux", "Habilitations")


def test_no_cell_that_is_exported_is_a_formula(session, community, site, doctor, coordinator):
    doctor.family_name, doctor.given_name = '=HYPERLINK("http://x")', "@SUM(1)"
    site.name = "+33 rue"
    session.commit()

    answer = coordinator.get(f"{LIST}.csv")

    text = answer.data.decode("utf-8-sig")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert text.startswith("RPPS;Civilité;Nom")
    cells = [cell.strip('"') for cell in text.splitlines()[1].split(";")]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert "'=HYPERLINK" in text


def test_what_was_exported_changes_nothing(session, community, site, doctor, coordinator):
    doctor.family_name, doctor.languages = "=Bernard", ["fr", "br"]
    doctor.discipline, doctor.profession, doctor.speciality = "PH", "21", None
    an_enablement(session, doctor, "trod-pharmacien")
    session.commit()

    shown = sent(coordinator, coordinator.get(f"{LIST}.csv").data)

    assert "1 inchangé." in words(shown)


@pytest.mark.parametrize("comma", [";", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_file_is_shown_line_by_line_and_counts_only_then(  # noqa: PLR0917 - fixtures
    session, site, doctor, coordinator, comma, encoding
):
    file = table(
        HEAD,
        (doctor.rpps, "Bérénice", "Camille", "10", "SM54", "fr | en", "", ""),
        ("10000000008", "Le Goff", "Yann", "70", "", "fr", "Maison des Lilas",
         "protocole-lombalgie 2027-01-01 2027-12-31"),
        ("10000000008", "Encore", "Yann", "70", "", "", "", ""),
        ("10000000009", "Clé", "Fausse", "10", "", "tlh-x", "Nulle part", "osys 2027-01-01"),
        ("1", "Court", "Numéro", "10", "", "", "", ""),
        ("10000000107", "Sans", "Métier", "99", "", "", "", ""),
        comma=comma,
    )  # fmt: skip

    shown = sent(coordinator, file.encode(encoding))

    page = words(shown)
    assert "2 nouveaux, 1 modifié, 3 refusés." in page
    for remark in ("déjà sur une ligne", "clé inattendue", "aucun lieu", "(tlh-x)"):
        assert remark in page
    assert session.scalar(select(func.count()).select_from(Professional)) == 1

    assert apply(coordinator, shown).status_code == 303

    session.expire_all()
    assert doctor.family_name == "Bérénice"
    assert doctor.languages == ["fr", "en"]
    yann = session.scalars(select(Professional).where(Professional.rpps == "10000000008")).one()
    sites = select(ProfessionalSite.site_id).where(ProfessionalSite.professional_id == yann.id)
    assert session.scalars(sites).all() == [site.id]
    assert session.scalars(select(Enablement.code)).all() == ["protocole-lombalgie"]
    again = sent(coordinator, file.encode(encoding))
    assert "3 inchangés, 3 refusés." in words(again)


def test_a_file_deletes_nothing(session, site, doctor, coordinator):
    an_enablement(session, doctor, "trod-pharmacien")
    session.commit()
    file = table(HEAD[:4], (doctor.rpps, "Autre", "Camille", "10"))

    apply(coordinator, sent(coordinator, file.encode()))

    session.expire_all()
    assert (doctor.family_name, doctor.email is None) == ("Autre", False)
    assert session.scalars(select(Enablement.withdrawn_at)).all() == [None]
    assert session.scalars(select(ProfessionalSite.site_id)).all() == [site.id]


def test_what_changed_since_it_was_shown_is_shown_again(session, doctor, coordinator):
    shown = sent(coordinator, table(HEAD[:4], (doctor.rpps, "Autre", "Camille", "10")).encode())
    doctor.family_name = "Autre"
    session.commit()

    answer = apply(coordinator, shown)

    assert answer.status_code == 409
    assert "ont changé depuis" in words(answer)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Choisissez un fichier"),
        (b"\n\n", "vide"),
        (b"RPPS;Nom\n1;2", "Il manque la colonne"),
        (b"PK\x03\x04\x00\x00", "pas un texte lisible"),
        (table(HEAD[:4], ("1", "x" * 2001, "y", "10")).encode(), "2 000 caractères"),
        (table(HEAD[:4], *[("1", "a", "b", "10")] * 5001).encode(), "5 000 lignes"),
        (b"x" * (2 * 1024 * 1024 + 1), "2 Mo"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(coordinator, content, sentence):
    answer = sent(coordinator, content)

    assert answer.status_code == 422
    assert sentence in words(answer)


def test_only_a_file_of_members_may_be_large(coordinator):
    large = {"family_name": "x" * 100_000}

    assert coordinator.post(f"{LIST}/nouveau", data=large).status_code == 413
    applied = coordinator.post(f"{LIST}/importer/appliquer", data={"text": "x" * 100_000})
    assert applied.status_code == 422


def test_slots_stay_as_they_are_when_a_file_says_nothing_new(session, site, doctor, coordinator):
    slot = a_slot(session, professional=doctor, site=site)
    session.commit()

    apply(coordinator, sent(coordinator, table(HEAD[:4], (doctor.rpps, "A", "B", "10")).encode()))

    assert session.scalars(select(Slot.withdrawn_at).where(Slot.id == slot.id)).all() == [None]
