"""A step as a graph: on CUDA it is replayed; here, that it can be recorded, and what happens where it cannot."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from lagsym import systems
from lagsym.neural import STRUCTURES, Scaling, captured
from lagsym.neural.captured import BatchGradient, duplicate, overwrite, tensors_of
from lagsym.neural.examples import AccelerationExamples, BalanceExamples, Motion, WeakExamples
from lagsym.neural.sweeps import mean_square_and_gradient
from lagsym.simulation import simulate


@pytest.fixture(scope="module")
def motion():
    return Motion.of(simulate(systems.get("double_pendulum"), trajectories=3, span=5.0))


def batches(structure, kind, motion, device="cpu"):
    """A model and two batches of one size."""
    model = STRUCTURES[structure](Scaling.of(motion.jets, (0, 1)), width=6, dtype=torch.float32).to(device)
    examples = kind.of(motion.jets if kind is not WeakExamples else motion, model)
    first, second = torch.arange(0, 8, device=device), torch.arange(30, 38, device=device)
    return model, examples.take(first), examples.take(second)


CASES = [("free", AccelerationExamples), ("free", WeakExamples), ("natural", AccelerationExamples)]
CASES += [("gyroscopic", WeakExamples), ("separable", BalanceExamples)]


@pytest.mark.parametrize(("structure", "kind"), CASES)
def test_a_recorded_step_reads_nothing_but_its_tensors_and_never_waits_for_one(structure, kind, motion):
    # Fake tensors have no numbers: a branch on one, or a number read from one, would raise here.
    model, first, second = batches(structure, kind, motion)

    def step(*tensors):
        batch = duplicate(first)
        for mine, given in zip(tensors_of(batch), tensors, strict=True):
            mine.copy_(given)
        squared, gradients = mean_square_and_gradient(model, batch)
        return [squared, *gradients]

    graph = make_fx(step, tracing_mode="fake", _allow_non_fake_inputs=True)(*tensors_of(first))
    with torch.no_grad():
        for parameter in model.network:  # changed in place after recording, as an optimiser does
            parameter.mul_(1.1)
    squared, gradients = mean_square_and_gradient(model, second)
    for mine, wanted in zip(graph(*tensors_of(second)), [squared, *gradients], strict=True):
        torch.testing.assert_close(mine, wanted)


def test_a_duplicate_has_tensors_of_its_own_and_takes_another_batch(motion):
    model, first, second = batches("free", AccelerationExamples, motion)
    own, before = duplicate(first), [tensor.clone() for tensor in tensors_of(first)]
    overwrite(own, second)
    assert all(torch.equal(a, b) for a, b in zip(tensors_of(own), tensors_of(second), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(tensors_of(first), before, strict=True))
    assert torch.equal(mean_square_and_gradient(model, own)[0], mean_square_and_gradient(model, second)[0])


def test_where_recording_fails_one_warning_says_so_and_steps_go_on(motion, monkeypatch):
    model, first, second = batches("free", AccelerationExamples, motion)
    gradient = BatchGradient(model)
    assert not gradient._captures  # on a CPU nothing is recorded
    gradient._captures = True

    def record(step, batch):
        message = "operation not permitted when stream is capturing"
        raise RuntimeError(message)

    monkeypatch.setattr(captured, "record", record)
    with pytest.warns(RuntimeWarning, match="not permitted when stream is capturing"):
        found = gradient(first)
    assert torch.equal(found[0], mean_square_and_gradient(model, first)[0])
    assert torch.equal(gradient(second)[0], mean_square_and_gradient(model, second)[0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize(("structure", "kind"), CASES)
def test_a_replayed_step_is_the_launched_one(structure, kind, motion):
    model, first, second = batches(structure, kind, motion, "cuda")
    gradient = BatchGradient(model)
    for batch in (first, second, first):
        squared, gradients = gradient(batch)
        wanted = mean_square_and_gradient(model, batch)
        torch.testing.assert_close(squared, wanted[0], rtol=1e-4, atol=1e-6)
        for mine, theirs in zip(gradients, wanted[1], strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-5)
        with torch.no_grad():
            for parameter in model.network:
                parameter.mul_(1.05)
    assert gradient._captures
