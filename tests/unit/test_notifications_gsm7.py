"""The alphabet of SMS, and what a text is billed as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.gsm7 import BASIC, EXTENDED, gsm7, segments, septets

LETTERS = BASIC + EXTENDED


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Élève à Ça ù ì ò", "Élève à Ça ù ì ò"),
        ("Château de la forêt, août, Noël", "Chateau de la foret, aout, Noel"),
        ("l’hôpital «Sacré-Cœur» …", 'l\'hopital "Sacré-Coeur" ...'),
        ("10\u00a0h\u202f40", "10 h 40"),
        ("reçu", "recu"),
        ("½ • n°", "1/2 - no"),
        ("日本", "??"),
        ("e\u0301te\u0301", "été"),
    ],
)
def test_french_letters_stay_or_lose_only_their_accent(written, sent):
    assert gsm7(written) == sent


@given(st.text())
def test_any_text_becomes_letters_of_the_alphabet_and_stays_so(text):
    sent = gsm7(text)

    assert set(sent) <= set(LETTERS)
    assert gsm7(sent) == sent


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 153, 3),  # a pair of septets is never cut: 76 in each full one
        ("ê" * 70, 1),
        ("ê" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_segments_are_counted_as_they_are_billed(text, count):
    assert segments(text) == count


@given(st.text(alphabet=LETTERS))
def test_a_text_of_the_alphabet_is_one_sms_up_to_160_septets(text):
    assert (segments(text) == 1) == (septets(text) <= 160)
