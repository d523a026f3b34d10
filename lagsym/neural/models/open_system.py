"""OpenSystem: a Lagrangian network with friction and forces beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.models.base import NetworkLagrangian, Outputs
from lagsym.neural.models.dissipation import Dissipation
from lagsym.neural.models.effect import Effect
from lagsym.neural.models.forces import InputForce, MeasuredForce, TimeForce
from lagsym.neural.models.records import Inputs, Net, Parts

EFFECTS: Mapping[str, Callable[..., Effect]] = MappingProxyType(
    {effect.__name__: effect for effect in (Dissipation, MeasuredForce, TimeForce, InputForce)}
)
"""Every effect by its name."""


class OpenSystem(NetworkLagrangian):
    """The law E_i + Q_i − dD/dv_i = 0, with E of a Lagrangian network, friction D and forces Q beside it.

    Everything that speaks of L alone (`assemble`, `gradients`, `parts`, M and f of `read`) leaves friction and forces
    out; `motion`, `acceleration` and the accelerations of `read` have them in.

    Arguments:
        lagrangian: any structure, which shares its weights with this model.
        effects: friction and forces, each kind at most once.
        seed: of the effects' initial weights.

    Raises:
        InputError: a kind of effect is there twice.
    """

    def __init__(self, lagrangian: NetworkLagrangian, effects: Sequence[Effect], *, seed: int = 0) -> None:
        kinds = [type(effect).__name__ for effect in effects]
        if len(set(kinds)) < len(kinds):
            msg = f"expected each kind of effect once; got {', '.join(kinds)}"
            raise InputError(msg)
        # The parent builds the effects' nets; those of the Lagrangian are there already and come first.
        self.effects = tuple(effects)
        sizes = {"width": lagrangian.width, "depth": lagrangian.depth}
        super().__init__(lagrangian.scaling, **sizes, seed=seed, dtype=lagrangian.dtype)
        self.lagrangian = lagrangian
        self.structure = lagrangian.structure  # pyright: ignore[reportAttributeAccessIssue]
        self.nets = (*lagrangian.nets, *self.nets)
        self.network = nn.ParameterList([*lagrangian.network, *self.network])

    def _nets(self) -> tuple[Net, ...]:
        return tuple(effect.net for effect in self.effects)

    def _untrained(self, dtype: torch.dtype) -> OpenSystem:
        return OpenSystem(self.lagrangian.converted(dtype), self.effects)

    def _known(self, parameters: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Measured inputs are the last columns of the parameters."""
        if parameters is None or parameters.dim() != 2 or parameters.shape[1] <= self.scaling.parameters:
            return parameters, None
        return parameters[:, : self.scaling.parameters], parameters[:, self.scaling.parameters :]

    def arguments(self, inputs: Inputs) -> tuple[tuple[Tensor, Tensor], ...]:
        """Those of the Lagrangian, then those of the effects."""
        return (*self.lagrangian.arguments(inputs), *(effect.arguments(inputs) for effect in self.effects))

    def assemble(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) of L alone in the network's units."""
        return self.lagrangian.assemble(self._of_lagrangian(outputs), inputs)

    def gradients(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """dL/dQ (B, n) and dL/dW (B, n) in the network's units."""
        return self.lagrangian.gradients(self._of_lagrangian(outputs), inputs)

    def forces(self, outputs: Outputs, inputs: Inputs) -> tuple[Tensor | None, Tensor | None]:
        """−dD/dv and Q (B, n) in the network's units; None where there is none."""
        own = outputs[len(outputs) - len(self.effects) :]
        pairs = [(e.dissipative, e.force(output, inputs)) for e, output in zip(self.effects, own, strict=True)]
        dissipative, applied = ([force for kind, force in pairs if kind is wanted] for wanted in (True, False))
        return _total(dissipative), _total(applied)

    @property
    def energy_unit(self) -> Tensor:
        """How much of the data's energy the network's unit of energy is; 1 where no measured force fixes it."""
        for effect, tensors in self._weights():
            if isinstance(effect, MeasuredForce):
                return effect.unit(tensors[0].squeeze())
        return super().energy_unit

    def _weights(self) -> Iterator[tuple[Effect, list[Tensor]]]:
        """Each effect with its weights."""
        tensors = list(self.network)
        start = len(self.lagrangian.network)
        for effect in self.effects:
            stop = start + effect.net.tensors(self.depth)
            yield effect, tensors[start:stop]
            start = stop

    def _of_lagrangian(self, outputs: Outputs) -> Outputs:
        return outputs[: len(outputs) - len(self.effects)]

    def mass_and_force(
        self, q: Tensor, v: Tensor, t: Tensor | None = None, parameters: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """M (B, n, n) and f (B, n) of L alone, with E = f − M a, in the data's units; for the arguments see `inputs`.

        Raises:
            InputError: as `inputs`.
        """
        inputs = self.inputs(q, v, t, parameters)
        return self._in_data_units(*self.lagrangian.assemble(self.lagrangian.outputs(inputs), inputs))

    def _parts(self, at_rest: Inputs) -> Parts:
        parts, unit = self.lagrangian._parts(at_rest), self.energy_unit
        return Parts(parts.potential * unit, parts.mass * unit, parts.gyroscopic * unit)

    def _potential(self, inputs: Inputs) -> Tensor:
        return self.lagrangian._potential(inputs)

    def _gyroscopic(self, outputs: Outputs, inputs: Inputs) -> Tensor:
        return self.lagrangian._gyroscopic(self._of_lagrangian(outputs), inputs)

    def rayleigh(self, q: Tensor, v: Tensor, parameters: Tensor | None = None) -> Tensor:
        """The Rayleigh function D(q, v) (B,), in the data's units; zero without friction.

        Raises:
            InputError: as `inputs`.
        """
        inputs = self.inputs(q, v, torch.zeros_like(q[:, 0]), parameters)
        for effect, tensors in self._weights():
            if isinstance(effect, Dissipation):
                output = effect.net.operator(tensors, *effect.arguments(inputs))
                return effect.function(output, inputs) * (self.energy_unit / self.scaling.time)
        return torch.zeros_like(inputs.velocity[:, 0])


def surround(
    lagrangian: NetworkLagrangian,
    jets: Jets,
    *,
    dissipation: bool = False,
    driven: int = 0,
    measured_inputs: int = 0,
    seed: int = 0,
) -> NetworkLagrangian:
    """A Lagrangian network with the friction and the forces that are asked for, and with those that were measured.

    Arguments:
        lagrangian: any structure.
        jets: what it is to learn from; where they hold forces that are not all zero, these fix the scale of L.
        dissipation: whether there may be friction, see `Dissipation`.
        driven: oscillations over the record of a force Q(t) that is learned; 0 for none, see `TimeForce`.
        measured_inputs: how many of the last columns of the jets' parameters are inputs of a force Q(u) that is
            learned, and not parameters of L; see `InputForce`.
        seed: of the initial weights.

    Returns:
        An `OpenSystem`, or the Lagrangian itself where there is nothing beside it.

    Raises:
        DataError: there are fewer inputs, or inputs or forces are not finite.
    """
    effects: list[Effect] = [Dissipation.of(lagrangian.scaling)] if dissipation else []
    if jets.force is not None and jets.force.any():
        effects.append(MeasuredForce.of(jets, lagrangian.scaling))
    if driven:
        effects.append(TimeForce.of(jets, driven))
    if measured_inputs:
        effects.append(InputForce.of(jets, measured_inputs))
    return OpenSystem(lagrangian, effects, seed=seed) if effects else lagrangian


def record_effects(model: NetworkLagrangian) -> list[dict[str, Any]]:
    """The effects of a model as what JSON can hold, without their weights; see `restore_effects`."""
    effects = model.effects if isinstance(model, OpenSystem) else ()
    return [{"effect": type(effect).__name__, **asdict(effect)} for effect in effects]


def restore_effects(lagrangian: NetworkLagrangian, record: Sequence[Mapping[str, Any]]) -> NetworkLagrangian:
    """The Lagrangian with recorded effects, untrained; itself where there are none.

    Raises:
        KeyError: an effect of another name.
        TypeError: an effect with other numbers.
    """
    effects = []
    for entry in record:
        numbers = {key: tuple(x) if isinstance(x, list) else x for key, x in entry.items() if key != "effect"}
        effects.append(EFFECTS[entry["effect"]](**numbers))
    return OpenSystem(lagrangian, effects) if effects else lagrangian


def _total(forces: Sequence[Tensor]) -> Tensor | None:
    return sum(forces[1:], forces[0]) if forces else None
