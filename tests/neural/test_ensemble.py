"""Members trained at once are what they are alone; their spread is blind to scale and gauge."""

import dataclasses

import numpy as np
import pytest
import torch
from pytorch_optimizer import SOAP

from lagsym.errors import InputError
from lagsym.neural import STRUCTURES, FitOptions, Scaling, fit, relative_error
from lagsym.neural.batched import BatchedTraining, batched_outputs
from lagsym.neural.ensemble import Spread, fit_ensemble
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.models import Reading
from lagsym.neural.optimizers.batched_soap import BatchedSoap
from lagsym.neural.optimizers.soap import CLIP, learning_rate
from lagsym.neural.training import Training

QUICK = FitOptions(width=8, steps=30, tolerance=0.0, optimizer="soap")


def seeded(structure, jets, members, dtype=torch.float64):
    scaling = Scaling.of(jets, (0, 1))
    return [STRUCTURES[structure](scaling, width=7, seed=seed, dtype=dtype) for seed in range(members)]


def stacked(models):
    return [
        torch.stack([p.detach() for p in ones]).requires_grad_()
        for ones in zip(*(m.network for m in models), strict=True)
    ]


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_outputs_and_gradients_of_members_are_those_of_each_alone(structure, double_pendulum):
    jets = double_pendulum[0].take(np.arange(15))
    models = seeded(structure, jets, 3)
    parameters, whole = stacked(models), AccelerationExamples.of(jets, models[0])
    residuals = whole.residuals(models[0], batched_outputs(models[0], parameters, whole.inputs)).view(3, 5, -1)
    gradients = torch.autograd.grad(residuals.square().sum(), parameters)
    for k, model in enumerate(models):
        mine = whole.take(torch.arange(5 * k, 5 * k + 5))
        alone = mine.residuals(model, model.outputs(mine.inputs))
        torch.testing.assert_close(residuals[k], alone, rtol=1e-9, atol=1e-10)
        for batched, single in zip(
            gradients, torch.autograd.grad(alone.square().sum(), list(model.network)), strict=True
        ):
            torch.testing.assert_close(batched[k], single, rtol=1e-8, atol=1e-9)


SHAPES = [(6, 6), (6,), (5, 6), (5,), (1, 5)]


def gradients_of(seed, count):
    generator = torch.Generator().manual_seed(seed)
    # Low rank leaves the eigenvectors of a zero eigenvalue open; a few samples' sum has full rank where it can.
    return [[torch.randn(s, generator=generator, dtype=torch.float64) for s in SHAPES] for _ in range(count)]


def library_path(seed, gradients, steps):
    start = gradients_of(seed + 100, 1)[0]
    parameters = [torch.nn.Parameter(p) for p in start]
    optimizer = SOAP(parameters, lr=1.0, weight_decay=0.0)
    for taken, step in enumerate(gradients):
        if step is None:
            continue
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = gradient.clone()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.param_groups[0]["lr"] = learning_rate(taken, steps)
        optimizer.step()
    return parameters


def test_batched_soap_takes_the_librarys_steps_and_leaves_out_batches_that_are_not_finite():
    steps, members = 25, 3
    given = [gradients_of(seed, steps) for seed in range(members)]
    given[1][0] = given[1][7] = given[1][8] = None
    parameters = [
        torch.stack(ps) for ps in zip(*(gradients_of(seed + 100, 1)[0] for seed in range(members)), strict=True)
    ]
    optimizer = BatchedSoap(parameters, steps)
    for taken in range(steps):
        bad = [torch.full(shape, torch.nan, dtype=torch.float64) for shape in SHAPES]
        now = [bad if given[k][taken] is None else given[k][taken] for k in range(members)]
        norms = optimizer.step([torch.stack(ones) for ones in zip(*now, strict=True)])
        assert norms.isfinite().tolist() == [given[k][taken] is not None for k in range(members)]
    for k in range(members):
        for mine, theirs in zip(parameters, library_path(k, given[k], steps), strict=True):
            # The library turns its bases in single precision.
            torch.testing.assert_close(mine[k], theirs.detach(), rtol=1e-5, atol=1e-6)


def runs_in_double_precision(structure, train, choose, seeds):
    runs = []
    for seed in seeds:
        model = STRUCTURES[structure](Scaling.of(train, (0,)), width=7, seed=seed)
        examples, held_out = AccelerationExamples.of(train, model), AccelerationExamples.of(choose, model)
        runs.append(Training(model, examples, held_out, dataclasses.replace(QUICK, steps=10), "soap", seed))
    return runs


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_members_trained_at_once_are_those_trained_alone_to_rounding(structure, pendulum, monkeypatch):
    # A gradient of low rank leaves bases open in its null space, where round-off would choose: here a diagonal does.
    eigh = torch.linalg.eigh
    monkeypatch.setattr(
        torch.linalg, "eigh", lambda m: eigh(m + torch.linspace(1, 2, m.shape[-1], dtype=m.dtype).diag())
    )
    train, choose = pendulum
    together, alone = (runs_in_double_precision(structure, train, choose, (3, 4, 5)) for _ in range(2))
    starts = [[parameter.detach().clone() for parameter in run.model.network] for run in alone]
    assert BatchedTraining(together).run() == [run.run() for run in alone] == ["steps"] * 3
    for mine, theirs, start in zip(together, alone, starts, strict=True):
        assert mine.best_error == pytest.approx(theirs.best_error, rel=1e-8)
        assert mine.history[0].training_error == pytest.approx(theirs.history[0].training_error, rel=1e-8)
        for a, b in zip(mine.model.network, theirs.model.network, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)
        assert not torch.equal(theirs.model.network[0], start[0])


