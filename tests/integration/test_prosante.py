"""Signing in with Pro Santé Connect, against an OpenID provider on the loopback."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Response
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import ValidationError
from sqlalchemy import func, select, text

from booking.models import NationalProof, Role, SignInFailure, StaffSession
from booking.privacy import forget
from booking.prosante import identity
from booking.prosante.identity import Demands, Refused, Why
from booking.web import prosante
from config.clock import utc_now
from config.database import transaction
from config.settings import Settings
from tests.builders import a_community, a_professional, a_site
from tests.openid_server import CLIENT_ID, CLIENT_SECRET, DOCTOR, RPPS, OpenIdServer
from tests.staffing import an_account, signed_in, words

# What the forger does is warned of, as it should be.
pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")

START, BACK = "/connexion/pro-sante-connect", "/connexion/pro-sante-connect/retour"
CHOICE, OUT = "/connexion/pro-sante-connect/compte", "/deconnexion/pro-sante-connect"


@pytest.fixture(scope="module")
def running():
    with OpenIdServer(f"http://localhost{BACK}") as server:
        yield server


@pytest.fixture
def psc(running, hands):
    running.reset()
    prosante._made.cache_clear()
    hands.now = utc_now()  # tokens are made by the clock of the wall
    return running


@pytest.fixture
def app_settings(engine, running):
    return Settings(
        database_url=engine.url.render_as_string(hide_password=False),
        public_base_url="http://localhost",
        psc_discovery_url=running.discovery_url,
        psc_client_id=CLIENT_ID,
        psc_client_secret=CLIENT_SECRET,
    )


def an_account_of(session, rpps=RPPS, **but):
    community = a_community(session)
    site = a_site(session, community)
    doctor = a_professional(session, community, site, rpps=rpps, **but)
    made = an_account(session, community, Role.PROFESSIONAL, professional=doctor)
    session.commit()
    return made


@pytest.fixture
def doctor(session, psc):
    return an_account_of(session)


def there(client, start=START):
    """Press the button, and be identified: return the address that the browser is sent back to."""
    led_to = client.get(start)
    assert led_to.status_code == 303, led_to.text
    answer = requests.get(led_to.location, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["Location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"http://localhost{BACK}"
    return f"{parts.path}?{parts.query}"


def there_and_back(client, start=START):
    return client.get(there(client, start))


def sessions_of(session):
    session.rollback()
    return session.scalar(select(func.count()).select_from(StaffSession))


def assert_nobody_got_in(session, answer, status, said):
    assert answer.status_code == status
    assert said in words(answer)
    assert sessions_of(session) == 0


def test_a_professional_gets_in_and_has_shown_both_factors(app, session, doctor, hands):
    client = app.test_client()

    answer = there_and_back(client)

    assert (answer.status_code, answer.location) == (303, "/journee")
    assert client.get("/journee").status_code == 200
    opened = session.scalars(select(StaffSession)).one()
    assert (opened.account_id, opened.proved_at) == (doctor.id, hands())


def test_it_is_led_to_with_what_the_standard_asks_for(client, psc):
    led_to = urlsplit(client.get(START).location)
    asked = {name: values[0] for name, values in parse_qs(led_to.query).items()}

    assert (
        asked.items()
        >= {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": f"http://localhost{BACK}",
            "scope": "openid scope_all",
            "acr_values": "eidas1",
            "code_challenge_method": "S256",
        }.items()
    )
    assert all(len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge"))


def test_the_page_that_was_asked_for_is_shown_after_it_and_none_of_another_site(app, doctor):
    wanted = there_and_back(app.test_client(), f"{START}?next=/creneaux")
    elsewhere = there_and_back(app.test_client(), f"{START}?next=//evil.example")

    assert (wanted.location, elsewhere.location) == ("/creneaux", "/journee")


def test_the_cookie_holds_nothing_about_anybody(app, doctor):
    client = app.test_client()
    there_and_back(client)

    with client.session_transaction() as kept:
        assert kept.keys() <= {"staff", "psc", "csrf_token"}
        assert RPPS not in str(dict(kept))


def test_a_cookie_from_before_opens_nothing_after_it(app, session, doctor):
    client = signed_in(app, doctor)
    with client.session_transaction() as kept:
        before = kept["staff"]
    client.post("/deconnexion")
    there_and_back(client)

    with client.session_transaction() as kept:
        assert kept["staff"] != before


def test_an_answer_to_another_browser_opens_nothing_here(app, session, doctor):
    of_the_attacker = there(app.test_client())
    victim = app.test_client()
    victim.get(START)

    for browser in (app.test_client(), victim):
        answer = browser.get(of_the_attacker)
        assert_nobody_got_in(session, answer, 400, "n’a pas commencé ici")


def test_an_attempt_is_answered_once_and_within_ten_minutes(app, session, doctor, hands):
    client = app.test_client()
    first = there(client)
    hands.wait(timedelta(minutes=10))
    late = client.get(first)
    again = client.get(first)

    assert_nobody_got_in(session, late, 400, "a trop duré")
    assert_nobody_got_in(session, again, 400, "a trop duré")


def test_an_attempt_that_was_answered_wrongly_is_over(app, session, doctor):
    client = app.test_client()
    right = there(client)
    client.get(f"{BACK}?state=another&code=x")

    assert_nobody_got_in(session, client.get(right), 400, "n’a pas commencé ici")


def test_a_code_that_was_used_opens_nothing_again(app, session, doctor, psc):
    client = app.test_client()
    back = there(client)
    with client.session_transaction() as kept:
        attempt = kept[prosante.ATTEMPT]
    assert client.get(back).location == "/journee"

    with client.session_transaction() as kept:
        kept.clear()
        kept[prosante.ATTEMPT] = attempt
    answer = client.get(back)

    assert answer.status_code == 403
    assert "n’est pas acceptée" in words(answer)
    assert sessions_of(session) == 1


def test_whoever_cancels_there_is_told_so_here(app, session, doctor):
    client = app.test_client()
    state = parse_qs(urlsplit(client.get(START).location).query)["state"][0]

    answer = client.get(f"{BACK}?error=access_denied&state={state}")

    assert_nobody_got_in(session, answer, 400, "n’a pas confirmé votre identité")


@pytest.mark.parametrize("query", ["", "?state=", "?code=x", "?state=%ff%00&code=%ff", "?state=é"])
def test_nothing_that_comes_back_is_a_failure_of_ours(client, psc, query):
    client.get(START)

    assert client.get(BACK + query).status_code == 400


NOW = int(utc_now().timestamp())
LIES = {
    "another's nonce": lambda claims: claims | {"nonce": "n" * 48},
    "no nonce": lambda claims: {k: v for k, v in claims.items() if k != "nonce"},
    "another audience": lambda claims: claims | {"aud": "another"},
    "another audience that names us": lambda c: c | {"aud": "another", "azp": CLIENT_ID},
    "another party": lambda claims: claims | {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "no audience": lambda claims: {k: v for k, v in claims.items() if k != "aud"},
    "another issuer": lambda claims: claims | {"iss": "https://auth.evil.example"},
    "no issuer": lambda claims: {k: v for k, v in claims.items() if k != "iss"},
    "expired": lambda claims: claims | {"exp": NOW - 60},
    "no expiry": lambda claims: {k: v for k, v in claims.items() if k != "exp"},
    "an expiry in words": lambda claims: claims | {"exp": "never"},
    "from the future": lambda claims: claims | {"iat": NOW + 3600},
    "not valid yet": lambda claims: claims | {"nbf": NOW + 3600},
    "of another access token": lambda claims: claims | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "nobody": lambda claims: {k: v for k, v in claims.items() if k != "sub"},
    "somebody else": lambda claims: claims | {"sub": "f:another"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_hold_opens_nothing(app, session, doctor, psc, lie):
    psc.twisted = LIES[lie]

    answer = there_and_back(app.test_client())

    assert_nobody_got_in(session, answer, 403, "n’est pas acceptée")


def _with_a_secret(claims, secret):
    """Return a token of HS256, made by hand: the library knows a public key when it sees one."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "now"}, claims)]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
    return b".".join([signed, signature]).decode()


