"""The wave equation as a field over time and space: density networks, an unconstrained one and the distilled density.

`wave_graph.py` measures and shows this beside the lattice of the same sites.  Snapshots of exact waves
phi_tt = c^2 phi_xx on a hundred sites, without rates, are what networks learn from: eight waves for half the time in
which one goes once round the ring, 161 snapshots of each, so that the shortest wave has thirty-two in a period.  Of
density networks there are `natural`, (phi_t^2 K) / 2 - W(phi, phi_x), and `free`, phi_t^2 / 2 + N(phi, phi_t, phi_x);
each takes a hundred steps of Levenberg-Marquardt, and has a quadratic form beside the perceptron.  The unconstrained
network phi_tt = N(phi, phi_x, phi_xx), with a linear form beside it or without, is of the same width, and gets the time
of the natural one for each of three optimisers; the best by held-out error counts.

Distilled is the natural network: its equation off the shell chooses the terms, snapshots fix their constants.  New
waves are rolled out once round the ring, networks by the method of Dormand and Prince to a tolerance of 1e-11, the
distilled density by `evolve`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import sympy as sp
import torch
from rows import Row
from torch import Tensor
from unconstrained import best
from waves import COUPLING, DX, SITES, crossing, judged, waves, written

from lagsym.data.jets import Jets
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.discovery.field_networks import read_density
from lagsym.distillation.densities.choice import choose_density
from lagsym.distillation.densities.constants import settle_density
from lagsym.distillation.libraries.density_terms import DensityLibrary
from lagsym.distillation.libraries.terms import Term
from lagsym.distillation.options import ChoiceOptions
from lagsym.errors import InputError
from lagsym.evolution import Evolution, Places, evolve, field_energy
from lagsym.mechanics.jetspace import JetSpace
from lagsym.neural.fields import (
    FIELD_OPTIONS,
    DensityNetwork,
    FieldFit,
    FieldMotion,
    FieldNetwork,
    FieldRateNetwork,
    fit_density,
    own_energy,
    relative_error,
    roll_out,
)
from lagsym.neural.fields.examples import FieldRateExamples
from lagsym.neural.fields.network import require_second
from lagsym.neural.fields.records import FieldInputs
from lagsym.neural.models.perceptrons import Outputs
from lagsym.neural.models.records import Net

SPACE = JetSpace(("u",), ("t", "x"))
(U_T,), (U_X,) = SPACE.derivatives(0), SPACE.derivatives(1)
PLACES = Places((SITES,), (True,))
RUNS, HELD_OUT, NEW = 8, 3, 2
SNAPSHOTS = 161
OPTIONS = replace(FIELD_OPTIONS, steps=100, tolerance=0.0)
TOLERANCE = 1e-11
Fields = tuple[np.ndarray, np.ndarray]


class BareRateNetwork(FieldRateNetwork):
    """The same without a linear form."""

    def _nets(self) -> tuple[Net, ...]:
        return super()._nets()[:1]

    def arguments(self, inputs: FieldInputs) -> tuple[tuple[Tensor, Tensor], ...]:
        return super().arguments(inputs)[:1]

    def excess(self, outputs: Outputs, inputs: FieldInputs) -> Tensor:
        return outputs[0] - require_second(inputs)[:, 0, 0]


UNCONSTRAINED = {"unconstrained": BareRateNetwork, "unconstrained, with a linear part": FieldRateNetwork}


def true_density(case: str) -> sp.Expr:
    return (U_T**2 - sp.Float(COUPLING[case] * DX**2, 17) * U_X**2) / 2


def snapshots(case: str, count: int, seed: int) -> Lattice:
    """Exact waves of the field on the sites, for half the time once round."""
    times = crossing(case) / 2 * np.linspace(0, 1, SNAPSHOTS)
    u, _ = waves(case, count, times, seed, continuum=True)
    records = (FieldRecord(times, (SITES,), wave[..., None], name=f"{seed}.{k}") for k, wave in enumerate(u))
    return Lattice(("u",), ("t", "x"), tuple(records), (True,))


def measured(case: str, seed: int) -> dict[str, Row]:
    data = snapshots(case, RUNS, 2 * seed), snapshots(case, HELD_OUT, 2 * seed + 1)
    motion = FieldMotion(data[0]), FieldMotion(data[1])
    rows, found = {}, {}
    for form in ("natural", "free"):
        began = time.process_time()
        fit = found[form] = fit_density(*motion, options=replace(OPTIONS, structure=form), seed=seed)
        about = {"made": "Levenberg-Marquardt", "seconds": time.process_time() - began}
        rows[f"density network, {form}"] = followed(case, fit.model) | about | {"held_out": fit.held_out_error}
    rows["distilled density"] = distilled(case, found["natural"], data, motion[1].jets, seed)
    seconds = rows["density network, natural"]["seconds"]
    assert isinstance(seconds, float)
    jets = motion[0].jets, motion[1].jets
    for kind, network in UNCONSTRAINED.items():
        model, name, error = unconstrained(network, found["natural"].model, *jets, seconds, seed)
        rows[kind] = followed(case, model) | {"made": name, "seconds": seconds, "held_out": error}
    return rows


def unconstrained(
    network: type[FieldRateNetwork], like: FieldNetwork, train: Jets, choose: Jets, seconds: float, seed: int
) -> tuple[FieldNetwork, str, float]:
    """The best network phi_tt = N(phi, phi_x, phi_xx) of the width of another one, in double precision."""

    def build(dtype: torch.dtype) -> FieldRateNetwork:
        return network(like.scaling, width=like.width, seed=seed, dtype=dtype)

    def seen(model: FieldRateNetwork) -> tuple[FieldRateExamples, FieldRateExamples]:
        return FieldRateExamples.of(train, model), FieldRateExamples.of(choose, model)

    def score(model: FieldRateNetwork) -> float:
        return relative_error(model.converted(torch.float64), choose)

    model, name, error = best(build, seen, score, seconds, seed)
    return model.converted(torch.float64), name, error


def distilled(case: str, fit: FieldFit, data: tuple[Lattice, Lattice], choose: Jets, seed: int) -> Row:
    """The density that a network's equation is off the shell, with constants from the snapshots."""
    began = time.process_time()
    reading = read_density(fit, data[0], seed=seed)
    choice = choose_density(*data, options=ChoiceOptions(evidence="network"), network=reading, seed=seed)
    assert choice is not None
    both = data[0].with_records((*data[0].records, *data[1].records))
    law = settle_density(choice.candidate, both).numeric_lagrangian
    about = {"made": scaled(law), "seconds": time.process_time() - began, "held_out": off(law, choose)}
    row = rolled(
        case,
        lambda initial, times: evolve(law, SPACE, initial, times, PLACES),
        lambda motion: field_energy(law, SPACE, motion.u, motion.u_t, PLACES),
    )
    return row | about


