"""The sign-in page, the cookie, and who is let through which door."""

import pytest
from sqlalchemy import func, select

from booking import accounts
from booking.models import Role, StaffSession
from booking.web import session as door
from tests.builders import a_community, a_professional, a_site
from tests.staffing import PASSWORD, an_account, signed_in, words

DOORS = {
    "/journee": {Role.PROFESSIONAL, Role.SECRETARY},
    "/creneaux": {Role.PROFESSIONAL, Role.SECRETARY},
    "/console": {Role.OPERATOR, Role.SECRETARY, Role.COORDINATOR},
    "/coordination": {Role.COORDINATOR},
    "/administration": {Role.ADMINISTRATOR},
    "/mot-de-passe": set(Role),
}


@pytest.fixture
def staff(session):
    """One account of each role."""
    community = a_community(session)
    site = a_site(session, community)
    doctor = a_professional(session, community, site)
    of_role = {
        Role.PROFESSIONAL: {"professional": doctor},
        Role.SECRETARY: {"sites": (site,)},
    }
    made = {role: an_account(session, community, role, **of_role.get(role, {})) for role in Role}
    session.commit()
    return made


@pytest.mark.parametrize("role", Role)
def test_each_role_enters_its_own_doors_and_no_other_is_there(app, staff, role):
    client = signed_in(app, staff[role])

    seen = {path for path in DOORS if client.get(path).status_code == 200}
    hidden = {path for path in DOORS if client.get(path).status_code == 404}

    assert seen == {path for path, roles in DOORS.items() if role in roles}
    assert hidden == DOORS.keys() - seen


def test_whoever_is_not_signed_in_is_sent_to_sign_in_with_the_way_back(client):
    answers = {path: client.get(path + "?jour=2027-03-28") for path in DOORS}

    for path, answer in answers.items():
        assert answer.status_code == 303
        assert answer.location == f"/connexion?next={path}?jour%3D2027-03-28"


@pytest.mark.parametrize("role", Role)
def test_signing_in_leads_to_the_first_page_of_the_role(app, staff, role):
    client = app.test_client()

    answer = client.post("/connexion", data={"email": staff[role].email, "password": PASSWORD})

    assert answer.status_code == 303
    assert client.get(answer.location).status_code == 200


def test_signing_in_leads_back_to_the_page_that_was_asked_for(app, staff):
    client = app.test_client()
    asked = client.get("/console?close=")

    form = client.get(asked.location)
    answer = client.post(
        "/connexion",
        data={
            "email": staff[Role.OPERATOR].email,
            "password": PASSWORD,
            "next": "/console?close=",
        },
    )

    assert 'name="next" value="/console?close="' in form.text
    assert answer.location == "/console?close="


ELSEWHERE = (
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example",
    "\\\\evil.example", "http:evil.example", "javascript:alert(1)", "/a\nb", "/a\tb",
    " //evil.example", "/ /evil.example", "console", "", "/\x00", "////", "/\u202eevil",
    "https:/evil.example", "data:text/html,x", "/\\/evil.example", "//[", "/%0d%0aX: y\r\n",
)  # fmt: skip


def test_signing_in_never_leads_to_another_site(app, staff):
    client, email = app.test_client(), staff[Role.OPERATOR].email

    led_to = {
        target: client.post(
            "/connexion", data={"email": email, "password": PASSWORD, "next": target}
        ).location
        for target in ELSEWHERE
    }

    assert led_to == dict.fromkeys(ELSEWHERE, "/console")


@pytest.mark.parametrize("target", ["/console", "/journee?jour=2027-03-28", "/r/abc"])
def test_a_path_of_this_site_is_kept(target):
    assert door.inside(target) == target


def test_a_wrong_password_and_an_unknown_account_get_the_same_page(app, staff):
    def refused(email):
        answer = app.test_client().post("/connexion", data={"email": email, "password": "faux"})
        return answer.status_code, words(answer)

    known, unknown = refused(staff[Role.OPERATOR].email), refused("personne@tilleuls.example")

    assert known == unknown
    assert known[0] == 422
    assert "Adresse ou mot de passe incorrect." in known[1]


def test_too_many_failures_say_the_same_sentence(app, staff):
    client = app.test_client()
    for _ in range(10):
        client.post("/connexion", data={"email": "personne@tilleuls.example", "password": "x"})

    answer = client.post("/connexion", data={"email": "personne@tilleuls.example", "password": "x"})

    assert answer.status_code == 429
    assert "Adresse ou mot de passe incorrect." in words(answer)


def test_what_was_typed_stays_but_for_the_password(app, staff):
    answer = app.test_client().post(
        "/connexion", data={"email": "claire@tilleuls.example", "password": "secret-tapé"}
    )

    assert 'value="claire@tilleuls.example"' in answer.text
    assert "secret-tapé" not in answer.text