STRANGER = RSAKey.generate_key(2048, {"kid": "now"})


def _by_a_stranger(claims, **header):
    return jwt.encode({"alg": "RS256"} | header, claims, STRANGER)


FORGERIES = {
    "alg none": lambda _psc, claims: jwt.encode({"alg": "none"}, claims, None, ["none"]),
    "the public key as a secret": lambda psc, claims: _with_a_secret(
        claims, psc.key.as_pem(private=False)
    ),
    "our secret": lambda _psc, claims: _with_a_secret(claims, CLIENT_SECRET.encode()),
    "a stranger's key": lambda _psc, claims: _by_a_stranger(claims, kid="now"),
    "a stranger's key in the header": lambda _psc, claims: _by_a_stranger(
        claims, kid="now", jwk=STRANGER.as_dict(private=False)
    ),
    "a key that nobody knows": lambda _psc, claims: _by_a_stranger(claims, kid="later"),
    "not signed": lambda psc, claims: psc.signed_truly(claims).rpartition(".")[0] + ".",
    "no token": lambda _psc, _claims: "",
    "no text": lambda _psc, _claims: 42,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_the_provider_has_not_signed_opens_nothing(app, session, doctor, psc, forgery):
    psc.sign = partial(FORGERIES[forgery], psc)

    answer = there_and_back(app.test_client())

    assert_nobody_got_in(session, answer, 403, "n’est pas acceptée")


def test_a_key_that_the_provider_took_lately_is_asked_for(app, doctor, psc):
    there_and_back(app.test_client())
    former, psc.key = psc.key, RSAKey.generate_key(2048, {"kid": "next"})

    answer = there_and_back(app.test_client())

    psc.key = former
    assert answer.location == "/journee"


def test_what_the_provider_says_of_itself_is_asked_once_an_hour(app, doctor, psc, hands):
    psc.asked.clear()
    for _ in range(3):
        there_and_back(app.test_client())

    assert sum("well-known" in path for path in psc.asked) == 1
    assert sum(path.endswith("/certs") for path in psc.asked) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://auth.evil.example"},
        {"token_endpoint": "http://auth.evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": 42},
    ],
)
def test_a_provider_that_is_another_is_not_spoken_to(client, psc, wrong):
    psc.discovered = wrong

    answer = client.get(START)

    assert answer.status_code == 503
    assert "ne répond pas" in words(answer)


