import dataclasses

import numpy as np
import pytest
import torch

from lagsym import systems
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.errors import InputError
from lagsym.neural import STRUCTURES, FitOptions, Scaling, fit
from lagsym.neural.examples import Motion, WeakExamples
from lagsym.neural.models import NaturalLagrangian
from lagsym.neural.optimizers import LevenbergMarquardt
from lagsym.neural.sweeps import residuals_and_jacobian
from lagsym.simulation import simulate


class Law:
    """A known Lagrangian with a network's interface: f, M and the gradients of L as functions of Q and W."""

    def __init__(self, scaling, gradients, mass_and_force):
        self.scaling, self._gradients, self._law = scaling, gradients, mass_and_force
        self.dtype, self.device = torch.float64, torch.device("cpu")
        self.coordinates = scaling.coordinates
        self.model = NaturalLagrangian(scaling, width=1, depth=1)

    def inputs_of(self, jets):
        return self.model.inputs_of(jets)

    def outputs(self, inputs):
        return []

    def gradients(self, outputs, inputs):
        return self._gradients(inputs.features, inputs.velocity)

    def motion(self, outputs, inputs):
        return self._law(inputs.features, inputs.velocity)

    def forces(self, outputs, inputs):
        return None, None


def oscillator(stiffness, *, scale=1.0, gauge=0.0, axes=(1.0, 1.0), push=(0.0, 0.0)):
    """scale · (½ v² − ½ k q² + push · q) + d/dt of gauge · q1² q2, with a mass for each axis."""
    axes, push = (scale * torch.tensor(values, dtype=torch.float64) for values in (axes, push))

    def gradients(q, v):
        x, y = q.T
        by_position = push - stiffness * axes * q
        added = torch.stack([2 * y * v[:, 0] + 2 * x * v[:, 1], 2 * x * v[:, 0]], 1)
        return by_position + gauge * added, axes * v + gauge * torch.stack([2 * x * y, x**2], 1)

    def law(q, v):
        return torch.diag(axes).expand(len(q), -1, -1), push - stiffness * axes * q

    return Law(Scaling.unit(2), gradients, law)


def circles(pieces, noise=0.0):
    generator, segments = np.random.default_rng(0), []
    for k, t in enumerate(pieces):
        phase = np.array([0.3 + k, 1.1])
        q = np.array([1.0, 0.7]) * np.sin(t[:, None] + phase)
        v = np.array([1.0, 0.7]) * np.cos(t[:, None] + phase)
        q, v = (x + noise * generator.normal(size=x.shape) for x in (q, v))
        segments.append(Segment(t, q, v, trajectory=str(k)))
    return Motion.of(Trajectories(("x", "y"), tuple(segments)))


TWO = (np.arange(0, 10, 0.02), np.arange(0, 7, 0.03))


def size(motion, law):
    return float(WeakExamples.of(motion, law).error(law))


def test_the_true_law_gives_nothing_and_a_wrong_one_its_relative_error():
    motion = circles(TWO)
    assert size(motion, oscillator(1.0)) < 1e-5
    wrong = WeakExamples.of(motion, oscillator(1.2))
    residuals = wrong.residuals(oscillator(1.2), [])
    # E = −0.2 q on the motion, and off the shell it changes by a' − a, with accelerations averaged over windows.
    expected = -0.2 * motion.averages.q / np.sqrt(np.mean(motion.averages.a**2, axis=0))
    np.testing.assert_allclose(residuals.numpy(), expected, atol=0.01)


def test_scale_and_total_derivatives_do_not_matter():
    motion = circles(TWO)
    plain = WeakExamples.of(motion, oscillator(1.2)).residuals(oscillator(1.2), [])
    for other in (oscillator(1.2, scale=1e-6), oscillator(1.2, scale=1e6), oscillator(1.2, gauge=3.0)):
        torch.testing.assert_close(WeakExamples.of(motion, other).residuals(other, []), plain, rtol=1e-4, atol=1e-4)


