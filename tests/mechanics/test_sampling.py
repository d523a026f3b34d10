import pytest

from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.sampling import sampling_ranges

SPACE = JetSpace(("x",))


@pytest.mark.parametrize("given", [(1, 1), (2, 1), (0, float("inf")), (float("nan"), 1), "ab", (0, 1, 2), 3, None])
def test_ranges_are_two_finite_numbers_in_order(given):
    with pytest.raises(InputError, match="finite numbers for x"):
        sampling_ranges(SPACE, (), {"x": given})


def test_given_ranges_replace_the_defaults_of_known_symbols():
    ranges = sampling_ranges(SPACE, (), {"x": (-2, 3), "foreign": (0, 1)})
    assert ranges["x"] == (-2.0, 3.0)
    assert "foreign" not in ranges
    assert ranges["x_dot"][0] < 0 < ranges["x_dot"][1]