def test_a_userinfo_that_is_signed_is_read_as_one_that_is_not(app, doctor, psc):
    def signed(said):
        claims = said | {"iss": psc.issuer, "aud": CLIENT_ID}
        return Response(psc.signed_truly(claims), mimetype="application/jwt")

    psc.userinfo = signed

    assert there_and_back(app.test_client()).location == "/journee"


@pytest.mark.parametrize(
    "wrong", [{"iss": "https://auth.evil.example"}, {"aud": "another"}, {"sub": "f:another"}]
)
def test_a_signed_userinfo_for_somebody_else_opens_nothing(app, session, doctor, psc, wrong):
    def signed(said):
        claims = said | {"iss": psc.issuer, "aud": [CLIENT_ID]} | wrong
        return Response(psc.signed_truly(claims), mimetype="application/jwt")

    psc.userinfo = signed

    assert_nobody_got_in(session, there_and_back(app.test_client()), 403, "n’est pas acceptée")


NOT_ENOUGH = {
    "no exercise": ({"SubjectRefPro": {"exercices": []}}, "pas d’exercice en cours"),
    "no reference": ({"SubjectRefPro": None}, "pas d’exercice en cours"),
    "an exercise of nothing": (
        {"SubjectRefPro": {"exercices": [{"codeProfession": ""}]}},
        "pas d’exercice en cours",
    ),
    "ADELI": ({"SubjectNameID": "0779900001"}, "Il faut un numéro RPPS"),
    "a structure's": ({"SubjectNameID": "499700427885006"}, "Il faut un numéro RPPS"),
    "a test identity": ({"SubjectNameID": "ANS20231122132732"}, "Il faut un numéro RPPS"),
    "other digits": ({"SubjectNameID": "8٩٩٧٠٠٤٢٧٨٨٥"}, "Il faut un numéro RPPS"),
    "no number": ({"SubjectNameID": None}, "Il faut un numéro RPPS"),
    "of nobody here": ({"SubjectNameID": "810005681340"}, "Aucun compte ouvert"),
}


