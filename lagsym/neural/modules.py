"""Networks of others: any torch module that maps (q, v) to a Lagrangian or to accelerations.

A Lagrangian is differentiated twice by reverse mode, for a whole batch at once:

    M = d²L/dv dv,   f = dL/dq − (d²L/dv dq) v,   a = M⁻¹ f.
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.linear import solve
from lagsym.neural.models.records import Reading

KINDS = ("auto", "lagrangian", "acceleration")
CHUNK = 4096
"""Samples asked at a time, which bounds the memory that asking takes."""
TRIAL = 7
"""Samples of a trial call; a number that no dimension of a module is likely to have."""

Call = Callable[[Tensor, Tensor], Any]


class AskedModule(ABC):
    """A torch module whose call convention is known; it works on a copy, in double precision where that is possible.

    Arguments:
        call: the module of q and v, both of shape (B, n).
        dtype: what it computes in.
        device: where it computes.
    """

    kind: ClassVar[str]

    def __init__(self, call: Call, dtype: torch.dtype, device: torch.device) -> None:
        self.call, self.dtype, self.device = call, dtype, device

    def accelerations(self, jets: Jets) -> Float[np.ndarray, "samples n"]:
        """The accelerations at the (q, v) of jets; not a number where there are none."""
        return np.concatenate([self._accelerations(*pair) for pair in self._chunks(jets)])

    @abstractmethod
    def _accelerations(self, q: Tensor, v: Tensor) -> np.ndarray: ...

    def _chunks(self, jets: Jets) -> list[tuple[Tensor, Tensor]]:
        pieces = np.array_split(np.arange(len(jets)), max(1, -(-len(jets) // CHUNK)))
        return [(self._tensor(jets.q[index]), self._tensor(jets.v[index])) for index in pieces]

    def _tensor(self, values: np.ndarray) -> Tensor:
        # A copy in this order: not every device has double precision.
        return torch.tensor(values, dtype=self.dtype).to(self.device)


class AccelerationModule(AskedModule):
    """A module that returns accelerations of shape (B, n); it says nothing off the motion."""

    kind = "acceleration"

    def _accelerations(self, q: Tensor, v: Tensor) -> np.ndarray:
        return _array(self.call(q, v).reshape(q.shape))


class LagrangianModule(AskedModule):
    """A module that returns a Lagrangian of shape (B,) or (B, 1)."""

    kind = "lagrangian"

    def read(self, jets: Jets) -> Reading:
        """Everything that the module says at the (q, v) of jets; their accelerations are not looked at.

        Raises:
            InputError: the module is not differentiable.
        """
        pieces = [self._read(q, v) for q, v in self._chunks(jets)]
        return Reading(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))

    def _read(self, q: Tensor, v: Tensor) -> tuple[np.ndarray, ...]:
        _, mass, force, _ = self._derivatives(q, v)
        value, rest, _, slopes = self._derivatives(q, torch.zeros_like(v))
        nothing = torch.zeros_like(force)
        gyroscopic = slopes.mT - slopes
        parts = (mass, force, solve(mass, force), -value, rest, gyroscopic, nothing, nothing)
        return tuple(_array(part) for part in parts)

    def _accelerations(self, q: Tensor, v: Tensor) -> np.ndarray:
        _, mass, force, _ = self._derivatives(q, v)
        return _array(solve(mass, force))

    @torch.enable_grad()
    def _derivatives(self, q: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """L (B,), M (B, n, n), f (B, n), and d²L/dv_i dq_j (B, n, n)."""
        q, v = q.clone().requires_grad_(), v.clone().requires_grad_()
        value = self.call(q, v).reshape(len(q))
        by_position, momentum = _gradients(value, q, v, keep=True)
        rows = [_gradients(momentum[:, i], q, v) for i in range(q.shape[1])]
        slopes, mass = (torch.stack(parts, dim=1) for parts in zip(*rows, strict=True))
        force = by_position - (slopes @ v.unsqueeze(-1)).squeeze(-1)
        return value.detach(), mass.detach(), force.detach(), slopes.detach()


def ask_module(module: nn.Module, jets: Jets, *, kind: str = "auto") -> LagrangianModule | AccelerationModule:
    """Find out how a module is called and what it returns, by its signature and a trial call.

    `module(q, v)` and `module(torch.cat([q, v], -1))` are tried, on a copy in evaluation mode: in double precision, and
    in the module's own where it does not allow that.

    Arguments:
        module: maps q and v (B, n) to a Lagrangian (B,) or (B, 1), or to accelerations (B, n).
        jets: states that it can be called at.
        kind: "lagrangian" or "acceleration", or "auto" to tell by the shape, which says nothing for (B, 1) with n = 1.

    Raises:
        InputError: the module cannot be copied or called, or returns something else; says what.
    """
    if kind not in KINDS:
        msg = f"expected kind to be one of {', '.join(KINDS)}; got {kind!r}"
        raise InputError(msg)
    if not isinstance(module, nn.Module):
        msg = f"expected a torch.nn.Module that maps (q, v) to a Lagrangian or to accelerations; got {type(module)}"
        raise InputError(msg)
    trial = jets.take(np.arange(min(TRIAL, len(jets))))
    call, dtype, device = _callable(module, trial)
    asked = AccelerationModule(call, dtype, device)
    (q, v), *_ = asked._chunks(trial)
    returned = call(q, v)
    found = _kind(returned, (len(q), q.shape[1]), kind)
    if found == "acceleration":
        return asked
    result = LagrangianModule(call, dtype, device)
    result.read(trial)
    return result


def _kind(returned: Any, shape: tuple[int, int], kind: str) -> str:
    """What a returned tensor is."""
    samples, n = shape
    shapes = {"lagrangian": ((samples,), (samples, 1)), "acceleration": ((samples, n), *([(samples,)] * (n == 1)))}
    got = tuple(returned.shape)
    fitting = [name for name, allowed in shapes.items() if got in allowed and kind in {"auto", name}]
    if len(fitting) == 2 and got == (samples,):
        return "lagrangian"
    if len(fitting) == 2:
        msg = (
            f"with one coordinate the shape {got} may be a Lagrangian or an acceleration; say which with "
            "kind 'lagrangian' or 'acceleration'"
        )
        raise InputError(msg)
    if not fitting:
        wanted = {"auto": "", "lagrangian": " as a Lagrangian", "acceleration": " as accelerations"}[kind]
        both = {one: " or ".join(map(str, dict.fromkeys(allowed))) for one, allowed in shapes.items()}
        expected = both.get(kind, f"{both['lagrangian']} for a Lagrangian, {both['acceleration']} for accelerations")
        msg = f"expected the module to return shape {expected}{wanted}, for {samples} samples; got {got}"
        raise InputError(msg)
    return fitting[0]


def _callable(module: nn.Module, trial: Jets) -> tuple[Call, torch.dtype, torch.device]:
    """The first way to call the module that works, in double precision if there is one."""
    own = next((p for p in chain(module.parameters(), module.buffers()) if p.is_floating_point()), torch.empty(0))
    dtypes = [own.dtype] if own.device.type == "mps" else list(dict.fromkeys((torch.float64, own.dtype)))
    failures: list[str] = []
    for dtype in dtypes:
        copied = _copied(module).to(dtype)
        for name, call in _conventions(copied).items():
            states = (torch.tensor(part, dtype=dtype).to(own.device) for part in (trial.q, trial.v))
            try:
                returned = call(*states)
            except Exception as error:  # noqa: BLE001 (a module of others may raise anything)
                failures.append(f"{name} in {dtype} raised {type(error).__name__}: {str(error).splitlines()[:1]}")
                continue
            if isinstance(returned, Tensor):
                return call, dtype, own.device
            failures.append(f"{name} returned {type(returned).__name__}, not a tensor")
    shape = tuple(trial.q.shape)
    msg = f"the module cannot be called with q and v of shape {shape}: {'; '.join(dict.fromkeys(failures))}"
    raise InputError(msg)


def _conventions(module: nn.Module) -> dict[str, Call]:
    """Ways to call a module, the likelier first."""
    ways: dict[str, Call] = {
        "module(q, v)": lambda q, v: module(q, v),
        "module(cat([q, v], -1))": lambda q, v: module(torch.cat([q, v], -1)),
    }
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(module.forward).parameters.values()
    needed = [p for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty]
    order = list(ways) if len(needed) != 1 else list(reversed(ways))
    return {name: ways[name] for name in order}


def _copied(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode, so that the caller's module stays as it is."""
    try:
        return copy.deepcopy(module).eval().requires_grad_(False)
    except Exception as error:  # noqa: BLE001 (a module of others may raise anything)
        msg = f"expected a module that copy.deepcopy can copy, but it raised {type(error).__name__}: {error}"
        raise InputError(msg) from None


def _gradients(of: Tensor, q: Tensor, v: Tensor, *, keep: bool = False) -> tuple[Tensor, Tensor]:
    """The gradients of each sample's value by its q and v; zero where the value does not depend on them.

    Raises:
        InputError: the value was computed without a graph, though it should depend on the state.
    """
    if not of.requires_grad:
        if keep:
            msg = (
                "the module's value cannot be differentiated by q and v: it was computed under torch.no_grad, "
                "detached, or with operations that have no derivative; return a differentiable tensor"
            )
            raise InputError(msg)
        return torch.zeros_like(q), torch.zeros_like(v)
    try:
        found = torch.autograd.grad(of.sum(), (q, v), create_graph=keep, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        msg = f"the module cannot be differentiated twice by q and v: {error}"
        raise InputError(msg) from None
    by_position, by_velocity = (
        torch.zeros_like(x) if part is None else part for x, part in zip((q, v), found, strict=True)
    )
    return by_position, by_velocity


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()
