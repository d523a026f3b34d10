"""Checkpoints of a fit that is under way: it can be cut off at any moment and go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from lagsym.errors import DataError, InputError
from lagsym.neural.files import json_path, read_record, read_tensors, write_pair
from lagsym.neural.progress import FitProgress
from lagsym.neural.training import Status, Training

SCHEMA = 2
KIND = "lagsym checkpoint"
LEAST_SECONDS = 5.0
"""Between two writings, at least; so that writing takes next to no time."""

_LABEL = "-checkpoint"
_OTHER = "go on with the same, or do not resume, to start anew"


@dataclass(frozen=True)
class Checkpoints:
    """Where the fits of a discovery keep their checkpoints.

    Arguments:
        folder: where to; a fit of the name "free" has `network-free.json` and the file that this names there.
        resume: whether to go on from those that are there.
        label: what the names of these fits end on, where the same structure is fitted again in another way.
    """

    folder: Path
    resume: bool = False
    label: str = ""

    def of(self, name: str) -> dict[str, Any]:
        """The arguments of `fit` for the fit of a name.

        >>> Checkpoints(Path("kept"), resume=True).of("free")["resume"]
        True
        """
        return {"checkpoint": self.folder / f"network-{name}{self.label}", "resume": self.resume}

    def files(self) -> tuple[Path, ...]:
        """The files of these checkpoints, left-overs of interrupted writing among them."""
        return _files(self.folder, "network-[a-z0-9-]+")


class Run(Protocol):
    """What can be cut off and go on: a training, or several starts of one."""

    @property
    def status(self) -> Status | None:
        """How it ended, if it did."""

    def run(
        self,
        progress: Callable[[FitProgress], None] | None = None,
        until: float = math.inf,
        keep: Callable[[], None] | None = None,
    ) -> Status:
        """Go on to the end."""
        ...

    def state(self) -> dict[str, Any]:
        """All that the rest depends on."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class Checkpoint:
    """The checkpoint of one fit: `<path>.json` and `<path>-checkpoint-<hash>.safetensors`, never pickle.

    Whatever happens while it is written, what lies there is a whole checkpoint, this one or the one before.

    Arguments:
        path: where to, with or without `.json`; its folder must exist.
        made_with: what the fit is made with, by name, as JSON has it; see `identity`.
        started: when the fit began, on the clock of `time.monotonic`.
    """

    def __init__(self, path: str | Path, made_with: Mapping[str, Any], started: float) -> None:
        self._path, self._made_with = json_path(path), json.loads(json.dumps(made_with))
        self._started = self._written = started

    @property
    def started(self) -> float:
        """When the fit would have begun, had it not been cut off, on the clock of `time.monotonic`."""
        return self._started

    def run(
        self, training: Run, progress: Callable[[FitProgress], None] | None, seconds: float, *, resume: bool
    ) -> Status:
        """Run a training, and write down every few seconds where it is.

        Arguments:
            training: as it begins.
            progress: called after every evaluation.
            seconds: it may take, those before a resumption among them.
            resume: go on from what lies there; where nothing does, the training begins.

        Raises:
            InputError: what lies there belongs to other data, options or versions, is no checkpoint of lagsym, or
                nothing can be written there.
            DataError: it is damaged.
        """
        record = self._record()
        if record is not None and resume:
            self._restore(training, record)
        self._sweep(self.write(training))
        return training.run(progress, self._started + seconds, lambda: self._write_when_due(training))

    def _write_when_due(self, training: Run) -> None:
        if training.status is not None or time.monotonic() - self._written >= LEAST_SECONDS:
            self.write(training)

    def write(self, training: Run) -> Path:
        """Write a training's state in place of the one before.

        Returns:
            The path of the tensors' file.

        Raises:
            InputError: it cannot be written; what was written before is still whole.
        """
        tensors: dict[str, Tensor] = {}
        state = _packed(training.state(), tensors)
        seconds = time.monotonic() - self._started
        record = {"kind": KIND, **self._made_with, "seconds": seconds, "state": state}
        try:
            weights = write_pair(self._path, record, tensors, _LABEL)
        except OSError as error:
            msg = f"cannot write the checkpoint {self._path}: {error.strerror or error}; make room, or name another"
            raise InputError(msg) from error
        self._written = time.monotonic()
        return weights

    def _record(self) -> dict[str, Any] | None:
        """What lies there, if anything does."""
        try:
            record = read_record(self._path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            record = {}
        if record.get("kind") != KIND:
            msg = f"expected a checkpoint of lagsym in {self._path}; it is another file, or torn; name another path"
            raise InputError(msg)
        return record

    def _restore(self, training: Run, record: dict[str, Any]) -> None:
        for name, mine in self._made_with.items():
            theirs = record.get(name)
            if theirs != mine:
                msg = f"{self._path} is the checkpoint of a fit with {_difference(name, theirs, mine)}; {_OTHER}"
                raise InputError(msg)
        try:
            training.restore(_unpacked(record["state"], read_tensors(self._path, record)))
            self._started -= float(record["seconds"])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            msg = f"the checkpoint {self._path} is damaged ({error}); restore it, or do not resume, to start anew"
            raise DataError(msg) from error

    def _sweep(self, weights: Path) -> None:
        """Remove what interrupted writing left over beside the checkpoint itself."""
        for path in _files(self._path.parent, re.escape(self._path.stem)):
            if path not in (self._path, weights):
                path.unlink(missing_ok=True)


def identity(training: Training, seed: int, *data: Any) -> dict[str, Any]:
    """What decides how a fit goes on, by name: only a fit with the same may take up its checkpoint.

    The device isn't part of it: a fit may go on on another one, with what differs there in the last digits.  Nor is the
    cap on the time: a fit that hit it may be given more.

    Arguments:
        training: the fit's.
        seed: its seed.
        data: all that it learns from and is judged by; arrays, or records of them.
    """
    return {
        "schema": SCHEMA,
        "versions": {name: version(name) for name in ("lagsym", "torch", "pytorch-optimizer")},
        "data": fingerprint(*data),
        "options": {name: value for name, value in asdict(training.options).items() if name != "seconds"},
        "scaling": asdict(training.model.scaling),
        "seed": seed,
    }


def fingerprint(*data: Any) -> str:
    """The SHA-256 of arrays, numbers and text, alone or in records and sequences.

    >>> fingerprint(np.arange(3.0)) == fingerprint(np.array([0.0, 1.0, 2.0]))
    True
    >>> fingerprint(np.arange(4.0)) == fingerprint(np.arange(4.0).reshape(2, 2))
    False
    """
    digest = hashlib.sha256()
    for piece in _pieces(data):
        digest.update(len(piece).to_bytes(8, "little") + piece)
    return digest.hexdigest()


def _files(folder: Path, stem: str) -> tuple[Path, ...]:
    weights, unfinished = rf"{_LABEL}-[0-9a-f]{{12}}\.safetensors", r"\.\w{8}"
    names = re.compile(rf"{stem}(\.json|{weights})|\.{stem}(\.json|{weights}){unfinished}")
    return tuple(path for path in sorted(folder.iterdir()) if names.fullmatch(path.name))


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif is_dataclass(value):
        yield from _pieces([getattr(value, field.name) for field in fields(value)])
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield f"{len(value)} items".encode()
        for item in value:
            yield from _pieces(item)
    else:
        yield repr(value).encode()


def _difference(name: str, theirs: Any, mine: Any) -> str:
    if name == "data":
        return "other data"
    if isinstance(theirs, dict) and isinstance(mine, dict):
        changed = [f"{key} {_short(theirs.get(key), value)}" for key, value in mine.items() if theirs.get(key) != value]
        return f"other {name} ({'; '.join(changed)})"
    return f"another {name} ({_short(theirs, mine)})"


def _short(theirs: Any, mine: Any) -> str:
    text = f"{theirs}, not {mine}"
    return text if len(text) < 60 else "is different"


def _packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    """As JSON has it, with every tensor replaced by its name among `tensors` and its strides.

    How numbers lie in memory may decide the last digit of a product, so the layout is kept too.
    """
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.cpu().contiguous()
        return {"tensor": name, "strides": value.stride()}
    if isinstance(value, dict):
        return {key: _packed(item, tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(item, tensors) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}  # JSON has no infinity
    return value


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "number" in value:
        return float(value["number"])
    if "tensor" in value:
        read = tensors[value["tensor"]]
        return torch.empty_strided(read.shape, value["strides"], dtype=read.dtype).copy_(read)
    return {key: _unpacked(item, tensors) for key, item in value.items()}
