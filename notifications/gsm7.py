"""The alphabet of SMS (GSM 03.38): put a text into it, and count what it is billed as. Pure."""

import unicodedata

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = "^{}\\[~]|€"
"""Two septets each (3GPP TS 23.038, 6.2.1.1)."""

ONE_SMS, EACH_OF_SEVERAL = 160, 153
"""Septets that fit."""

ONE_SMS_UCS2, EACH_OF_SEVERAL_UCS2 = 70, 67
"""UTF-16 units that fit as soon as one letter is foreign to the alphabet."""

_LETTERS = frozenset(BASIC + EXTENDED)

INSTEAD = str.maketrans(
    {
        "œ": "oe",
        "Œ": "OE",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "«": '"',
        "»": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "°": "o",
        "½": "1/2",
        "•": "-",
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\t": " ",
    }
)


def gsm7(text: str) -> str:
    """Return the text in GSM-7 letters: é è à ù É Ç stay, only what costs a segment is replaced."""
    plain = unicodedata.normalize("NFC", text).translate(INSTEAD)
    return plain if _LETTERS.issuperset(plain) else "".join(map(_letter, plain))


def septets(text: str) -> int:
    """Return how much room a text of GSM-7 letters takes in an SMS, which has 160."""
    return len(text) + sum(map(text.count, EXTENDED))


def segments(text: str) -> int:
    """Return how many SMS this text is billed as; a pair of units is never cut in two."""
    if _LETTERS.issuperset(text):
        if septets(text) <= ONE_SMS:
            return 1
        one, several = ONE_SMS, EACH_OF_SEVERAL
        units = [septets(c) for c in text]
    else:
        one, several = ONE_SMS_UCS2, EACH_OF_SEVERAL_UCS2
        units = [len(c.encode("utf-16-be", "surrogatepass")) // 2 for c in text]
    return 1 if sum(units) <= one else _pieces(units, several)


def _pieces(units: list[int], room: int) -> int:
    used, count = 0, 1
    for unit in units:
        if used + unit > room:
            used, count = 0, count + 1
        used += unit
    return count


def _letter(letter: str) -> str:
    if letter in BASIC or letter in EXTENDED:
        return letter
    bare = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    return bare if bare and all(c in BASIC for c in bare) else "?"
