"""Densities of second derivatives: beams and plates, in the weak form, off the shell, and followed in time."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.errors import InputError
from lagsym.evolution import Places
from lagsym.neural import FitOptions
from lagsym.neural.fields import (
    BendingDensity,
    FieldMotion,
    FieldScaling,
    bending_operator,
    fit_density,
    load_field_fit,
    own_energy,
    roll_out,
    save_field_fit,
)
from lagsym.neural.fields.records import pairs_in_space
from lagsym.neural.fields.weak import FieldWeakExamples
from lagsym.neural.training import error

STIFFNESS, TENSION = 0.5, 0.3
OPTIONS = FitOptions("natural", width=6, steps=80)


def beam(seed, law=True):
    """Runs of waves of u_tt = TENSION u_xx − STIFFNESS u_xxxx on a ring of length 2 pi; or waves of no law at all."""
    generator, records = np.random.default_rng(seed), []
    t, x = np.arange(0, 6, 0.05), np.arange(64) * np.pi / 32
    for k in range(3):
        u = np.zeros((len(t), len(x)))
        for wave in (-3, -2, -1, 1, 2, 3):
            frequency = np.sqrt(TENSION * wave**2 + STIFFNESS * wave**4) if law else generator.uniform(0.5, 2)
            u += generator.normal() / wave**2 * np.cos(wave * x - frequency * t[:, None] + generator.uniform(0, 7))
        records.append(FieldRecord(t, (x,), u[..., None], None, str(k)))
    return Lattice(("u",), ("t", "x"), tuple(records), (True,))


def exact(base=2):
    """½ u_t² − ½ TENSION |∂u|² − ½ STIFFNESS Σ (∂∂u)² in units of one, from the skip alone."""
    model = BendingDensity(FieldScaling.unit(1, base=base), width=3)
    bends = [STIFFNESS * (1 + (mu != nu)) for mu, nu in pairs_in_space(base)]
    diagonal = torch.tensor([0, *[TENSION] * (base - 1), *bends], dtype=torch.float64)
    with torch.no_grad():
        for parameter in model.network:
            parameter.zero_()
        list(model.network)[5].copy_(torch.diag(diagonal))
    return model


def shaken(model, seed=1):
    """With all weights moved, the perceptron's too."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.network:
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def test_the_law_of_a_beam_leaves_nothing_over():
    motion, model = FieldMotion(beam(0)), exact()
    assert error(model, FieldWeakExamples.of(motion, model)) < 1e-3
    with torch.no_grad():
        list(model.network)[5][2, 2] *= 1.1
    assert error(model, FieldWeakExamples.of(motion, model)) > 0.02


def test_off_the_shell_a_plate_says_what_its_equation_says():
    generator = np.random.default_rng(0)
    indices = [i for k in range(5) for i in itertools.combinations_with_replacement(range(3), k)]
    points = {index: generator.normal(size=(20, 1)) for index in indices}
    membrane = TENSION * (points[1, 1] + points[2, 2])
    plate = STIFFNESS * (points[1, 1, 1, 1] + 2 * points[1, 1, 2, 2] + points[2, 2, 2, 2])
    found = bending_operator(exact(3), np.zeros((20, 3)), points)
    np.testing.assert_allclose(found, membrane - plate - points[0, 0], atol=1e-8)


