"""Options of a fit, and how each optimiser is driven where they leave it open."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch

from lagsym.errors import InputError
from lagsym.neural.examples import LOSSES
from lagsym.neural.models import STRUCTURES
from lagsym.neural.symmetry import NO_SYMMETRY, Symmetry

OptimizerName = Literal["levenberg-marquardt", "soap"]

LEVENBERG_MARQUARDT_LIMIT = 4000
"""Above this number of parameters "auto" takes SOAP."""


@dataclass(frozen=True)
class Schedule:
    """How an optimiser is driven when the options leave it open.

    Arguments:
        steps: steps at most.
        every: steps between evaluations.
        patience: steps without progress before the batch grows or, once it is largest, the fit stops.
        dtype: number type of the network while it is trained.
    """

    steps: int
    every: int
    patience: int | None
    dtype: torch.dtype


SCHEDULES: MappingProxyType[OptimizerName, Schedule] = MappingProxyType(
    {
        "levenberg-marquardt": Schedule(steps=400, every=5, patience=40, dtype=torch.float64),
        # The cosine makes its best progress at the end, so a plateau in the middle means nothing.
        "soap": Schedule(steps=20_000, every=200, patience=None, dtype=torch.float32),
    }
)


@dataclass(frozen=True)
class FitOptions:
    """How a network is built and trained.

    Arguments:
        structure: "natural", ½ v·M(q) v − V(q); "gyroscopic", with A(q)·v; "separable", T(v) − V(q); "free", L(q, v).
        loss: "acceleration", the error of M⁻¹ f; "balance", that of M a − f relative to |M|; for trajectories also
            "weak", averages of E over test functions relative to how they change off the shell, and "rollout", short
            motions from fitted starting states, which begins with "weak" for half as many steps; or "auto": "balance"
            for separable networks, whose M may span decades, and "acceleration" for others, but for trajectories
            without measured accelerations the best of this, "weak" and "rollout" in short trials, see
            `lagsym.neural.trials.choose_loss`.
        harmonics: multiples of angles up to this one are given to the network.
        explicit_time: whether the Lagrangian may depend on time.
        symmetry: what leaves the Lagrangian alone whatever the weights; see `Symmetry`.
        dissipation: whether there may be friction beside L, see `lagsym.neural.models.dissipation`.
        driven: a force Q(t) beside L is learned, with up to so many oscillations over the record; 0 for none.
        measured_inputs: the last so many columns of the jets' parameters are not parameters of L, but inputs (a
            voltage) of a force Q(u) that is learned.
        width: units of each hidden layer.
        depth: hidden layers.
        optimizer: "levenberg-marquardt", "soap", or "auto", which takes the first up to 4000 parameters.
        steps: steps at most; None for what suits the optimiser (400, or 20,000 for SOAP).
        starts: so many initial weights get a twentieth of the steps each, and the best of them goes on, see
            `lagsym.neural.starts`; no other is tried where one reaches the tolerance.
        tolerance: stop when the held-out relative error is below this: that of accelerations or, for losses that do
            without them, their own.
        rival: the held-out error that another network has in the same loss, or None; the fit is given up from half-way
            on where it cannot be expected to come near.
        seconds: a cap on the time, or None. A fit that hits it says so and does not repeat exactly.

    Raises:
        InputError: a value is not one of the above or not positive.
    """

    structure: str = "natural"
    loss: str = "auto"
    harmonics: int = 1
    explicit_time: bool = False
    symmetry: Symmetry = NO_SYMMETRY
    dissipation: bool = False
    driven: int = 0
    measured_inputs: int = 0
    width: int = 32
    depth: int = 2
    optimizer: str = "auto"
    steps: int | None = None
    starts: int = 1
    tolerance: float = 2e-4
    rival: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES:
            msg = f"expected a structure among {', '.join(STRUCTURES)}; got {self.structure!r}"
            raise InputError(msg)
        if self.optimizer not in ("auto", *SCHEDULES):
            msg = f"expected an optimizer among auto, {', '.join(SCHEDULES)}; got {self.optimizer!r}"
            raise InputError(msg)
        if self.loss not in ("auto", *LOSSES):
            msg = f"expected a loss among auto, {', '.join(LOSSES)}; got {self.loss!r}"
            raise InputError(msg)
        for name in ("width", "depth", "harmonics", "steps", "starts", "rival", "seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                msg = f"expected {name} above zero; got {value}"
                raise InputError(msg)
        for name in ("driven", "measured_inputs"):
            if not getattr(self, name) >= 0:
                msg = f"expected {name} of zero or more; got {getattr(self, name)}"
                raise InputError(msg)
        if not self.tolerance >= 0:
            msg = f"expected a tolerance of zero or more; got {self.tolerance}"
            raise InputError(msg)

    def optimizer_for(self, parameters: int) -> OptimizerName:
        """The optimiser of a network with so many parameters."""
        if self.optimizer == "auto":
            return "levenberg-marquardt" if parameters <= LEVENBERG_MARQUARDT_LIMIT else "soap"
        return "soap" if self.optimizer == "soap" else "levenberg-marquardt"

    def loss_for(self, structure: str) -> str:
        """The loss of a structure for data with accelerations."""
        if self.loss != "auto":
            return self.loss
        return "balance" if structure == "separable" else "acceleration"
