"""Fitting: jets over time and space, or fields on a grid -> a trained density network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, cast

from lagsym.data.jets import Jets
from lagsym.data.lattice import Lattice
from lagsym.errors import DataError, InputError
from lagsym.neural.device import keep_freed_memory, one_thread
from lagsym.neural.examples import Examples
from lagsym.neural.fields.baseline import FieldRateNetwork
from lagsym.neural.fields.bending import BendingDensity
from lagsym.neural.fields.density import DENSITIES, DensityNetwork
from lagsym.neural.fields.examples import FieldRateExamples
from lagsym.neural.fields.motion import FieldMotion
from lagsym.neural.fields.network import FieldNetwork
from lagsym.neural.fields.scaling import FieldScaling
from lagsym.neural.fields.weak import FieldWeakExamples
from lagsym.neural.options import SCHEDULES, FitOptions
from lagsym.neural.progress import FitProgress
from lagsym.neural.starts import Starts, seed_of
from lagsym.neural.training import Status, Training, error
from lagsym.neural.trials import some

FIELD_OPTIONS = FitOptions("natural", width=20, steps=300, tolerance=1e-6)
"""What a density network is fitted with where nothing else is asked for."""

Data = Jets | Lattice | FieldMotion
"""What a network can learn from; of fields on a grid the strong form smooths and differentiates them itself."""

_TRIAL_STEPS, _TRIAL_WIDTH = 20, 12
"""Of the trials that compare losses: what is compared shows soon, and in small networks."""

_CLEAN = 1e-3
"""Error of the strong form in its trial from which on the weak form, whose steps are dear, is not tried."""

_WEAK_SHARE = 4
"""So many times fewer steps are taken in the weak form: each costs as many times more, and noise is reached soon."""

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


def fit_density(  # noqa: PLR0913 (what it learns from, what is asked for, and how)
    train: Data,
    choose: Data,
    *,
    angles: Collection[int] = (),
    entering: Collection[int] = (),
    order: int = 1,
    options: FitOptions | None = None,
    seed: int = 0,
    progress: Callable[[FitProgress], None] | None = None,
) -> FieldFit:
    """Train a Lagrangian density so that its equation gives the second time derivatives of the data.

    By Levenberg–Marquardt, in double precision on one thread. Work is counted in steps: the same data, options and seed
    give the same network.  The loss "acceleration" is the strong form at jets; "weak" averages the equation over test
    functions on a grid, which needs no second derivatives; "auto" is the first for jets, and for fields on a grid the
    one of both that does better in a short trial, judged by the weak form of the held-out fields; the weak form is not
    tried where the strong one learns without noise.

    Arguments:
        train: samples over time and space with second derivatives, or fields on a grid, to learn from.
        choose: held out, best of other runs: these decide when to stop and which weights to keep.
        angles: positions of the fields with period 2 pi.
        entering: positions of the base coordinates that the density may depend on explicitly, time first.
        order: of the highest derivative in space that the density depends on; 2 for fields that bend, as a beam, of
            the structure "natural" and in the weak form alone.
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
    data = _seen(train), _seen(choose)
    scaling = scaling_of(*data, angles, entering, options)

    form, depth = _form(options, order), options.depth

    def build(width: int, begun: int) -> DensityNetwork:
        return form(scaling, width=width, depth=depth, seed=begun)

    loss = "weak" if order > 1 else _choose_loss(build, *data, options, seed)
    taken = replace(options, loss=loss)
    return _train(lambda begun: build(taken.width, begun), *data, taken, seed, progress)


def fit_rates(
    train: Data,
    choose: Data,
    *,
    angles: Collection[int] = (),
    options: FitOptions | None = None,
    seed: int = 0,
    progress: Callable[[FitProgress], None] | None = None,
) -> FieldFit:
    """Train the unconstrained baseline u_tt = N(u, ∂_x u, ∂_x ∂_x u); arguments and errors are those of `fit_density`.

    Of the options the structure has no meaning, and the loss is that of the strong form.
    """
    options = replace(options or FIELD_OPTIONS, loss="acceleration")
    require_options(options)
    data = _seen(train), _seen(choose)
    scaling = scaling_of(*data, angles, (), options)

    def build(begun: int) -> FieldRateNetwork:
        return FieldRateNetwork(scaling, width=options.width, depth=options.depth, seed=begun)

    return _train(build, *data, options, seed, progress)


