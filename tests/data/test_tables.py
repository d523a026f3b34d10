"""Reading tables: every kind of bad input gets one sentence that names the place."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lagsym.data.tables import Columns, read_arrays, read_frame, read_table
from lagsym.errors import DataError, InputError


@pytest.fixture
def frame() -> pd.DataFrame:
    t = np.arange(60) * 0.1
    return pd.DataFrame({"t": t, "x": np.cos(t), "x_dot": -np.sin(t), "y": np.sin(2 * t), "y_dot": 2 * np.cos(2 * t)})


def test_reads_positions_and_velocities(frame):
    data = read_frame(frame)
    assert data.coordinates == ("x", "y")
    assert len(data.segments) == 1
    np.testing.assert_array_equal(data.segments[0].v, frame[["x_dot", "y_dot"]].to_numpy())


def test_csv_and_parquet_agree(frame, tmp_path):
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    csv, parquet = (read_table(tmp_path / name) for name in ("a.csv", "a.parquet"))
    np.testing.assert_allclose(csv.segments[0].q, parquet.segments[0].q, rtol=0, atol=1e-15)


def test_round_trip_through_a_frame(frame):
    data = read_frame(frame)
    again = read_frame(data.to_frame())
    np.testing.assert_array_equal(again.segments[0].q, data.segments[0].q)


def test_the_callers_table_is_left_alone(frame):
    before = frame.copy()
    read_frame(frame.iloc[::-1], Columns(angles=("x",)))
    pd.testing.assert_frame_equal(frame, before)


def test_unsorted_time_is_sorted_with_a_notice(frame):
    shuffled = frame.sample(frac=1, random_state=0)
    data = read_frame(shuffled)
    np.testing.assert_array_equal(data.segments[0].t, frame["t"])
    assert any("sorted" in notice for notice in data.notices)


def test_a_gap_splits_and_a_single_missed_frame_does_not(frame):
    assert len(read_frame(frame.drop(index=30)).segments) == 1
    data = read_frame(frame.drop(index=range(25, 32)))
    assert [len(segment) for segment in data.segments] == [25, 28]
    assert any("gap" in notice for notice in data.notices)


def test_random_sampling_is_no_gap():
    t = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, 200))
    assert len(read_frame(pd.DataFrame({"t": t, "x": np.sin(t)})).segments) == 1


def test_angles_are_unwrapped_within_segments():
    t = np.arange(100) * 0.1
    wrapped = np.angle(np.exp(1j * 3 * t))
    data = read_frame(pd.DataFrame({"t": t, "phi": wrapped}), Columns(angles=("phi",)))
    np.testing.assert_allclose(data.segments[0].q[:, 0], 3 * t, atol=1e-9)


def test_trajectories_are_kept_apart(frame):
    both = pd.concat([frame.assign(trajectory=0), frame.assign(trajectory=1)])
    data = read_frame(both)
    assert data.names == ("0", "1")


def test_define_makes_a_coordinate_and_uses_up_its_sources():
    t = np.arange(50) * 0.1
    angle = 0.5 * np.sin(t)
    frame = pd.DataFrame({"t": t, "px": np.sin(angle), "py": -np.cos(angle)})
    data = read_frame(frame, Columns(define=("theta=atan2(px,-py)",), angles=("theta",)))
    assert data.coordinates == ("theta",)
    np.testing.assert_allclose(data.segments[0].q[:, 0], angle, atol=1e-12)


def test_missing_rows_are_dropped_only_when_asked_and_split_there(frame):
    frame.loc[30, "x"] = np.nan
    with pytest.raises(DataError, match=r"column x is missing in row 32.*--drop-missing"):
        read_frame(frame)
    data = read_frame(frame, Columns(drop_missing=True))
    assert [len(segment) for segment in data.segments] == [30, 29]


BAD_FRAMES = {
    "no time": (lambda f: f.rename(columns={"t": "time"}), "column t"),
    "text": (
        lambda f: f.astype({"x": object}).assign(x=lambda g: g["x"].where(g.index != 4, "oops")),
        r"'oops' in row 6",
    ),
    "infinite": (lambda f: f.assign(x=f["x"].where(f.index != 3, np.inf)), r"infinite in row 5"),
    "twice": (lambda f: f.assign(t=f["t"].where(f.index != 8, f["t"][7])), r"more than once \(rows 9, 10\)"),
    "one row": (lambda f: f.iloc[:1], "at least 7 samples"),
    "no coordinate": (lambda f: f[["t"]], "at least one coordinate"),
    "orphan velocity": (lambda f: f.drop(columns="x"), "x_dot is a derivative"),
    "force on nothing": (lambda f: f.assign(force_z=0.0), "force_z is a force on z"),
    "same name": (lambda f: pd.concat([f, f[["x"]]], axis=1), "x comes twice"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_tables_say_where(frame, name):
    spoil, message = BAD_FRAMES[name]
    with pytest.raises(InputError, match=message):
        read_frame(spoil(frame))


def test_forces_are_read_and_a_coordinate_without_one_is_not_pushed(frame):
    data = read_frame(frame.assign(force_y=np.arange(60.0)))
    assert data.coordinates == ("x", "y")
    np.testing.assert_array_equal(data.segments[0].force, np.stack([np.zeros(60), np.arange(60.0)], axis=1))
    assert read_frame(data.to_frame()).has_forces


def test_parameters_of_trajectories_are_read_and_written(frame):
    both = pd.concat([frame.assign(trajectory=k, m=1.5, g=g) for k, g in (("b", 2.0), ("a", -1.0))])
    data = read_frame(both, Columns(parameters=("m", "g")))
    assert data.coordinates == ("x", "y")
    assert data.parameters == {"m": 1.5}
    assert data.varied == ("g",)
    assert {segment.trajectory: segment.parameters for segment in data.segments} == {"b": (2.0,), "a": (-1.0,)}
    again = read_frame(data.to_frame(), Columns(parameters=("g",)))
    assert [segment.parameters for segment in again.segments] == [(2.0,), (-1.0,)]


def test_both_sides_of_a_gap_have_the_parameters_of_their_trajectory(frame):
    both = pd.concat([frame.drop(index=range(25, 32)).assign(trajectory=k, g=float(k)) for k in range(2)])
    data = read_frame(both, Columns(parameters=("g",)))
    assert [segment.parameters for segment in data.segments] == [(0.0,), (0.0,), (1.0,), (1.0,)]


def test_parameters_are_constant_or_refused(frame):
    data = read_frame(frame.assign(m=1.5), Columns(parameters=("m",)))
    assert data.coordinates == ("x", "y")
    assert data.parameters == {"m": 1.5}
    with pytest.raises(InputError, match="m has 60 values along trajectory 0"):
        read_frame(frame.assign(m=np.arange(60)), Columns(parameters=("m",)))
    with pytest.raises(InputError, match="--parameters names k"):
        read_frame(frame, Columns(parameters=("k",)))


def test_arrays_are_a_table_too():
    t = np.arange(20) * 0.1
    data = read_arrays(t, np.sin(t)[:, None], np.cos(t)[:, None], coordinates=["theta"], angles=["theta"])
    assert data.coordinates == ("theta",)
    assert data.angles == {"theta"}
    assert data.has_velocities
    with pytest.raises(DataError, match="of the shape of q"):
        read_arrays(t, np.sin(t)[:, None], np.cos(t))


def test_unknown_names_are_suggested(frame):
    with pytest.raises(InputError, match=r"--angles names xx.*did you mean x"):
        read_frame(frame, Columns(angles=("xx",)))
    with pytest.raises(InputError, match="--ignore names z"):
        read_frame(frame, Columns(ignore=("z",)))
    with pytest.raises(InputError, match="--define"):
        read_frame(frame, Columns(define=("nonsense",)))


def test_what_is_ignored_is_named_nowhere_else(frame):
    units = {"t": "s", "x": "m", "y": "m"}
    columns = Columns(coordinates=("x", "y"), angles=("y",), ignore=("y", "y_dot"), units=units)
    data = read_frame(frame, columns)
    assert data.coordinates == ("x",)
    assert not data.angles
    assert data.units == {"t": "s", "x": "m"}
    with pytest.raises(InputError, match="--ignore leaves out every coordinate of --coordinates y; keep one"):
        read_frame(frame, replace(columns, coordinates=("y",)))


def test_a_definition_that_nothing_comes_of_is_refused(frame):
    columns = Columns(coordinates=("x",), define=("r=x**2 + y**2",))
    with pytest.raises(InputError, match="--define makes r, but --coordinates names x; name r in place of"):
        read_frame(frame, columns)
    assert read_frame(frame, replace(columns, coordinates=("r",))).coordinates == ("r",)


def test_bad_files(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "random.csv").write_bytes(np.random.default_rng(0).bytes(4000))
    (tmp_path / "random.parquet").write_bytes(b"not parquet")
    (tmp_path / "huge.csv").write_text("t,x\n" + "".join(f"{i},{i}\n" for i in range(20)) + "20,1e999\n")
    for name, message in [
        ("empty.csv", "is empty"),
        ("random.csv", "not a table"),
        ("random.parquet", "not a table"),
        ("huge.csv", "infinite in row 22"),
        ("absent.csv", "no file"),
        ("", "directory"),
    ]:
        with pytest.raises(DataError, match=message):
            read_table(tmp_path / name)
