"""Members as a table: what is written is read again, and no cell is a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules import roster

CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(
    lambda text: " ".join(text.split())
)


@given(st.lists(st.lists(CELLS, min_size=9, max_size=9), max_size=5))
def test_what_is_written_is_read_again_and_nothing_of_it_is_a_formula(rows):
    rows = [["10000000008", *row, "", "", ""] for row in rows]

    content = roster.written(rows)

    text = roster.decoded(content)
    cells = [c for row in csv.reader(io.StringIO(text, newline=""), delimiter=";") for c in row]
    assert not [cell for cell in cells if cell.startswith(roster.FORMULA)]
    read = [[line[name] for name in roster.COLUMNS] for line in roster.read(text)]
    assert read == [[_printable(cell) for cell in row[:10]] for row in rows]


def _printable(cell):
    cell = cell[1:] if cell[:1] == "'" and cell[1:].startswith(roster.FORMULA) else cell
    return " ".join("".join(c if c.isprintable() else " " for c in cell).split())


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("osys 2026-01-01", "osys 2026-01-01"),
        ("osys  2026-01-01 2026-12-31", "osys 2026-01-01 2026-12-31"),
        ("osys", None),
        ("osys hier", None),
        ("osys 2026-12-31 2026-01-01", None),
        ("osys 2026-01-01 2026-12-31 2027-01-01", None),
        ("é 2026-01-01", None),
        ("osys 2026-W01-1", None),
        ("osys 0001-01-01", None),
        ("osys 2026-01-01 9999-12-31", None),
    ],
)
def test_an_enablement_is_a_code_and_its_days(part, said):
    found = roster.enabled(part)

    assert (found and str(found)) == said


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(content):
    try:
        roster.read(roster.decoded(content))
    except roster.RosterUnreadable as wrong:
        assert wrong.why in {"encoding", "empty", "column", "table", "cell", "long"}  # noqa: PT017
