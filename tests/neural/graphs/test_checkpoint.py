"""Fits of graphs come out of files as they went in."""

import json

import numpy as np
import pytest

from lagsym.errors import DataError
from lagsym.neural import load_fit
from lagsym.neural.graphs import Graph, GraphForm, GraphOptions, fit_graph, load_graph_fit, save_graph_fit

GRAPH = Graph(4, ((0, 1), (1, 2), (2, 3), (0, 2)), kinds=(0, 0, 0, 1), masses=(1.0, 2.0, 1.0, 0.5))


@pytest.fixture(scope="module")
def fit():
    q, v, a = np.random.default_rng(0).standard_normal((3, 40, 4, 1))
    options = GraphOptions(GraphForm(("stretch", "lattice"), "free"), width=5, steps=6)
    return fit_graph((q, v, a), (q, v, a), GRAPH, options=options, seed=7)


def test_a_fit_comes_back_as_it_went(fit, tmp_path):
    found = load_graph_fit(save_graph_fit(fit, tmp_path / "network"))
    q, v = np.random.default_rng(1).standard_normal((2, 5, 4, 1))
    # Where weights lie in memory decides the last digit of a product.
    close = {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(found.model.acceleration(GRAPH, q, v), fit.model.acceleration(GRAPH, q, v), **close)
    np.testing.assert_allclose(found.model.energy(found.graph, q, v), fit.model.energy(GRAPH, q, v), **close)
    for mine, own in zip(found.model.network, fit.model.network, strict=True):
        assert mine.equal(own)
    names = ("history", "status", "seconds", "held_out_error", "options", "seed")
    assert [getattr(found, name) for name in names] == [getattr(fit, name) for name in names]
    own = ("nodes", "edges", "kinds", "masses")
    assert [getattr(found.graph, name) for name in own] == [getattr(GRAPH, name) for name in own]


def test_damaged_and_other_files_are_refused(fit, tmp_path):
    path = save_graph_fit(fit, tmp_path / "network")
    with pytest.raises(DataError, match="schema"):
        load_fit(path)
    record = json.loads(path.read_text())
    del record["graph"]
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match="damaged"):
        load_graph_fit(path)
    with pytest.raises(DataError, match="cannot be read"):
        load_graph_fit(tmp_path / "none")
