"""What a community may say in its own words, and what is said when it does."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import own_words, proofreading
from notifications.gsm7 import segments
from notifications.messages import BookingConfirmed
from notifications.own_words import CASES, PARTS
from notifications.proofreading import Example, Fault, WordsRefused
from notifications.texts import TEXTS

PARIS = ZoneInfo("Europe/Paris")
LINK = "https://rdv.example/r/7Vn0PzQ2bW9xLk3T4uVw5x"
VALUES = Example(
    community="CPTS du Val",
    place="Maison de santé des Tilleuls",
    address="3 rue des Tilleuls, 54000 Exempleville",
    link=LINK,
    zone=PARIS,
)
EVERY = [
    (case, part, language)
    for case in CASES
    for part in PARTS
    for language in TEXTS
    if own_words.ours(case, part, language)
]


def refused(text, case="confirmed", part="sms", language="fr", values=VALUES):
    with pytest.raises(WordsRefused) as why:
        proofreading.check(proofreading.example_of(case, language, values), part, text)
    return why.value.fault


@pytest.mark.parametrize(("case", "part", "language"), EVERY)
def test_our_own_texts_pass_and_come_back_from_french_marks(case, part, language):
    ours = own_words.ours(case, part, language)
    message = proofreading.example_of(case, language, VALUES)

    proofreading.check(message, part, ours)
    assert own_words.from_french(own_words.in_french(ours), ours) == ours
    assert proofreading.said(message, part, ours) == getattr(message, part)()
    assert "{" not in proofreading.said(message, part, ours)


def test_every_case_is_told_to_a_patient_and_names_itself():
    assert [proofreading.example_of(case, "fr", VALUES).name() for case in CASES] == list(CASES)
    assert not any(case.startswith(("notice", "deadline")) for case in CASES)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.EMPTY),
        ("{nom} {day} {hour}{place} {link}", Fault.UNKNOWN_MARK),
        ("{day.__class__} {hour}{place} {link}", Fault.UNKNOWN_MARK),
        ("{day!r} {day} {hour}{place} {link}", Fault.UNKNOWN_MARK),
        ("{} {day} {hour}{place} {link}", Fault.UNKNOWN_MARK),
        ("{ {day} {hour}{place} {link}", Fault.UNKNOWN_MARK),
        ("{{day}} {day} {hour}{place} {link}", Fault.UNKNOWN_MARK),
        ("{until} {day} {hour}{place} {link}", Fault.UNKNOWN_MARK),
        ("Le {day}{place} {link}", Fault.MISSING_MARK),
        ("Le {day} à {hour} {link}", Fault.MISSING_MARK),
        ("Le {day} à {hour}{place}", Fault.MISSING_MARK),
        ("Le {day} à {hour}{place}. {link}.", Fault.LINK_IS_STUCK),
        ("Le {day} à {hour}{place}. https://evil{link}", Fault.LINK_IS_STUCK),
        ("Le {day} à {hour}{place} {link} evil.example", Fault.ANOTHER_SITE),
        ("Le {day} à {hour}{place} {link} HTTPS://evil", Fault.ANOTHER_SITE),
        ("Le {day} à {hour}{place} {link} tel.santé.fr/a", Fault.ANOTHER_SITE),
        (
            "Votre rendez-vous est confirmé, merci et à bientôt. Le {day} à {hour}{place} {link}",
            Fault.TOO_LONG,
        ),
        ("Le {day} à {hour}{place} {link}" + " a" * 400, Fault.TOO_LONG),
    ],
)
def test_what_may_not_be_said_is_refused(text, fault):
    assert refused(text) is fault


def test_the_15_stays_where_we_say_it():
    kept = "Rappel {day} avant {hour}{place}. Pire ? Le 15. {link}"
    proofreading.check(proofreading.example_of("call_back", "fr", VALUES), "sms", kept)

    gone = "Rappel {day} avant {hour}{place}. Pire ? Le 115. {link}"
    assert refused(gone, case="call_back") is Fault.WITHOUT_15


def test_a_longer_address_leaves_fewer_words():
    text = "RDV confirmé, merci et à bientôt, {day} à {hour}{place}. Changer, annuler : {link}"
    short = Example(**vars(VALUES) | {"address": "3 rue Haute, 54000 Val"})

    proofreading.check(proofreading.example_of("confirmed", "fr", short), "sms", text)
    assert refused(text) is Fault.TOO_LONG


@given(
    words=st.text(alphabet="abc é’€ñœ{}.:/15\n", max_size=120),
    address=st.text(max_size=120),
)
def test_whatever_passes_is_one_segment_with_its_whole_link(words, address):
    values = Example(**vars(VALUES) | {"address": address})
    text = f"{words} {{day}} {{hour}}{{place}} {{link}}"
    message = proofreading.example_of("confirmed", "fr", values)
    try:
        proofreading.check(message, "sms", text)
    except WordsRefused:
        return
    said = proofreading.said(message, "sms", text)

    assert segments(said) == 1
    assert said.endswith(LINK)
    assert "mercredi 23 sept. 22h30" in said
    assert said != message.sms()


def a_confirmation(own, **but):
    told = {
        "starts_at": datetime(2026, 11, 21, 13, 20, tzinfo=UTC),
        "place": "Cabinet",
        "address": "3 rue Haute",
        "link": LINK,
        "zone": PARIS,
    }
    return BookingConfirmed(**told | but, own=own)


def test_a_message_says_the_communitys_words_in_their_language_and_part_alone():
    own = {"confirmed.sms.fr": {"text": "A bientôt {day} {hour}{place} {link}"}}

    assert a_confirmation(own).sms() == f"A bientot samedi 21 nov. 14h20, 3 rue Haute {LINK}"
    assert a_confirmation(own, language="en").sms() == a_confirmation({}, language="en").sms()
    assert a_confirmation(own).email() == a_confirmation({}).email()
    assert a_confirmation(own).voice() == a_confirmation({}).voice()


@pytest.mark.parametrize(
    "kept",
    ["{no_more_known} {day} {hour}{place} {link}", "x" * 100 + " {day} {hour}{place} {link}"],
)
def test_words_that_no_longer_fit_are_not_said(kept):
    assert a_confirmation({"confirmed.sms.fr": {"text": kept}}).sms() == a_confirmation({}).sms()


def test_no_mark_names_who_or_why():
    assert set(own_words.IN_FRENCH) == {
        mark for text in EVERY for mark in own_words.marks(own_words.ours(*text))
    }
