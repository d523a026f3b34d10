"""A fit in and out of files: weights as safetensors and everything else as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from lagsym.errors import DataError
from lagsym.neural.files import json_path, read_record, read_tensors, write_pair
from lagsym.neural.fitting import Fit
from lagsym.neural.models import STRUCTURES, NetworkLagrangian
from lagsym.neural.models.open_system import record_effects, restore_effects
from lagsym.neural.models.perceptrons import Perceptrons
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress
from lagsym.neural.scaling import Scaling
from lagsym.neural.symmetry import Symmetry

SCHEMA = 1


def save_fit(fit: Fit, path: str | Path) -> Path:
    """Write a fit to `<path>.json` and `<path>-<hash>.safetensors`; interrupted, it leaves the fit that was there.

    Arguments:
        fit: what `fit` returned.
        path: where to, with or without `.json`; its folder must exist.

    Returns:
        The path of the JSON file.
    """
    target = json_path(path)
    write_pair(target, _record(fit), weights_of(fit.model))
    return target


def weights_of(model: Perceptrons) -> dict[str, torch.Tensor]:
    """The weights of a model by their place, as they are written."""
    return {str(k): parameter.detach().contiguous() for k, parameter in enumerate(model.network)}


def load_fit(path: str | Path) -> Fit:
    """Read a fit that `save_fit` wrote; its model gives the same numbers to the last digit.

    Arguments:
        path: the JSON file, with or without `.json`.

    Raises:
        DataError: a file is missing, damaged, or of another version.
    """
    record, weights = read_fit(path, SCHEMA)
    with damaged(path):
        return _fit(record, weights)


def read_fit(path: str | Path, schema: int) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The record and the weights of a fit's files.

    Raises:
        DataError: a file is missing, damaged, or of another schema.
    """
    source = json_path(path)
    with damaged(path):
        record = read_record(source)
        if record["schema"] != schema:
            msg = (
                f"expected a fit of schema {schema} in {source}; got {record['schema']}; use the version that wrote it"
            )
            raise DataError(msg)
        return record, read_tensors(source, record)


@contextmanager
def damaged(path: str | Path) -> Iterator[None]:
    """Say of what goes wrong within that the fit's files are missing or damaged.

    Raises:
        DataError: they are.
    """
    source = json_path(path)
    try:
        yield
    except OSError as error:
        msg = f"expected a fit in {source}; {error.filename} cannot be read ({error.strerror}); fit again or restore it"
        raise DataError(msg) from error
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        msg = f"expected a fit as save_fit writes it in {source}; it is damaged ({error!r}); fit again or restore it"
        raise DataError(msg) from error


def _record(fit: Fit) -> dict[str, Any]:
    model = fit.model
    return {
        "schema": SCHEMA,
        "model": {
            "structure": model.structure,
            "width": model.width,
            "depth": model.depth,
            "dtype": str(model.dtype).removeprefix("torch."),
            "scaling": dataclasses.asdict(model.scaling),
            "effects": record_effects(model),
        },
        **course_record(fit),
        "optimizer": fit.optimizer,
    }


def course_record(fit: Any) -> dict[str, Any]:
    """How a fit came about, as JSON can say it: what every record of a fit has beside its model."""
    return {
        "options": dataclasses.asdict(fit.options),
        "history": [_entry(progress) for progress in fit.history],
        "status": fit.status,
        "seconds": fit.seconds,
        "held_out_error": fit.held_out_error if math.isfinite(fit.held_out_error) else None,
        "seed": fit.seed,
    }


def course_from(record: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a fit's record from `course_record`."""
    return {
        "history": tuple(_progress(entry) for entry in record["history"]),
        "status": record["status"],
        "seconds": record["seconds"],
        "held_out_error": math.inf if record["held_out_error"] is None else record["held_out_error"],
        "options": FitOptions(**{**record["options"], "symmetry": Symmetry(**record["options"].get("symmetry", {}))}),
        "seed": record["seed"],
    }


def _entry(progress: FitProgress) -> dict[str, Any]:
    # JSON has no infinity, which an evaluation at a singular M gives.
    entry = dataclasses.asdict(progress)
    return {key: value if math.isfinite(value) else None for key, value in entry.items()}


def _progress(entry: dict[str, Any]) -> FitProgress:
    errors = [math.inf if entry[name] is None else entry[name] for name in ("training_error", "held_out_error")]
    return FitProgress(entry["step"], entry["steps"], *errors)


def _fit(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> Fit:
    return Fit(_model(record["model"], weights), optimizer=record["optimizer"], **course_from(record))


def _model(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> NetworkLagrangian:
    build = STRUCTURES[record["structure"]]
    dtype = {"float32": torch.float32, "float64": torch.float64}[record["dtype"]]
    lagrangian = build(scaling_from(record["scaling"]), width=record["width"], depth=record["depth"], dtype=dtype)
    model = restore_effects(lagrangian, record.get("effects", ()))
    set_weights(model, weights)
    return model


def scaling_from(record: dict[str, Any]) -> Scaling:
    """A scaling from its fields, as JSON gives them."""
    units = dict(record)
    arrays = {name: tuple(units.pop(name)) for name in ("angles", "center", "spread", "velocity")}
    symmetry, measured = Symmetry(**units.pop("symmetry", {})), units.pop("invariants", ())
    return Scaling(**arrays, symmetry=symmetry, invariants=tuple(map(tuple, measured)), **units)


def set_weights(model: Perceptrons, weights: dict[str, torch.Tensor]) -> None:
    """Put weights that were written into a model.

    Raises:
        ValueError: one has another shape.
    """
    with torch.no_grad():
        for k, parameter in enumerate(model.network):
            if weights[str(k)].shape != parameter.shape:
                msg = f"weights {k} have shape {tuple(weights[str(k)].shape)}, not {tuple(parameter.shape)}"
                raise ValueError(msg)
            parameter.copy_(weights[str(k)])
