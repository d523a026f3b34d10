"""Energy and momentum of density networks: against symbols, exact solutions, wrong laws and laws that name a place."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
import torch

from lagsym.data.jets import Jets
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.errors import InputError
from lagsym.evolution import Places
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry import densities
from lagsym.neural.fields import (
    DENSITIES,
    BendingDensity,
    FieldScaling,
    NaturalDensity,
    density_conservation,
    density_stress_energy,
    own_energy,
    own_momentum,
    roll_out,
)
from lagsym.neural.fields.records import pairs_in_space

SPEED, MASS, STIFFNESS = 1.2, 1.0, 0.5


def quadratic(kind, scaling, diagonal):
    """A network whose perceptron is nought, with ½ z · diag(diagonal) z in its skip."""
    model = kind(scaling, width=3)
    with torch.no_grad():
        for parameter in model.network:
            parameter.zero_()
        list(model.network)[5].copy_(torch.diag(torch.tensor(diagonal, dtype=torch.float64)))
    return model


def klein_gordon(base=2, speed=SPEED):
    """½ u_t² − ½ speed² |∂u|² − ½ MASS² u²."""
    return quadratic(NaturalDensity, FieldScaling.unit(1, base=base), [MASS**2, *[speed**2] * (base - 1)])


def plate(base=2, stiffness=STIFFNESS):
    """½ u_t² − ½ SPEED² |∂u|² − ½ stiffness Σ (∂∂u)²."""
    bends = [stiffness * (1 + (mu != nu)) for mu, nu in pairs_in_space(base)]
    return quadratic(BendingDensity, FieldScaling.unit(1, base=base), [0, *[SPEED**2] * (base - 1), *bends])


def waves(t, axes, stiffness, mass):
    """Waves of u_tt = SPEED² ∂²u − stiffness ∂²∂²u − mass² u on a torus, more one way than the other."""
    numbers = [k for k in itertools.product((-2, -1, 1, 2), repeat=len(axes)) if k != (-2,) * len(axes)]
    places, u = np.meshgrid(*axes, indexing="ij"), 0
    for phase, k in enumerate(numbers):
        square = sum(np.square(k))
        frequency = np.sqrt(SPEED**2 * square + stiffness * square**2 + mass**2)
        along = sum(n * place for n, place in zip(k, places, strict=True))
        moving = frequency * t.reshape(-1, *[1] * len(axes))
        u = u + (1 + 0.3 * k[0]) / square**1.5 * np.cos(along - moving + phase)
    return u


def lattice(times, sites, *, base=2, stiffness=0.0, mass=MASS):
    t, axes = np.linspace(0, 3, times), (np.arange(sites) * 2 * np.pi / sites,) * (base - 1)
    record = FieldRecord(t, axes, waves(t, axes, stiffness, mass)[..., None])
    return Lattice(("u",), ("t", "x", "y")[:base], (record,), (True,) * (base - 1))


# ------------------------------------------------------------------------------------------------ at jets


@pytest.mark.parametrize("form", list(DENSITIES))
def test_at_jets_it_is_what_symbols_give_in_the_units_of_the_data(form):
    """Two fields over a plane, in units that are not one, with a mixed quadratic form."""
    generator = np.random.default_rng(0)
    second = generator.normal(size=(20, 3, 3, 2))
    jets = Jets(
        *(generator.normal(size=size) for size in ((20, 3), (20, 2), (20, 3, 2))), second + second.swapaxes(1, 2)
    )
    scaling = FieldScaling.of(jets)
    model = DENSITIES[form](scaling, width=3)
    weights = list(model.network)
    with torch.no_grad():
        for parameter in model.network:
            parameter.zero_()
        for skip in {"natural": (5, 7), "free": (5,)}[form]:
            weights[skip].copy_(torch.from_numpy(generator.normal(size=weights[skip].shape)))
    space = JetSpace(("u", "w"), ("t", "x", "y"))
    units = list(zip(scaling.sizes, scaling.fields.center, strict=True))
    fields = [(s - center) / size for s, (size, center) in zip(space.positions, units, strict=True)]
    first = [
        [s * step / size for s, (size, _) in zip(space.derivatives(mu), units, strict=True)]
        for mu, step in enumerate(scaling.steps)
    ]

    def form_of(z, place):
        symmetric = sp.Matrix(weights[place].detach().numpy())
        return (sp.Matrix([z]) * symmetric * sp.Matrix(z))[0] / 2

    kinetic = sum(rate**2 for rate in first[0]) / 2
    if form == "natural":
        lagrangian = kinetic + form_of(first[0], 7) - form_of([*fields, *first[1], *first[2]], 5)
    else:
        lagrangian = kinetic + form_of([*fields, *first[0], *first[1], *first[2]], 5)
    symbols = [*space.positions, *(s for mu in range(3) for s in space.derivatives(mu))]
    values = [*jets.u.T, *(jets.du[:, mu, i] for mu in range(3) for i in range(2))]

    def wanted(expressions):
        return np.array([np.broadcast_to(sp.lambdify(symbols, e)(*values), 20) for e in expressions]).T

    found = density_stress_energy(model, jets)
    np.testing.assert_allclose(found.energy_density, wanted([densities.energy_density(lagrangian, space)])[:, 0])
    np.testing.assert_allclose(found.energy_flux, wanted(densities.energy_flux(lagrangian, space)))
    np.testing.assert_allclose(found.momentum_densities, wanted(densities.momentum_densities(lagrangian, space)))
    fluxes = [wanted(row) for row in densities.momentum_fluxes(lagrangian, space)]
    np.testing.assert_allclose(found.momentum_fluxes, np.stack(fluxes, axis=1))


def test_jets_have_no_fluxes_of_a_density_that_bends():
    with pytest.raises(InputError, match="hold third derivatives, which jets have not; use `density_conservation`"):
        density_stress_energy(plate(), Jets(np.zeros((2, 2)), np.ones((2, 1)), np.ones((2, 2, 1))))


# ------------------------------------------------------------------------------------------------ on a grid


def largest(found):
    return max(found.energy_balance, *found.momentum_balance, found.energy_drift, *found.momentum_drift)


@pytest.mark.parametrize("base", [2, 3])
def test_an_exact_solution_is_kept_the_better_the_finer_the_grid(base):
    coarse, fine = (largest(density_conservation(klein_gordon(base), lattice(n, 24, base=base))) for n in (41, 81))
    assert fine < 1e-8
    assert fine < coarse / 100


@pytest.mark.parametrize("base", [2, 3])
def test_a_wrong_density_keeps_neither_energy_nor_momentum(base):
    found = density_conservation(klein_gordon(base, speed=1.1 * SPEED), lattice(81, 24, base=base))
    assert min(found.energy_balance, *found.momentum_balance) > 0.02
    assert found.energy_drift > 1e-3


@pytest.mark.parametrize("base", [2, 3])
def test_densities_that_bend_are_asked_on_a_grid(base):
    motion = lattice(121, 24, base=base, stiffness=STIFFNESS, mass=0)
    assert largest(density_conservation(plate(base), motion)) < 1e-8
    wrong = density_conservation(plate(base, 1.1 * STIFFNESS), motion)
    assert min(wrong.energy_balance, *wrong.momentum_balance) > 0.02


class Placed(NaturalDensity):
    """½ u_t² − ½ u_y² − ½ (1 + x) u², in units of one; x is the last feature."""

    def value(self, inputs):
        return super().value(inputs) - inputs.features[:, -1] * inputs.fields[:, 0] ** 2 / 2


def test_momentum_is_kept_along_the_direction_that_the_density_does_not_name():
    scaling = replace(FieldScaling.unit(1, base=3), entering=(1,), origins=((0.0, 1.0),))
    model = quadratic(Placed, scaling, [1, 0, 1])
    t, x, y = np.linspace(0, 6, 81), np.linspace(0, 2, 31), np.arange(32) * np.pi / 16
    # Nothing goes along x: at each x the wave along y has its own frequency.
    u = np.cos(2 * y - np.sqrt(5 + x[:, None]) * t[:, None, None])
    motion = Lattice(("u",), ("t", "x", "y"), (FieldRecord(t, (x, y), u[..., None]),), (False, True))
    found = density_conservation(model, motion)
    assert found.momentum_balance[0] > 0.1
    assert max(found.energy_balance, found.momentum_balance[1]) < 1e-3
    assert found.energy_drift < 1e-3
    assert found.momentum_drift is None  # x has ends


def test_numbers_are_relative_to_the_scale_of_the_network():
    motion = lattice(41, 24)
    one, twice = klein_gordon(speed=1.5), klein_gordon(speed=1.5)
    with torch.no_grad():
        list(twice.network)[5].mul_(2)
        list(twice.network)[7].add_(1)  # K = 1 + 1
    found, again = (density_conservation(model, motion) for model in (one, twice))
    for name in ("energy_balance", "momentum_balance", "energy_drift", "momentum_drift"):
        np.testing.assert_allclose(getattr(again, name), getattr(found, name))


# ------------------------------------------------------------------------------------------------ rolled out


@pytest.mark.parametrize("model", [klein_gordon(), plate()], ids=["membrane", "bar"])
def test_totals_of_a_motion_of_its_own_stay_as_they_are(model):
    x, t = np.arange(24) * np.pi / 12, np.linspace(0, 2, 41)
    places, wave = Places((x,), (True,)), 2
    frequency = np.sqrt(SPEED**2 * wave**2 + (STIFFNESS * wave**4 if model.bends else MASS**2))
    start = np.cos(wave * x)[None, :, None], frequency * np.sin(wave * x)[None, :, None]  # runs to greater x
    motion = roll_out(model, start, t, places)
    energy, momentum = own_energy(model, motion, places), own_momentum(model, motion, places)
    np.testing.assert_allclose(energy, np.pi * frequency**2, rtol=1e-7)
    np.testing.assert_allclose(momentum[..., 0], np.pi * frequency * wave, rtol=1e-7)
    fields = Lattice(("u",), ("t", "x"), motion.records(places), (True,))
    assert largest(density_conservation(model, fields)) < 1e-4
