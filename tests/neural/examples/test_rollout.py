import dataclasses

import numpy as np
import pytest
import torch

from lagsym import systems
from lagsym.data.trajectories import Trajectories
from lagsym.neural import STRUCTURES, FitOptions, Scaling, fit
from lagsym.neural.examples import Motion, RolloutExamples
from lagsym.neural.models import NaturalLagrangian
from lagsym.neural.sweeps import residuals_and_jacobian
from lagsym.simulation import simulate


def moved(model, direction, step):
    with torch.no_grad():
        for parameter, change in zip(model.network, direction, strict=True):
            parameter += step * change


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_jacobian_rows_are_finite_differences(structure, double_motion):
    """Of roll-outs integrated anew with the changed network: nothing is linearised there."""
    torch.manual_seed(0)
    model = STRUCTURES[structure](Scaling.of(double_motion.averages, (0, 1)), width=6)
    batch = RolloutExamples.of(double_motion, model).take(torch.tensor([0, 7, 12]))
    residuals, jacobian = residuals_and_jacobian(model, batch)
    assert residuals.abs().min() > 0
    direction = [torch.randn_like(parameter) for parameter in model.network]
    values = []
    for step in (1e-5, -2e-5):
        moved(model, direction, step)
        with torch.no_grad():
            values.append(batch.residuals(model, model.outputs(batch.inputs)).flatten())
    numeric = (values[0] - values[1]) / 2e-5
    assert numeric.norm() > 1e-2
    analytic = jacobian @ torch.cat([part.flatten() for part in direction])
    torch.testing.assert_close(analytic, numeric, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def swings() -> Trajectories:
    return simulate(systems.get("pendulum"), trajectories=9, span=6.0, step=0.03, seed=0)


@pytest.fixture(scope="module")
def blind(swings) -> Trajectories:
    return swings.with_segments(dataclasses.replace(segment, a=None) for segment in swings.segments)


@pytest.fixture(scope="module")
def learned(blind):
    train, choose = blind.with_segments(blind.segments[:6]), blind.with_segments(blind.segments[6:])
    return fit(train, choose, angles=(0,), options=FitOptions(loss="rollout", width=8, steps=40))


def test_the_motion_is_learned_from_rollouts_alone(learned, swings):
    exact = swings.jets()
    reading = learned.model.read(exact)
    assert learned.held_out_error < 1e-2
    assert np.linalg.norm(reading.acceleration - exact.a) < 2e-2 * np.linalg.norm(exact.a)


def test_gradients_include_what_the_best_starting_states_do(learned, blind):
    """The whole error, with starting states fitted anew, has the gradient that the rows add up to."""
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    noisy = blind.with_segments(
        dataclasses.replace(part, q=part.q + 0.03 * generator.normal(size=part.q.shape)) for part in blind.segments[:3]
    )
    model, motion = learned.model, Motion.of(noisy)
    before = [parameter.detach().clone() for parameter in model.network]
    direction = [torch.randn_like(parameter) for parameter in model.network]
    moved(model, direction, 1e-3)
    examples = RolloutExamples.of(motion, model)
    residuals, jacobian = residuals_and_jacobian(model, examples.take(torch.arange(len(examples))))
    slope = 2 * (residuals @ jacobian @ torch.cat([part.flatten() for part in direction])) / len(residuals)
    squares = []
    for step in (1e-6, -2e-6):
        moved(model, direction, step)
        squares.append(float(examples.error(model)) ** 2)
    for parameter, value in zip(model.network, before, strict=True):
        parameter.data.copy_(value)
    assert float(slope) == pytest.approx((squares[0] - squares[1]) / 2e-6, rel=4e-4)


@pytest.mark.parametrize("velocities", [True, False])
def test_windows_have_their_rows(velocities, blind):
    data = blind if velocities else blind.with_segments(dataclasses.replace(s, v=None) for s in blind.segments)
    motion = Motion.of(data)
    model = NaturalLagrangian(Scaling.of(motion.averages, (0,)), width=4)
    examples = RolloutExamples.of(motion, model)
    residuals = examples.residuals(model, model.outputs(examples.inputs))
    compared = 2 if velocities else 1
    assert residuals.shape == (len(examples), 5 * compared)
    assert examples.columns == 5 * compared - 2


def test_no_window_straddles_a_gap_and_turns_do_not_matter(blind):
    segment = blind.segments[0]
    early, late = (
        dataclasses.replace(segment, t=segment.t[part], q=segment.q[part], v=segment.v[part])
        for part in (slice(0, 90), slice(110, None))
    )
    broken = blind.with_segments([early, late])
    wound = blind.with_segments([dataclasses.replace(part, q=part.q + 200 * np.pi) for part in (early, late)])
    model = NaturalLagrangian(Scaling.of(Motion.of(broken).averages, (0,)), width=4)
    examples = RolloutExamples.of(Motion.of(broken), model)
    for start, end in zip(examples.windows.time[:, 0].numpy(), examples.windows.time[:, -1].numpy(), strict=True):
        assert (end <= early.t[-1] + 1e-9) or (start >= late.t[0] - 1e-9)
    again = RolloutExamples.of(Motion.of(wound), model)
    assert float(again.error(model)) == pytest.approx(float(examples.error(model)), rel=1e-6)
    assert again.windows.state.abs().max() < 20


def test_rollouts_that_go_astray_are_bounded_and_leave_the_others_alone(double_motion):
    model = NaturalLagrangian(Scaling.of(double_motion.averages, (0, 1)), width=5)
    examples = RolloutExamples.of(double_motion, model)
    with torch.no_grad():
        model.network[-2][-1].mul_(1e4)  # the potential
    some = examples.take(torch.arange(6))
    residuals, jacobian = residuals_and_jacobian(model, some)
    assert (residuals == 5).any()
    assert residuals.abs().max() < 50
    assert jacobian.isfinite().all()
    assert float(examples.error(model)) < 10
