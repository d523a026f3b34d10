import numpy as np
import pytest

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.noise import add_noise
from lagsym.data.splitting import split
from lagsym.errors import DataError

X = np.arange(8.0)


def lattice(runs, times=60):
    t = np.arange(times, dtype=float)
    records = (FieldRecord(t, (X,), np.full((times, 8, 1), float(k)), name=str(k)) for k in range(runs))
    return Lattice(("u",), ("t", "x"), tuple(records), (True,))


def test_many_runs_are_held_back_whole():
    data = lattice(10)
    parts = split(data, seed=1)
    names = [set(part.names) for part in (parts.fit, parts.choose, parts.report)]
    assert list(map(len, names)) == [6, 2, 2]
    assert set.union(*names) == set(data.names)
    assert split(data, seed=2).report.names != parts.report.names


def test_few_runs_are_cut_in_time():
    parts = split(lattice(2))
    for name in ("0", "1"):
        spans = [
            np.concatenate([record.t for record in part.records if record.name == name])
            for part in (parts.fit, parts.choose, parts.report)
        ]
        np.testing.assert_array_equal(np.concatenate(spans), np.arange(60.0))
        assert list(map(len, spans)) == [36, 12, 12]
    assert parts.fit.periodic == (True,)


def test_too_short_to_split():
    with pytest.raises(DataError, match="got 20 times in 1 runs"):
        split(lattice(1, times=20))


def test_noise_is_relative_to_each_column():
    generator = np.random.default_rng(0)
    exact = generator.standard_normal((5, 4000, 2)) * [1.0, 30.0]
    kept = exact.copy()
    added = add_noise(exact, 0.1, generator) - exact
    np.testing.assert_allclose(added.std((0, 1)), 0.1 * exact.std((0, 1)), rtol=0.03)
    np.testing.assert_array_equal(exact, kept)
