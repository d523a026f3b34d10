"""A fit that is killed at any moment goes on to the very network that it would have become."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from lagsym.errors import DataError, InputError
from lagsym.neural import FitOptions, fit, save_fit, unfinished
from lagsym.neural.structure import select_structure
from lagsym.neural.unfinished import Checkpoint, Checkpoints, fingerprint

QUICK = FitOptions(width=4, steps=15, tolerance=0.0)
OPTIMIZERS = ["levenberg-marquardt", "soap"]


def killed(folder: Path, optimizer: str, steps: int, kills: int) -> list[tuple[int, bool]]:
    """At which steps a fit was killed, and whether it was still alive; all its files are in the folder."""
    command = [sys.executable, str(Path(__file__).with_name("killed_fits.py")), folder, optimizer, steps, kills]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_the_same_to_the_last_bit(folder: Path) -> None:
    whole, resumed = (safetensors.torch.load_file(folder / name) for name in ("whole", "resumed"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert (folder / "whole.history").read_text() == (folder / "resumed.history").read_text()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("optimizer", "steps"), [("levenberg-marquardt", 60), ("soap", 600)])
def test_a_killed_fit_goes_on_to_the_same_bits(optimizer, steps, tmp_path):
    stopped = killed(tmp_path, optimizer, steps, 2)
    assert all(alive and 0 < step < steps for step, alive in stopped)
    assert_the_same_to_the_last_bit(tmp_path)
    assert len(list(tmp_path.glob("*fit*"))) == 2  # nothing is left over


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("optimizer", "steps"), [("levenberg-marquardt", 200), ("soap", 6000)])
def test_ten_kills_later_it_is_still_the_same(optimizer, steps, tmp_path):
    assert len(killed(tmp_path, optimizer, steps, 10)) == 10
    assert_the_same_to_the_last_bit(tmp_path)


class CutError(Exception):
    pass


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(unfinished, "LEAST_SECONDS", 0.0)


def cut_at(step: int, jets, path: Path, **changes):
    """A fit that is broken off right before it would write down where it is at a step."""

    def stop(progress):
        if progress.step == step:
            raise CutError

    with pytest.raises(CutError):
        fit(*jets, checkpoint=path, progress=stop, **{"options": QUICK, "seed": 1, **changes})
    return unfinished.json_path(path)


@pytest.mark.parametrize("changes", [{}, {"structure": "free"}, {"seconds": 1e6}])
def test_the_fit_that_goes_on_is_the_fit_that_never_stopped(changes, pendulum, tmp_path, often):
    options = dataclasses.replace(QUICK, **changes)
    whole = fit(*pendulum, options=options, seed=1)
    path = cut_at(10, pendulum, tmp_path / "fit", options=options)
    told = []
    resumed = fit(*pendulum, options=options, seed=1, checkpoint=path, resume=True, progress=told.append)
    assert [entry.step for entry in told] == [10, 15]  # 5 was written down
    assert resumed.history == whole.history
    assert all(torch.equal(a, b) for a, b in zip(resumed.model.network, whole.model.network, strict=True))
    again = fit(*pendulum, options=options, seed=1, checkpoint=path, resume=True, progress=told.append)
    assert len(told) == 2  # it was done
    assert again.history == whole.history
    assert again.status == whole.status
    assert all(torch.equal(a, b) for a, b in zip(again.model.network, whole.model.network, strict=True))


def test_a_fit_may_begin_with_resume_and_begins_anew_without(pendulum, tmp_path, often):
    whole = fit(*pendulum, options=QUICK, seed=1, checkpoint=tmp_path / "fit", resume=True)
    told = []
    again = fit(*pendulum, options=QUICK, seed=1, checkpoint=tmp_path / "fit", progress=told.append)
    assert tuple(told) == whole.history == again.history


def test_time_taken_before_counts(pendulum, tmp_path, often):
    path = cut_at(10, pendulum, tmp_path / "fit", options=dataclasses.replace(QUICK, seconds=50.0))
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "seconds": 49.9999}))
    options = dataclasses.replace(QUICK, seconds=50.0)
    found = fit(*pendulum, options=options, seed=1, checkpoint=path, resume=True)
    assert (found.status, found.history[-1].step) == ("seconds", 10)
    assert found.seconds > 49.9
    more = fit(*pendulum, options=QUICK, seed=1, checkpoint=path, resume=True)
    whole = fit(*pendulum, options=QUICK, seed=1)
    assert (more.status, more.history) == (whole.status, whole.history)


def test_other_data_options_seeds_and_versions_are_refused_and_nothing_is_lost(pendulum, tmp_path, often):
    path = cut_at(10, pendulum, tmp_path / "fit")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    train, choose = pendulum
    other = train.take(np.arange(len(train) - 1))
    resumed = {"checkpoint": path, "resume": True, "options": QUICK, "seed": 1}
    with pytest.raises(InputError, match=r"other data; go on with the same"):
        fit(other, choose, **resumed)
    with pytest.raises(InputError, match="other data"):
        fit(train, choose.take(np.arange(9)), **resumed)
    with pytest.raises(InputError, match=r"options \(steps 15, not 16\)"):
        fit(train, choose, **{**resumed, "options": dataclasses.replace(QUICK, steps=16)})
    with pytest.raises(InputError, match=r"another seed \(1, not 2\)"):
        fit(train, choose, **{**resumed, "seed": 2})
    with pytest.raises(InputError, match=r"scaling \(angles \[\], not \[0\]"):
        fit(train, choose, angles=(0,), **resumed)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "versions": {**record["versions"], "torch": "0.4"}}))
    with pytest.raises(InputError, match=r"versions \(torch 0\.4, not"):
        fit(train, choose, **resumed)
    path.write_text(json.dumps({**record, "schema": 0}))
    with pytest.raises(InputError, match=r"schema \(0, not"):
        fit(train, choose, **resumed)


def test_what_is_torn_is_told_and_left_as_it_is(pendulum, tmp_path, often):
    path = cut_at(10, pendulum, tmp_path / "fit")
    text, record = path.read_text(), json.loads(path.read_text())
    weights = tmp_path / record["weights"]
    content = weights.read_bytes()
    resumed = {"checkpoint": path, "resume": True, "options": QUICK, "seed": 1}
    path.write_text(text[: len(text) // 2])
    with pytest.raises(InputError, match="torn"):
        fit(*pendulum, **resumed)
    for change in ({"order": "x"}, {"history": 3}, {"parameters": []}, {"optimizer": {}}, {"best": {"tensor": "x"}}):
        path.write_text(json.dumps({**record, "state": {**record["state"], **change}}))
        with pytest.raises(DataError, match="damaged"):
            fit(*pendulum, **resumed)
    path.write_text(text)
    weights.write_bytes(content[:-8])
    with pytest.raises(DataError, match="got others"):
        fit(*pendulum, **resumed)
    weights.unlink()
    with pytest.raises(DataError, match="damaged"):
        fit(*pendulum, **resumed)
    weights.write_bytes(content)
    assert path.read_text() == text
    assert fit(*pendulum, **resumed).history[-1].step == QUICK.steps


@pytest.mark.parametrize("resume", [False, True])
def test_a_file_that_is_no_checkpoint_is_never_replaced(resume, pendulum, tmp_path):
    saved = save_fit(fit(*pendulum, options=QUICK), tmp_path / "saved")
    (tmp_path / "thesis.json").write_text('{"years": 4}')
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for path in (saved, tmp_path / "thesis.json"):
        with pytest.raises(InputError, match="another file"):
            fit(*pendulum, options=QUICK, checkpoint=path, resume=resume)
    with pytest.raises(InputError, match="cannot write"):
        fit(*pendulum, options=QUICK, checkpoint=tmp_path / "nowhere" / "fit", resume=resume)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_left_overs_go_and_others_files_stay(pendulum, tmp_path):
    ours = ["fit-checkpoint-0123456789ab.safetensors", ".fit.json.ab12_xyz"]
    theirs = ["fit-0123456789ab.safetensors", "fit.txt", "other-checkpoint-0123456789ab.safetensors"]
    for name in (*ours, *theirs):
        (tmp_path / name).write_text("")
    cut_at(5, pendulum, tmp_path / "fit")  # what was written at the start is all there is
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {*theirs, "fit.json", json.loads((tmp_path / "fit.json").read_text())["weights"]}


def test_a_full_disk_leaves_the_checkpoint_before(pendulum, tmp_path, often, monkeypatch):
    path = cut_at(10, pendulum, tmp_path / "fit")
    before = path.read_text()

    def full(source, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(InputError, match="No space left"):
            fit(*pendulum, options=QUICK, seed=1, checkpoint=path, resume=True)
    assert path.read_text() == before
    assert fit(*pendulum, options=QUICK, seed=1, checkpoint=path, resume=True).history[-1].step == QUICK.steps


def test_it_is_not_written_more_often_than_every_few_seconds(pendulum, tmp_path, monkeypatch):
    written = []
    write = Checkpoint.write
    monkeypatch.setattr(
        Checkpoint, "write", lambda self, training: written.append(training.step) or write(self, training)
    )
    fit(*pendulum, options=QUICK, checkpoint=tmp_path / "fit")
    assert written == [0, 15]
    monkeypatch.setattr(unfinished, "LEAST_SECONDS", 0.0)
    written.clear()
    fit(*pendulum, options=QUICK, checkpoint=tmp_path / "fit")
    assert written == [0, 5, 10, 15, 15]


def test_fingerprints_tell_values_shapes_types_and_places(pendulum):
    jets = pendulum[0]
    q = jets.q.copy()
    q[3, 0] = np.nextafter(q[3, 0], 9.0)
    moved = dataclasses.replace(jets, u=q)
    pieces = [
        jets,
        moved,
        (jets, jets),
        (jets, None),
        [1, (2, 3)],
        [(1, 2), 3],
        "a",
        1,
        1.0,
        np.ones(1),
        np.ones((1, 1)),
    ]
    assert len({fingerprint(piece) for piece in pieces}) == len(pieces)
    assert fingerprint(jets) == fingerprint(jets.take(np.arange(len(jets))))
    assert fingerprint(np.ones((2, 3)).T[:, :1]) == fingerprint(np.ones((3, 1)))


def test_files_of_a_discovery(tmp_path):
    ours = {
        "network-natural.json",
        "network-free-2.json",
        "network-free-checkpoint-0123456789ab.safetensors",
        ".network-free.json.abcd_123",
        ".network-free-checkpoint-0123456789ab.safetensors.abcd_123",
    }
    for name in (*ours, "network.json", "thesis.txt", "network-free.json.abcd_123", "network-free-0123.safetensors"):
        (tmp_path / name).write_text("")
    assert {path.name for path in Checkpoints(tmp_path).files()} == ours


def test_a_choice_of_structure_goes_on_where_it_was_cut_off(pendulum, tmp_path, often):
    def choose(**more):
        told = []
        found = select_structure(*pendulum, angles=(0,), options=QUICK, progress=told.append, **more)
        return found, told

    whole, all_told = choose()
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 5:  # in the second network
            raise CutError

    with pytest.raises(CutError):
        select_structure(
            *pendulum, angles=(0,), options=QUICK, progress=stop, checkpoints=Checkpoints(tmp_path, resume=False)
        )
    resumed, told = choose(checkpoints=Checkpoints(tmp_path, resume=True))
    assert told == all_told[4:]
    assert (resumed.name, resumed.reason) == (whole.name, whole.reason)
    assert all(torch.equal(a, b) for a, b in zip(resumed.fit.model.network, whole.fit.model.network, strict=True))
    assert {path.name for path in Checkpoints(tmp_path).files()} == {path.name for path in tmp_path.iterdir()}