@pytest.mark.parametrize("lack", NOT_ENOUGH)
def test_whoever_is_not_known_well_enough_is_told_whom_to_ask(app, session, doctor, psc, lack):
    changed, said = NOT_ENOUGH[lack]
    psc.person |= changed

    answer = there_and_back(app.test_client())

    assert_nobody_got_in(session, answer, 403, said)
    assert 'href="/connexion"' in answer.text


@pytest.mark.parametrize(
    ("acr", "palier", "demands", "is_enough"),
    [
        ("eidas1", "APPPRIP3^1.2", Demands(), True),
        ("eidas3", "APPPRIP3^1.2", Demands("eidas2"), True),
        ("eidas1", "APPPRIP3^1.2", Demands("eidas2"), False),
        (None, "APPPRIP3^1.2", Demands(), False),
        ("1", "APPPRIP3^1.2", Demands(), False),
        ("eidas1", "APPPRIP3^1.2", Demands(palier="APPPRIP3"), True),
        ("eidas1", "APPPRIP2^1.2", Demands(palier="APPPRIP3"), False),
        ("eidas1", None, Demands(palier="APPPRIP3"), False),
    ],
)
def test_as_much_is_asked_as_was_set(acr, palier, demands, is_enough):
    said = {"sub": "s"} | DOCTOR | {"Palier_Authentification": palier}
    if is_enough:
        assert identity.rpps_of({"sub": "s", "acr": acr}, said, demands) == RPPS
        return
    with pytest.raises(Refused) as refused:
        identity.rpps_of({"sub": "s", "acr": acr}, said, demands)
    assert refused.value.why is Why.TOO_WEAK


def test_somebody_suspended_or_closed_is_refused(app, session, doctor, hands):
    doctor.closed_at = hands()
    session.commit()
    assert_nobody_got_in(session, there_and_back(app.test_client()), 403, "Aucun compte ouvert")

    an_account_of(session, suspended_at=hands())
    assert_nobody_got_in(session, there_and_back(app.test_client()), 403, "Aucun compte ouvert")


def test_who_works_in_two_communities_says_in_which(app, session, doctor):
    other = an_account_of(session)
    client = app.test_client()

    asked = there_and_back(client, f"{START}?next=/creneaux")
    page = client.get(asked.location)
    with client.session_transaction() as kept:
        token = kept[prosante.CHOICE]
    answer = client.post(CHOICE, data={"compte": other.reference, "next": "/creneaux"})

    assert asked.location == f"{CHOICE}?next=/creneaux"
    assert "Dans quelle CPTS ?" in words(page)
    assert str(doctor.reference) in page.text
    assert answer.location == "/creneaux"
    assert session.scalars(select(StaffSession.account_id)).all() == [other.id]
    with client.session_transaction() as kept:
        kept.clear()
        kept[prosante.CHOICE] = token
    assert client.post(CHOICE, data={"compte": doctor.reference}).location == "/connexion"
    assert sessions_of(session) == 1


def test_what_was_not_on_offer_is_not_opened(app, session, doctor, hands):
    an_account_of(session)
    stranger = an_account_of(session, rpps="10005681340")
    client = app.test_client()
    there_and_back(client)

    for wrong in (str(stranger.reference), "", "x", "\x00"):
        answer = client.post(CHOICE, data={"compte": wrong})
        assert_nobody_got_in(session, answer, 422, "Choisissez un compte")
    hands.wait(timedelta(minutes=10))
    assert client.post(CHOICE, data={"compte": doctor.reference}).location == "/connexion"
    assert sessions_of(session) == 0


def test_a_proof_that_awaits_a_choice_is_no_session_and_no_first_step(app, session, doctor):
    an_account_of(session)
    client = app.test_client()
    there_and_back(client)
    with client.session_transaction() as kept:
        kept["staff"] = kept["half"] = kept[prosante.CHOICE]

    assert client.get("/journee").status_code == 303
    assert client.get("/connexion/code").location == "/connexion"


