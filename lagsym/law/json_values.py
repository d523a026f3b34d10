"""Values out of JSON: each reader takes one JSON value and gives what it means, or says what was expected."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from lagsym.errors import InputError

T = TypeVar("T")
Reader = Callable[[Any], T]
_REQUIRED: Any = object()


class MismatchError(ValueError):
    """A JSON value is of another kind than expected; the message is what was expected."""


def read_object(content: str | bytes) -> dict[str, Any]:
    """The JSON object in a text.

    Raises:
        InputError: the text is not JSON, holds NaN or an infinity, or is something other than an object.
    """

    def refuse(constant: str) -> float:
        msg = f"expected finite numbers, got {constant}; a number that is not known is written as null"
        raise InputError(msg)

    try:
        document = json.loads(content, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        msg = f"expected JSON, got something else ({error}); give a file that lagsym wrote"
        raise InputError(msg) from None
    if not isinstance(document, dict):
        msg = f"expected a JSON object, got {shown(document)}; give a file that lagsym wrote"
        raise InputError(msg)
    return document


def take(document: Mapping[str, Any], key: str, read: Reader[T], default: T = _REQUIRED) -> T:
    """The value at `key`, as `read` understands it.

    Raises:
        InputError: the key is missing and has no default, or the value is of another kind.
    """
    if key not in document:
        if default is _REQUIRED:
            msg = f"the key {key!r} is missing; give a file that lagsym wrote"
            raise InputError(msg)
        return default
    try:
        return read(document[key])
    except MismatchError as error:
        msg = f"expected {key!r} to be {error}, got {shown(document[key])}"
        raise InputError(msg) from None


def plain(value: Any) -> Any:
    """JSON values only: sequences as lists, NumPy's numbers as Python's, what is not finite as null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    number = float(value)
    return number if math.isfinite(number) else None


def shown(value: Any) -> str:
    """A JSON value in a message, cut where it is long."""
    content = json.dumps(value)
    return content if len(content) <= 60 else content[:57] + "..."


def read_text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise MismatchError("text")
    return value


def read_texts(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise MismatchError("a list of texts")
    return tuple(value)


def read_number(value: Any) -> float:
    """A finite number."""
    try:
        result = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise MismatchError("a finite number")
    return result


def read_integer(value: Any) -> int:
    """An integer."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise MismatchError("an integer")
    return value


def read_score(value: Any) -> float:
    """A number; null is one that could not be computed."""
    return math.nan if value is None else read_number(value)


def read_finding(value: Any) -> float | str:
    """A number, text or truth value."""
    return value if isinstance(value, str | bool) else read_score(value)


def one_of(*choices: str) -> Reader[str]:
    """Reads one of a few texts."""

    def read(value: Any) -> str:
        if value not in choices:
            raise MismatchError(" or ".join(f'"{choice}"' for choice in choices))
        return value

    return read


def optional(read: Reader[T]) -> Reader[T | None]:
    """Reads null as None and all else with `read`."""
    return lambda value: None if value is None else read(value)


def sequence(read: Reader[T]) -> Reader[tuple[T, ...]]:
    """Reads a list, each entry with `read`."""

    def read_sequence(value: Any) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise MismatchError("a list")
        return tuple(map(read, value))

    return read_sequence


def mapping(read: Reader[T]) -> Reader[dict[str, T]]:
    """Reads an object, each value with `read`."""

    def read_mapping(value: Any) -> dict[str, T]:
        if not isinstance(value, dict):
            raise MismatchError("an object")
        return {key: read(entry) for key, entry in value.items()}

    return read_mapping
