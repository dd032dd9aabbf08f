"""Numbers as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import phones
from notifications.phones import PhoneInvalid, Reason


@pytest.mark.parametrize(
    "typed",
    [
        "06 39 98 12 34",
        "0639981234",
        "06.39.98.12.34",
        "06-39-98-12-34",
        "06/39/98/12/34",
        "+33 6 39 98 12 34",
        "+33 (0)6 39 98 12 34",
        "0033639981234",
        "639981234",
        "\u00a006\u202f39 98 12 34 ",
    ],
)
def test_one_number_typed_in_any_way_is_one_number(typed):
    phone = phones.parse(typed)

    assert (phone.e164, phone.national) == ("+33639981234", "06 39 98 12 34")


@pytest.mark.parametrize(
    ("typed", "e164", "is_mobile"),
    [
        ("06 12 34 56 78", "+33612345678", True),
        ("07 56 34 14 83", "+33756341483", True),
        ("01 61 23 45 67", "+33161234567", False),
        ("09 12 34 56 78", "+33912345678", False),
        ("0692 12 34 56", "+262692123456", True),
        ("0262 12 34 56", "+262262123456", False),
        ("0639 01 23 45", "+262639012345", True),
        ("0269 60 12 34", "+262269601234", False),
        ("0690 12 34 56", "+590690123456", True),
        ("0590 27 12 34", "+590590271234", False),
        ("0696 12 34 56", "+596696123456", True),
        ("0694 12 34 56", "+594694123456", True),
        ("+508 55 12 34", "+508551234", True),
    ],
)
def test_mainland_and_overseas_numbers_get_their_own_country_code(typed, e164, is_mobile):
    phone = phones.parse(typed)

    assert (phone.e164, phone.is_mobile, phone.is_fictitious) == (e164, is_mobile, False)


@pytest.mark.parametrize(
    ("typed", "is_mobile"),
    [
        ("01 99 00 12 34", False),
        ("02 61 91 12 34", False),
        ("03 53 01 12 34", False),
        ("04 65 71 12 34", False),
        ("05 36 49 12 34", False),
        ("06 39 98 12 34", True),
    ],
)
def test_numbers_of_fiction_are_accepted_and_known_as_such(typed, is_mobile):
    phone = phones.parse(typed)

    assert (phone.is_fictitious, phone.is_mobile) == (True, is_mobile)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", Reason.EMPTY),
        ("  ", Reason.EMPTY),
        ("demain", Reason.NOT_A_NUMBER),
        ("06 12 34 56 78 poste 5", Reason.NOT_A_NUMBER),
        ("+", Reason.NOT_A_NUMBER),
        ("0" * 500, Reason.NOT_A_NUMBER),
        ("06 12 34 56 7", Reason.TOO_SHORT),
        ("06 39 98 12 3", Reason.TOO_SHORT),
        ("55 12 34", Reason.TOO_SHORT),
        ("15", Reason.TOO_SHORT),
        ("3114", Reason.TOO_SHORT),
        ("06 12 34 56 789", Reason.TOO_LONG),
        ("+44 7700 900001", Reason.FOREIGN),
        ("00 44 7700 900001", Reason.FOREIGN),
        ("+870 773 111 632", Reason.FOREIGN),
        ("+979 1 2345 6789", Reason.FOREIGN),
        ("+1 900 555 0123", Reason.FOREIGN),
        ("08 92 12 34 56", Reason.NOT_REACHABLE),
        ("08 12 34 56 78", Reason.NOT_REACHABLE),
        ("08 00 12 34 56", Reason.NOT_REACHABLE),
        ("08 06 00 00 00", Reason.NOT_REACHABLE),
        ("07 03 06 20 27", Reason.UNASSIGNED),
    ],
)
def test_what_nobody_in_france_answers_is_refused_by_name(typed, reason):
    with pytest.raises(PhoneInvalid) as refused:
        phones.parse(typed)

    assert refused.value.reason is reason


def read(typed):
    try:
        return phones.parse(typed)
    except PhoneInvalid:
        return None


@given(st.text(alphabet="0123456789+() .-/", max_size=18) | st.text(max_size=50))
def test_any_text_is_a_french_number_or_a_refusal(typed):
    phone = read(typed)

    assert phone is None or phone.e164.startswith(("+33", "+262", "+508", "+590", "+594", "+596"))


@given(st.from_regex(r"0[1-9][0-9]{8}", fullmatch=True))
def test_what_is_read_once_is_read_the_same_again(typed):
    phone = read(typed)

    assert phone is None or phones.parse(phone.e164) == phone


@given(st.from_regex(r"(08|\+338|\+44|\+1900|\+881|\+979)[0-9]{8,9}", fullmatch=True))
def test_no_expensive_or_foreign_number_is_ever_accepted(typed):
    assert read(typed) is None
