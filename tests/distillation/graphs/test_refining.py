import numpy as np
import pytest
import sympy as sp

from lagsym import simulate
from lagsym.distillation.graphs import SYMBOLS, GraphLaw, SharedFunction, refine_law
from lagsym.neural.graphs import chain

(S,), (Q,) = SYMBOLS["stretch"], SYMBOLS["site"]


def law(stiffness, rate, depth):
    edge = SharedFunction("stretch", (sp.exp(sp.Float(-rate) * S), S), (-stiffness, -stiffness * rate))
    return GraphLaw((edge,), SharedFunction("site", (Q**2,), (-depth,)))


@pytest.mark.slow
def test_coefficients_and_rates_come_out_of_noisy_positions_with_their_errors():
    graph, truth = chain(2, masses=(1.0, 2.0)), law(1.25, 0.8, 0.5)
    initial = tuple(0.8 * np.random.default_rng(0).standard_normal((2, 4, 2)))
    data = simulate(truth.system(graph, ("u1", "u2")), initial=initial, span=6.0, step=0.05, noise=1e-3)
    positions = data.positions_only()
    begun = law(1.3, 0.78, 0.51)
    found, refined = refine_law(begun, graph, positions)
    values = np.array([-1.25, -1.0, -0.8, -0.5])
    # Constants in the documented order: coefficients of the edges' terms, the rate, the node's coefficient.
    assert np.all(np.abs(refined.values - values) < 5 * refined.standard_errors)
    assert np.all(refined.standard_errors < 0.02)
    edge, node = found.functions
    np.testing.assert_allclose(edge.coefficients, refined.values[:2])
    assert float(next(iter(edge.terms[0].atoms(sp.Float)))) == refined.values[2]
    assert node.coefficients == (refined.values[3],)
