import ast
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lagsym.distillation.engines import pysr_worker


@pytest.fixture
def start():
    """Start the worker on a folder; what is still alive after the test is killed."""
    running = []

    def run(folder):
        process = subprocess.Popen(
            [sys.executable, pysr_worker.__file__, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append((process, folder))
        return process

    yield run
    for process, folder in running:
        if process.poll() is None:
            process.kill()
        process.communicate()
        if (folder / "child.pid").exists() and alive(folder):
            os.kill(child(folder), signal.SIGKILL)


def child(folder):
    return int((folder / "child.pid").read_text())


def alive(folder):
    try:
        os.kill(child(folder), 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def finish(process, folder):
    output, errors = process.communicate(timeout=60)
    assert [json.loads(line)["event"] for line in output.splitlines()] == ["started", "finished"]
    assert errors == ""
    return json.loads((folder / "answer.json").read_text())


def change(folder, **entries):
    content = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps(content | entries))


def test_every_search_is_answered(fake_pysr, job, start):
    fake_pysr("ok", "v_features")
    process = start(job)
    answer = finish(process, job)
    assert process.returncode == 0
    assert answer["status"] == "ok"
    assert [len(search["front"]) for search in answer["searches"]] == [8, 8]
    assert answer["searches"][0]["front"][1]["equation"] == "x0 * -1.2538865960479166"
    assert answer["versions"] == {"pysr": "2.7.2", "julia": "1.10.10"}
    # The stand-in knows as few options as an old version might.
    assert answer["dropped"] == ["batching", "input_stream", "model_selection", "precision", "progress"]


@pytest.mark.parametrize(
    ("mode", "code", "status", "searches"),
    [
        ("no_julia", 3, "unavailable", []),
        ("crash", 5, "failed", ["failed", "failed"]),
        ("crash_with_front", 0, "partial", ["partial", "failed"]),
        ("crash_second", 0, "partial", ["ok", "failed"]),
        ("julia_error", 5, "failed", ["failed", "failed"]),
    ],
)
def test_breakdowns_end_in_an_answer(fake_pysr, job, start, mode, code, status, searches):
    fake_pysr(mode)
    process = start(job)
    answer = finish(process, job)
    assert (process.returncode, answer["status"]) == (code, status)
    assert [search["status"] for search in answer["searches"]] == searches
    assert not alive(job)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_search_and_keeps_its_front(fake_pysr, job, start, number):
    fake_pysr("listens")
    change(job, grace_seconds=30.0)
    process = start(job)
    wait_for((job / "run0" / "run" / "hall_of_fame.csv").exists)
    process.send_signal(number)
    answer = finish(process, job)
    assert answer["status"] == "partial"
    assert [search["status"] for search in answer["searches"]] == ["partial", "failed"]
    assert answer["searches"][0]["stopped_by"] == "stop"
    assert len(answer["searches"][0]["front"]) == 5


def test_a_child_that_does_not_listen_is_killed_and_its_front_read_from_disk(fake_pysr, job, start):
    fake_pysr("deaf")
    change(job, grace_seconds=0.2)
    process = start(job)
    wait_for((job / "run0" / "run" / "hall_of_fame.csv").exists)
    (job / "STOP").touch()
    answer = finish(process, job)
    assert (answer["status"], len(answer["searches"][0]["front"])) == ("partial", 5)
    assert not alive(job)


@pytest.mark.parametrize(
    ("X", "y", "problem"),
    [
        (np.full((4, 1), np.nan), np.arange(4.0), "not finite"),
        (np.zeros((4, 1)), np.ones(4), "constant target"),
        (np.zeros((2, 1)), np.arange(2.0), "at least 3 rows"),
        (np.zeros((4, 1)), np.arange(3.0), "shapes"),
    ],
)
def test_a_bad_table_is_refused_before_pysr_is_loaded(job, start, X, y, problem):
    np.savez(job / "0.npz", X=X, y=y)
    process = start(job)
    answer = finish(process, job)
    assert (process.returncode, answer["status"]) == (4, "bad_input")
    assert problem in answer["error"]


def test_half_a_csv_is_passed_over_for_its_backup(tmp_path):
    run = tmp_path / "run0" / "run"
    run.mkdir(parents=True)
    assert pysr_worker.hall_of_fame(tmp_path, 0) == []
    (run / "hall_of_fame.csv").write_text("Complexity,Loss,Equation\n1,0.5,x0\n3,0.")
    (run / "hall_of_fame.csv.bak").write_text('Complexity,Loss,Equation\n1,0.5,"x0"\n')
    assert pysr_worker.hall_of_fame(tmp_path, 0) == [{"complexity": 1, "loss": 0.5, "equation": "x0"}]


def test_an_answer_is_replaced_as_a_whole(tmp_path):
    pysr_worker.write(tmp_path, {"status": "ok"})
    with pytest.raises(TypeError):
        pysr_worker.write(tmp_path, {"status": object()})
    assert pysr_worker.read(tmp_path) == {"status": "ok"}


def test_the_worker_needs_only_numpy_and_pysr():
    with open(pysr_worker.__file__) as file:
        tree = ast.parse(file.read())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    outside = {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names)
    assert outside == {"numpy"}
