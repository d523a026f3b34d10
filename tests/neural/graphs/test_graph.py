import numpy as np
import pytest

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural.graphs import Graph, all_pairs, chain, layout, springs, states


def test_builders_list_each_pair_once():
    assert chain(4).edges == ((0, 1), (1, 2), (2, 3))
    assert chain(4, ring=True).edges == ((0, 1), (1, 2), (2, 3), (3, 0))
    assert chain(5, ring=True, reach=2).edges == ((0, 2), (1, 3), (2, 4), (3, 0), (4, 1))
    assert springs(4, [(0, 3)]).edges == ((0, 3),)
    assert len(all_pairs(7).edges) == 21


def test_neighbourhoods_say_which_end_a_node_is():
    near = chain(3).neighbourhoods()
    assert near.present.sum(axis=1).tolist() == [1, 2, 1]
    middle = sorted(zip(near.other[1].tolist(), near.head[1].tolist(), strict=True))
    assert middle == [(0, True), (2, False)]
    assert near.other[0, 0] == 1
    assert not near.head[0, 0]


def test_kinds_have_neighbourhoods_of_their_own():
    graph = Graph(3, ((0, 1), (1, 2)), kinds=(0, 1))
    assert graph.kind_count == 2
    assert graph.neighbourhoods(1).present.sum(axis=1).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Graph(2, ((0, 2),)),
        lambda: Graph(2, ((1, 1),)),
        lambda: Graph(2, ((0, 1),), kinds=(0, 0)),
        lambda: Graph(2, ((0, 1),), masses=(1.0, 0.0)),
        lambda: chain(2, ring=True),
        lambda: chain(4, ring=True, reach=2),
    ],
)
def test_refuses_graphs_that_cannot_be(wrong):
    with pytest.raises(InputError, match="expected"):
        wrong()


def test_layout_follows_numbers_and_not_the_order_of_columns():
    assert layout(["y2", "x10", "x2", "y10"]).tolist() == [[0, 2], [3, 1]]
    assert layout(["u_1", "u_2"]).tolist() == [[0], [1]]
    with pytest.raises(InputError, match="number of their node"):
        layout(["x", "y"])
    with pytest.raises(InputError, match="have not"):
        layout(["x1", "y1", "x2"])


def test_states_gather_components():
    q = np.arange(8.0).reshape(2, 4)
    jets = Jets.of_particle(np.zeros(2), q, 10 * q, 100 * q)
    positions, velocities, accelerations = states(jets, np.array([[1, 0], [3, 2]]))
    assert positions[1].tolist() == [[5.0, 4.0], [7.0, 6.0]]
    np.testing.assert_array_equal(velocities, 10 * positions)
    np.testing.assert_array_equal(accelerations, 100 * positions)
    with pytest.raises(InputError, match="columns"):
        states(jets, np.array([[0], [1]]))
    with pytest.raises(InputError, match="columns"):
        states(jets)
