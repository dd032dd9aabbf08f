"""Addresses that nobody can guess, and a code that opens nothing."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from booking.links import SPOKEN, Links, code_of, hashed

LINKS = Links("https://rdv.example", "rdv.example", b"one secret")


def test_a_token_has_128_bits():
    assert len(LINKS.booking_token(uuid4())) == 22


def test_the_same_booking_has_the_same_link_for_life():
    reference = uuid4()

    assert LINKS.booking(reference) == LINKS.booking(reference)


def test_another_secret_makes_another_token():
    reference = uuid4()
    other = Links(LINKS.base_url, LINKS.host, b"another secret")

    assert LINKS.booking_token(reference) != other.booking_token(reference)


def test_a_token_for_one_purpose_opens_nothing_else():
    reference = uuid4()

    assert LINKS.booking_token(reference) != LINKS.request_token(reference)


def test_what_is_stored_does_not_hold_the_token():
    token = LINKS.booking_token(uuid4())

    assert token.encode() not in hashed(token)


def test_the_secret_is_not_shown_when_the_links_are_printed():
    assert "one secret" not in repr(LINKS)


@given(st.uuids())
def test_a_code_can_be_said_aloud(reference: UUID):
    code = code_of(reference)

    assert len(code) == 6
    assert set(code) <= {*SPOKEN, " "}
    assert not set(code) & set("01IO")
