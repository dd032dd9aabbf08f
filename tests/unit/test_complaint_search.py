"""What patients and operators type for a reason, and what it finds."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import protocols
from booking.web.complaint_search import folded, matching

COMPLAINTS = protocols.in_force(date(2027, 3, 1))["fr"].complaints


def first(text: str) -> list[str]:
    return [complaint.id for complaint in matching(COMPLAINTS, text)][:4]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("angine", "mal_gorge"),
        ("ANGINE", "mal_gorge"),
        ("gorge", "mal_gorge"),
        ("mal à la gorge", "mal_gorge"),
        ("cheville tordue", "trauma_membre"),
        ("chevile", "trauma_membre"),
        ("entorce", "trauma_membre"),
        ("brulures urinaires", "urinaire_femme"),
        ("température", "fievre_enfant"),
    ],
)
def test_a_word_finds_what_is_meant(typed, meant):
    assert meant in first(typed)


@pytest.mark.parametrize("typed", ["", "  ", "de la", "xyzzy", "'", "\x00", "🙂"])
def test_nothing_finds_nothing(typed):
    assert matching(COMPLAINTS, typed) == []


@given(st.text(max_size=200))
def test_any_text_has_an_answer_and_nobody_stands_twice(typed):
    found = matching(COMPLAINTS, typed)

    assert len({complaint.id for complaint in found}) == len(found)


@given(st.sampled_from(COMPLAINTS))
def test_every_reason_is_found_by_its_own_title(complaint):
    words = [w for w in folded(complaint.title).split() if len(w) > 4]

    assert not words or complaint in matching(COMPLAINTS, words[0])
