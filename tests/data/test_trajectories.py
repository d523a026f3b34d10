import numpy as np
import pytest

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