def scaled(law: sp.Expr) -> str:
    """A density in units in which it begins with u_t^2 / 2, as the scale of a density means nothing."""
    unit = sp.expand(law).coeff(U_T, 2)
    return written(sp.expand(law / (2 * unit)) if unit != 0 else law)


def off(law: sp.Expr, jets: Jets) -> float:
    """The relative error of u_tt."""
    library = DensityLibrary(SPACE, (Term(law, 0.0),))
    error = library.operator(jets)[0, :, 0] / library.mass(jets)[0, :, 0, 0]
    assert jets.ddu is not None
    return float(np.linalg.norm(error) / np.linalg.norm(jets.ddu[:, 0, 0, 0]))


def followed(case: str, model: FieldNetwork) -> Row:
    """A network, rolled out; with the drift of its own energy where it has one."""
    own = (lambda motion: own_energy(model, motion, PLACES)) if isinstance(model, DensityNetwork) else None
    return rolled(case, lambda initial, times: roll_out(model, initial, times, PLACES, tolerance=TOLERANCE), own)


def rolled(
    case: str, follow: Callable[[Fields, np.ndarray], Evolution], own: Callable[[Evolution], np.ndarray] | None
) -> Row:
    """New waves once round the ring, beside the exact ones."""
    times = crossing(case) * np.linspace(0, 1, 101)
    u, u_t = waves(case, NEW, times, 999, continuum=True)
    try:
        motion = follow((u[:, 0, :, None], u_t[:, 0, :, None]), times)
    except InputError:
        return {"error": None, "true_drift": None, "own_drift": None}
    true = field_energy(true_density(case), SPACE, motion.u, motion.u_t, PLACES)
    return judged(motion.u[..., 0].swapaxes(0, 1), u.swapaxes(0, 1), true.T, None if own is None else own(motion).T)