def test_whatever_is_typed_gets_an_answer(app, staff):
    client = app.test_client()

    for typed in ("\x00", "😀" * 200, "a" * 60_000, "\u202e", "<script>"):
        answer = client.post("/connexion", data={"email": typed, "password": typed})
        assert answer.status_code in {413, 422, 429}
        assert "<script>" not in answer.text


def test_the_cookie_holds_a_token_and_nothing_about_anybody(app, staff):
    client = signed_in(app, staff[Role.OPERATOR])

    with client.session_transaction() as kept:
        assert kept.keys() <= {"staff", "csrf_token"}
    cookie = client.get_cookie("session")
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_a_cookie_from_before_the_sign_in_opens_nothing_after_it(app, staff, session):
    client = signed_in(app, staff[Role.OPERATOR])
    with client.session_transaction() as kept:
        before = kept["staff"]

    client.post("/connexion", data={"email": staff[Role.COORDINATOR].email, "password": PASSWORD})

    with client.session_transaction() as kept:
        assert kept["staff"] != before
        kept["staff"] = before
    assert client.get("/console").status_code == 303


def test_nothing_of_the_cookie_from_before_survives_the_sign_in(app, staff):
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["csrf_token"] = "known to somebody else"

    client.post("/connexion", data={"email": staff[Role.OPERATOR].email, "password": PASSWORD})

    with client.session_transaction() as kept:
        assert kept.keys() == {"staff"}


def test_signing_out_ends_the_session_also_for_a_copy_of_the_cookie(app, staff):
    client = signed_in(app, staff[Role.OPERATOR])
    copy = client.get_cookie("session").value

    answer = client.post("/deconnexion")

    assert answer.location == "/connexion"
    assert client.get("/console").status_code == 303
    thief = app.test_client()
    thief.set_cookie("session", copy)
    assert thief.get("/console").status_code == 303


def test_a_closed_account_is_out_at_its_next_page(app, staff, session, hands):
    client, account = signed_in(app, staff[Role.OPERATOR]), staff[Role.OPERATOR]

    accounts.close(session, account.community_id, account.reference, now=hands())
    session.commit()

    assert client.get("/console").status_code == 303


def test_a_made_up_token_in_the_cookie_is_nobody(app, staff):
    client = app.test_client()
    for token in ("x", 7, None, ["a"], "\x00"):
        with client.session_transaction() as kept:
            kept["staff"] = token
        assert client.get("/console").status_code == 303


def test_no_get_changes_anything_but_when_a_session_was_last_used(app, staff, session):
    client = app.test_client()

    for path in ("/connexion", "/deconnexion", *DOORS):
        client.get(path)

    assert session.scalar(select(func.count()).select_from(StaffSession)) == 0
    assert client.get("/deconnexion").status_code == 405


def test_a_form_without_its_token_is_refused(app, staff):
    client = signed_in(app, staff[Role.ADMINISTRATOR])
    app.config["WTF_CSRF_ENABLED"] = True

    for path in (
        "/connexion", "/deconnexion", "/mot-de-passe", "/administration/comptes",
        "/administration/cles",
    ):  # fmt: skip
        assert client.post(path, data={}).status_code == 400


def test_the_forms_token_lets_a_form_through(app, staff):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    token = client.get("/connexion").text.split('name="csrf_token" value="')[1].split('"')[0]

    answer = client.post(
        "/connexion",
        data={
            "email": staff[Role.OPERATOR].email,
            "password": PASSWORD,
            "csrf_token": token,
        },
    )

    assert answer.status_code == 303


def test_somebody_changes_their_password_and_signs_in_again(app, staff):
    client = signed_in(app, staff[Role.OPERATOR])

    answer = client.post(
        "/mot-de-passe", data={"present": PASSWORD, "wanted": "cinq mots tout neufs 77"}
    )

    assert answer.location == "/connexion?mot-de-passe"
    assert "Votre mot de passe est enregistré" in words(client.get(answer.location))
    assert client.get("/console").status_code == 303


@pytest.mark.parametrize(
    ("present", "wanted", "sentence"),
    [
        ("faux", "cinq mots tout neufs 77", "Ce n’est pas votre mot de passe actuel"),
        (PASSWORD, "court", "Choisissez au moins 12 caractères"),
        (PASSWORD, "motdepasse2027", "trop courant"),
    ],
)
def test_a_password_that_is_refused_says_why(app, staff, present, wanted, sentence):
    answer = signed_in(app, staff[Role.OPERATOR]).post(
        "/mot-de-passe", data={"present": present, "wanted": wanted}
    )

    assert answer.status_code == 422
    assert sentence in words(answer)
    assert wanted not in answer.text


def test_staff_pages_are_kept_by_nobody_and_framed_by_nobody(app, staff):
    clients = [signed_in(app, account) for account in staff.values()]

    for answer in (client.get(path) for client in clients for path in ("/connexion", *DOORS)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
