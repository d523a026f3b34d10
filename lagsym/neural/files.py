"""Tensors and a record in two files, of which a reader never sees a half.

The tensors' file is named by its content and written first; the JSON, which names it, replaces its predecessor in one
rename.  So whenever writing is interrupted, the JSON that is there belongs to tensors that are there.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from lagsym.errors import DataError


def json_path(path: str | Path) -> Path:
    """A path with `.json` at its end.

    >>> json_path("out/network").as_posix()
    'out/network.json'
    """
    path = Path(path)
    return path if path.suffix == ".json" else path.with_name(f"{path.name}.json")


def write_pair(target: Path, record: Mapping[str, Any], tensors: Mapping[str, Tensor], label: str = "") -> Path:
    """Write `target` and `<its stem><label>-<hash>.safetensors`, in place of what was written there before.

    Arguments:
        target: the JSON file; its folder must exist.
        record: what JSON can say; "weights" and "sha256" are added.
        tensors: by name, contiguous.
        label: tells the names of the tensors' files from those of other writers.

    Returns:
        The path of the tensors' file.

    Raises:
        OSError: a file cannot be written; what was there before is still whole.
    """
    content = safetensors.torch.save({name: tensor.detach() for name, tensor in tensors.items()})
    digest = hashlib.sha256(content).hexdigest()
    weights = target.with_name(f"{target.stem}{label}-{digest[:12]}.safetensors")
    before = _weights_named_by(target)
    text = json.dumps({**record, "weights": weights.name, "sha256": digest}, indent=1, allow_nan=False)
    _replace(weights, content)
    _replace(target, text.encode())
    if before is not None and before != weights:
        before.unlink(missing_ok=True)
    return weights


def read_record(source: Path) -> dict[str, Any]:
    """The record of a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds no record.
    """
    record = json.loads(source.read_bytes())
    if not isinstance(record, dict):
        msg = f"a {type(record).__name__} where a record was expected"
        raise ValueError(msg)
    return record


def read_tensors(source: Path, record: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors that the record of `source` names.

    Raises:
        DataError: they are not those that it was written with.
        OSError: they cannot be read.
        KeyError: the record names none.
    """
    content = (source.parent / Path(record["weights"]).name).read_bytes()
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        msg = f"expected the weights that {source} was written with; got others; fit again or restore the file"
        raise DataError(msg)
    return safetensors.torch.load(content)


def _weights_named_by(path: Path) -> Path | None:
    try:
        return path.parent / Path(read_record(path)["weights"]).name
    except (OSError, ValueError, KeyError, TypeError):
        return None  # nothing of ours is there yet


def _replace(path: Path, content: bytes) -> None:
    """Write to a temporary name in the same folder, wait until it is on the disk, then rename."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _synchronise(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _synchronise(folder: Path) -> None:
    """Put a rename on the disk before the next one; only POSIX lets a folder be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
