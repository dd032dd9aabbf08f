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
    """Entries of one professional, one after the other, with gaps."""
    made, minute = [], draw(st.integers(0, 120))
    for gap, length in draw(
        st.lists(st.tuples(st.integers(0, 90), st.integers(5, 60)), max_size=8)
    ):
        made.append(entry(minute + gap, length))
        minute += gap + length
    return made


def test_a_day_without_anything_has_no_lines():
    assert day_grid.lines([[], []]) == []


def test_a_booking_of_half_an_hour_covers_two_lines():
    [first, second] = day_grid.lines([[entry(0, 30)]])

    assert first.cells[0].lines == 2
    assert second.cells == (None,)


def test_slots_of_twenty_minutes_that_share_quarters_stand_in_one_cell():
    lines = day_grid.lines([[entry(0, 20), entry(20, 20), entry(40, 20)]])

    assert [line.cells[0] and len(line.cells[0].entries) for line in lines] == [3, None, None, None]


@given(st.lists(columns(), min_size=1, max_size=4))
def test_everything_is_shown_once_and_each_column_fills_each_line_once(made):
    lines = day_grid.lines(made)

    for number, column in enumerate(made):
        cells = [line.cells[number] for line in lines]
        shown = [e for cell in cells if cell for e in cell.entries]
        assert shown == column
        assert sum(cell.lines for cell in cells if cell) == len(lines)


@given(columns())
def test_a_cell_begins_in_the_quarter_of_an_hour_in_which_its_first_entry_does(column):
    for line in day_grid.lines([column]):
        cell = line.cells[0]
        if cell and cell.entries:
            assert line.starts_at <= cell.entries[0].starts_at < line.starts_at + day_grid.STEP
