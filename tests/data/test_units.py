"""Units in text: what is read, what is refused, and that a written unit is the unit that was meant."""

import itertools

import numpy as np
import pint
import pytest

from lagsym.data.units import UnitSpace, parse_unit
from lagsym.errors import InputError

REGISTRY = pint.UnitRegistry()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("m", "m"),
        ("metre", "m"),
        ("kg m/s^2", "kg*m/s**2"),
        ("N*m", "N*m"),
        ("m²", "m**2"),
        ("µm", "µm"),
        ("1", "1"),
        ("rad", "rad"),
        ("1/s", "1/s"),
    ],
)
def test_units_are_read_and_written(text, written):
    assert parse_unit(text, "x").text == written
    assert parse_unit(written, "x").text == written


@pytest.mark.parametrize(
    "text",
    ["foo", "2*m", "m+s", "m**", "(", "1/0", "m**s", "__import__('os')", "m" * 61, "m**999", "degC", "dB", "5", "m;s"],
)
def test_what_is_no_unit_is_one_clear_error(text):
    with pytest.raises(InputError, match=r"^(expected a unit for )?theta.*(pure number|convert the column)"):
        parse_unit(text, "theta")


def test_noise_is_read_or_refused_and_nothing_else():
    random = np.random.default_rng(0)
    for length in itertools.chain.from_iterable([range(1, 9)] * 150):
        text = "".join(random.choice(list("ms()*/^.1 2kgN°%·²_-"), length))
        try:
            assert parse_unit(text, "x").factor > 0
        except InputError:
            continue


@pytest.mark.parametrize(
    "units",
    [
        {"t": "s", "x": "m"},
        {"t": "ms", "x": "mm", "a": "rad"},
        {"t": "s", "x": "m", "y": "mm"},
        {"t": "s", "x": "m", "force_x": "N"},
        {"t": "min", "x": "cm", "force_x": "lbf"},
        {"t": "1", "x": "1"},
        {"t": "s", "x": "inch", "q": "C", "m": "g"},
        {"force_x": "kN", "t": "s", "x": "m", "k": "N/mm"},
    ],
)
def test_a_written_unit_is_the_unit_that_was_meant(units):
    """Every product of the columns' units, compared with pint's own product of them."""
    space = UnitSpace.of(units)
    for powers in itertools.product((-1, 0, 2), repeat=len(units)):
        vector = sum(power * space.vector(name) for power, name in zip(powers, units, strict=True))
        wanted = REGISTRY.Quantity(1.0)
        for power, text in zip(powers, units.values(), strict=True):
            wanted = wanted * REGISTRY.Quantity(1.0, REGISTRY.parse_units(text)) ** power
        written = REGISTRY.Quantity(1.0, REGISTRY.parse_units(space.text(vector)))
        assert (wanted / written).to_base_units().magnitude == pytest.approx(1.0, rel=1e-9)


def test_units_of_the_data_come_before_others():
    space = UnitSpace.of({"t": "s", "x": "m", "force_x": "N"})
    mass = space.vector("force_x") + 2 * space.vector("t") - space.vector("x")
    assert space.text(mass) == "kg"
    assert space.text(mass + 2 * space.vector("x") - 2 * space.vector("t")) == "kg*m**2/s**2"
    assert space.text(0 * mass) == "1"
    assert space.text(space.vector("x") / 2) == "m**0.5"
