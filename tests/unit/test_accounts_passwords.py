"""Which passwords are accepted, and what is kept of them."""

import time

import pytest
from argon2 import extract_parameters
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from booking.accounts import passwords
from booking.accounts.passwords import PasswordRefused

GOOD = "lobu-tave-fime-dora-1937"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("court-12345", "short"),
        ("x" * 257, "long"),
        ("motdepasse1234", "common"),
        ("M0td3p4sse2026!", "common"),
        ("AzertyAzerty2026", "common"),
        ("azertyuiopqsdfg", "common"),
        ("123456789012345", "common"),
        ("Marseille13-Marseille13", "common"),
        ("aaaaaaaaaaaaaaaa", "common"),
        ("ababababababab", "common"),
        ("Septembre-2026!", "common"),
        ("jourmeme-cpts-2027", "common"),
        ("Camille-Bernard-75", "personal"),
        ("c.bernard@tilleuls.example", "personal"),
    ],
)
def test_a_password_that_many_would_try_first_is_refused(password, why):
    about = ("c.bernard@tilleuls.example", "Camille Bernard")

    with pytest.raises(PasswordRefused) as refused:
        passwords.check(password, about=about)

    assert refused.value.why == why


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "quatre mots sans lien 42",
        "le cheval mange une pile correcte",
        "Tr0ub4dor&3-xkcd!",
        "médaille-à-Brest",
        "quatre mots sans lien 42 " * 10,
    ],
)
def test_words_without_a_link_are_accepted(password):
    passwords.check(password, about=("c.bernard@tilleuls.example", "Camille Bernard"))


def test_leaked_passwords_and_what_is_made_of_them_are_refused():
    # Those of at least twelve signs: shorter ones are refused anyhow.
    leaked = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= passwords.SHORTEST]
    made = ["liverpool-chelsea", "Unbelievable2019", "Superman Batman", "mustang1967mustang"]

    assert len(leaked) > 200
    assert [word for word in leaked + made if verdict(word) == "accepted"] == []


@pytest.mark.parametrize("text", ["4@8({[<369#!1/0$5+7%2hjmnvw", "4@8({[<36hjm9#!1/0vwk$5+7%2"])
def test_no_password_takes_long_to_judge(text):
    # Signs that may stand for letters: an estimate of all their readings takes eight seconds.
    began = time.process_time()
    verdict((text * 30)[: passwords.LONGEST])

    assert time.process_time() - began < 2


def test_what_we_propose_is_accepted_and_never_the_same():
    proposed = {passwords.proposed() for _ in range(50)}

    for password in proposed:
        passwords.check(password)
    assert len(proposed) == 50


def verdict(password):
    try:
        passwords.check(password)
    except PasswordRefused as refused:
        return refused.why
    return "accepted"


@given(st.text(max_size=400))
def test_any_text_at_all_is_accepted_or_refused_with_a_reason(text):
    assert verdict(text) in {"accepted", "short", "long", "common"}


def test_what_is_kept_is_argon2id_with_its_own_salt():
    kept = passwords.hashed(GOOD)

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert GOOD not in kept
    assert kept != passwords.hashed(GOOD)


def test_the_right_password_is_right_and_another_is_not():
    kept = passwords.hashed(GOOD)

    assert passwords.is_right(kept, GOOD)
    assert not passwords.is_right(kept, GOOD + " ")


def test_the_same_letters_from_another_keyboard_are_the_same_password():
    kept = passwords.hashed("médaille-à-Brest-29")

    assert passwords.is_right(kept, "me\u0301daille-a\u0300-Brest-29")


@pytest.mark.parametrize("typed", ["", "\x00", "\ud800", "😀" * 300])
def test_whatever_is_typed_nobody_is_let_in_by_mistake(typed):
    assert not passwords.is_right(passwords.hashed(GOOD), typed)
    assert not passwords.is_right(None, typed)


def test_nobodys_password_costs_what_anybodys_costs():
    assert extract_parameters(passwords.NOBODYS) == extract_parameters(passwords.hashed(GOOD))
