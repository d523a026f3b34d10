"""Where the numbers are crunched: devices by name, and one thread for small problems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from lagsym.errors import InputError, UnavailableError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str = "auto") -> torch.device:
    """The torch device of a name; "auto" is CUDA where there is one, else the CPU.

    Apple's MPS has no double precision and is only used when named.

    Arguments:
        name: "auto", "cpu", "cuda" or "mps".

    Raises:
        InputError: the name is another one.
        UnavailableError: the named device is not there.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if name not in DEVICES:
        msg = f"expected a device among {', '.join(DEVICES)}; got {name!r}"
        raise InputError(msg)
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if there["cuda"] else "cpu")
    if not there[name]:
        msg = (
            f"this machine, or this build of torch {torch.__version__}, has no {name}; choose device 'cpu', "
            "or install a build with it (https://pytorch.org/get-started/locally)"
        )
        raise UnavailableError(msg)
    return torch.device(name)


def require_eigenvectors(device: torch.device) -> None:
    """Check that a device can do what SOAP needs: the eigenvectors of a symmetric matrix and the QR decomposition.

    Raises:
        UnavailableError: it cannot, as mps in many versions of torch.
    """
    try:
        torch.linalg.qr(torch.linalg.eigh(torch.eye(2, device=device))[1])
    except NotImplementedError as error:
        msg = (
            f"torch {torch.__version__} has no eigenvectors on {device.type}, which SOAP needs; set "
            "PYTORCH_ENABLE_MPS_FALLBACK=1 in the environment, which computes them on the CPU, or choose device 'cpu'"
        )
        raise UnavailableError(msg) from error


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch and BLAS on one thread: on matrices of a few thousand rows more threads mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(threads)


def keep_freed_memory() -> None:
    """Let the C library keep blocks up to 32 MB that are freed, instead of giving them back and faulting them in again.

    A training step frees the same few megabytes every time. glibc raises its thresholds to the largest block that was
    ever freed, up to 32 MB; other C libraries ignore this.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)
