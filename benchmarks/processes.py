"""A measurement in a process of its own, with its processor time and memory."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
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
