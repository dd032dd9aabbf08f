"""What staff type, read without surprise: any text gives a value or a named refusal."""

from contextlib import suppress
from datetime import date, time

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from booking.web import staff_forms

TODAY = date(2027, 3, 27)
ANY = st.text(max_size=60)


@pytest.fixture(scope="module")
def french():
    app = Flask("words")
    Babel(app, default_locale="fr")
    with app.test_request_context("/"):
        yield


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("11:00", time(11)),
        ("11h", time(11)),
        ("11 h 30", time(11, 30)),
        ("8H05", time(8, 5)),
        ("9", time(9)),
        ("00:00", time()),
    ],
)
def test_an_hour_may_be_written_in_several_ways(typed, meant):
    assert staff_forms.an_hour(typed) == meant


@pytest.mark.parametrize("typed", ["24:00", "11:60", "onze", "", "11:0", "-1", "1١:00"])
def test_an_hour_that_does_not_exist_is_refused(typed):
    with pytest.raises(ValueError, match=r".*"):
        staff_forms.an_hour(typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Anne\tMarie \n", "Anne Marie"),
        ("a\x00b\u202ec\ud800", "abc"),
        ("e\u0301te\u0301", "été"),
        ("e\u200d\u0301", "é"),
        ("d’Aubigné-Ñuñez 😀", "d’Aubigné-Ñuñez 😀"),
    ],
)
def test_text_loses_only_what_no_keyboard_writes(typed, kept):
    assert staff_forms.clean(typed) == kept


@given(ANY)
def test_clean_text_can_be_kept_and_stays_the_same(text):
    kept = staff_forms.clean(text)

    assert kept.isprintable()
    assert kept.encode().decode() == kept
    assert staff_forms.clean(kept) == kept


@given(ANY)
def test_any_text_is_a_day_or_an_hour_or_a_value_error(text):
    with suppress(ValueError):
        day = staff_forms.a_day(text, TODAY)
        assert abs(day - TODAY) <= staff_forms.FURTHEST_DAY
    with suppress(ValueError):
        assert isinstance(staff_forms.an_hour(text), time)


FIELDS = (
    "place", "day", "date", "hour", "count", "length", "visibility",
    "family_name", "given_name", "phone", "slot",
)  # fmt: skip


@given(said=st.dictionaries(st.sampled_from(FIELDS), st.lists(ANY, min_size=1, max_size=2)))
def test_any_form_is_read_or_refused_by_its_fields(french, said):
    form = MultiDict(said)

    for read in (
        lambda: staff_forms.wished(form, TODAY),
        lambda: staff_forms.caller(form),
        lambda: staff_forms.a_slot(form),
    ):
        try:
            read()
        except staff_forms.FormRefused as refused:
            assert refused.errors.keys() <= set(FIELDS)  # noqa: PT017 - a property, not one case
            assert all(refused.errors.values())  # noqa: PT017
