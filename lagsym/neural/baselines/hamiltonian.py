"""Hamiltonian networks: H(q, p) in given momenta.

Source: Greydanus, Dzamba, Yosinski (2019), Hamiltonian Neural Networks, arXiv:1906.01563.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.integrate import solve_ivp
from torch import Tensor

from lagsym.errors import DataError, InputError
from lagsym.neural.examples import Examples
from lagsym.neural.models.network import Network, Outputs
from lagsym.neural.models.records import Inputs, Net
from lagsym.neural.operators import gradient
from lagsym.neural.scaling import Scaling

_TOLERANCE = 1e-9
"""Of the integrator, relative to the units of the network."""

_SMALLEST_ANGLE_SPREAD = 0.1


@dataclass(frozen=True)
class PhaseSpace:
    """Samples of positions and momenta with their rates, in the data's units.

    The momenta must be p = dL/dv.  Velocities in their place fit only where dL/dv is a constant matrix times v.

    Arguments:
        q: positions (N, n).
        p: canonical momenta (N, n).
        q_dot: dq/dt (N, n).
        p_dot: dp/dt (N, n).
        parameters: that H depends on beside q and p (N, k), or None.

    Raises:
        DataError: the shapes differ, there is no sample, or a value is not finite.
    """

    q: Float[np.ndarray, "samples n"]
    p: Float[np.ndarray, "samples n"]
    q_dot: Float[np.ndarray, "samples n"]
    p_dot: Float[np.ndarray, "samples n"]
    parameters: Float[np.ndarray, "samples parameters"] | None = None

    def __post_init__(self) -> None:
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        parameters = arrays.pop("parameters")
        if any(array.ndim != 2 or array.shape != self.q.shape for array in arrays.values()) or not self.q.size:
            msg = f"expected q, p, q_dot and p_dot of one shape (N, n); got {[a.shape for a in arrays.values()]}"
            raise DataError(msg)
        if parameters is not None:
            if parameters.ndim != 2 or len(parameters) != len(self.q):
                msg = f"expected parameters of shape ({len(self.q)}, k); got {parameters.shape}"
                raise DataError(msg)
            arrays["parameters"] = parameters
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                msg = f"expected finite numbers; {name} holds others; drop those samples first"
                raise DataError(msg)

    def __len__(self) -> int:
        return len(self.q)


class HamiltonianNetwork(Network):
    """A perceptron H(q, p) of which dq/dt = dH/dp and dp/dt = −dH/dq.

    H is determined up to a constant. In its units momenta take the place of velocities.

    Arguments:
        scaling: units of positions; "velocity" is that of momenta, and time is 1.
        energy: unit of H, positive.
        options: width, depth, seed and dtype, as of every network.
    """

    def __init__(
        self,
        scaling: Scaling,
        *,
        energy: float = 1.0,
        width: int = 32,
        depth: int = 2,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__(scaling, width=width, depth=depth, seed=seed, dtype=dtype)
        self.energy = energy

    @classmethod
    def of(
        cls, data: PhaseSpace, angles: Collection[int] = (), *, width: int = 32, depth: int = 2, seed: int = 0
    ) -> HamiltonianNetwork:
        """An untrained network in units taken from data.

        Raises:
            InputError: an angle is not a coordinate.
        """
        n, given = data.q.shape[1], _tensor(data.parameters)
        plain = Scaling.unit(n, angles, parameters=0 if given is None else given.shape[1])
        raw = plain.features(torch.from_numpy(data.q), None, given)[0].numpy()
        spread, momentum = _positive(raw.std(0)), _positive(_root_mean_square(data.p))
        circular = [*plain.angles, *range(n, n + len(plain.angles))]
        spread[circular] = np.maximum(spread[circular], _SMALLEST_ANGLE_SPREAD)
        center, widths, momenta = (tuple(x.tolist()) for x in (raw.mean(0), spread, momentum))
        power = _root_mean_square(data.q_dot) * momentum + _root_mean_square(data.p_dot) * spread[:n]
        scaling = replace(plain, center=center, spread=widths, velocity=momenta)
        return cls(scaling, energy=float(_positive(power).mean()), width=width, depth=depth, seed=seed)

    def _untrained(self, dtype: torch.dtype) -> HamiltonianNetwork:
        sizes = {"width": self.width, "depth": self.depth}
        return HamiltonianNetwork(self.scaling, energy=self.energy, **sizes, dtype=dtype)

    def _nets(self) -> tuple[Net, ...]:
        return (Net(gradient, self.scaling.features_count + self.coordinates, 1, biased=False),)

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Features and momenta."""
        x = torch.cat([inputs.features, inputs.velocity], 1)
        return ((x, x[:0]),)

    def flow(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dH/dp and −dH/dq (B, n), in the data's units, from the operator's output."""
        by_feature, by_momentum = outputs[0].split([inputs.features.shape[1], self.coordinates], -1)
        unit = self.energy / self._velocity  # of both: positions are in units of velocity · time
        return by_momentum * unit, -self.by_position(by_feature, inputs) * unit

    def rates(self, q: Tensor, p: Tensor, parameters: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The predicted dq/dt and dp/dt (B, n), from positions and momenta (B, n), in the data's units.

        Raises:
            InputError: the shapes are others, or parameters (B, k) are missing.
        """
        inputs = self.inputs(q, p, parameters=parameters)
        return self.flow(self.outputs(inputs), inputs)


@dataclass(frozen=True)
class HamiltonExamples(Examples):
    """Hamilton's equations at measured rates: (dH/dp − dq/dt, −dH/dq − dp/dt), each relative to its root mean square.

    Arguments:
        inputs: where they were seen (B, ...).
        rates: dq/dt, then dp/dt (B, 2n), in the data's units.
        weight: of each, the inverse of its root mean square (2n,).
    """

    inputs: Inputs
    rates: Float[Tensor, "batch twice"]
    weight: Float[Tensor, " twice"]

    @classmethod
    def of(cls, data: PhaseSpace, model: HamiltonianNetwork) -> HamiltonExamples:
        """The rates of data."""
        rates = np.concatenate([data.q_dot, data.p_dot], 1)
        weight = 1 / _positive(_root_mean_square(rates))
        own = (torch.from_numpy(array).to(model.dtype).to(model.device) for array in (rates, weight))
        inputs = model.inputs(torch.from_numpy(data.q), torch.from_numpy(data.p), parameters=_tensor(data.parameters))
        return cls(inputs, *own)

    def take(self, index: Tensor) -> HamiltonExamples:
        """The samples at `index`, weighed as before."""
        return HamiltonExamples(self.inputs.take(index), self.rates[index], self.weight)

    def residuals(self, model: Any, outputs: Outputs) -> Float[Tensor, "batch twice"]:
        """Weighted errors of the rates that a `HamiltonianNetwork` gives."""
        return (torch.cat(model.flow(outputs, self.inputs), 1) - self.rates) * self.weight


def roll_out(
    model: HamiltonianNetwork, q: np.ndarray, p: np.ndarray, times: np.ndarray, parameters: np.ndarray | None = None
) -> tuple[Float[np.ndarray, "times starts n"], Float[np.ndarray, "times starts n"]]:
    """Integrate Hamilton's equations of a network, by Dormand and Prince's method of order 8.

    Arguments:
        model: trained; on the CPU, in double precision.
        q: positions at times[0] (starts, n).
        p: momenta at times[0] (starts, n).
        times: increasing (times,).
        parameters: of each start (starts, k), where H depends on any.

    Returns:
        Positions and momenta (times, starts, n).

    Raises:
        InputError: the motion runs away, so that it has no value at the last time.
    """
    shape, given = (2, *q.shape), _tensor(parameters)

    def rate(_: float, state: np.ndarray) -> np.ndarray:
        positions, momenta = torch.from_numpy(state.reshape(shape))
        with torch.no_grad():
            return torch.stack(model.rates(positions, momenta, given)).numpy().ravel()

    start = np.concatenate([q.ravel(), p.ravel()])
    solution = solve_ivp(rate, (times[0], times[-1]), start, "DOP853", times, rtol=_TOLERANCE, atol=_TOLERANCE)
    if not solution.success:
        msg = (
            f"the network's motion ends before t = {times[-1]:g} ({solution.message}); shorten `times` or train further"
        )
        raise InputError(msg)
    motion = np.moveaxis(solution.y.reshape(*shape, len(times)), -1, 1)
    return motion[0], motion[1]


def _tensor(array: np.ndarray | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)


def _root_mean_square(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(np.square(values), axis=0))


def _positive(size: np.ndarray) -> np.ndarray:
    """Sizes, replaced by 1 where something stands still."""
    return np.where(size > 0, size, 1.0)
