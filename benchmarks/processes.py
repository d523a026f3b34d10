"""A measurement or a command in a process of its own, with its processor time and memory."""

from __future__ import annotations

import multiprocessing
import resource
import signal
import subprocess
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from rows import Row

MEGABYTE = 1024
"""In the kilobytes that the system counts memory in."""


def alone(task: Callable[[], Row], cap: float) -> Row:
    """The row of a task, measured in a fork of this process, with `peak_mb` and by how much that grew, `grown_mb`.

    Arguments:
        task: what is measured.
        cap: processor seconds after which it is stopped, with a `failure` in place of a row.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(task, sender, cap))
    process.start()
    sender.close()
    try:
        row: Row = receiver.recv()
    except EOFError:
        row = {"failure": f"stopped, after {cap:.0f} s or for want of memory"}
    process.join()
    return row


WAIT = 10
"""How many times as long as it may compute a command may take on the clock."""


def limited(command: Sequence[str], cap: float) -> subprocess.CompletedProcess[str] | None:
    """What a command printed and exited with, or None where it did not end.

    Arguments:
        command: the program and its arguments.
        cap: processor seconds after which it is stopped, so that it does not matter what else runs.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(cap), int(cap) + 5))

    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=WAIT * cap, preexec_fn=limit
        )
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL) else done


def _answer(task: Callable[[], Row], sender: Connection, cap: float) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(before.ru_utime + before.ru_stime + cap) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    try:
        row = task()
    except Exception as problem:  # noqa: BLE001  a failure is a result
        row: Row = {"failure": f"{type(problem).__name__}: {problem}"}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = {"peak_mb": peak / MEGABYTE, "grown_mb": (peak - before.ru_maxrss) / MEGABYTE}
    sender.send(row | {name: round(value) for name, value in memory.items()})
