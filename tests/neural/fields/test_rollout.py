"""Roll-outs of networks whose weights are a known law, against exact solutions."""

import numpy as np
import pytest
import torch

from lagsym.errors import InputError
from lagsym.evolution import Evolution, Places
from lagsym.neural.fields import DENSITIES, FieldRateNetwork, FieldScaling, own_energy, roll_out

SPEED, MASS = 1.2, 1.0


def blank(kind, scaling):
    model = kind(scaling, width=3)
    with torch.no_grad():
        for parameter in model.network:
            parameter.zero_()
    return model


def klein_gordon(form, base=2):
    """½ u_t² − ½ SPEED² |∂_x u|² − ½ MASS² u², in units of one, from the skip or the linear form alone."""
    scaling = FieldScaling.unit(1, base=base)
    if form == "rates":
        model = blank(FieldRateNetwork, scaling)
        pairs = [(k, m) for k in range(base - 1) for m in range(k, base - 1)]
        linear = torch.tensor([-(MASS**2), *[0] * (base - 1), *(SPEED**2 * (k == m) for k, m in pairs)])
        with torch.no_grad():
            list(model.network)[6].copy_(linear.unsqueeze(0))
        return model
    model = blank(DENSITIES[form], scaling)
    diagonal = {"natural": [MASS**2, *[SPEED**2] * (base - 1)], "free": [-(MASS**2), 0, *[-(SPEED**2)] * (base - 1)]}
    with torch.no_grad():
        list(model.network)[5].copy_(torch.diag(torch.tensor(diagonal[form])))
    return model


def standing(x, t, wave):
    """A product of sines along the directions, standing, with its rate: (*sites,)."""
    frequency = np.sqrt(SPEED**2 * sum(k**2 for k in wave) + MASS**2)
    shape = np.prod([np.sin(k * place) for k, place in zip(wave, x, strict=True)], axis=0)
    return shape * np.cos(frequency * t), -shape * frequency * np.sin(frequency * t)


CASES = {
    "ring": ((np.arange(24) * np.pi / 12,), (True,), (2,)),
    "stretch": ((np.linspace(0, np.pi, 30),), (False,), (2,)),
    "torus": ((np.arange(12) * np.pi / 6, np.arange(16) * np.pi / 8), (True, True), (1, 2)),
    "tube": ((np.linspace(0, np.pi, 24), np.arange(12) * np.pi / 6), (False, True), (1, 2)),
}


@pytest.mark.parametrize("form", [*DENSITIES, "rates"])
@pytest.mark.parametrize("name", list(CASES))
def test_standing_waves_swing_as_they_should(name, form):
    axes, periodic, wave = CASES[name]
    sites = np.meshgrid(*axes, indexing="ij")
    start = [part[None, ..., None] for part in standing(sites, 0.3, wave)]
    other = [0.5 * part[None, ..., None] for part in standing(sites, 0.0, wave)]
    runs = tuple(np.concatenate(pair) for pair in zip(start, other, strict=True))
    times = np.array([0.3, 0.8, 2.0])
    model = klein_gordon(form, 1 + len(axes))
    motion = roll_out(model, runs, times, Places(axes, periodic))
    for k, t in enumerate(times):
        for found, wanted in zip((motion.u, motion.u_t), standing(sites, t, wave), strict=True):
            np.testing.assert_allclose(found[0, k, ..., 0], wanted, atol=1e-6)
        np.testing.assert_allclose(motion.u[1, k, ..., 0], 0.5 * standing(sites, t - 0.3, wave)[0], atol=1e-7)
    if form != "rates":
        energies = own_energy(model, motion, Places(axes, periodic))
        frequency = SPEED**2 * sum(k**2 for k in wave) + MASS**2
        area = np.prod(
            [(axis[-1] - axis[0]) + (axis[1] - axis[0]) * closes for axis, closes in zip(axes, periodic, strict=True)]
        )
        np.testing.assert_allclose(energies[0], frequency * area / 2 ** (1 + len(wave)), rtol=1e-6)
        np.testing.assert_allclose(energies[1], energies[0] / 4, rtol=1e-6)


