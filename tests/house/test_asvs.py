"""The table of the standard tells the truth: each line once, its tests and its words are there."""

import re
from collections import Counter
from pathlib import Path

from tests.house.test_security_page import KNOWN, named

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "asvs.md").read_text()
ROWS = re.findall(r"^\| ([\d.]+) \| ([12]) \| (.+?) \| ([A-Z]+) \| (.+) \|$", PAGE, re.MULTILINE)
STATES = ("PROVED", "DOCUMENT", "NONE", "OPEN")
SIZES = dict(
    re.findall(
        r"([\d.]+):(\d+)",
        """
        1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3
        4.2:1 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2
        7.4:5 7.5:2 7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.5:5 11.1:2 11.2:3
        11.3:3 11.4:4 11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4
        14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3
    """,
    )
)
"""How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has, of those in scope."""


def slug(heading: str) -> str:
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


def test_every_requirement_has_one_line():
    numbers = [number for number, *_ in ROWS]

    assert len(numbers) == len(set(numbers)) == 220
    assert {
        section: str(found)
        for section, found in Counter(number.rpartition(".")[0] for number in numbers).items()
    } == SIZES
    assert Counter(level for _, level, *_ in ROWS) == {"1": 64, "2": 156}


def test_the_counts_at_its_head_are_those_of_its_lines():
    for level in "12":
        counted = Counter(state for _, of, _, state, _ in ROWS if of == level)
        said = " | ".join(str(n) for n in (counted.total(), *(counted[s] for s in STATES)))
        print(f"level {level}: {said}")
        assert f"| {level} | {said} |" in PAGE


def test_every_test_and_every_word_that_it_names_is_there():
    written = (DOCS / "security-rules.md").read_text()
    anchors = {slug(each) for each in re.findall(r"^## (.+)$", written, re.MULTILINE)}
    building = set(re.findall(r"^- \*\*(\w+)\*\*", PAGE, re.MULTILINE))

    assert {state for *_, state, _ in ROWS} <= set(STATES)
    assert [test for test in named(PAGE) if test not in KNOWN] == []
    assert set(re.findall(r"security-rules\.md#([\w-]+)", PAGE)) <= anchors
    assert set(re.findall(r"being built: (\w+)", PAGE)) <= building
    for number, _, _, state, by in ROWS:
        if state == "PROVED":
            assert named(by), number
        if state == "DOCUMENT":
            assert "security-rules.md#" in by, number


def test_at_level_one_nothing_is_open():
    assert [number for number, level, _, state, _ in ROWS if (level, state) == ("1", "OPEN")] == []