def test_a_proof_is_forgotten_after_a_day(app, session, doctor, hands):
    an_account_of(session)
    there_and_back(app.test_client())

    with transaction(session):
        forget(session, now=hands() + timedelta(days=1))

    assert session.scalar(select(func.count()).select_from(NationalProof)) == 0


def test_when_the_provider_is_down_the_page_says_so_and_the_password_stays(client, psc):
    psc.down = 500

    answer = client.get(START)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "15")
    assert "Votre mot de passe marche toujours" in words(answer)
    assert client.get("/connexion").status_code == 200


def test_a_provider_that_redirects_is_not_followed(client, psc):
    psc.down = 302

    assert client.get(START).status_code == 503


def test_while_it_is_down_nobody_waits_for_it_in_vain_and_then_it_is_asked_again(
    client, psc, hands
):
    psc.down = 500
    psc.asked.clear()
    for _ in range(5):
        client.get(START)
    asked_while_down = len(psc.asked)

    psc.down = 0
    hands.wait(timedelta(seconds=15))

    assert asked_while_down == 1
    assert client.get(START).status_code == 303


def test_a_provider_that_takes_thirty_seconds_keeps_a_page_for_six(client, psc):
    psc.slow = 30

    before = time.monotonic()
    answer = client.get(START)

    assert answer.status_code == 503
    assert time.monotonic() - before < 6


def test_what_fails_when_the_code_is_changed_says_so_too(app, session, doctor, psc):
    client = app.test_client()
    back = there(client)
    psc.down = 503

    assert_nobody_got_in(session, client.get(back), 503, "ne répond pas")


def test_no_transaction_waits_while_the_provider_answers(app, engine, doctor, psc):
    waiting = []

    def looked(claims):
        with engine.connect() as connection:
            waiting.extend(
                connection.scalars(
                    text(
                        "SELECT query FROM pg_stat_activity WHERE datname = current_database()"
                        " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
                    )
                )
            )
        return claims

    psc.twisted = looked

    assert there_and_back(app.test_client()).location == "/journee"
    assert waiting == []


def test_forged_answers_are_counted_and_then_not_looked_at(app, session, doctor, psc):
    psc.twisted = LIES["expired"]
    for _ in range(30):
        there_and_back(app.test_client())
    psc.reset()

    answer = there_and_back(app.test_client())

    assert answer.status_code == 429
    assert session.scalar(select(func.count()).select_from(SignInFailure)) == 30


def test_whoever_leaves_is_offered_to_leave_there_too(app, doctor, psc):
    client = app.test_client()
    there_and_back(client)

    left = client.post("/deconnexion")
    page = client.get(left.location)
    out = client.get(OUT)

    assert f'href="{OUT}"' in page.text
    assert "Vous avez quitté JourMême." in words(page)
    assert client.get("/journee").location.startswith("/connexion")
    back_from = requests.get(out.location, allow_redirects=False, timeout=10).headers["Location"]
    assert back_from == "http://localhost/connexion"


def test_who_came_by_password_is_offered_nothing_of_it_when_leaving(app, doctor):
    left = signed_in(app, doctor).post("/deconnexion")

    assert left.location == "/connexion"
    assert OUT not in app.test_client().get(left.location).text


def test_the_button_is_on_the_page_and_hands_on_where_one_was_going(client, psc):
    page = client.get("/connexion?next=/creneaux")

    assert "S’identifier avec Pro Santé Connect" in words(page)
    assert f'href="{START}?next=/creneaux"' in page.text


@pytest.mark.parametrize(
    "half",
    [
        {"psc_client_id": "x"},
        {"psc_discovery_url": "https://psc.example/.well-known/x", "psc_client_id": "x"},
        {
            "psc_discovery_url": "http://psc.example/.well-known/x",
            "psc_client_id": "x",
            "psc_client_secret": "x",
        },
    ],
)
def test_a_provider_that_is_named_by_half_or_can_be_overheard_stops_the_start(half):
    with pytest.raises(ValidationError, match="PSC_"):
        Settings(**half)
