"""Accounts and keys: made, shown once, ended; of one community only; and never a patient."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from booking import clients
from booking.models import Account, AccountSite, ApiClient, Role
from tests.builders import a_booking, a_community, a_professional, a_site, a_slot
from tests.staffing import PASSWORD, an_account, signed_in, words

NEW = {"email": "nouvelle@tilleuls.example", "name": "Nouvelle Collègue", "role": "OPERATOR"}


@pytest.fixture
def community(session):
    return a_community(session)


@pytest.fixture
def boss(session, community) -> Account:
    made = an_account(session, community, Role.ADMINISTRATOR)
    session.commit()
    return made


@pytest.fixture
def administrator(app, boss) -> FlaskClient:
    return signed_in(app, boss)


def secret_of(answer) -> str:
    return re.search(r"<code>([^<]+)</code>", answer.text)[1]


CHOSEN = "tilleul lampe orage 42"


def test_a_new_account_chooses_its_password_by_the_link_that_was_shown_once(app, administrator):
    answer = administrator.post("/administration/comptes", data=NEW)

    assert answer.status_code == 201
    link = secret_of(answer)
    assert link not in administrator.get("/administration").text
    somebody = app.test_client()
    assert NEW["email"] in words(somebody.get(link))
    assert somebody.post(link, data={"wanted": CHOSEN}).status_code == 303
    entered = somebody.post("/connexion", data={"email": NEW["email"], "password": CHOSEN})
    assert entered.location == "/console"
    assert somebody.post(link, data={"wanted": PASSWORD}).status_code == 410


def test_the_link_of_a_new_account_lives_seven_days(app, administrator, hands):
    link = secret_of(administrator.post("/administration/comptes", data=NEW))

    hands.wait(timedelta(days=7))

    assert app.test_client().post(link, data={"wanted": CHOSEN}).status_code == 410


def test_an_account_is_for_a_professional_or_for_sites(session, community, administrator):
    site = a_site(session, community)
    doctor = a_professional(session, community, site)
    session.commit()

    administrator.post(
        "/administration/comptes",
        data=NEW | {"role": "PROFESSIONAL", "professional": str(doctor.reference)},
    )
    administrator.post(
        "/administration/comptes",
        data=NEW
        | {"role": "SECRETARY", "sites": [str(site.reference)], "email": "s@tilleuls.example"},
    )

    ids = session.scalars(select(Account.professional_id).where(Account.role == Role.PROFESSIONAL))
    assert ids.all() == [doctor.id]
    assert session.scalars(select(AccountSite.site_id)).all() == [site.id]


def test_what_cannot_be_an_account_says_why(session, administrator, boss):
    far = a_community(session)
    far_site = a_site(session, far)
    far_doctor = a_professional(session, far, far_site)
    session.commit()
    refused = [
        ({"email": "pas une adresse"}, "Indiquez une adresse électronique"),
        ({"email": "\x00@\x00.fr"}, "Indiquez une adresse électronique"),
        ({"email": boss.email}, "Cette adresse a déjà un compte"),
        ({"name": ""}, "Indiquez un nom"),
        ({"name": "x" * 81}, "Indiquez un nom"),
        ({"role": ""}, "Choisissez un rôle"),
        ({"role": "SUPERUSER"}, "Choisissez un rôle"),
        ({"role": "PROFESSIONAL"}, "Choisissez le professionnel de santé"),
        ({"role": "SECRETARY"}, "Choisissez au moins un lieu de soins"),
        (
            {"role": "PROFESSIONAL", "professional": str(far_doctor.reference)},
            "Choisissez le professionnel de santé",
        ),
        (
            {"role": "SECRETARY", "sites": [str(far_site.reference)]},
            "Choisissez au moins un lieu de soins",
        ),
    ]

    for but, sentence in refused:
        answer = administrator.post("/administration/comptes", data=NEW | but)
        assert answer.status_code == 422
        assert sentence in words(answer)
    assert session.scalar(select(func.count()).select_from(Account)) == 1


def test_of_an_empty_form_everything_that_is_missing_is_said_at_once(administrator):
    said = words(administrator.post("/administration/comptes", data={}))

    for expected in ("Indiquez un nom", "Indiquez une adresse électronique", "Choisissez un rôle"):
        assert expected in said


def test_extra_fields_give_no_extra_rights(session, community, administrator):
    far = a_community(session)
    session.commit()

    administrator.post(
        "/administration/comptes",
        data=NEW | {"community_id": far.id, "id": 1, "closed_at": "x", "password_hash": "x"},
    )

    made = session.scalars(select(Account).where(Account.email == NEW["email"])).one()
    assert made.community_id == community.id
    assert made.closed_at is None
    assert made.password_hash.startswith("$argon2id$")


def test_a_closed_account_is_out(app, session, community, administrator):
    account = an_account(session, community, Role.OPERATOR)
    session.commit()
    client = signed_in(app, account)

    answer = administrator.post(f"/administration/comptes/{account.reference}/fermer")

    assert answer.status_code == 303
    assert client.get("/console").status_code == 303
    assert "fermé le 27 mars 2027" in words(administrator.get("/administration"))


def test_nobody_closes_their_own_account(administrator, boss):
    administrator.post(f"/administration/comptes/{boss.reference}/fermer")

    assert administrator.get("/administration").status_code == 200


def test_who_forgot_their_password_chooses_another_by_a_link(
    app, session, community, administrator
):
    account = an_account(session, community, Role.OPERATOR)
    session.commit()

    answer = administrator.post(f"/administration/comptes/{account.reference}/mot-de-passe")

    def enters(password):
        said = {"email": account.email, "password": password}
        return app.test_client().post("/connexion", data=said).status_code == 303

    assert not enters(PASSWORD)
    app.test_client().post(secret_of(answer), data={"wanted": CHOSEN})
    assert enters(CHOSEN)


A_KEY = {"client": "Plateforme d’appels", "scopes": ["requests:write", "slots:read"]}


def test_a_key_is_shown_once_and_kept_as_a_hash(session, community, administrator):
    answer = administrator.post("/administration/cles", data=A_KEY)

    key = secret_of(answer)
    assert answer.status_code == 201
    assert re.fullmatch(r"jm_[A-Za-z0-9_-]{43}", key)
    assert key not in administrator.get("/administration").text
    assert clients.client_of(session, key).community.id == community.id


def test_a_key_is_for_what_was_ticked_and_for_something(session, administrator):
    nothing = administrator.post("/administration/cles", data={"client": "Plateforme"})
    unknown = administrator.post("/administration/cles", data={**A_KEY, "scopes": ["everything"]})
    made = administrator.post("/administration/cles", data=A_KEY)

    assert (nothing.status_code, unknown.status_code, made.status_code) == (422, 422, 201)
    assert "Choisissez ce que ce logiciel peut faire" in words(nothing)
    assert session.scalars(select(ApiClient.scopes)).all() == [["requests:write", "slots:read"]]
    assert "Déposer des demandes, Voir les créneaux libres" in words(
        administrator.get("/administration")
    )


def test_a_revoked_key_opens_nothing(session, administrator):
    key = secret_of(administrator.post("/administration/cles", data=A_KEY))
    reference = session.scalars(select(ApiClient.reference)).one()
    session.rollback()

    answer = administrator.post(f"/administration/cles/{reference}/revoquer")
    again = administrator.post(f"/administration/cles/{reference}/revoquer")

    assert (answer.status_code, again.status_code) == (303, 404)
    assert clients.client_of(session, key) is None
    assert "révoquée le" in words(administrator.get("/administration"))


def test_what_cannot_be_taken_back_is_opened_first_and_then_pressed(session, administrator):
    administrator.post("/administration/cles", data=A_KEY)
    administrator.post("/administration/comptes", data=NEW)
    made = session.scalars(select(Account.reference).where(Account.email == NEW["email"])).one()
    pages = administrator.get("/administration").text
    pages += administrator.get(f"/administration/comptes/{made}").text

    kept_apart = "".join(re.findall("<details>.*?</details>", pages, re.DOTALL))
    for once_and_for_all in ("/revoquer", "/fermer"):
        assert pages.count(once_and_for_all) == kept_apart.count(once_and_for_all) == 1


def test_a_key_has_a_name(session, administrator):
    for name in ("", "  ", "\x00", "x" * 81):
        answer = administrator.post("/administration/cles", data={**A_KEY, "client": name})
        assert answer.status_code == 422
        assert "Indiquez le nom du logiciel" in words(answer)
    assert session.scalar(select(func.count()).select_from(ApiClient)) == 0


def test_another_communitys_accounts_and_keys_are_not_there(session, administrator, hands):
    far = a_community(session)
    account = an_account(session, far, Role.OPERATOR)
    clients.issue_key(session, far.id, "Ailleurs", now=hands())
    client = session.scalars(select(ApiClient.reference)).one()
    session.commit()
    theirs = f"/administration/comptes/{account.reference}"

    assert administrator.get(theirs).status_code == 404
    for path in (
        theirs + "/fermer",
        theirs + "/mot-de-passe",
        f"/administration/cles/{client}/revoquer",
    ):
        assert administrator.post(path).status_code == 404
    said = words(administrator.get("/administration"))
    assert account.email not in said
    assert "Ailleurs" not in said


def test_an_administrator_sees_no_patient(session, community, protocol, administrator, boss):
    site = a_site(session, community)
    slot = a_slot(session, professional=a_professional(session, community, site), site=site)
    booked = a_booking(session, community, protocol, slot)
    session.commit()

    for path in ("/administration", f"/administration/comptes/{boss.reference}"):
        assert "Morel" not in administrator.get(path).text
    for path in (
        "/journee",
        f"/journee/rendez-vous/{booked.reference}",
        "/console",
        "/coordination",
        "/creneaux",
    ):
        assert administrator.get(path).status_code == 404
