"""Devices: the CPU is the reference; what another device needs or lacks is said before anything is trained."""

import pytest
import torch

from lagsym.errors import UnavailableError
from lagsym.neural import STRUCTURES, FitOptions, Scaling, fit
from lagsym.neural.device import require_eigenvectors
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.optimizers import LevenbergMarquardt, Soap
from lagsym.neural.sweeps import residuals_and_jacobian

gpu = pytest.mark.gpu
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
TOLERANCES = {torch.float64: {"rtol": 1e-9, "atol": 1e-10}, torch.float32: {"rtol": 2e-4, "atol": 1e-5}}


def pair(structure, dtype, jets):
    """The same network and the same examples on the CPU and on CUDA."""
    for device in ("cpu", "cuda"):
        model = STRUCTURES[structure](Scaling.of(jets, (0, 1)), width=16, seed=1, dtype=dtype).to(device)
        yield model, AccelerationExamples.of(jets, model).take(torch.arange(64, device=device))


@gpu
@needs_cuda
@pytest.mark.parametrize("structure", list(STRUCTURES))
@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_cuda_gives_what_the_operators_give_on_the_cpu(structure, dtype, double_pendulum):
    (ours, examples), (theirs, others) = pair(structure, dtype, double_pendulum[0])
    for mine, other in zip(ours.outputs(examples.inputs), theirs.outputs(others.inputs), strict=True):
        torch.testing.assert_close(other.cpu(), mine, **TOLERANCES[dtype])
    torch.testing.assert_close(
        others.residuals(theirs, theirs.outputs(others.inputs)).cpu(),
        examples.residuals(ours, ours.outputs(examples.inputs)),
        **TOLERANCES[dtype],
    )


@gpu
@needs_cuda
@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_cuda_gives_the_jacobian_of_the_cpu_and_the_same_step(structure, double_pendulum):
    (ours, examples), (theirs, others) = pair(structure, torch.float64, double_pendulum[0])
    for mine, other in zip(residuals_and_jacobian(ours, examples), residuals_and_jacobian(theirs, others), strict=True):
        torch.testing.assert_close(other.cpu(), mine, rtol=1e-8, atol=1e-9)
    LevenbergMarquardt(ours).step(examples)
    LevenbergMarquardt(theirs).step(others)
    for mine, other in zip(ours.network, theirs.network, strict=True):
        torch.testing.assert_close(other.cpu(), mine, rtol=1e-5, atol=1e-7)


@gpu
@needs_cuda
def test_twenty_steps_of_soap_on_cuda_are_those_of_the_cpu(double_pendulum):
    (ours, examples), (theirs, others) = pair("natural", torch.float32, double_pendulum[0])
    errors = []
    for model, batch in ((ours, examples), (theirs, others)):
        optimizer = Soap(model, 100)
        errors.append([optimizer.step(batch) for _ in range(20)])
    # An eigenbasis is fixed up to signs, which the step doesn't feel; round-off grows with the steps.
    torch.testing.assert_close(torch.tensor(errors[1]), torch.tensor(errors[0]), rtol=1e-2, atol=1e-5)


@gpu
@needs_cuda
@pytest.mark.parametrize("optimizer", ["levenberg-marquardt", "soap"])
def test_a_fit_on_cuda_learns_and_ends_on_the_cpu(optimizer, pendulum):
    steps = {"levenberg-marquardt": 60, "soap": 600}[optimizer]
    options = FitOptions(width=16, steps=steps, optimizer=optimizer)
    found = fit(*pendulum, angles=(0,), options=options, device="cuda")
    assert found.held_out_error < 5e-2
    assert found.model.device.type == "cpu"


def test_levenberg_marquardt_is_refused_on_mps_with_what_to_do(pendulum, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for optimizer in ("levenberg-marquardt", "auto"):
        with pytest.raises(UnavailableError, match=r"double precision.*choose device 'cpu' or optimizer 'soap'"):
            fit(*pendulum, options=FitOptions(width=4, steps=5, optimizer=optimizer), device="mps")


def test_a_device_without_eigenvectors_is_told_how_to_get_them(monkeypatch):
    require_eigenvectors(torch.device("cpu"))

    def missing(matrix):
        raise NotImplementedError("The operator 'aten::_linalg_eigh' is not currently implemented for the MPS device")

    monkeypatch.setattr(torch.linalg, "eigh", missing)
    with pytest.raises(UnavailableError, match="PYTORCH_ENABLE_MPS_FALLBACK=1"):
        require_eigenvectors(torch.device("cpu"))