def test_the_weak_form_averages_what_is_said_off_the_shell():
    """By parts, the gradient of any network against derivatives of test functions is its equation against them."""
    motion, model = FieldMotion(beam(0, law=False)), shaken(exact())
    examples = FieldWeakExamples.of(motion, model)
    with torch.no_grad():
        outputs = model.outputs(examples.inputs)
        weak = (examples.residuals(model, outputs) / examples.weight).numpy()[:, 0]
    jets, record = motion.bent.jets, motion.lattice.records[0]
    # The field is a sum of few waves, so that its derivatives by Fourier are exact but in time, where E has u_tt alone.
    smooth, points = motion._smooth, {}
    for index in [(), (0,), (0, 0), *[(1,) * k for k in (1, 2, 3, 4)]]:
        points[index] = np.concatenate([smooth.derivative(r, index).reshape(-1, 1) for r in motion.lattice.records])
    x = np.stack([part.ravel() for part in np.meshgrid(*record.grid, indexing="ij")], 1)
    equation = bending_operator(model, np.tile(x, (3, 1)), points)[:, 0].reshape(3, -1)
    # Samples of windows are found again in the records by their place.
    step_t, step_x = record.steps
    rows = np.rint(jets.x[:, 0] / step_t).astype(int) * len(record.grid[1]) + np.rint(jets.x[:, 1] / step_x).astype(int)
    fields = np.stack([smooth.derivative(r, ()).ravel() for r in motion.lattice.records])
    owner = np.abs(fields[:, rows] - jets.u[:, 0]).argmin(axis=0)
    averages = (motion.bent.value * equation[owner, rows].reshape(motion.bent.value.shape)).sum(axis=1)
    mass = model.constant_mass()[0, 0] * motion.bent.value.sum(axis=1)
    wanted = averages / mass
    assert np.abs(weak - wanted).max() < 0.02 * np.abs(wanted).max()


def test_a_fit_finds_the_law_and_a_density_of_first_order_cannot():
    train, choose = beam(1), beam(2)
    found = fit_density(train, choose, order=2, options=OPTIONS)
    assert found.held_out_error < 2e-3
    assert found.options.loss == "weak"
    assert fit_density(train, choose, options=replace(OPTIONS, loss="weak")).held_out_error > 0.05


def test_a_beam_is_followed_in_time_and_keeps_its_energy():
    x, t = np.arange(32) * np.pi / 16, np.linspace(0, 2, 9)
    model, places = exact(), Places((x,), (True,))
    start = np.sin(2 * x)[None, :, None]
    motion = roll_out(model, (start, np.zeros_like(start)), t, places)
    frequency = np.sqrt(TENSION * 4 + STIFFNESS * 16)
    np.testing.assert_allclose(motion.u[0, :, :, 0], np.cos(frequency * t)[:, None] * np.sin(2 * x), atol=1e-6)
    energy = own_energy(model, motion, places)
    np.testing.assert_allclose(energy, energy[0, 0], rtol=1e-7)


def test_between_ends_it_is_followed_on_the_grid_of_second_order():
    """A whole sine between ends that are held: there u_xx is 0 as well."""
    x, t = np.linspace(0, np.pi, 16), np.linspace(0, 0.2, 3)
    start = np.sin(x)[None, :, None]
    motion = roll_out(exact(), (start, np.zeros_like(start)), t, Places((x,), (False,)))
    frequency = np.sqrt(TENSION + STIFFNESS)
    np.testing.assert_allclose(motion.u[0, :, :, 0], np.cos(frequency * t)[:, None] * np.sin(x), atol=1e-3)


def test_it_is_read_from_its_file(tmp_path):
    found = fit_density(beam(1), beam(2), order=2, options=replace(OPTIONS, steps=4))
    again = load_field_fit(save_field_fit(found, tmp_path / "beam"))
    assert isinstance(again.model, BendingDensity)
    for mine, theirs in zip(again.model.network, found.model.network, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("order", "changes"), [(3, {}), (2, {"structure": "free"}), (2, {"loss": "acceleration"}), (0, {})]
)
def test_what_there_is_not_is_refused(order, changes):
    with pytest.raises(InputError, match="expected a density of order 1, or one of order 2"):
        fit_density(beam(1), beam(2), order=order, options=replace(OPTIONS, **changes))


def test_there_is_no_equation_at_jets_of_second_order():
    model, jets = exact(), FieldMotion(beam(1)).jets
    with pytest.raises(InputError, match="fourth derivatives"):
        model.read(jets.take(np.arange(5)))
