"""Training meets nothing that is not a number: it names the sample, leaves the batch out, or stops and says so."""

import math

import numpy as np
import pytest
import torch

from lagsym import systems
from lagsym.data.jets import Jets
from lagsym.errors import DataError
from lagsym.neural import STRUCTURES, FitOptions, Scaling, fit
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.optimizers import LevenbergMarquardt
from lagsym.neural.training import Training, error
from lagsym.simulation import simulate

OPTIMIZERS = {"levenberg-marquardt": torch.float64, "soap": torch.float32}


def training(optimizer, jets, examples=AccelerationExamples, **options):
    model = STRUCTURES["natural"](Scaling.of(jets), width=4, dtype=OPTIMIZERS[optimizer])
    held_out = AccelerationExamples.of(jets, model)
    chosen = FitOptions(optimizer=optimizer, tolerance=0.0, **options)
    return Training(model, examples.of(jets, model), held_out, chosen, optimizer, 0)


@pytest.fixture
def few(pendulum):
    return pendulum[0].take(np.arange(800))


class AlwaysSingular(AccelerationExamples):
    def residuals(self, model, outputs):
        return super().residuals(model, outputs) / 0.0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_where_no_batch_allows_a_step_training_stops_and_says_so(optimizer, few):
    run = training(optimizer, few, AlwaysSingular)
    before = [parameter.detach().clone() for parameter in run.model.network]
    assert run.run() == "singular"
    assert run.step == 50
    assert all(torch.equal(a, b) for a, b in zip(run.model.network, before, strict=True))


class SometimesSingular(AccelerationExamples):
    """Every other batch is singular; the count is of the class, as examples are frozen."""

    taken = 0

    def take(self, index):
        type(self).taken += 1
        taken = super().take(index)
        return (
            AlwaysSingular(*vars(taken).values())
            if type(self).taken % 2
            else AccelerationExamples(*vars(taken).values())
        )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_batches_that_allow_no_step_are_left_out(optimizer, few):
    run = training(optimizer, few, SometimesSingular, steps=150)
    first = error(run.model, run.held_out)
    assert run.run() == "steps"
    assert run.best_error < {"levenberg-marquardt": 0.01, "soap": 0.8}[optimizer] * first
    assert all(parameter.isfinite().all() for parameter in run.model.network)


def test_the_damping_stays_a_number_where_no_step_helps(few):
    model = STRUCTURES["natural"](Scaling.of(few), width=4)
    optimizer = LevenbergMarquardt(model)

    class Perfect(AccelerationExamples):
        def residuals(self, model, outputs):
            return 0 * super().residuals(model, outputs) + 1

    batch = Perfect.of(few, model).take(torch.arange(20))
    for _ in range(110):  # times 3^6 each
        optimizer.step(batch)
    assert math.isfinite(optimizer.state()["damping"])


@pytest.mark.parametrize("spoiled", ["position", "velocity", "acceleration", "time"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e200])
def test_the_row_that_no_training_could_use_is_named(spoiled, value, pendulum):
    train, choose = pendulum
    arrays = {"time": train.t, "position": train.q, "velocity": train.v, "acceleration": train.a}
    arrays[spoiled] = arrays[spoiled].copy()
    arrays[spoiled][7] = value
    broken = Jets.of_particle(*arrays.values())
    options = FitOptions(width=4, steps=5)
    with pytest.raises(DataError, match=f"the {spoiled} in row 7"):
        fit(broken, choose, options=options)
    with pytest.raises(DataError, match=f"held-out jets.*the {spoiled} in row 7"):
        fit(train, broken, options=options)


def test_parameters_that_are_no_numbers_are_named(pendulum):
    train, choose = (Jets.of_particle(j.t, j.q, j.v, j.a, parameters=np.ones((len(j), 1))) for j in pendulum)
    train.parameters[11] = math.nan
    with pytest.raises(DataError, match="the parameters in row 11"):
        fit(train, choose, options=FitOptions(width=4, steps=5))


def test_a_number_that_single_precision_cannot_hold_is_named(pendulum):
    train, choose = pendulum
    q = choose.q.copy()
    q[5] = 1e90
    far = Jets.of_particle(choose.t, q, choose.v, choose.a)
    with pytest.raises(DataError, match=r"float32 can hold; the held-out sample"):
        fit(train, far, options=FitOptions(width=4, steps=5, optimizer="soap"))


def particles():
    return [name for name, system in systems.catalogue().items() if len(system.space.base) == 1]


@pytest.mark.slow
@pytest.mark.parametrize("name", particles())
def test_no_particle_of_the_catalogue_gives_a_number_that_is_none(name):
    system = systems.get(name)
    angles = [i for i, field in enumerate(system.space.fields) if field in system.angles]
    for seed in range(2):
        train, choose = (simulate(system, trajectories=count, seed=seed + 10 * count).jets() for count in (4, 2))
        for optimizer in OPTIMIZERS:
            options = FitOptions(optimizer=optimizer, steps=30, tolerance=0.0)
            found = fit(train, choose, angles=angles, options=options, seed=seed)
            errors = [error for entry in found.history for error in (entry.training_error, entry.held_out_error)]
            assert np.isfinite(errors).all(), (optimizer, seed)
            assert all(parameter.isfinite().all() for parameter in found.model.network), (optimizer, seed)
            reading = found.model.read(choose)
            assert np.isfinite(reading.acceleration).all(), (optimizer, seed)
