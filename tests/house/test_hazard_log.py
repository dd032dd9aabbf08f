"""The hazard log tells the truth: every test that it names is there, and every hazard has one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOG = (ROOT / "docs/safety/hazard-log.md").read_text()
SECTIONS = dict(re.findall(r"^## (H\d+) · (.*?)(?=^## |\Z)", LOG, re.MULTILINE | re.DOTALL))
KNOWN = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
}


def named(section: str) -> list[str]:
    return re.findall(r"`(test_\w+)`", section)


@pytest.mark.parametrize("hazard", SECTIONS)
def test_every_test_that_holds_a_hazard_exists(hazard):
    assert [name for name in named(SECTIONS[hazard]) if name not in KNOWN] == []


@pytest.mark.parametrize("hazard", SECTIONS)
def test_every_hazard_says_its_causes_what_we_do_and_is_held_by_a_test(hazard):
    section = SECTIONS[hazard]

    assert "**Causes.**" in section
    assert "**Ce que nous faisons.**" in section
    assert named(section)


def test_every_hazard_of_the_table_has_its_section():
    assert re.findall(r"^\| (H\d+) \|", LOG, re.MULTILINE) == list(SECTIONS)
