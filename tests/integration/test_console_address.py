"""Where somebody sent to the 15 is now: typed, kept, dictated; lost by nobody, told to nobody."""

import io
import logging
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from booking.desk import ask
from booking.models import CareRequest, Role, Transfer, TransferState
from config import logs
from notifications.models import OutboxMessage
from tests.builders import a_request, a_triaged_request
from tests.clockwork import NOON
from tests.integration.console_desk import Desk, pieces_of, to_the_slots
from tests.integration.patient_walk import a_town
from tests.staffing import an_account, signed_in, words

WHERE = "12 rue des Lilas, 3e étage, code 45B12"
ELSEWHERE = "Gare, quai 2"


@pytest.fixture
def town(session):
    return a_town(session)


@pytest.fixture
def account(session, town):
    made = an_account(session, town.community, Role.OPERATOR)
    session.commit()
    return made


@pytest.fixture
def operator(app, account):
    return signed_in(app, account)


@pytest.fixture
def colleague(app, session, town):
    made = an_account(
        session, town.community, Role.OPERATOR, email="autre@tilleuls.example", name="Sacha Colin"
    )
    session.commit()
    return signed_in(app, made)


@pytest.fixture
def desk(operator):
    return Desk(operator)


@pytest.fixture
def lines():
    """Everything that is logged meanwhile."""
    root, ours = logging.getLogger(), logging.getLogger("jourmeme")
    before = root.handlers[:], root.level, ours.level
    written = io.StringIO()
    logs.configure(written)
    yield written
    root.handlers[:], root.level, ours.level = before
    logging.getLogger("werkzeug").disabled = False


@pytest.fixture
def transferred(session, town, protocol):
    """Somebody on the web who left a number, and ticked a sign."""
    made = a_request(session, town.community, answers={"u_poitrine": "yes"})
    ask.assess(session, made, protocol, town.community, now=NOON)
    session.commit()
    return made


def page(request) -> str:
    return f"/console/demandes/{request.reference}/15"


def the_request(session) -> CareRequest:
    session.expire_all()
    return session.scalars(select(CareRequest)).one()


def field(answer) -> str:
    """What stands in the field of the address."""
    return answer.text.partition('name="adresse" value="')[2].partition('"')[0]


def test_the_address_is_asked_as_soon_as_a_sign_is_ticked_and_not_before(protocol, desk):
    to_the_slots(desk, protocol)
    assert "Où est la personne maintenant" not in desk.says

    shown = desk.by_script(signe="u_poitrine")

    assert "zone-adresse" in pieces_of(shown)
    assert "Où est la personne maintenant" in words(shown)


def test_what_is_typed_on_the_call_is_kept_at_once_and_shown_large(session, desk):
    desk.open().press(telephone="06 39 98 12 34", signe="u_poitrine")

    drawn = desk.by_script(adresse=WHERE)

    assert the_request(session).current_address == WHERE
    assert f'id="adresse-dite">{WHERE}</dd>' in drawn.text
    assert "zone-adresse" not in pieces_of(drawn), "a field is not drawn while it is typed in"


def test_an_emergency_without_an_address_is_refused_nothing(session, desk):
    desk.open().press(telephone="06 39 98 12 34", signe="u_poitrine").press("ligne-prise")

    assert "Ligne prise" in desk.says
    assert the_request(session).current_address is None


def test_a_call_that_drops_leaves_the_address_to_whoever_rechecks(session, desk, colleague):
    desk.open().press(telephone="06 39 98 12 34", signe="u_poitrine", adresse=WHERE)
    asked = the_request(session)

    assert WHERE in words(colleague.get("/console"))
    dictated = colleague.get(page(asked))
    assert f'id="adresse-dite">{WHERE}</dd>' in dictated.text
    assert "Personne ne répond" not in words(dictated)

    unanswered = colleague.post(page(asked), data={"etat": "pas-de-reponse"}, follow_redirects=True)

    assert WHERE in words(unanswered)
    assert "Personne ne répond : donnez au 15 le numéro et le lieu." in words(unanswered)


def test_a_sign_that_was_taken_back_keeps_the_address_on_the_request(session, desk, colleague):
    desk.open().press(telephone="06 39 98 12 34", signe="u_poitrine", adresse=WHERE)
    desk.press(signe=[], aucun=[])
    asked = the_request(session)

    assert asked.current_address == WHERE
    assert WHERE in words(colleague.get(page(asked)))


def test_it_is_on_the_page_of_the_request(session, operator, transferred):
    operator.post(page(transferred), data={"adresse": WHERE})

    assert WHERE in words(operator.get(f"/console/demandes/{transferred.reference}"))


def test_the_address_alone_notes_nothing_and_a_button_keeps_it_too(session, operator, transferred):
    operator.post(page(transferred), data={"adresse": WHERE, "adresse-vue": ""})
    assert the_request(session).current_address == WHERE
    assert session.scalars(select(Transfer.state)).one() is TransferState.TO_RECHECK

    operator.post(
        page(transferred),
        data={"adresse": ELSEWHERE, "adresse-vue": WHERE, "etat": "ligne-prise"},
    )

    assert the_request(session).current_address == ELSEWHERE
    assert session.scalars(select(Transfer.state)).one() is TransferState.LINE_TAKEN


