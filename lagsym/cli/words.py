"""Options as text: lists, units and numbers."""

from __future__ import annotations

import math
import re

from lagsym.errors import InputError


def names(text: str) -> tuple[str, ...]:
    """The parts of a list separated by commas, those inside brackets aside."""
    parts = re.split(r",(?![^()]*\))", text)
    return tuple(part.strip() for part in parts if part.strip())


def evidence_of(evidence: str, *, no_network: bool) -> str:
    """What terms are chosen by, where a network may have been forbidden.

    Raises:
        InputError: a network is forbidden and asked for at once.

    >>> evidence_of("auto", no_network=True)
    'data'
    """
    if no_network and evidence not in {"auto", "data"}:
        msg = f"expected either --no-network or --evidence {evidence}, which needs one; leave one of them out"
        raise InputError(msg)
    return "data" if no_network else evidence


def units_of(text: str) -> dict[str, str]:
    """Units by column, from 't=s,x=m'."""
    units: dict[str, str] = {}
    for part in names(text):
        name, equals, unit = (piece.strip() for piece in part.partition("="))
        if not (equals and name and unit) or name in units:
            msg = f"expected --units as column=unit, each column once, separated by commas; got '{part}'"
            raise InputError(msg)
        units[name] = unit
    return units


def numbers(text: str) -> dict[str, float]:
    """Numbers by name, from 'm=1,g=9.81'."""
    values = {}
    for part in names(text):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        try:
            values[name] = float(number)
        except ValueError:
            msg = f"expected --parameters as name=number, separated by commas; got '{part}'"
            raise InputError(msg) from None
        if not equals or not math.isfinite(values[name]):
            msg = f"expected a finite number for parameter {name}; got '{number}'"
            raise InputError(msg)
    return values
