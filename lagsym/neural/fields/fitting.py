"""Fitting: jets over time and space -> a trained density network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, cast

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural.device import keep_freed_memory, one_thread
from lagsym.neural.fields.baseline import FieldRateNetwork
from lagsym.neural.fields.density import DENSITIES, DensityNetwork
from lagsym.neural.fields.examples import FieldRateExamples
from lagsym.neural.fields.network import FieldNetwork
from lagsym.neural.fields.scaling import FieldScaling
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress
from lagsym.neural.starts import Starts, seed_of
from lagsym.neural.training import Status, Training
from lagsym.neural.trials import some

FIELD_OPTIONS = FitOptions("natural", width=20, steps=300, tolerance=1e-6)
"""What a density network is fitted with where nothing else is asked for."""

_UNKNOWN = ("symmetry", "dissipation", "driven", "measured_inputs", "rival")
"""Options of particles that fields have no use for."""


@dataclass(frozen=True)
class FieldFit:
    """A trained network of fields and how it came about.

    Arguments:
        model: the network with the weights that did best on the held-out jets, in double precision on the CPU.
        history: every evaluation, in order.
        status: "converged", "stalled", "steps", "seconds" or "singular", as of `lagsym.neural.fitting.Fit`.
        seconds: time taken.
        held_out_error: relative error of `model`'s second time derivatives on the held-out jets, root mean square over
            samples and fields, each field relative to its own; for the loss "weak" that of their averages over windows.
        options: what was asked for, with the loss that was taken.
        seed: of the initial weights and the batches.
    """

    model: FieldNetwork
    history: tuple[FitProgress, ...]
    status: Status
    seconds: float
    held_out_error: float
    options: FitOptions
    seed: int


def fit_density(
    train: Jets,
    choose: Jets,
    *,
    angles: Collection[int] = (),
    entering: Collection[int] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    progress: Callable[[FitProgress], None] | None = None,
) -> FieldFit:
    """Train a Lagrangian density so that its equation gives the second time derivatives of jets.

    By Levenberg–Marquardt, in double precision on one thread. Work is counted in steps: the same data, options and seed
    give the same network.

    Arguments:
        train: samples over time and space with second derivatives, to learn from.
        choose: held out, best of other runs: these decide when to stop and which weights to keep.
        angles: positions of the fields with period 2 pi.
        entering: positions of the base coordinates that the density may depend on explicitly, time first.
        options: how, of which the structure is "natural" or "free"; by default `FIELD_OPTIONS`.
        seed: of initial weights and batches.
        progress: called after every evaluation, see `progress_bar`.

    Raises:
        DataError: no samples, no second derivatives, or a number that is not finite; names the row.
        InputError: the two do not fit each other, an angle is not a field, or the options ask for what fields lack.
    """
    options = options or FIELD_OPTIONS
    require_options(options)
    if options.structure not in DENSITIES:
        msg = f"expected a structure among {', '.join(DENSITIES)} for fields; got {options.structure!r}"
        raise InputError(msg)

    def build(scaling: FieldScaling, begun: int) -> DensityNetwork:
        return DENSITIES[options.structure](scaling, width=options.width, depth=options.depth, seed=begun)

    scaling = scaling_of(train, choose, angles, entering, options)
    return train_network(lambda begun: build(scaling, begun), train, choose, options, seed, progress)


def fit_rates(
    train: Jets,
    choose: Jets,
    *,
    angles: Collection[int] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    progress: Callable[[FitProgress], None] | None = None,
) -> FieldFit:
    """Train the unconstrained baseline u_tt = N(u, ∂_x u, ∂_x ∂_x u); arguments and errors are those of `fit_density`.

    Of the options the structure has no meaning.
    """
    options = options or FIELD_OPTIONS
    require_options(options)
    scaling = scaling_of(train, choose, angles, (), options)

    def build(begun: int) -> FieldRateNetwork:
        return FieldRateNetwork(scaling, width=options.width, depth=options.depth, seed=begun)

    return train_network(build, train, choose, options, seed, progress)


def scaling_of(
    train: Jets, choose: Jets, angles: Collection[int], entering: Collection[int], options: FitOptions
) -> FieldScaling:
    """The units of a fit, from what it learns from; what it is judged by has to fit them.

    Raises:
        DataError: no samples, no second derivatives, or a number that is not finite; names the row.
        InputError: the two have different numbers of fields or base coordinates, or an angle is not a field.
    """
    if choose.du.shape[1:] != train.du.shape[1:]:
        msg = f"expected jets of one shape (base, fields) in both; got {train.du.shape[1:]} and {choose.du.shape[1:]}"
        raise InputError(msg)
    try:
        FieldScaling.of(choose, angles)
    except DataError as problem:
        msg = f"held-out jets: {problem}"
        raise DataError(msg) from None
    return FieldScaling.of(train, angles, harmonics=options.harmonics, entering=entering)


def require_options(options: FitOptions) -> None:
    """Check that options ask for nothing that networks of fields lack.

    Raises:
        InputError: they do; names the option.
    """
    plain = FitOptions()
    for name in _UNKNOWN:
        if getattr(options, name) != getattr(plain, name):
            msg = f"expected {name} to be left out for fields, whose networks don't know it; got {name}={options}"
            raise InputError(msg)
    if options.optimizer == "soap" or options.loss not in ("auto", "acceleration", "weak"):
        msg = (
            "expected the optimizer levenberg-marquardt and the loss auto, acceleration or weak for fields; got "
            f"{options.optimizer!r} and {options.loss!r}"
        )
        raise InputError(msg)
    if options.explicit_time:
        msg = "expected explicit_time to be left out for fields; say which base coordinates enter with entering=[0]"
        raise InputError(msg)


def train_network(
    build: Callable[[int], FieldNetwork],
    train: Jets,
    choose: Jets,
    options: FitOptions,
    seed: int,
    progress: Callable[[FitProgress], None] | None,
) -> FieldFit:
    """Train the network that `build` makes of a seed, on as many starts as the options say."""
    started = time.monotonic()

    def training(start: int) -> Training:
        begun = seed_of(seed, start)
        model = build(begun)
        held_out = some(FieldRateExamples.of(choose, model), seed)
        # Training asks of a model and of examples no more than these have.
        return Training(
            cast("Any", model), FieldRateExamples.of(train, model), held_out, options, "levenberg-marquardt", begun
        )

    keep_freed_memory()
    with one_thread():
        starts = Starts(training, options.starts)
        status = starts.run(progress, started + (math.inf if options.seconds is None else options.seconds))
    run = starts.training
    taken = replace(options, loss="acceleration")
    seconds = time.monotonic() - started
    return FieldFit(cast("Any", run.model), tuple(run.history), status, seconds, run.best_error, taken, seed)
