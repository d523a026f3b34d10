"""Integration of a network's law over short windows, and its tangent.

The tangent is the same Runge–Kutta scheme with accelerations linearised about the path, so that it is exact for the
scheme and not only for the equations of motion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from lagsym.neural.models import NetworkLagrangian

STAGES = 4
"""Of a Runge–Kutta step."""

Rate = Callable[[int, Tensor, Tensor], Tensor]
"""Accelerations at a stage, counted from the beginning of the window, from q and v there."""


@dataclass(frozen=True)
class Windows:
    """Stretches of motion that are rolled out, in the data's units, as tensors of the network's type.

    Arguments:
        state: positions, then velocities, at nodes with equal intervals; angles begin near zero (m, nodes, 2n).
        step: of the Runge–Kutta scheme (m,).
        time: of every stage (m, stages).
        force: measured forces at every stage (m, stages, n), or None.
        parameters: of the trajectory (m, k), or None.
    """

    state: Float[Tensor, "windows nodes states"]
    step: Float[Tensor, " windows"]
    time: Float[Tensor, "windows stages"]
    force: Float[Tensor, "windows stages coordinates"] | None
    parameters: Float[Tensor, "windows parameters"] | None

    def __len__(self) -> int:
        return len(self.state)

    def take(self, index: Tensor) -> Windows:
        """The windows at `index`."""
        parts = (getattr(self, field.name) for field in fields(self))
        return Windows(*(None if part is None else part[index] for part in parts))  # pyright: ignore[reportArgumentType]

    def law(self, model: NetworkLagrangian) -> Rate:
        """The network's accelerations, in the data's units."""

        def rate(stage: int, q: Tensor, v: Tensor) -> Tensor:
            return model.acceleration(q, v, self.time[:, stage], self.parameters, self.force_at(stage))

        return rate

    def force_at(self, stage: int) -> Tensor | None:
        """Measured forces at a stage (m, n), or None."""
        return None if self.force is None else self.force[:, stage]

    @property
    def conditions(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Time, parameters and forces at all stages of all windows in order (m · stages, ...)."""
        parameters = None if self.parameters is None else self.parameters.repeat_interleave(self.time.shape[1], 0)
        return self.time.flatten(), parameters, None if self.force is None else self.force.flatten(0, 1)

    def roll(self, rate: Rate, start: Tensor) -> Tensor:
        """States at the nodes (m, nodes, 2n, ...) from those at the start (m, 2n, ...), by Runge and Kutta's scheme."""
        n, nodes = start.shape[1] // 2, self.state.shape[1]
        q, v = start[:, :n], start[:, n:]
        h = self.step.view(-1, *[1] * (start.dim() - 1))
        path, stages = [start], self.time.shape[1]
        for stage in range(0, stages, STAGES):
            q, v = _runge_kutta(rate, stage, q, v, h)
            if (stage + STAGES) % (stages // (nodes - 1)) == 0:
                path.append(torch.cat([q, v], 1))
        return torch.stack(path, 1)


def _runge_kutta(rate: Rate, stage: int, q: Tensor, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """One classical step of fourth order."""
    half = h / 2
    a1 = rate(stage, q, v)
    a2 = rate(stage + 1, q + half * v, v + half * a1)
    a3 = rate(stage + 2, q + half * (v + half * a1), v + half * a2)
    a4 = rate(stage + 3, q + h * (v + half * a2), v + h * a3)
    return q + h * (v + h / 6 * (a1 + a2 + a3)), v + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)


@dataclass(frozen=True)
class Path:
    """Where a roll-out went, and how accelerations change around it.

    Arguments:
        start: where it began (m, 2n).
        state: at every stage (m, stages, 2n).
        slopes: derivatives of the acceleration by the state at every stage (m, stages, n, 2n).
    """

    start: Float[Tensor, "windows states"]
    state: Float[Tensor, "windows stages states"]
    slopes: Float[Tensor, "windows stages coordinates states"]

    @classmethod
    def of(cls, model: NetworkLagrangian, windows: Windows, start: Tensor, sound: Tensor) -> Path:
        """The roll-out of a network from given states; where it isn't sound (m, 1), it stays where motion begins."""
        visited: list[Tensor] = []
        law = windows.law(model)

        def watched(stage: int, q: Tensor, v: Tensor) -> Tensor:
            visited.append(torch.cat([q, v], 1))
            return law(stage, q, v)

        windows.roll(watched, start)
        state = torch.where(sound.unsqueeze(1), torch.stack(visited, 1), windows.state[:, :1])
        return cls(start, state, _slopes(model, windows, state))

    def tangent(self, windows: Windows, start: Tensor, change: Tensor | None) -> Tensor:
        """Changes of the states at the nodes (m, nodes, 2n, k), to first order.

        Arguments:
            windows: those of the path.
            start: change of the state at the start (m, 2n, k).
            change: of the acceleration as a function, at every stage (m, stages, n, k), or None.
        """

        def rate(stage: int, q: Tensor, v: Tensor) -> Tensor:
            moved = self.slopes[:, stage] @ torch.cat([q, v], 1)
            return moved if change is None else moved + change[:, stage]

        return windows.roll(rate, start)


def _slopes(model: NetworkLagrangian, windows: Windows, state: Tensor) -> Tensor:
    """Central differences in every direction; the operators have no derivatives by their inputs of this order."""
    flat, conditions = state.flatten(0, 1), windows.conditions
    n = model.coordinates
    velocity = state.new_tensor(model.scaling.velocity)
    sizes = torch.cat([velocity * model.scaling.time, velocity]) * torch.finfo(state.dtype).eps ** (1 / 3)
    columns = []
    for shift in torch.diag(sizes):
        after, before = (
            model.acceleration(moved[:, :n], moved[:, n:], *conditions) for moved in (flat + shift, flat - shift)
        )
        columns.append(((after - before) / (2 * shift.sum())).nan_to_num(0.0, 0.0, 0.0))
    return torch.stack(columns, -1).view(*state.shape[:2], n, 2 * n)