@pytest.mark.parametrize("structure", ["natural", "free"])
def test_a_member_is_the_network_that_a_fit_with_its_seed_gives(structure, pendulum):
    options = dataclasses.replace(QUICK, structure=structure, steps=40)
    together = fit_ensemble(*pendulum, members=3, angles=(0,), options=options, seed=4)
    for k, member in enumerate(together.fits):
        single = fit(*pendulum, angles=(0,), options=options, seed=4 + k)
        assert (member.seed, member.status, member.optimizer) == (4 + k, "steps", "soap")
        assert (member.options, member.model.dtype) == (single.options, torch.float64)
        assert member.held_out_error == pytest.approx(single.held_out_error, rel=2e-2)  # round-off grows, see above
        assert [e.step for e in member.history] == [e.step for e in single.history]
    assert len({member.held_out_error for member in together.fits}) == 3


def reading(mass, potential, acceleration):
    n = len(mass)
    zero = np.zeros_like(mass)
    fields = {field.name: zero[:, 0] for field in dataclasses.fields(Reading)}
    fields |= {"mass": mass, "mass_at_rest": mass, "gyroscopic": zero}
    return Reading(**fields | {"potential": potential, "acceleration": acceleration, "force": np.zeros((n, 2))})


def test_the_spread_is_blind_to_scale_and_constant_and_sees_all_else():
    random = np.random.default_rng(0)
    mass, potential, acceleration = random.normal(size=(9, 2, 2)), random.normal(size=9), random.normal(size=(9, 2))
    one, other = reading(mass, potential, acceleration), reading(-3 * mass, -3 * potential + 7, acceleration)
    same = Spread.of([one, other], np.array([1.0, 20.0]))
    np.testing.assert_allclose(same.scales, [1, -1 / 3], rtol=1e-12)
    np.testing.assert_allclose(same.mass, mass, rtol=1e-12)
    np.testing.assert_allclose(same.potential, potential - potential.mean(), atol=1e-12)
    for deviation in (same.mass_deviation, same.potential_deviation, same.acceleration_deviation):
        np.testing.assert_allclose(deviation, 0, atol=1e-12)
    moved = reading(mass, potential + np.eye(9)[3], acceleration + 2)
    apart = Spread.of([one, moved], np.ones(2))
    np.testing.assert_allclose(apart.acceleration_deviation, np.sqrt(2), rtol=1e-12)
    assert np.argmax(apart.potential_deviation) == 3
    np.testing.assert_allclose(apart.potential_deviation[3], (8 / 9) / np.sqrt(2), rtol=1e-12)
    np.testing.assert_allclose(apart.mass_deviation, 0, atol=1e-12)


def test_members_of_a_levenberg_marquardt_ensemble_agree_on_the_pendulum(pendulum):
    options = FitOptions(width=8, steps=60, tolerance=0.0)
    ensemble = fit_ensemble(*pendulum, members=3, angles=(0,), options=options)
    (second,) = fit_ensemble(*pendulum, members=1, angles=(0,), options=options, seed=1).fits
    for mine, theirs in zip(ensemble.models[1].network, second.model.network, strict=True):
        assert torch.equal(mine, theirs)
    jets = pendulum[1].take(np.arange(200))
    spread = ensemble.spread(jets)
    errors = [member.held_out_error for member in ensemble.fits]
    size = np.sqrt(np.mean(spread.acceleration_deviation**2) / np.mean(jets.a**2))
    assert 0.1 * min(errors) < size < 2 * max(errors)
    assert np.linalg.norm(spread.mass_deviation) < 0.1 * np.linalg.norm(spread.mass)


def test_a_member_that_is_done_keeps_its_network_while_the_others_go_on(pendulum):
    def run(tolerance):
        options = dataclasses.replace(QUICK, steps=400, tolerance=tolerance)
        return fit_ensemble(*pendulum, members=3, angles=(0,), options=options).fits

    whole = run(0.0)
    early = [member.history[0].held_out_error for member in whole]
    first = int(np.argmin(early))
    stopped = run(1.001 * early[first])
    assert (stopped[first].status, stopped[first].history) == ("converged", whole[first].history[:1])
    assert relative_error(stopped[first].model, pendulum[1]) == pytest.approx(early[first], rel=1e-4)
    for k in {0, 1, 2} - {first}:
        assert stopped[k].history == whole[k].history


def test_progress_is_told_and_nonsense_refused(pendulum):
    told = []
    ensemble = fit_ensemble(*pendulum, members=2, angles=(0,), options=QUICK, progress=told.append)
    last = [member.history[-1].held_out_error for member in ensemble.fits]
    assert (told[-1].step, told[-1].steps) == (30, 30)
    assert told[-1].held_out_error == pytest.approx(np.sqrt(np.mean(np.square(last))))
    with pytest.raises(InputError, match="at least 1 member"):
        fit_ensemble(*pendulum, members=0)
    with pytest.raises(InputError, match="at least 2 members"):
        dataclasses.replace(ensemble, fits=ensemble.fits[:1]).spread(pendulum[1])
