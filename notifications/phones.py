"""Phone numbers as people type them, into one form; refuses what we must never call. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

OVERSEAS = ("RE", "GP", "MQ", "GF", "YT", "PM")
"""Before FR: the national plan gives 0262, 0263, 0269, 0590 … to them alone, though phonenumbers
also takes some of these for mainland numbers. RE and YT share +262, GP, BL and MF +590."""

MAINLAND = 33
COUNTRY_CODES = {MAINLAND, 262, 508, 590, 594, 596}

MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
FIXED = {PhoneNumberType.FIXED_LINE}
BOX = "9"
"""09: the telephone of a French internet box, in many homes the only fixed line."""

SPECIAL = "8"
"""08: services, free or dear, in the whole national plan; phonenumbers takes 0806 for a fixed line
of Guadeloupe."""

FICTION = ("19900", "26191", "35301", "46571", "53649", "63998")
"""After +33: never given to anybody, for films and demonstrations (ARCEP, plan national de
numérotation, décision 2018-0881). phonenumbers knows no 06 39 98, so this is asked first."""

MOST_LETTERS = 40
LENGTH = 9
"""Digits of a number of the national plan, without the first 0."""


class Reason(StrEnum):
    """Why a number is refused; doors turn it into a sentence."""

    EMPTY = auto()
    NOT_A_NUMBER = auto()
    TOO_SHORT = auto()
    TOO_LONG = auto()
    FOREIGN = auto()
    NOT_REACHABLE = auto()
    """Premium, shared cost, free-phone, short or special numbers: nobody's own line."""
    UNASSIGNED = auto()


class PhoneInvalid(ValueError):
    """This is no number at which a person in France can be reached; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Phone:
    """A number: for machines, as people read it, and whether it can get an SMS."""

    e164: str
    national: str
    is_mobile: bool
    is_fictitious: bool


@lru_cache(maxsize=256)
def parse(text: str) -> Phone:
    """Return the French number, mainland or overseas, that was typed with whatever spacing.

    Kept for a while: of one booking the same number is read for each message that it may get.

    Raises:
        PhoneInvalid: if it is incomplete, foreign, expensive, or given to nobody.
    """
    read = _read(text, "FR")
    if read.country_code not in COUNTRY_CODES:
        raise PhoneInvalid(Reason.FOREIGN)
    if _is_fictitious(read):
        return _phone(read, is_mobile=str(read.national_number)[0] in "67", is_fictitious=True)
    for number in _valid_readings(text):
        kind = phonenumbers.number_type(number)
        if kind in MOBILE | FIXED:
            return _phone(number, is_mobile=kind in MOBILE, is_fictitious=False)
    if _is_box(read):
        return _phone(read, is_mobile=False, is_fictitious=False)
    raise PhoneInvalid(_why(read))


def _read(text: str, region: str) -> PhoneNumber:
    """Return what this says in one region, valid or not.

    Raises:
        PhoneInvalid: if it says no number at all.
    """
    typed = " ".join(text.split())  # also the narrow spaces of a number copied from a page
    if not typed:
        raise PhoneInvalid(Reason.EMPTY)
    # phonenumbers would read letters as keys of a telephone, and what follows as an extension.
    if len(typed) > MOST_LETTERS or any(c.isalpha() or c in ";#*," for c in typed):
        raise PhoneInvalid(Reason.NOT_A_NUMBER)
    try:
        return phonenumbers.parse(typed, region)
    except NumberParseException as wrong:
        raise PhoneInvalid(_why_unread(wrong)) from None


def _valid_readings(text: str) -> Iterator[PhoneNumber]:
    for region in (*OVERSEAS, "FR"):
        number = _read(text, region)
        # Saint-Pierre's six digits would make a number of many a mainland one cut short.
        is_whole = region != "PM" or sum(c.isdigit() for c in text) >= LENGTH
        is_special = str(number.national_number).startswith(SPECIAL)
        if is_whole and not is_special and phonenumbers.is_valid_number(number):
            yield number


def _is_fictitious(number: PhoneNumber) -> bool:
    digits = str(number.national_number)
    is_mainland = number.country_code == MAINLAND and len(digits) == LENGTH
    return is_mainland and digits.startswith(FICTION)


def _is_box(number: PhoneNumber) -> bool:
    is_voip = phonenumbers.number_type(number) == PhoneNumberType.VOIP
    return is_voip and str(number.national_number).startswith(BOX)


def _phone(number: PhoneNumber, *, is_mobile: bool, is_fictitious: bool) -> Phone:
    return Phone(
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        national=phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        is_mobile=is_mobile,
        is_fictitious=is_fictitious,
    )


def _why(number: PhoneNumber) -> Reason:
    digits = len(phonenumbers.national_significant_number(number).lstrip("0"))
    if digits < LENGTH:
        return Reason.TOO_SHORT
    if digits > LENGTH:
        return Reason.TOO_LONG
    return Reason.NOT_REACHABLE if phonenumbers.is_valid_number(number) else Reason.UNASSIGNED


def _why_unread(wrong: NumberParseException) -> Reason:
    return {
        NumberParseException.INVALID_COUNTRY_CODE: Reason.FOREIGN,
        NumberParseException.TOO_SHORT_AFTER_IDD: Reason.TOO_SHORT,
        NumberParseException.TOO_SHORT_NSN: Reason.TOO_SHORT,
        NumberParseException.TOO_LONG: Reason.TOO_LONG,
    }.get(wrong.error_type, Reason.NOT_A_NUMBER)
