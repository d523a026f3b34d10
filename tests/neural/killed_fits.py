"""Fits that are killed and resumed, in a process of their own: what test_resume.py runs.

Every fit runs in a fork of this process, which has imported everything and has one thread.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import safetensors.torch

from lagsym import systems
from lagsym.neural import FitOptions, fit, unfinished
from lagsym.simulation import simulate

PAUSE, LATEST = 0.1, 0.1
"""Seconds that every evaluation lasts at least, and after which at the latest a fit is killed that was looked at."""


def main(folder: Path, optimizer: str, steps: int, kills: int) -> None:
    unfinished.LEAST_SECONDS = 0.0  # as often as it evaluates
    chance = random.Random()
    jets = [simulate(systems.get("pendulum"), trajectories=count, seed=count).jets() for count in (4, 2)]
    options = FitOptions(width=8, optimizer=optimizer, steps=steps, tolerance=0.0)

    def train(name: str, **checkpoint: object) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                found = fit(*jets, angles=(0,), options=options, seed=3, progress=linger, **checkpoint)
                weights = {str(k): parameter.detach() for k, parameter in enumerate(found.model.network)}
                safetensors.torch.save_file(weights, folder / name)
                (folder / f"{name}.history").write_text(repr((found.history, found.held_out_error, found.status)))
            finally:
                os._exit(0)
        return pid

    os.waitpid(train("whole"), 0)
    kept = {"checkpoint": folder / "fit", "resume": True}
    stopped = []
    for k in range(kills):
        pid = train("resumed", **kept)
        while step_of(folder / "fit.json") <= k * steps / (kills + 1):
            time.sleep(0.002)
        time.sleep(chance.uniform(0, LATEST))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        stopped.append((step_of(folder / "fit.json"), os.WIFSIGNALED(status)))
    os.waitpid(train("resumed", **kept), 0)
    print(json.dumps(stopped))


def linger(_: object) -> None:
    """Makes a fit last so long that it cannot end between being looked at and being killed."""
    time.sleep(PAUSE)


def step_of(path: Path) -> int:
    return json.loads(path.read_bytes())["state"]["step"] if path.exists() else 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
