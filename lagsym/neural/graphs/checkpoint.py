"""A fit of a graph in and out of files: weights as safetensors and everything else as JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lagsym.neural.checkpoint import course_from, course_record, damaged, read_fit, set_weights, weights_of
from lagsym.neural.files import json_path, write_pair
from lagsym.neural.graphs.fitting import GraphFit, GraphOptions
from lagsym.neural.graphs.graph import Graph
from lagsym.neural.graphs.inputs import GraphScaling, Unit
from lagsym.neural.graphs.model import GraphForm, GraphLagrangian

SCHEMA = 201
"""Other than that of particles' and fields' fits, so that no reader takes another's files."""


def save_graph_fit(fit: GraphFit, path: str | Path) -> Path:
    """Write a fit to `<path>.json` and `<path>-<hash>.safetensors`; interrupted, it leaves the fit that was there.

    Arguments:
        fit: what `fit_graph` returned.
        path: where to, with or without `.json`; its folder must exist.

    Returns:
        The path of the JSON file.
    """
    target = json_path(path)
    form, scaling = (dataclasses.asdict(part) for part in (fit.model.form, fit.model.scaling))
    units = [scaling["site"], *scaling["edges"]]
    scaling["site"], *scaling["edges"] = ({name: own.tolist() for name, own in unit.items()} for unit in units)
    model = {"form": form, "scaling": scaling, "width": fit.model.width, "depth": fit.model.depth}
    record = {"schema": SCHEMA, "model": model, "graph": dataclasses.asdict(fit.graph), **course_record(fit)}
    write_pair(target, record, weights_of(fit.model))
    return target


def load_graph_fit(path: str | Path) -> GraphFit:
    """Read a fit that `save_graph_fit` wrote; its model has the same weights.

    Arguments:
        path: the JSON file, with or without `.json`.

    Raises:
        DataError: a file is missing, damaged, or of another version.
    """
    record, weights = read_fit(path, SCHEMA)
    with damaged(path):
        options = record.pop("options")
        asked = GraphOptions(**{**options, "form": _form(options["form"])})
        course = {**course_from({**record, "options": {}}), "options": asked}
        return GraphFit(_model(record["model"], weights), _graph(record["graph"]), **course)


def _form(record: dict[str, Any]) -> GraphForm:
    return GraphForm(**{**record, "edges": tuple(record["edges"])})


def _graph(record: dict[str, Any]) -> Graph:
    edges = tuple((a, b) for a, b in record["edges"])
    return Graph(record["nodes"], edges, tuple(record["kinds"]), tuple(record["masses"]))


def _model(record: dict[str, Any], weights: dict[str, torch.Tensor]) -> GraphLagrangian:
    numbers = dict(record["scaling"])
    site, *edges = (
        Unit(**{name: np.array(own) for name, own in unit.items()})
        for unit in (numbers.pop("site"), *numbers.pop("edges"))
    )
    scaling = GraphScaling(**numbers, site=site, edges=tuple(edges))
    model = GraphLagrangian(_form(record["form"]), scaling, width=record["width"], depth=record["depth"])
    set_weights(model, weights)
    return model
