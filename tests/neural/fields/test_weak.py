"""The weak form over space and time: windows, residuals of known laws, and fits to noisy fields."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.errors import InputError
from lagsym.neural import FitOptions
from lagsym.neural.fields import FieldMotion, FieldScaling, NaturalDensity, fit_density
from lagsym.neural.fields.weak import FieldWeakExamples
from lagsym.neural.sweeps import residuals_and_jacobian
from lagsym.neural.training import error

SPEED = 1.2
OPTIONS = FitOptions("natural", width=4, steps=40)


def klein_gordon(seed, noise=0.0, plane=False):
    """Two runs of plane waves of u_tt = SPEED² Δu − u on a ring or a torus of length 2 pi."""
    generator, records = np.random.default_rng(seed), []
    axes = (np.arange(24) * np.pi / 12, np.arange(20) * np.pi / 10) if plane else (np.arange(64) * np.pi / 32,)
    t = np.arange(0, 3 if plane else 6, 0.06)
    grid = np.meshgrid(t, *axes, indexing="ij")
    for k in range(2):
        u = np.zeros(grid[0].shape)
        for _ in range(6):
            wave = generator.integers(-2, 3, len(axes))
            phase = sum(number * x for number, x in zip(wave, grid[1:], strict=True)) + generator.uniform(0, 7)
            u += generator.normal() * np.cos(phase - np.sqrt(1 + SPEED**2 * (wave**2).sum()) * grid[0])
        u += noise * u.std() * generator.normal(size=u.shape)
        records.append(FieldRecord(t, axes, u[..., None], None, str(k)))
    base = ("t", "x", "y")[: 1 + len(axes)]
    return Lattice(("u",), base, tuple(records), (True,) * len(axes))


def exact(base=2, scaling=None):
    """The law of `klein_gordon`, from the skip alone."""
    scaling = scaling or FieldScaling.unit(1, base=base)
    model = NaturalDensity(scaling, width=3)
    ratio = [scaling.fields.time**2, *((SPEED * scaling.fields.time / length) ** 2 for length in scaling.lengths)]
    with torch.no_grad():
        list(model.network)[5].copy_(torch.diag(torch.tensor(ratio, dtype=torch.float64)))
        list(model.network)[6][0] = ratio[0] * scaling.fields.center[0] / scaling.sizes[0]  # U is counted from there
    return model


@pytest.mark.parametrize("plane", [False, True])
def test_the_law_of_the_fields_leaves_nothing_over(plane):
    motion = FieldMotion(klein_gordon(0, plane=plane))
    model = exact(3 if plane else 2)
    assert error(model, FieldWeakExamples.of(motion, model)) < (5e-3 if plane else 1e-3)
    with torch.no_grad():
        list(model.network)[5][1, 1] *= 1.1  # waves along x that are too fast
    assert error(model, FieldWeakExamples.of(motion, model)) > 0.015


def test_residual_is_the_same_in_other_units_of_the_network():
    motion = FieldMotion(klein_gordon(0, noise=0.01))
    unit = exact()
    other = exact(scaling=FieldScaling.of(motion.windows.averages))
    assert other.scaling.steps[1] != pytest.approx(1, rel=0.05)
    mine, theirs = (FieldWeakExamples.of(motion, model) for model in (unit, other))
    mine, theirs = (one.residuals(m, m.outputs(one.inputs)) for one, m in ((mine, unit), (theirs, other)))
    torch.testing.assert_close(theirs, mine, rtol=1e-8, atol=1e-10)


def test_jacobian_is_the_change_with_the_weights():
    motion = FieldMotion(klein_gordon(0))
    model = exact()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.network:
            parameter += 0.2 * torch.randn_like(parameter)
    examples = FieldWeakExamples.of(motion, model).take(torch.tensor([3, 40, 7]))
    direction = [torch.randn_like(parameter) for parameter in model.network]
    _, jacobian = residuals_and_jacobian(model, examples)
    values = []
    for by in (1e-5, -2e-5):
        with torch.no_grad():
            for parameter, change in zip(model.network, direction, strict=True):
                parameter += by * change
        values.append(examples.residuals(model, model.outputs(examples.inputs)).detach().flatten())
    wanted = (values[0] - values[1]) / 2e-5
    torch.testing.assert_close(jacobian @ torch.cat([c.flatten() for c in direction]), wanted, rtol=1e-5, atol=1e-7)


def test_windows_of_every_record_stay_within_it_and_average_second_derivatives():
    lattice = klein_gordon(0)
    short = replace(lattice.records[1], t=lattice.records[1].t[:60] + 50, u=lattice.records[1].u[:60])
    motion = FieldMotion(lattice.with_records((lattice.records[0], short)))
    times = motion.windows.jets.t.reshape(motion.windows.value.shape)
    assert ((times < 10).all(1) | (times >= 50).all(1)).all()
    assert (times >= 50).all(1).any()
    np.testing.assert_allclose(motion.windows.value.sum(1), 1, atol=1e-3)
    np.testing.assert_allclose(motion.windows.slopes.sum(2), 0, atol=2e-2)
    averages = motion.windows.averages
    left = averages.ddu[:, 0, 0] - SPEED**2 * averages.ddu[:, 1, 1]
    assert np.corrcoef(left[:, 0], averages.u[:, 0])[0, 1] < -0.99


def test_noisy_fields_are_learned_in_the_weak_form_where_the_strong_form_fails():
    data = [FieldMotion(klein_gordon(seed, noise=0.02)) for seed in (0, 1)]
    clean = FieldMotion(klein_gordon(2)).jets
    automatic = fit_density(*data, options=replace(OPTIONS, loss="auto"))
    strong = fit_density(*data, options=replace(OPTIONS, loss="acceleration"))
    assert automatic.options.loss == "weak"
    errors = []
    for found in (automatic, strong):
        principal = found.model.read(clean).principal[..., 0, 0]
        errors.append(np.sqrt(np.mean((-principal[:, 1, 1] / principal[:, 0, 0] / SPEED**2 - 1) ** 2)))
    assert errors[0] < 0.03
    assert errors[0] < 0.5 * errors[1]


def test_weak_form_of_jets_is_refused(waves):
    with pytest.raises(InputError, match="fields on a grid"):
        fit_density(*waves, options=replace(OPTIONS, loss="weak"))
    with pytest.raises(InputError, match="one of each"):
        fit_density(waves[0], klein_gordon(0), options=OPTIONS)
