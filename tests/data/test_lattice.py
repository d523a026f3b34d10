import numpy as np
import pytest

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.errors import DataError

T, X, Y = np.arange(4.0), np.arange(5.0) / 2, np.arange(3.0)


@pytest.mark.parametrize(
    ("t", "axes", "u", "message"),
    [
        (T, (X,), np.zeros((4, 5)), "of shape"),
        (T, (X,), np.zeros((5, 4, 1)), "of shape"),
        (T[::-1], (X,), np.zeros((4, 5, 1)), "increasing numbers along t"),
        (T, (X**2,), np.zeros((4, 5, 1)), "steps go from 0.25 to 1.75"),
        (T, (X[:1],), np.zeros((4, 1, 1)), "at least two increasing numbers along axis 1"),
        (T, (X,), np.full((4, 5, 1), np.inf), r"u is not a finite number at index \(0, 0, 0\)"),
    ],
)
def test_a_record_checks_itself(t, axes, u, message):
    with pytest.raises(DataError, match=message):
        FieldRecord(t, axes, u)


def test_a_record_knows_its_grid():
    record = FieldRecord(T, (X, Y), np.zeros((4, 5, 3, 2)), np.ones((4, 5, 3, 2)), "7")
    assert record.steps == (1.0, 0.5, 1.0)
    assert len(record) == 60
    part = record.between(1.0, 3.0)
    np.testing.assert_array_equal(part.t, [1.0, 2.0])
    assert part.u_t is not None
    assert part.u_t.shape == (2, 5, 3, 2)
    assert part.run == "7"


def test_a_lattice_checks_its_names():
    record = FieldRecord(T, (X,), np.zeros((4, 5, 1)))
    with pytest.raises(DataError, match="at least one run"):
        Lattice(("u",), ("t", "x"), (), (True,))
    with pytest.raises(DataError, match="whether it is periodic"):
        Lattice(("u",), ("t", "x"), (record,), ())
    with pytest.raises(DataError, match="expected 2 fields over t, x; got 1 over 2"):
        Lattice(("u", "w"), ("t", "x"), (record,), (True,))
    data = Lattice(("u",), ("t", "x"), (record, record), (True,), frozenset({"u"}))
    assert not data.has_rates
    assert data.names == ("0",)
    assert data.angle_mask.tolist() == [True]
    assert len(data) == 40
