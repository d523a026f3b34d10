"""Progress of a fit: what is reported after every evaluation, and a bar that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@dataclass(frozen=True)
class FitProgress:
    """One evaluation during a fit.

    Arguments:
        step: steps taken.
        steps: steps at most.
        training_error: relative acceleration error on the last batch, before its step.
        held_out_error: the same on the held-out jets.
    """

    step: int
    steps: int
    training_error: float
    held_out_error: float


@contextmanager
def progress_bar(title: str = "fit", *, console: Console | None = None) -> Iterator[Callable[[FitProgress], None]]:
    """A callback for `fit` that draws a bar; it shows nothing where the output is not a terminal.

    Arguments:
        title: what stands before the bar.
        console: where to draw; by default standard error.

    >>> with progress_bar() as show:
    ...     show(FitProgress(1, 10, 0.5, 0.6))
    """
    console = console or Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("error {task.fields[error]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None, error="")

        def show(progress: FitProgress) -> None:
            error = f"{progress.held_out_error:.1e}"
            bar.update(task, completed=progress.step, total=progress.steps, error=error)

        yield show
