"""The folder of a discovery that is under way: hidden, beside the result's folder, and gone once there is a result."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from lagsym.errors import InputError
from lagsym.neural import Checkpoints
from lagsym.reporting.folder import check_folder


@contextmanager
def unfinished_folder(
    folder: str | os.PathLike[str], say: Callable[[str], object], *, resume: bool
) -> Iterator[Checkpoints]:
    """Where a discovery keeps its unfinished networks: `.<name>.unfinished` beside the folder of its result.

    It is removed when the block ends, and stays where the block is cut off.  No file that is not a checkpoint of ours
    is ever touched.

    Arguments:
        folder: of the result.
        say: told, in a sentence, that nothing is there to go on with, or that something is.
        resume: whether to go on with what is there; else it is removed.

    Raises:
        InputError: the place is taken by something that lagsym did not write, or cannot be written.
    """
    target = check_folder(folder)
    kept = Checkpoints(target.with_name(f".{target.name}.unfinished"), resume)
    there = _made(kept)
    if there and not resume:
        say(f"Note: an unfinished discovery in {kept.folder} was given up; --resume would have gone on with it.")
        _remove(kept)
    elif resume and not there:
        say("Note: there is nothing to go on with, so this begins anew.")
    try:
        kept.folder.mkdir(exist_ok=True)
        yield kept
        _remove(kept)
    finally:
        with suppress(OSError):  # an empty folder goes in any case
            kept.folder.rmdir()


def _made(kept: Checkpoints) -> bool:
    """Whether there are checkpoints; the folder is made where it is missing."""
    try:
        kept.folder.mkdir(parents=True, exist_ok=True)
        files = kept.files()
        foreign = sorted({path.name for path in kept.folder.iterdir()} - {path.name for path in files})
    except OSError as error:
        msg = f"cannot write to {kept.folder}: {error.strerror or error}; choose another place for the result"
        raise InputError(msg) from None
    if foreign:
        msg = f"{kept.folder} holds files that lagsym did not write ({', '.join(foreign[:3])}); move them elsewhere"
        raise InputError(msg)
    return bool(files)


def _remove(kept: Checkpoints) -> None:
    for path in kept.files():
        path.unlink(missing_ok=True)