def test_a_lagrangian_that_hardly_moves_a_coordinate_is_not_better():
    motion = circles(TWO, noise=0.02)
    right, lame = oscillator(1.0), oscillator(1.0, axes=(1.0, 1e-5))
    assert size(motion, lame) == pytest.approx(size(motion, right), rel=1e-3)
    pushed = oscillator(1.0, axes=(1.0, 1e-5), push=(0.0, 1e-3))
    assert size(motion, pushed) > 0.5


def test_windows_never_straddle_a_gap_and_short_stretches_are_padded():
    t = np.arange(0, 10, 0.02)
    broken = circles([t[:200], t[210:217], t[260:]])
    law = oscillator(1.0)
    assert size(broken, law) < 1e-4
    examples = WeakExamples.of(broken, law)
    torch.testing.assert_close(examples.value.sum(1), torch.ones(len(examples), dtype=torch.float64))
    torch.testing.assert_close(examples.slope.sum(1), torch.zeros(len(examples), dtype=torch.float64))
    assert (examples.value == 0).any()
    assert len(examples.inputs) == len(examples) * examples.group


def test_taking_windows_takes_their_samples(double_motion):
    model = NaturalLagrangian(Scaling.of(double_motion.averages, (0, 1)), width=5)
    examples = WeakExamples.of(double_motion, model)
    index = torch.tensor([5, 0, 17])
    some, every = examples.take(index), examples.residuals(model, model.outputs(examples.inputs))
    torch.testing.assert_close(some.residuals(model, model.outputs(some.inputs)), every[index], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_jacobian_rows_are_finite_differences(structure, double_motion):
    torch.manual_seed(0)
    model = STRUCTURES[structure](Scaling.of(double_motion.averages, (0, 1)), width=6)
    batch = WeakExamples.of(double_motion, model).take(torch.arange(0, 200, 40))
    _, jacobian = residuals_and_jacobian(model, batch)
    direction = [torch.randn_like(parameter) for parameter in model.network]

    @torch.no_grad()
    def at(step):
        for parameter, change in zip(model.network, direction, strict=True):
            parameter += step * change
        value = batch.residuals(model, model.outputs(batch.inputs)).flatten()
        for parameter, change in zip(model.network, direction, strict=True):
            parameter -= step * change
        return value

    numeric = (at(1e-5) - at(-1e-5)) / 2e-5
    torch.testing.assert_close(
        jacobian @ torch.cat([part.flatten() for part in direction]), numeric, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("structure", ["natural", "gyroscopic", "free"])
def test_training_keeps_the_size_of_the_lagrangian_and_learns_the_motion(structure):
    """From the weak form alone: the accelerations, which it never saw, come out right."""
    data = simulate(systems.get("pendulum"), trajectories=9, span=6.0, step=0.03, seed=0)
    exact = data.jets()
    blind = data.with_segments(dataclasses.replace(segment, a=None) for segment in data.segments)
    train, choose = blind.with_segments(blind.segments[:6]), blind.with_segments(blind.segments[6:])
    found = fit(train, choose, angles=(0,), options=FitOptions(structure=structure, loss="weak", width=8, steps=80))
    reading = found.model.read(exact)
    assert found.held_out_error < 2e-2
    assert np.linalg.norm(reading.acceleration - exact.a) < 3e-2 * np.linalg.norm(exact.a)
    assert found.options.loss == "weak"


def test_steps_lower_the_ratio_without_shrinking_what_it_is_measured_by(double_motion):
    model = NaturalLagrangian(Scaling.of(double_motion.averages, (0, 1)), width=8)
    examples = WeakExamples.of(double_motion, model)
    optimizer = LevenbergMarquardt(model)
    before = model.read(double_motion.averages).mass
    errors = [optimizer.step(examples) for _ in range(15)]
    after = model.read(double_motion.averages).mass
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.2 * errors[0]
    assert 0.1 < np.linalg.norm(after) / np.linalg.norm(before) < 10


def test_jets_alone_do_not_say_what_follows_what(double_motion):
    jets = double_motion.averages
    with pytest.raises(InputError, match="trajectories"):
        fit(jets, jets, options=FitOptions(loss="weak"))
