"""Sealed columns: what a row shows, what its table would hold, what is noted when it is opened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.models import Assessment, CareRequest
from config import sealed
from config.database import Base
from config.sealing import SealBroken

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)


@given(TEXT)
def test_what_is_set_is_read_and_stands_nowhere(text):
    request = CareRequest(family_name=text)

    assert request.family_name == text
    assert text.encode() not in request.as_set()["family_name_sealed"] or len(text.encode()) < 4


@given(st.dates(), st.dictionaries(TEXT, st.booleans() | TEXT))
def test_dates_and_answers_come_back_as_they_were(day, answers):
    request = CareRequest(birth_date=day, answers=answers)

    assert (request.birth_date, request.answers) == (day, answers)


def test_nothing_is_kept_as_nothing():
    request = CareRequest(family_name=None, answers={}, birth_date=None)
    judged = Assessment(reasons=[], safety_net="")

    assert {request.family_name_sealed, request.answers_sealed, request.birth_date_sealed} == {None}
    assert {judged.reasons_sealed, judged.safety_net_sealed} == {None}
    assert (request.answers, judged.reasons, judged.safety_net) == ({}, [], "")


def test_the_same_twice_looks_different_and_set_again_stays_as_it_was():
    one, other = CareRequest(family_name="Morel"), CareRequest(family_name="Morel")
    before = one.family_name_sealed
    one.family_name = "Morel"

    assert one.family_name_sealed == before
    assert one.family_name_sealed != other.family_name_sealed


@pytest.mark.parametrize(
    "moved", ["family_name_sealed", "given_name_sealed"], ids=["another row", "another column"]
)
def test_what_is_moved_elsewhere_opens_no_more(moved):
    one, other = CareRequest(family_name="Morel"), CareRequest(given_name="Lucie")
    thief = other if moved == "family_name_sealed" else one
    setattr(thief, moved, one.family_name_sealed)

    with pytest.raises(SealBroken):
        getattr(thief, moved.removesuffix("_sealed"))


def test_a_phone_is_found_by_a_hash_that_only_this_installation_can_make():
    one, other = CareRequest(phone="+33639980001"), CareRequest(phone="+33639980001")

    assert one.phone_key == other.phone_key == sealed.blind("phone", "+33639980001")
    assert one.phone_key != sealed.blind("name", "+33639980001")
    other.phone = None
    assert other.phone_key is None


def test_a_name_is_found_by_the_beginnings_of_its_words_without_accents():
    request = CareRequest(family_name="Le Goff-Ménard", given_name="Zoé")

    def finds(typed):
        return sealed.blind("name", sealed.folded(typed)) in request.name_keys

    assert all(map(finds, ["me", "MENARD", "Goff", "zoé", "le"]))
    assert not any(map(finds, ["enard", "z", "menards"]))
    request.given_name = None
    assert not finds("zoé")


def test_every_sealed_attribute_is_a_column_of_bytes_under_its_own_name():
    for mapper in Base.registry.mappers:
        for each in sealed.columns(mapper.class_):
            column = mapper.columns[each.kept_as]
            assert (column.name, column.type.python_type) == (each.name, bytes)


def test_a_row_refuses_what_it_has_no_attribute_for():
    with pytest.raises(TypeError):
        CareRequest(family_names="Morel")
