"""Positions in layers: neighbours are apart, in graphs of one piece and of several."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from derive.pictures.layout import positions


@st.composite
def layered_graphs(draw):
    """Layers of nodes, and edges that go on to a later layer; often in several pieces."""
    layers = draw(st.lists(st.integers(0, 4), min_size=1, max_size=9))
    onward = [(s, n) for s in range(len(layers)) for n in range(len(layers)) if layers[s] < layers[n]]
    return layers, draw(st.lists(st.sampled_from(onward), max_size=8, unique=True)) if onward else []


@given(layered_graphs())
def test_neighbours_in_a_layer_are_at_least_one_apart(graph):
    layers, edges = graph
    found = positions(layers, edges)
    for layer in set(layers):
        own = sorted(x for x, of in zip(found, layers, strict=True) if of == layer)
        assert all(b - a >= 1 for a, b in pairwise(own))


def test_pieces_stand_side_by_side():
    found = positions([0, 1, 0, 1], [(0, 1), (2, 3)])
    assert sorted(found) == [0, 0, 1, 1]
    assert found[0] == found[1] != found[2] == found[3]
