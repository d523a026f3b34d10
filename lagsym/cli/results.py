"""The end of a discovery: its folder, what is printed, and the exit code."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from lagsym.errors import InputError

if TYPE_CHECKING:
    from lagsym.data.lattice import Lattice
    from lagsym.data.trajectories import Trajectories
    from lagsym.discovery import DiscoveryOptions
    from lagsym.mechanics.system import System

NO_LAGRANGIAN, DIFFERENT = 3, 4
"""Exit codes."""
DATA = "data.csv", "data.nc"
"""Names of the copy of the data in a result folder: trajectories, fields."""


def finish(
    motion: Trajectories | Lattice,
    options: DiscoveryOptions,
    wanted: System | None,
    output: Path,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    """Discover, compare with what is wanted, write the result folder, print, and set the exit code."""
    from lagsym.data.lattice import Lattice
    from lagsym.data.writing import write_motion
    from lagsym.discovery import discover as find
    from lagsym.law.file import to_json
    from lagsym.neural import progress_bar, save_fit
    from lagsym.neural.fields import FieldFit, save_field_fit
    from lagsym.reporting import check_folder, law_text, report_files, result_folder, unfinished_folder, write_files
    from lagsym.verification import verify_law, with_verdict

    fields = isinstance(motion, Lattice)
    if fields and resume:
        msg = "expected --resume with trajectories only: a discovery of fields keeps nothing to go on from; omit it"
        raise InputError(msg)
    check_folder(output)
    talk = Console(stderr=True, highlight=False)
    say = partial(talk.print, style="dim", markup=False)
    for notice in motion.notices:
        say(f"Note: {notice}")
    with nullcontext() if fields else unfinished_folder(output, say, resume=resume) as kept:
        with progress_bar("Training", console=talk) as progress:
            found = find(motion, options=options, progress=progress, report=say, checkpoints=kept)
        law = found.law
        if wanted is not None and law.lagrangian is not None:
            law = with_verdict(law, verify_law(law, wanted))
        with result_folder(output) as folder:
            write_files(report_files(law, found.validation, found.error_map), folder)
            write_motion(motion, folder / DATA[fields])
            if isinstance(found.fit, FieldFit):
                save_field_fit(found.fit, folder / "network.json")
            elif found.fit is not None:
                save_fit(found.fit, folder / "network.json")
    if as_json:
        typer.echo(to_json(law))
    else:
        typer.echo(law_text(law))
        typer.echo(f"Report: {output / 'report.html'}")
    if law.status == "not_lagrangian":
        raise typer.Exit(NO_LAGRANGIAN)
    if law.verdict == "different":
        raise typer.Exit(DIFFERENT)