def scaling_of(
    train: Jets | FieldMotion,
    choose: Jets | FieldMotion,
    angles: Collection[int],
    entering: Collection[int],
    options: FitOptions,
) -> FieldScaling:
    """The units of a fit, from what it learns from; what it is judged by has to fit them.

    Raises:
        DataError: no samples, no second derivatives, or a number that is not finite; names the row.
        InputError: one is jets and one a grid, the two have different numbers of fields or base coordinates, or an
            angle is not a field.
    """
    if type(train) is not type(choose):
        msg = "expected jets both to train and to choose, or fields on a grid for both; got one of each"
        raise InputError(msg)
    mine, theirs = (data.windows.averages if isinstance(data, FieldMotion) else data for data in (train, choose))
    if theirs.du.shape[1:] != mine.du.shape[1:]:
        msg = f"expected jets of one shape (base, fields) in both; got {mine.du.shape[1:]} and {theirs.du.shape[1:]}"
        raise InputError(msg)
    try:
        FieldScaling.of(theirs, angles)
    except DataError as problem:
        msg = f"held-out jets: {problem}"
        raise DataError(msg) from None
    return FieldScaling.of(mine, angles, harmonics=options.harmonics, entering=entering)


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


def _form(options: FitOptions, order: int) -> type[DensityNetwork]:
    """The kind of network that was asked for."""
    if order == 1:
        return DENSITIES[options.structure]
    if order != 2 or options.structure != "natural" or options.loss not in ("auto", "weak"):
        msg = (
            "expected a density of order 1, or one of order 2 of the structure 'natural' with the loss 'weak'; got "
            f"order {order}, {options.structure!r} and {options.loss!r}"
        )
        raise InputError(msg)
    return BendingDensity


def _seen(data: Data) -> Jets | FieldMotion:
    return FieldMotion(data) if isinstance(data, Lattice) else data


def _examples(loss: str, data: Jets | FieldMotion, model: FieldNetwork) -> Examples:
    if loss == "acceleration":
        return FieldRateExamples.of(data.jets if isinstance(data, FieldMotion) else data, model)
    if isinstance(data, Jets) or not isinstance(model, DensityNetwork):
        msg = "the loss 'weak' needs fields on a grid, as jets don't say which samples are neighbours; got jets"
        raise InputError(msg)
    return FieldWeakExamples.of(data, model)


def _choose_loss(
    build: Callable[[int, int], DensityNetwork],
    train: Jets | FieldMotion,
    choose: Jets | FieldMotion,
    options: FitOptions,
    seed: int,
) -> str:
    """The loss that the options name or, where they leave it open, the one that suits the data; see `fit_density`."""
    if options.loss != "auto" or isinstance(train, Jets) or isinstance(choose, Jets):
        return "acceleration" if options.loss == "auto" else options.loss
    errors = {}
    for loss in ("acceleration", "weak"):
        model = build(min(options.width, _TRIAL_WIDTH), seed)
        judge = some(FieldWeakExamples.of(choose, model), seed)
        trial = replace(options, steps=_TRIAL_STEPS, tolerance=0.0)
        with one_thread():
            _training(model, _examples(loss, train, model), judge, trial, seed).run()
            errors[loss] = error(cast("Any", model), judge)
        if errors[loss] < _CLEAN:  # there is no noise to average out
            break
    return min(errors, key=errors.__getitem__)


def _training(model: FieldNetwork, examples: Examples, held_out: Examples, options: FitOptions, seed: int) -> Training:
    # Training asks of a model no more than networks of fields have.
    return Training(cast("Any", model), examples, held_out, options, "levenberg-marquardt", seed)


def _train(
    build: Callable[[int], FieldNetwork],
    train: Jets | FieldMotion,
    choose: Jets | FieldMotion,
    options: FitOptions,
    seed: int,
    progress: Callable[[FitProgress], None] | None,
) -> FieldFit:
    """Train the network that `build` makes of a seed, on as many starts as the options say."""
    started = time.monotonic()
    steps = options.steps or SCHEDULES["levenberg-marquardt"].steps
    driven = replace(options, steps=-(-steps // _WEAK_SHARE) if options.loss == "weak" else steps)

    def training(start: int) -> Training:
        model = build(seed_of(seed, start))
        held_out = some(_examples(options.loss, choose, model), seed)
        return _training(model, _examples(options.loss, train, model), held_out, driven, seed_of(seed, start))

    keep_freed_memory()
    with one_thread():
        starts = Starts(training, options.starts)
        status = starts.run(progress, started + (math.inf if options.seconds is None else options.seconds))
    run = starts.training
    seconds = time.monotonic() - started
    return FieldFit(cast("Any", run.model), tuple(run.history), status, seconds, run.best_error, options, seed)
