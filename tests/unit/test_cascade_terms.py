"""What a community has chosen of asking professionals: off unless said, and never out of bounds."""

from hypothesis import given
from hypothesis import strategies as st

from booking.desk.cascade import terms
from booking.desk.cascade.terms import LIMITS, Terms


def test_nobody_is_asked_unless_somebody_has_said_so():
    assert terms.of({}) == Terms()
    assert not Terms().is_on


def test_what_is_kept_is_read_again():
    chosen = Terms(is_on=True, says_group=False, wave_size=7, minutes=20, most_a_day=1)

    assert terms.of(terms.kept(chosen)) == chosen


@given(
    st.dictionaries(
        st.sampled_from([*LIMITS, "is_on", "says_group", "colour"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    )
)
def test_whatever_stands_there_each_number_is_within_its_limits(kept):
    read = terms.of(kept)

    assert all(low <= getattr(read, name) <= high for name, (low, high) in LIMITS.items())
    assert read.is_on is (kept.get("is_on") is True)
