import numpy as np
import pytest

from lagsym.errors import DataError
from lagsym.statics import Chain, read_chains

S = np.linspace(0.0, 2.0, 41)
X, Y = np.arcsinh(S - 1), np.sqrt(1 + (S - 1) ** 2)


def table(rows, header="chain,s,x,y"):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_chains_are_read_by_their_names(tmp_path):
    rows = [(name, *row) for name in ("left", "right") for row in zip(S, X, Y, strict=True)]
    (tmp_path / "shapes.csv").write_text(table(rows))
    chains = read_chains(tmp_path / "shapes.csv")
    assert [chain.name for chain in chains] == ["left", "right"]
    assert np.abs(chains[1].points - np.stack([X, Y], axis=1)).max() < 1e-12
    assert chains[0].length == 2.0


def test_one_chain_needs_no_name(tmp_path):
    (tmp_path / "shape.csv").write_text(table(zip(S, X, Y, strict=True), "s,x,y"))
    (chain,) = read_chains(tmp_path / "shape.csv")
    assert np.array_equal(chain.s, S)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (table([], "s,x,y"), "holds no points"),
        (table([(0, 1)], "s,x"), "there is no y"),
        (table([(0, 0, "high")], "s,x,y"), "column y holds 'high' in row 2"),
        (table([(0, 0, 0), (1, "", 0)], "s,x,y"), "column x holds 'nan' in row 3"),
        ("", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, text, message):
    (tmp_path / "shape.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_chains(tmp_path / "shape.csv")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_chains(tmp_path / "none.csv")


def moved(values, at, by):
    return np.concatenate((values[:at], [values[at] + by], values[at + 1 :]))


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ((S[:5], X[:5], Y[:5]), "at least 12 points, got 5"),
        ((S[:-1], X, Y), "one shape"),
        ((S, moved(X, 4, np.nan), Y), "finite"),
        ((moved(S, 7, -0.2), X, Y), "0.3 is followed by 0.15"),
        ((S[::-1], X, Y), "increase along the chain"),
        ((S, X, moved(Y, 9, 0.2)), "the points at s = 0.45 and 0.5 are"),
        ((S / 2, X, Y), "apart, but the chain between them"),
        ((2 * S, X, Y), "one unit"),
    ],
)
def test_points_that_are_on_no_chain_are_refused(chain, message):
    with pytest.raises(DataError, match=message):
        Chain(*chain)


@pytest.mark.parametrize("noise", [1e-3, 1e-2])
def test_noise_larger_than_the_steps_is_no_mistake(noise):
    s = np.linspace(0, 1, 201)
    random = np.random.default_rng(0)
    Chain(s, 0.6 * s + noise * random.standard_normal(201), 0.8 * s + noise * random.standard_normal(201))