def test_flux_form_and_pointwise_form_agree_where_the_field_is_resolved():
    torch.manual_seed(0)
    model = DENSITIES["natural"](FieldScaling.unit(2, angles=[1]), width=4)
    x = np.arange(48) * np.pi / 24
    start = np.stack([0.3 * np.sin(x), 0.2 * np.cos(x)], -1)[None]
    with torch.no_grad():
        stiffness = list(model.network)[5]
        stiffness += 3 * torch.eye(len(stiffness), dtype=torch.float64)  # waves travel
        list(model.network)[7][0, 1] = 0.5  # the rates are coupled
    places, times = Places((x,), (True,)), np.array([0.0, 0.5, 1.0])
    one, other = (roll_out(model, (start, 0 * start), times, places, flux=flux) for flux in (True, False))
    np.testing.assert_allclose(one.u, other.u, atol=1e-6)
    energies = own_energy(model, one, places)[0]
    np.testing.assert_allclose(energies, energies[0], rtol=1e-7)
    assert np.abs(one.u[0, -1] - start[0]).max() > 0.05


def test_what_cannot_be_followed_is_said():
    model, x = klein_gordon("natural"), np.arange(24) * np.pi / 12
    places, start = Places((x,), (True,)), np.sin(x)[None, :, None]
    with pytest.raises(InputError, match=r"expected u and u_t as \(runs, \*\(24, 1\)\)"):
        roll_out(model, (start[:, 1:], start[:, 1:]), np.array([0.0, 1.0]), places)
    with torch.no_grad():
        list(model.network)[5][1, 1] = -400.0  # no waves, but growth of the shortest ones without bound
    with pytest.raises(InputError, match="run away at"):
        roll_out(model, (start, start), np.array([0.0, 200.0]), places)


def test_own_energy_is_that_of_what_was_rolled_out():
    model, x = klein_gordon("natural"), np.arange(24) * np.pi / 12
    u, u_t = np.ones((1, 1, 24, 1)), np.full((1, 1, 24, 1), 3.0)
    energy = own_energy(model, Evolution(np.array([0.0]), u, u_t), Places((x,), (True,)))
    np.testing.assert_allclose(energy, 2 * np.pi * (9 + MASS**2) / 2)


@pytest.mark.parametrize("flux", [True, False])
def test_an_angle_turns_around_a_ring(flux):
    model = blank(DENSITIES["natural"], FieldScaling.unit(1, base=2, angles=[0]))
    with torch.no_grad():
        list(model.network)[5].fill_(SPEED**2)
    x, times = np.arange(32) * np.pi / 16, np.linspace(0.0, 3.0, 7)
    waves = np.cos(SPEED * times)[:, None] * np.sin(x)
    start = np.stack([x + waves[0], waves[0]])[..., None]
    motion = roll_out(model, (start, 0 * start), times, Places((x,), (True,)), flux=flux)
    np.testing.assert_allclose(motion.u[..., 0], np.stack([x + waves, waves]), atol=1e-6)
    energies = own_energy(model, motion, Places((x,), (True,)))
    np.testing.assert_allclose(energies[0] - energies[1], np.pi * SPEED**2 * np.ones(7), atol=1e-5)


def test_a_potential_sees_the_turns():
    model = DENSITIES["natural"](FieldScaling.unit(1, base=2, angles=[0]), width=6)
    with torch.no_grad():
        list(model.network)[5].fill_(SPEED**2)
    x, times = np.arange(32) * np.pi / 16, np.linspace(0.0, 1.0, 5)
    start = (x + 0.2 * np.sin(x))[None, :, None]
    places = Places((x,), (True,))
    motion = roll_out(model, (start, 0 * start), times, places)
    assert np.abs(motion.u - start[:, None]).max() > 1e-2
    energies = own_energy(model, motion, places)
    np.testing.assert_allclose(energies, energies[:, :1] * np.ones(5), rtol=1e-6)
    turned = roll_out(model, (start + 2 * np.pi, 0 * start), times, places)
    np.testing.assert_allclose(turned.u, motion.u + 2 * np.pi, atol=1e-7)
