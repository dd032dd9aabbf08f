"""What is hidden stays hidden from whoever subtracts."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.desk.masking import FEWEST, masked


@pytest.mark.parametrize(
    ("counts", "cells", "total"),
    [
        ((0, 0, 0), (0, 0, 0), 0),
        ((20, 30, 11), (20, 30, 11), 61),
        ((3, 20, 30), (None, None, 30), 53),
        ((3, 0, 0), (None, 0, 0), None),
        ((6, 7, 0), (None, None, 0), 13),
        ((1, 1, 40), (None, None, None), 42),
        ((1, 1, 0), (None, None, 0), None),
        ((0, 10, 11), (0, None, None), 21),
    ],
)
def test_small_numbers_are_hidden_with_what_would_tell_them(counts, cells, total):
    row = masked(counts)

    assert (row.cells, row.total) == (cells, total)


def possible(row, most=90):
    """Return what a hidden cell may be, to somebody who knows the rule that the others are ≥ 1."""
    hidden = [i for i, cell in enumerate(row.cells) if cell is None]
    if row.total is None:
        return set(range(1, FEWEST))
    left = row.total - sum(cell for cell in row.cells if cell is not None)
    others = len(hidden) - 1
    return {
        value
        for value in range(1, min(left, most) + 1)
        if (others == 0 and value == left) or (others > 0 and left - value >= others)
    }


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6))
def test_no_masked_number_can_be_worked_out(counts):
    row = masked(counts)

    for shown, count in zip(row.cells, counts, strict=True):
        if 0 < count < FEWEST:
            assert shown is None
        if shown is None:
            assert len(possible(row)) > 1
    if row.total is not None:
        assert row.total == sum(counts)


@given(st.lists(st.integers(0, 60), min_size=2, max_size=4))
def test_what_is_shown_is_true(counts):
    assert all(
        shown in (None, count) for shown, count in zip(masked(counts).cells, counts, strict=True)
    )


def test_every_small_row_of_two_numbers_keeps_its_secret():
    for counts in product(range(13), repeat=2):
        row = masked(counts)
        hidden = [c for c in row.cells if c is None]
        assert not (len(hidden) == 1 and row.total is not None), counts