@pytest.mark.parametrize("typist", ["colleague", "operator"])
def test_a_page_that_is_older_does_not_wipe_out_what_was_typed_since(
    request, session, operator, transferred, typist
):
    request.getfixturevalue(typist).post(
        page(transferred), data={"adresse": WHERE, "adresse-vue": ""}
    )

    noted = operator.post(
        page(transferred), data={"adresse": "", "adresse-vue": "", "etat": "rappel-fait"}
    )

    assert noted.status_code == 303
    assert the_request(session).current_address == WHERE


def test_two_addresses_are_shown_side_by_side_and_the_note_is_taken_all_the_same(
    session, operator, colleague, transferred
):
    colleague.post(page(transferred), data={"adresse": WHERE, "adresse-vue": ""})

    told = operator.post(
        page(transferred),
        data={"adresse": ELSEWHERE, "adresse-vue": "", "etat": "pas-de-reponse"},
    )

    assert told.status_code == 422
    assert "Un collègue a noté une autre adresse" in words(told)
    assert WHERE in words(told)
    assert field(told) == ELSEWHERE
    assert the_request(session).current_address == WHERE
    assert session.scalars(select(Transfer.state)).one() is TransferState.NO_ANSWER

    operator.post(page(transferred), data={"adresse": ELSEWHERE, "adresse-vue": WHERE})
    assert the_request(session).current_address == ELSEWHERE


def test_ones_own_typing_never_stands_in_ones_own_way(session, operator, transferred):
    for typed in ("12 rue", "12 rue des Lilas", WHERE):
        answer = operator.post(page(transferred), data={"adresse": typed, "adresse-vue": ""})
        assert answer.status_code == 303

    assert the_request(session).current_address == WHERE


def test_an_address_given_for_a_form_that_was_left_makes_it_somebodys_call(
    app, session, town, hands, account
):
    left = a_request(session, town.community, answers={"u_poitrine": "yes"})
    session.commit()
    hands.now = NOON + timedelta(minutes=6)
    client = signed_in(app, account)

    client.post(page(left), data={"adresse": WHERE, "adresse-vue": ""})

    assert client.get(page(left)).status_code == 200
    assert WHERE in words(client.get("/console"))


@pytest.mark.parametrize("typed", ["x" * 201, "é" * 5000])
def test_an_address_that_is_too_long_stays_in_its_field_and_the_note_is_taken(
    session, operator, transferred, typed
):
    told = operator.post(page(transferred), data={"adresse": typed, "etat": "ligne-prise"})

    assert told.status_code == 422
    assert "200 lettres au plus" in words(told)
    assert field(told).startswith(typed[:200])
    assert the_request(session).current_address is None
    assert session.scalars(select(Transfer.state)).one() is TransferState.LINE_TAKEN


def test_the_database_keeps_none_that_is_much_longer(session, town):
    asked = a_request(session, town.community)
    # Sealed, it has no letters any more: four octets are allowed for each.
    asked.current_address = "x" * 900

    with pytest.raises(IntegrityError, match="ck_care_request_address_is_short"):
        session.flush()
    session.rollback()


@pytest.mark.parametrize("typed", ["\x00", "\ud800", "a\r\nb", "<script>", "' OR 1=1"])
def test_nothing_that_is_typed_makes_us_fail(session, operator, transferred, typed):
    sent = {"adresse": typed.encode("utf-8", "surrogatepass"), "adresse-vue": ""}
    answer = operator.post(page(transferred), data=sent)

    assert answer.status_code == 303
    assert "<script>" not in operator.get(page(transferred)).text.partition("<main")[2]


def test_a_form_that_says_neither_an_address_nor_a_note_is_refused(operator, transferred):
    assert operator.post(page(transferred), data={}).status_code == 400
    assert operator.post(page(transferred), data={"etat": ""}).status_code == 400


def test_no_address_is_kept_for_whoever_was_not_sent_to_the_15(session, town, protocol, operator):
    waiting = a_triaged_request(session, town.community, protocol)
    session.commit()

    answer = operator.post(page(waiting), data={"adresse": WHERE, "adresse-vue": ""})

    assert answer.status_code == 303
    assert the_request(session).current_address is None
    assert session.scalar(select(func.count()).select_from(Transfer)) == 0


def test_no_log_message_or_address_of_a_page_holds_it(session, operator, transferred, lines):
    posted = operator.post(
        page(transferred), data={"adresse": WHERE, "adresse-vue": "", "etat": "ligne-prise"}
    )
    operator.get("/console")

    written = lines.getvalue()
    assert "console.followed.note" in written
    messages = " ".join(each.text for each in session.scalars(select(OutboxMessage)))
    for told in (written, messages, posted.location):
        assert "Lilas" not in told
        assert "45B12" not in told


def test_somebody_elses_person_keeps_the_place_of_this_call(session, town, protocol, desk):
    """« C’est quelqu’un d’autre » empties who it was, not where they are: it was said just now."""
    desk.open().press(telephone="06 39 98 12 34", signe="u_poitrine", adresse=WHERE)

    desk.press("autre")

    assert the_request(session).current_address == WHERE
