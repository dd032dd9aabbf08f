"""The lines of a day's table: everything shown once, nothing on top of anything."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from booking.web import day_grid
from tests.clockwork import NOON


@dataclass(frozen=True)
class Entry:
    starts_at: datetime
    ends_at: datetime


def entry(minute: int, length: int) -> Entry:
    starts = NOON + timedelta(minutes=minute)
    return Entry(starts, starts + timedelta(minutes=length))


@st.composite
def columns(draw):
    """Entries of one professional in order of time: with gaps, or several at once."""
    made, minute = [], draw(st.integers(0, 120))
    for later, length in draw(
        st.lists(st.tuples(st.integers(0, 90), st.integers(5, 60)), max_size=8)
    ):
        minute += later
        made.append(entry(minute, length))
    return made


def test_a_day_without_anything_has_no_lines():
    assert day_grid.lines([[], []]) == []


def test_slots_of_20_and_of_15_minutes_stand_side_by_side_each_at_its_own_hours():
    twenty = [entry(0, 20), entry(20, 20), entry(40, 20)]
    fifteen = [entry(0, 15), entry(15, 15), entry(30, 15), entry(45, 15)]

    lines = day_grid.lines([twenty, fifteen])

    assert [(line.starts_at - NOON).seconds // 60 for line in lines] == [0, 15, 20, 30, 40, 45]
    assert [line.cells[0] and line.cells[0].lines for line in lines] == [2, None, 2, None, 2, None]
    assert [line.cells[1] and line.cells[1].lines for line in lines] == [1, 2, None, 2, None, 1]


def test_hours_in_which_nothing_happens_are_one_line():
    lines = day_grid.lines([[entry(0, 20), entry(200, 20)]])

    assert [bool(line.cells[0].entries) for line in lines] == [True, False, True]


def test_time_in_which_one_column_is_empty_is_one_cell_with_its_own_hours():
    lines = day_grid.lines([[entry(0, 20), entry(20, 20)], [entry(0, 10)]])

    empty = lines[1].cells[1]
    assert (empty.starts_at, empty.ends_at) == (
        NOON + timedelta(minutes=10),
        NOON + timedelta(minutes=40),
    )
    assert empty.lines == 2


def test_patients_at_the_same_time_share_a_cell_and_who_comes_next_does_not():
    together = [entry(0, 20), entry(0, 20), entry(10, 20)]

    lines = day_grid.lines([[*together, entry(30, 20)]])

    cells = [line.cells[0] for line in lines if line.cells[0]]
    assert [cell.entries for cell in cells] == [tuple(together), (entry(30, 20),)]
    assert [cell.lines for cell in cells] == [3, 1]


@given(st.lists(columns(), min_size=1, max_size=4))
def test_everything_is_shown_once_and_each_column_fills_each_line_once(made):
    lines = day_grid.lines(made)

    for number, column in enumerate(made):
        cells = [line.cells[number] for line in lines]
        shown = [entry for cell in cells if cell for entry in cell.entries]
        assert shown == column
        assert sum(cell.lines for cell in cells if cell) == len(lines)


@given(st.lists(columns(), min_size=1, max_size=4))
def test_a_cell_begins_with_its_line_and_ends_with_its_last(made):
    lines = day_grid.lines(made)

    for number in range(len(made)):
        for place, line in enumerate(lines):
            cell = line.cells[number]
            if cell:
                assert cell.starts_at == line.starts_at
                assert cell.ends_at == lines[place + cell.lines - 1].ends_at
                if cell.entries:
                    assert (cell.starts_at, cell.ends_at) == (
                        min(each.starts_at for each in cell.entries),
                        max(each.ends_at for each in cell.entries),
                    )
