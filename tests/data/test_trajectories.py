import dataclasses

import numpy as np
import pytest

from lagsym.data.derivatives import differentiate
from lagsym.data.trajectories import Segment, Trajectories, split
from lagsym.errors import DataError


def make(count: int, samples: int = 100) -> Trajectories:
    t = np.arange(samples) * 0.1
    segments = [Segment(t, np.sin(t + k)[:, None], np.cos(t + k)[:, None], trajectory=str(k)) for k in range(count)]
    return Trajectories(("x",), tuple(segments))


def test_split_by_trajectory_shares_none():
    parts = split(make(10), seed=3)
    names = [set(part.names) for part in (parts.fit, parts.choose, parts.report)]
    assert [len(n) for n in names] == [6, 2, 2]
    assert len(set.union(*names)) == 10


def test_split_depends_on_the_seed_alone():
    assert split(make(10), seed=1).report.names == split(make(10), seed=1).report.names
    assert len({split(make(10), seed=s).report.names for s in range(6)}) > 1


def test_a_single_trajectory_is_split_by_time_latest_last():
    parts = split(make(1))
    times = [np.concatenate([s.t for s in part.segments]) for part in (parts.fit, parts.choose, parts.report)]
    assert times[0].max() < times[1].min() < times[1].max() < times[2].min()
    assert [len(t) for t in times] == [60, 20, 20]


def test_too_little_to_split():
    with pytest.raises(DataError, match="separate parts"):
        split(make(1, samples=12))


@pytest.mark.parametrize(
    ("t", "q", "message"),
    [
        ([0.0, 1.0, 1.0], [[0.0], [1.0], [2.0]], "must increase"),
        ([0.0, 1.0, 2.0], [[0.0], [np.nan], [2.0]], "not a finite number at sample 1"),
        ([0.0, 1.0], [[0.0], [1.0], [2.0]], "expected q of shape|expected t of shape"),
    ],
)
def test_a_segment_checks_itself(t, q, message):
    with pytest.raises(DataError, match=message):
        Segment(np.array(t), np.array(q))


def test_positions_alone_are_the_same_positions():
    motion = make(2)
    seen = motion.positions_only()
    np.testing.assert_array_equal(seen.segments[1].q, motion.segments[1].q)
    assert not seen.has_velocities
    assert motion.has_velocities
    assert list(seen.to_frame().columns) == ["trajectory", "t", "x"]


def test_jets_need_velocities():
    t = np.arange(10.0)
    bare = Trajectories(("x",), (Segment(t, t[:, None]),))
    with pytest.raises(DataError, match="no velocities"):
        bare.jets()


def in_fields(count: int) -> Trajectories:
    """Every motion in a field of its own, with a gap in each."""
    pieces = []
    for k, segment in enumerate(make(count).segments):
        parts = (segment.between(0.0, 4.0), segment.between(5.0, 10.0))
        pieces += [dataclasses.replace(part, parameters=(0.5 * k, 7.0 - k)) for part in parts]
    return Trajectories(("x",), tuple(pieces), varied=("field", "mass"))


@pytest.mark.parametrize("change", [lambda data: data, differentiate])
def test_jets_carry_the_parameters_of_their_trajectory(change):
    data = change(in_fields(3))
    jets = data.jets()
    start = 0
    for segment in data.segments:
        rows = jets.parameters[start : start + len(segment)]
        k = int(segment.trajectory)
        np.testing.assert_array_equal(rows, np.tile([0.5 * k, 7.0 - k], (len(segment), 1)))
        start += len(segment)
    assert start == len(jets.parameters)
    assert make(2).jets().parameters is None


@pytest.mark.parametrize("count", [2, 6])
def test_splits_keep_parameters(count):
    parts = split(in_fields(count))
    for part in (parts.fit, parts.choose, parts.report):
        assert part.varied == ("field", "mass")
        assert all(s.parameters == (0.5 * int(s.trajectory), 7.0 - int(s.trajectory)) for s in part.segments)


def test_parameters_are_checked():
    segment = make(1).segments[0]
    with pytest.raises(DataError, match=r"trajectory 0: expected a value of each of the parameters \(field\), got 0"):
        Trajectories(("x",), (segment,), varied=("field",))
    with pytest.raises(DataError, match=r"\(none\), got 1"):
        Trajectories(("x",), (dataclasses.replace(segment, parameters=(1.0,)),))
    with pytest.raises(DataError, match="trajectory 0: expected finite parameters"):
        dataclasses.replace(segment, parameters=(np.nan,))
