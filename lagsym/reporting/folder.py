"""The folder of results: empty or holding an earlier result of ours, and replaced as a whole."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lagsym.errors import InputError

MARKER = ".lagsym-result.json"
"""Names the files of a result, so that nothing else is ever replaced."""


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """Where a result may be written: a folder that is missing, empty, or holds nothing but an earlier result.

    Returns:
        The folder with symbolic links followed.

    Raises:
        InputError: the path is a file, the working directory or above it, or holds what lagsym did not write.
    """
    path = Path(folder).resolve()
    if path == Path.cwd() or path in Path.cwd().parents:
        msg = f"{path} cannot be replaced while you work in it; name a folder below, such as -o out/"
        raise InputError(msg)
    if not path.exists():
        return path
    if not path.is_dir():
        msg = f"expected {folder} to be a folder, but it is a file; name another folder"
        raise InputError(msg)
    foreign = sorted(_files(path) - _known_files(path))
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        msg = f"{folder} holds files that lagsym did not write ({', '.join(foreign[:3])}{more}); name another folder"
        raise InputError(msg)
    return path


@contextmanager
def result_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """A new folder that takes the place of `folder` when the block ends, and leaves it untouched where the block fails.

    Raises:
        InputError: the folder may not be replaced (see `check_folder`) or cannot be written.
    """
    target = check_folder(folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        msg = f"cannot write to {target.parent}: {error.strerror or error}; choose another place"
        raise InputError(msg) from None
    try:
        yield new
        check_folder(folder)  # something may have appeared there since
        marker = json.dumps({"files": sorted(_files(new) | {MARKER})}, indent=2)
        (new / MARKER).write_text(marker + "\n", encoding="utf-8")
        new.chmod(0o755)  # a temporary folder is for its owner alone
        _exchange(new, target)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _exchange(new: Path, target: Path) -> None:
    """Put `new` in the place of `target`, which comes back if that fails."""
    old = new.with_name(new.name + "-old")
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _files(folder: Path) -> set[str]:
    """Every entry below a folder that is not itself a plain folder, by its relative path."""
    entries = folder.rglob("*")
    return {entry.relative_to(folder).as_posix() for entry in entries if entry.is_symlink() or not entry.is_dir()}


def _known_files(folder: Path) -> set[str]:
    """The files that an earlier result's marker names."""
    try:
        names = json.loads((folder / MARKER).read_bytes())["files"]
        return {str(name) for name in names}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
