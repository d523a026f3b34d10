"""Every loss sees the parameters of the trajectory that a sample belongs to."""

import dataclasses

import numpy as np
import pytest
import torch

from lagsym.data.trajectories import Segment, Trajectories
from lagsym.neural import FitOptions, Scaling, fit
from lagsym.neural.examples import LOSSES, Motion
from lagsym.neural.models import NaturalLagrangian
from lagsym.neural.optimizers.levenberg_marquardt import residuals_and_jacobian


def springs(stiffnesses, seed, *, told: bool = True) -> Trajectories:
    """Unit masses on springs of several stiffnesses; closed form."""
    generator, t = np.random.default_rng(seed), np.arange(0, 6, 0.04)
    segments = []
    for k, stiffness in enumerate(stiffnesses):
        rate, phase, size = np.sqrt(stiffness), generator.uniform(0, 6), generator.uniform(0.5, 1.5)
        q, v = size * np.cos(rate * t + phase), -size * rate * np.sin(rate * t + phase)
        own = (float(stiffness),) if told else ()
        segments.append(Segment(t, q[:, None], v[:, None], trajectory=str(k), parameters=own))
    return Trajectories(("x",), tuple(segments), varied=("k",) if told else ())


STIFFNESSES = np.linspace(0.5, 2.0, 8)


def learned(loss, *, told: bool):
    train, choose = (springs(part, seed, told=told) for part, seed in ((STIFFNESSES, 0), (STIFFNESSES + 0.1, 1)))
    return fit(train, choose, options=FitOptions(loss=loss, width=8, steps=40))


@pytest.mark.parametrize("loss", ["balance", "weak", pytest.param("rollout", marks=pytest.mark.slow)])
def test_the_law_of_another_trajectory_is_found_where_its_parameter_is_known(loss):
    found = learned(loss, told=True)
    q, v = torch.tensor([[0.3], [-0.7]]).double(), torch.tensor([[0.2], [0.5]]).double()
    stiffness = torch.tensor([[0.83], [1.71]]).double()
    torch.testing.assert_close(found.model.acceleration(q, v, parameters=stiffness), -stiffness * q, atol=3e-2, rtol=0)
    residual = found.model.euler_lagrange(q, v, -stiffness * q, parameters=stiffness)
    mass, _ = found.model.mass_and_force(q, v, parameters=stiffness)
    assert (residual / mass[:, 0]).abs().max() < 3e-2


def test_without_the_parameter_there_is_no_such_law():
    assert learned("balance", told=False).held_out_error > 0.1


def test_averages_and_windows_hold_the_parameter_of_their_stretch():
    motion = Motion.of(springs([0.5, 2.0], 0))
    averages, functions = motion.averages, motion.functions
    lengths = [len(values) for values in functions.values]
    np.testing.assert_array_equal(averages.parameters[:, 0], np.repeat([0.5, 2.0], lengths))
    # a = -k x, so that the right parameter is the ratio of the two
    ratio = -averages.a[:, 0] / averages.q[:, 0]
    away = np.abs(averages.q[:, 0]) > 0.3
    np.testing.assert_allclose(ratio[away], averages.parameters[away, 0], rtol=0.1)


@pytest.mark.parametrize("loss", ["weak", "rollout"])
def test_jacobian_rows_are_finite_differences(loss):
    torch.manual_seed(0)
    motion = Motion.of(springs([0.5, 1.0, 2.0], 0))
    model = NaturalLagrangian(Scaling.of(motion.averages), width=5)
    every = LOSSES[loss].of(motion, model)
    batch = every.take(torch.linspace(0, len(every) - 1, 7).long())
    _, jacobian = residuals_and_jacobian(model, batch)
    direction = [torch.randn_like(parameter) for parameter in model.network]
    values = []
    with torch.no_grad():
        for step in (1e-5, -2e-5):
            for parameter, change in zip(model.network, direction, strict=True):
                parameter += step * change
            values.append(batch.residuals(model, model.outputs(batch.inputs)).flatten())
    numeric = (values[0] - values[1]) / 2e-5
    assert numeric.norm() > 1e-3
    analytic = jacobian @ torch.cat([part.flatten() for part in direction])
    torch.testing.assert_close(analytic, numeric, rtol=1e-4, atol=1e-5)


def test_roll_outs_of_one_window_do_not_depend_on_another_trajectorys_parameter():
    data = springs([0.5, 2.0], 0)
    changed = dataclasses.replace(data.segments[1], parameters=(3.0,))
    motions = [Motion.of(part) for part in (data, data.with_segments([data.segments[0], changed]))]
    model = NaturalLagrangian(Scaling.of(motions[0].averages), width=5, seed=1)
    residuals = []
    for motion in motions:
        examples = LOSSES["rollout"].of(motion, model)
        residuals.append(examples.residuals(model, model.outputs(examples.inputs)).detach())
    half = int((examples.windows.parameters[:, 0] == 0.5).sum())
    torch.testing.assert_close(residuals[0][:half], residuals[1][:half], rtol=1e-9, atol=1e-12)
    assert (residuals[0][half:] - residuals[1][half:]).abs().max() > 1e-6
