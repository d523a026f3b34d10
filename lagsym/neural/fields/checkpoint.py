"""A fit of fields in and out of files: weights as safetensors and everything else as JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from lagsym.neural.checkpoint import (
    course_from,
    course_record,
    damaged,
    read_fit,
    scaling_from,
    set_weights,
    weights_of,
)
from lagsym.neural.fields.baseline import FieldRateNetwork
from lagsym.neural.fields.bending import BendingDensity
from lagsym.neural.fields.density import DENSITIES
from lagsym.neural.fields.fitting import FieldFit
from lagsym.neural.fields.network import FieldNetwork
from lagsym.neural.fields.scaling import FieldScaling
from lagsym.neural.files import json_path, write_pair

SCHEMA = 101
"""Other than that of particles' fits, so that neither reader takes the other's files."""

_FORMS = {**DENSITIES, BendingDensity.form: BendingDensity, FieldRateNetwork.form: FieldRateNetwork}


def save_field_fit(fit: FieldFit, path: str | Path) -> Path:
    """Write a fit to `<path>.json` and `<path>-<hash>.safetensors`; interrupted, it leaves the fit that was there.

    Arguments:
        fit: what `fit_density` or `fit_rates` returned.
        path: where to, with or without `.json`; its folder must exist.

    Returns:
        The path of the JSON file.
    """
    model, target = fit.model, json_path(path)
    about = {"form": model.form, "width": model.width, "depth": model.depth}
    scaling = dataclasses.asdict(model.scaling)
    record = {"schema": SCHEMA, "model": {**about, "scaling": scaling}, **course_record(fit)}
    write_pair(target, record, weights_of(model))
    return target


def load_field_fit(path: str | Path) -> FieldFit:
    """Read a fit that `save_field_fit` wrote; its model gives the same numbers to the last digit.

    Arguments:
        path: the JSON file, with or without `.json`.

    Raises:
        DataError: a file is missing, damaged, or of another version.
    """
    record, weights = read_fit(path, SCHEMA)
    with damaged(path):
        return FieldFit(_model(record["model"], weights), **course_from(record))


def _model(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> FieldNetwork:
    units = record["scaling"]
    scaling = FieldScaling(
        scaling_from(units["fields"]),
        tuple(units["lengths"]),
        tuple(units["entering"]),
        tuple(map(tuple, units["origins"])),
    )
    model = _FORMS[record["form"]](scaling, width=record["width"], depth=record["depth"])
    set_weights(model, weights)
    return model
