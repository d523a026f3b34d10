"""A density network as a witness: trained on fields, then asked at second derivatives that nature never shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from lagsym.data.jets import Jets
from lagsym.data.lattice import Lattice
from lagsym.data.splitting import Split
from lagsym.discovery.journal import Journal
from lagsym.discovery.record import ENOUGH, DiscoveryOptions
from lagsym.distillation.densities.choice import NetworkReading
from lagsym.distillation.densities.evidence import off_shell_points, smooth_fields
from lagsym.distillation.libraries.density_terms import DensityLibrary, points_of
from lagsym.distillation.libraries.terms import Term
from lagsym.distillation.options import USABLE_NETWORK
from lagsym.law import Law
from lagsym.neural import FitProgress
from lagsym.neural.fields import (
    FIELD_OPTIONS,
    BendingDensity,
    DensityNetwork,
    FieldFit,
    FieldMotion,
    bending_operator,
    density_operator,
    fit_density,
)
from lagsym.neural.fields.records import pairs_in_space

SAMPLES = 2000
"""Jets at which a network is asked."""
FORMS = {"natural": ("natural", 1), "free": ("free", 1), "bending": ("natural", 2)}
"""Structure and order of each density network that is tried, in this order."""
FAST = replace(FIELD_OPTIONS, width=12, steps=120, tolerance=ENOUGH)
"""A network that is asked for the structure alone need not be as good as one that is followed in time."""


def train_density(
    parts: Split[Lattice], options: DiscoveryOptions, log: Journal, progress: Callable[[FitProgress], None] | None
) -> FieldFit:
    """The simplest density network that learns the fields, or the better one where none does."""
    wanted = options.choice.structure
    forms = {name: form for name, form in FORMS.items() if wanted in ("auto", form[0])} or FORMS
    angles = tuple(int(i) for i in np.flatnonzero(parts.fit.angle_mask))
    motion, found = (FieldMotion(parts.fit), FieldMotion(parts.choose)), []
    for name, (structure, order) in forms.items():
        asked = {"options": replace(FAST, structure=structure, seconds=options.budget), "seed": options.seed}
        found.append(fit_density(*motion, angles=angles, order=order, progress=progress, **asked))
        log.structures[name] = found[-1].held_out_error
        if found[-1].status == "seconds":
            log.caps.append("fit")
        if found[-1].held_out_error < USABLE_NETWORK:
            break
    best = min(found, key=lambda fit: fit.held_out_error)
    if not is_usable(best):
        log.notices.append(
            f"The density network's held-out error stayed at {best.held_out_error:.0%}, so the data alone decided."
        )
    return best


def is_usable(network: FieldFit) -> bool:
    """Whether a network has learned the fields: it may say which terms there are."""
    return isinstance(network.model, DensityNetwork) and network.held_out_error < USABLE_NETWORK


def read_density(network: FieldFit, data: Lattice, *, seed: int = 0) -> NetworkReading | None:
    """What a network says off the shell of the data, or None where it has learned nothing.

    Arguments:
        network: a trained network.
        data: fields that it was trained on, whose support it knows.
        seed: of the draws.
    """
    model = network.model
    if not (isinstance(model, DensityNetwork) and is_usable(network)):
        return None
    if isinstance(model, BendingDensity):
        return _read_bending(model, data, seed)
    jets = FieldMotion(data).jets
    generator = np.random.default_rng(seed)
    chosen = jets.take(generator.choice(len(jets), min(SAMPLES, len(jets)), replace=False))
    assert chosen.ddu is not None
    moved = Jets(chosen.x, chosen.u, chosen.du, _shuffled(chosen.ddu, generator))
    return NetworkReading(points_of(moved), density_operator(model, moved))


def _read_bending(model: BendingDensity, data: Lattice, seed: int) -> NetworkReading:
    """What a network of second derivatives says of higher ones that nature does not show beside them."""
    base = len(data.base)
    points = off_shell_points(smooth_fields(data), 4, together=pairs_in_space(base), samples=SAMPLES, seed=seed)
    x = np.zeros((len(points[()]), base))  # no base coordinate enters
    return NetworkReading(points, bending_operator(model, x, points), order=2)


def _shuffled(
    ddu: Float[np.ndarray, "samples base base n"], generator: np.random.Generator
) -> Float[np.ndarray, "samples base base n"]:
    """Every second derivative of every field from another sample: together they might obey the law anywhere.

    Where fields obey u_tt = c^2 u_xx, so do the second derivatives of each sample with all u and du.
    """
    moved = np.empty_like(ddu)
    for mu, nu in zip(*np.tril_indices(ddu.shape[1]), strict=True):
        part = generator.permuted(ddu[:, mu, nu], axis=0)
        moved[:, mu, nu] = moved[:, nu, mu] = part
    return moved


def fidelity(law: Law, reading: NetworkReading) -> float | None:
    """R² of the law's equations against the network's off the shell, up to a factor; None for higher densities."""
    lagrangian = law.numeric_lagrangian
    if lagrangian is None or law.space.order(lagrangian) > reading.order:
        return None
    ours = DensityLibrary(law.space, (Term(lagrangian, 0.0),)).operator_at(reading.points)[0]
    scale = np.sum(ours * reading.target) / np.sum(ours**2)
    return float(1 - np.sum((reading.target - scale * ours) ** 2) / np.sum(reading.target**2))
