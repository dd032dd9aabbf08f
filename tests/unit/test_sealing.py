"""What is sealed opens in its own place, with its own key, whole; and nowhere else."""

from base64 import b64encode
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from config.sealing import Keys, KeysInvalid, KeyUnknown, Place, SealBroken

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
KEYS = Keys({"2027": NEW, "2026": OLD})
BEFORE = Keys({"2026": OLD})
HERE = Place("authenticator", "secret", UUID(int=1))

names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
places = st.builds(Place, names, names, st.uuids())
values = st.binary(max_size=300)


def setting(**keys: bytes) -> str:
    return ",".join(f"{name}:{b64encode(key).decode()}" for name, key in keys.items())


@given(values, places)
def test_what_is_sealed_opens_where_it_was_sealed_for(value, place):
    assert KEYS.open(KEYS.seal(value, about=place), about=place) == value


@given(values, places, places)
def test_what_is_moved_to_another_place_does_not_open(value, place, other):
    assume(place != other)

    with pytest.raises(SealBroken):
        KEYS.open(KEYS.seal(value, about=place), about=other)


@given(values, st.data())
def test_what_was_changed_by_one_bit_does_not_open(value, data):
    sealed = bytearray(KEYS.seal(value, about=HERE))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8

    with pytest.raises((SealBroken, KeyUnknown)):
        KEYS.open(bytes(sealed), about=HERE)


@given(values, st.data())
def test_what_was_cut_or_made_up_is_refused_by_name(value, data):
    sealed = KEYS.seal(value, about=HERE)
    cut = sealed[: data.draw(st.integers(0, len(sealed) - 1))]

    for wrong in (cut, data.draw(st.binary(max_size=80)), sealed + b"\x00"):
        with pytest.raises((SealBroken, KeyUnknown)):
            KEYS.open(wrong, about=HERE)


@given(values)
def test_the_same_value_is_never_sealed_alike_twice_and_does_not_show(value):
    once, again = (KEYS.seal(value, about=HERE) for _ in range(2))

    assert once != again
    assert len(value) < 4 or value not in once


@given(values)
def test_a_new_key_in_front_opens_what_the_former_one_sealed_and_seals_it_again(value):
    before = BEFORE.seal(value, about=HERE)

    assert KEYS.open(before, about=HERE) == value
    assert not KEYS.is_newest(before)
    after = KEYS.sealed_again(before, about=HERE)
    assert KEYS.is_newest(after)
    assert Keys({"2027": NEW}).open(after, about=HERE) == value


def test_a_key_that_is_gone_is_named():
    sealed = KEYS.seal(b"secret", about=HERE)

    with pytest.raises(KeyUnknown, match="'2027'"):
        BEFORE.open(sealed, about=HERE)


def test_a_key_of_the_same_name_that_is_another_opens_nothing():
    with pytest.raises(SealBroken):
        Keys({"2027": OLD}).open(KEYS.seal(b"secret", about=HERE), about=HERE)


def test_a_key_cannot_be_passed_off_as_another():
    sealed = Keys({"aaaa": OLD}).seal(b"secret", about=HERE)

    with pytest.raises(SealBroken):
        Keys({"bbbb": OLD}).open(sealed.replace(b"aaaa", b"bbbb"), about=HERE)


def test_keys_are_read_newest_first_and_never_printed():
    keys = Keys.read(setting(b=NEW, a=OLD))

    assert list(keys.by_id) == ["b", "a"]
    assert keys.is_newest(keys.seal(b"", about=HERE))
    assert str(list(OLD)[:3])[1:-1] not in repr(keys)
    assert repr(OLD)[2:10] not in repr(keys)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "id:base64"),
        ("only-a-name", "not"),
        (setting(a=b"short"), "32 bytes"),
        ("a:%%%%", "not base64"),
        ("a:é", "not base64"),
        (setting(a=OLD) + "," + setting(a=NEW), "twice"),
        (setting(a=OLD) + ",", "id:base64"),
        (":" + b64encode(OLD).decode(), "id:base64"),
        ("é:" + b64encode(OLD).decode(), "id:base64"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_being_told(written, why):
    with pytest.raises(KeysInvalid, match=why) as refused:
        Keys.read(written)

    assert b64encode(OLD).decode() not in str(refused.value)
