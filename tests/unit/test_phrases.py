"""Phrases that professionals type: understood as they are meant, or refused; never guessed."""

from datetime import date, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schedules.openings import LONGEST, MOST_AT_ONCE, SHORTEST, Opening
from schedules.phrases import LONGEST_PHRASE, PhraseRefused, folded, understood, written

TODAY = date(2026, 11, 22)
"""A Sunday."""
MONDAY = date(2026, 11, 23)


def of(day: date, starts: time, count: int, minutes: int) -> Opening:
    return Opening(day, starts, count, timedelta(minutes=minutes))


THREE = of(MONDAY, time(11), 3, 20)

MEANT = {
    "demain 11h-12h 3x20": THREE,
    "3 demain 11h-12h": THREE,
    "11-12 demain 3": THREE,
    "3 11-12 demain": THREE,
    "demain 11 h - 12 h": THREE,
    "demain de 11h à midi, trois créneaux de 20 min": THREE,
    "demain entre 11 et 12": THREE,
    "DEMAIN 11:00–12:00 20 minutes": THREE,
    "lundi 11 h 00 3×20": THREE,
    "3 fois 20 min lundi à 11h": THREE,
    "20' x3 lun. 11h": THREE,
    "lundi prochain 11h 3 rdv": THREE,
    "le lundi 23 novembre 11h": THREE,
    "demain lundi 23/11/2026 11h": THREE,
    "lundi 9h 4": of(MONDAY, time(9), 4, 20),
    "lundi 9h12": of(MONDAY, time(9, 12), 3, 20),
    "lundi 9h 12 créneaux": of(MONDAY, time(9), 12, 20),
    "demain 11h-12h 10x6": of(MONDAY, time(11), 10, 6),
    "aujourd’hui 14:30-16h 15 min": of(TODAY, time(14, 30), 6, 15),
    "aujourd'hui 14 h 30 - 16 h 15min": of(TODAY, time(14, 30), 6, 15),
    "auj 8h30 2x30": of(TODAY, time(8, 30), 2, 30),
    "après-demain 8h": of(date(2026, 11, 24), time(8), 3, 20),
    "apres demain 8h": of(date(2026, 11, 24), time(8), 3, 20),
    "dimanche 10h": of(date(2026, 11, 29), time(10), 3, 20),
    "1er décembre 9h-10h 30 min": of(date(2026, 12, 1), time(9), 2, 30),
    "2/1 9h": of(date(2027, 1, 2), time(9), 3, 20),
    "3 demain à 11h": THREE,
    "demain 11h-12h 15": of(MONDAY, time(11), 3, 20),
    "demain 23h-24h 3x20": of(MONDAY, time(23), 3, 20),
    "7 demain 11h-12h": of(MONDAY, time(11), 7, 8),
}


@pytest.mark.parametrize("phrase", MEANT)
def test_a_phrase_is_understood_as_it_is_meant(phrase):
    assert understood(phrase, today=TODAY) == MEANT[phrase]


REFUSED = {
    "": "empty",
    " \n ": "empty",
    "demain": "no_hour",
    "3x20": "no_day",
    "11h-12h 3x20": "no_day",
    "le 25 à 11h": "no_day",
    "demain 25h": "no_such_hour",
    "demain 11h70": "no_such_hour",
    "demain 24h": "no_such_hour",
    "demain 12h-11h": "ends_before",
    "demain 11h-11h": "ends_before",
    "demain 11h-12h 4x20": "does_not_fit",
    "demain 11h-11h10 20 min": "does_not_fit",
    "demain 1 11h-12h30": "length",
    "1 demain 3-12": "length",
    "15 demain 11h-12h": "length",
    "demain 11h 3x4": "length",
    "demain 11h 3x61": "length",
    "demain 11h 25x5": "count",
    "demain 11h 0x20": "count",
    "demain 11h-12h 0x0": "count",
    "demain 11h-12h 0 min": "count",
    "demain 8h-20h 5 min": "count",
    "demain 11h 14h": "twice",
    "demain 11h 3 4": "twice",
    "demain 11h 20 min 15 min": "twice",
    "demain mardi 11h": "days_disagree",
    "demain 24/11 11h": "days_disagree",
    "lundi mardi 11h": "days_disagree",
    "31/02 11h": "no_such_day",
    "30/02/2027 11h": "no_such_day",
    "demain vers 11h": "unknown",
    "demain 11h12h": "unknown",
    "3 à 11": "twice",
    "demain ١١h": "unknown",
    "x" * 500: "unknown",
}


@pytest.mark.parametrize("phrase", REFUSED)
def test_what_cannot_be_meant_says_why(phrase):
    with pytest.raises(PhraseRefused) as refused:
        understood(phrase, today=TODAY)

    assert refused.value.why == REFUSED[phrase]


def test_a_refusal_tells_what_was_understood_all_the_same():
    with pytest.raises(PhraseRefused) as refused:
        understood("demain 11h-12h trois patients", today=TODAY)

    heard = refused.value.heard
    assert (heard.day, heard.starts, heard.ends, heard.count) == (MONDAY, 660, 720, 3)
    assert refused.value.word == "patients"


def test_what_a_phrase_leaves_out_is_as_usual():
    usual = of(TODAY, time(8), 4, 15)

    assert understood("demain 11h", today=TODAY, usual=usual) == of(MONDAY, time(11), 4, 15)
    assert understood("demain 11h-12h", today=TODAY, usual=usual) == of(MONDAY, time(11), 4, 15)


SAID = """
    demain aujourd'hui lundi mar. 3 4x 3x20 20 min 11h 11-12 11 h 30 11:45 de à - midi 23/11
    24 novembre 2026 trois fois x × ' , entre et jusqu'à 0 99 24h ½ ² İ
"""
WORDS = st.sampled_from(SAID.split())
PHRASES = st.lists(WORDS, max_size=9).map(" ".join)
DAYS = st.dates(date(2026, 1, 1), date(2030, 12, 31))


@given(text=st.one_of(PHRASES, st.text(max_size=2 * LONGEST_PHRASE)), today=DAYS)
@example(text="demain 11h-12h 3x20", today=TODAY)
@example(text="\u0660h 11-12", today=TODAY)
def test_any_text_is_understood_or_refused_and_reads_the_same_written_back(text, today):
    try:
        opening = understood(text, today=today)
    except PhraseRefused:
        return

    assert SHORTEST <= opening.length <= LONGEST
    assert 1 <= opening.count <= MOST_AT_ONCE
    for later in (today, today + timedelta(days=1)):
        assert understood(written(opening), today=later) == opening


@given(
    day=DAYS,
    starts=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    count=st.integers(1, MOST_AT_ONCE),
    minutes=st.integers(5, 60),
    today=DAYS,
)
def test_every_opening_can_be_written_and_read_again(day, starts, count, minutes, today):
    opening = of(day, starts, count, minutes)

    assert understood(written(opening), today=today) == opening


@given(PHRASES, DAYS)
def test_accents_capitals_and_blanks_change_nothing(text, today):
    def answer(phrase):
        try:
            return understood(phrase, today=today)
        except PhraseRefused as refused:
            return refused.why

    assert answer(text) == answer(f"  {text.upper()} ") == answer(folded(text))
