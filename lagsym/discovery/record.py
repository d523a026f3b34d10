"""What may be asked of a discovery, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lagsym.data.splitting import Split
from lagsym.distillation.options import ChoiceOptions
from lagsym.distillation.reading.faithfulness import ErrorMap, Faithfulness
from lagsym.errors import InputError
from lagsym.law import Law
from lagsym.neural import Fit, FitOptions
from lagsym.neural.fields import FieldFit
from lagsym.validation import FieldValidation, Validation

ENOUGH = 2e-3
"""Held-out error of a network from which on it names exactly the terms that are there."""


@dataclass(frozen=True)
class DiscoveryOptions:
    """What may be asked of a discovery; the defaults serve every system alike.

    Arguments:
        choice: what the Lagrangian may be made of, and what decides.
        fit: how networks are built and trained at first; their structure follows from `choice`, and where the held-out
            error asks for it they get twice the units or another loss, see `lagsym.neural.selection`.
        seed: of the split, the network and every draw.
        device: where the network is trained; networks of fields are trained on the CPU.
        budget: cap on the seconds of training and of each search by an engine, or None.

    Raises:
        InputError: the budget is not positive.
    """

    choice: ChoiceOptions = field(default_factory=ChoiceOptions)
    fit: FitOptions = field(default_factory=lambda: FitOptions(width=16, tolerance=ENOUGH, steps=200))
    seed: int = 0
    device: str = "auto"
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.budget is not None and not self.budget > 0:
            msg = f"expected a budget of more than 0 seconds, got {self.budget}"
            raise InputError(msg)


@dataclass(frozen=True)
class Discovery:
    """What was found, and what it was found with.

    Arguments:
        law: the law, or the reasons why there is none.
        validation: its scores on held-out data, or None without a Lagrangian.
        fit: the trained network, or None where none was asked for.
        split: the three parts of the data.
        faithfulness: how closely the law reproduces the network on held-out data, or None where one of them is missing.
    """

    law: Law
    validation: Validation | FieldValidation | None
    fit: Fit | FieldFit | None
    split: Split[Any]
    faithfulness: Faithfulness | None = None

    @property
    def error_map(self) -> ErrorMap | None:
        """Where the law differs from the network, or None where there is no network or no law."""
        return None if self.faithfulness is None else self.faithfulness.map

    def _repr_latex_(self) -> str:
        return self.law._repr_latex_()
