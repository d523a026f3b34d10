"""Checkpoints: a fit in and out of files, weights as safetensors and everything else as JSON."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from lagsym.errors import DataError
from lagsym.neural.fitting import Fit
from lagsym.neural.models import STRUCTURES, NetworkLagrangian
from lagsym.neural.options import FitOptions
from lagsym.neural.progress import FitProgress
from lagsym.neural.scaling import Scaling

SCHEMA = 1


def save_fit(fit: Fit, path: str | Path) -> Path:
    """Write a fit to `<path>.json` and `<path>-<hash>.safetensors`.

    The weights' file is named by its content and written first; the JSON, which names it, replaces its predecessor in
    one rename. So whenever writing is interrupted, the JSON that is there belongs to weights that are there.

    Arguments:
        fit: what `fit` returned.
        path: where to, with or without `.json`; its folder must exist.

    Returns:
        The path of the JSON file.
    """
    target = _json_path(path)
    weights = safetensors.torch.save({str(k): p.detach().contiguous() for k, p in enumerate(fit.model.network)})
    digest = hashlib.sha256(weights).hexdigest()
    weights_path = target.with_name(f"{target.stem}-{digest[:12]}.safetensors")
    before = _weights_named_by(target)
    _replace(weights_path, weights)
    _replace(target, json.dumps(_record(fit, weights_path.name, digest), indent=1, allow_nan=False).encode())
    if before is not None and before != weights_path:
        before.unlink(missing_ok=True)
    return target


def load_fit(path: str | Path) -> Fit:
    """Read a fit that `save_fit` wrote; its model gives the same numbers to the last digit.

    Arguments:
        path: the JSON file, with or without `.json`.

    Raises:
        DataError: a file is missing, damaged, or of another version.
    """
    source = _json_path(path)
    try:
        record = json.loads(source.read_text())
        if record["schema"] != SCHEMA:
            msg = (
                f"expected a fit of schema {SCHEMA} in {source}; got {record['schema']}; use the version that wrote it"
            )
            raise DataError(msg)
        weights = (source.parent / Path(record["weights"]).name).read_bytes()
        if hashlib.sha256(weights).hexdigest() != record["sha256"]:
            msg = f"expected the weights that {source} was written with; got others; fit again or restore the file"
            raise DataError(msg)
        return _fit(record, safetensors.torch.load(weights))
    except OSError as error:
        msg = f"expected a fit in {source}; {error.filename} cannot be read ({error.strerror}); fit again or restore it"
        raise DataError(msg) from error
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        msg = f"expected a fit as save_fit writes it in {source}; it is damaged ({error!r}); fit again or restore it"
        raise DataError(msg) from error


def _json_path(path: str | Path) -> Path:
    path = Path(path)
    return path if path.suffix == ".json" else path.with_name(f"{path.name}.json")


def _record(fit: Fit, weights: str, digest: str) -> dict[str, Any]:
    model = fit.model
    return {
        "schema": SCHEMA,
        "weights": weights,
        "sha256": digest,
        "model": {
            "structure": model.structure,
            "width": model.width,
            "depth": model.depth,
            "dtype": str(model.dtype).removeprefix("torch."),
            "scaling": dataclasses.asdict(model.scaling),
        },
        "options": dataclasses.asdict(fit.options),
        "history": [_entry(progress) for progress in fit.history],
        "status": fit.status,
        "seconds": fit.seconds,
        "held_out_error": fit.held_out_error if math.isfinite(fit.held_out_error) else None,
        "seed": fit.seed,
        "optimizer": fit.optimizer,
    }


def _entry(progress: FitProgress) -> dict[str, Any]:
    # JSON has no infinity, which an evaluation at a singular M gives.
    entry = dataclasses.asdict(progress)
    return {key: value if math.isfinite(value) else None for key, value in entry.items()}


def _progress(entry: dict[str, Any]) -> FitProgress:
    errors = [math.inf if entry[name] is None else entry[name] for name in ("training_error", "held_out_error")]
    return FitProgress(entry["step"], entry["steps"], *errors)


def _fit(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> Fit:
    return Fit(
        model=_model(record["model"], weights),
        history=tuple(_progress(entry) for entry in record["history"]),
        status=record["status"],
        seconds=record["seconds"],
        held_out_error=math.inf if record["held_out_error"] is None else record["held_out_error"],
        options=FitOptions(**record["options"]),
        seed=record["seed"],
        optimizer=record["optimizer"],
    )


def _model(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> NetworkLagrangian:
    units = dict(record["scaling"])
    arrays = {name: tuple(units.pop(name)) for name in ("angles", "center", "spread", "velocity")}
    scaling = Scaling(**arrays, **units)
    build = STRUCTURES[record["structure"]]
    dtype = {"float32": torch.float32, "float64": torch.float64}[record["dtype"]]
    model = build(scaling, width=record["width"], depth=record["depth"], dtype=dtype)
    with torch.no_grad():
        for k, parameter in enumerate(model.network):
            if weights[str(k)].shape != parameter.shape:
                msg = f"weights {k} have shape {tuple(weights[str(k)].shape)}, not {tuple(parameter.shape)}"
                raise ValueError(msg)
            parameter.copy_(weights[str(k)])
    return model


def _weights_named_by(path: Path) -> Path | None:
    try:
        return path.parent / Path(json.loads(path.read_text())["weights"]).name
    except (OSError, ValueError, KeyError, TypeError):
        return None  # nothing of ours is there yet


def _replace(path: Path, content: bytes) -> None:
    """Write to a temporary name in the same folder, then rename."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
