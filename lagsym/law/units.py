"""Units of a law: every constant gets the unit that the units of the coordinates leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import sympy as sp

from lagsym.data.units import FORCE, UnitSpace
from lagsym.errors import InputError
from lagsym.law.record import Law
from lagsym.mechanics.dimensions import Analysis, Conflict, Dimension, analyse
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import to_text


def with_units(law: Law, units: Mapping[str, str]) -> tuple[Law, tuple[str, ...]]:
    """The law with the units of its constants, and what the user should know about them.

    Without measured forces the Lagrangian's unit is that of its first term, whose coefficient is set; with them it is
    that of their work. Terms that do not go together leave all constants without a unit, and are named.

    Arguments:
        law: a law of motion.
        units: of time, every coordinate and every measured force (`force_<q>`), by name; nothing is done without.

    Raises:
        InputError: a unit cannot be read, or one is missing.

    >>> (x,), (v,) = JetSpace(("x",)).positions, JetSpace(("x",)).velocities
    >>> from lagsym.law import Constant
    >>> law = Law(("x",), v**2 / 2 - sp.Symbol("c1", real=True) * x**2, (Constant("c1", 0.5),))
    >>> found, _ = with_units(law, {"t": "s", "x": "mm"})
    >>> found.constants[0].unit, found.lagrangian_unit
    ('1/s**2', 'mm**2/s**2')
    """
    if not units:
        return law, ()
    law = replace(law, units=dict(units))
    if law.lagrangian is None:
        return law, ()
    space = _unit_space(units, law.space)
    found = _analysis(law.lagrangian, law.space, space, dissipation=law.dissipation)
    if found.conflicts:
        sentences = tuple(dict.fromkeys(_sentence(conflict, space) for conflict in found.conflicts))
        return law, (*sentences, "So no constant is given a unit.")
    written = {symbol.name: None if part is None else space.text(part) for symbol, part in found.symbols.items()}
    constants = tuple(replace(constant, unit=written.get(constant.name)) for constant in law.constants)
    total = None if found.total is None else space.text(found.total)
    open_ = [constant.name for constant in constants if constant.unit is None]
    notices = (f"The units of {', '.join(open_)} do not follow from those of the coordinates.",) if open_ else ()
    return replace(law, constants=constants, lagrangian_unit=total), notices


def check_terms(terms: Sequence[sp.Expr], space: JetSpace, units: Mapping[str, str]) -> None:
    """Refuse formulas that contradict the units of the coordinates.

    Arguments:
        terms: parts of a Lagrangian, each of which may have a unit of its own.
        space: the space that they are written in.
        units: as for `with_units`; without any, nothing is refused.

    Raises:
        InputError: something is added to what has another unit, or stands in a function that takes pure numbers.
    """
    if not units:
        return
    written = _unit_space(units, space)
    for term in terms:
        for conflict in analyse(term, space, written.vectors()).conflicts:
            msg = (
                f"{_sentence(conflict, written)[:-1]}; write a number that has a unit as a decimal number (1.0*x), or "
                "mend --units"
            )
            raise InputError(msg)


def _unit_space(units: Mapping[str, str], space: JetSpace) -> UnitSpace:
    missing = [name for name in (*space.base, *space.fields) if name not in units]
    if missing:
        msg = f"expected a unit for {', '.join(missing)}, got units of {', '.join(units)} only; add it, 1 for a number"
        raise InputError(msg)
    return UnitSpace.of(units)


def _analysis(lagrangian: sp.Expr, space: JetSpace, units: UnitSpace, *, dissipation: sp.Expr) -> Analysis:
    vectors = units.vectors()
    works = [vectors[f"{FORCE}{name}"] + vectors[name] for name in space.fields if f"{FORCE}{name}" in vectors]
    return analyse(lagrangian, space, vectors, dissipation=dissipation, total=works[0] if works else None)


def _sentence(conflict: Conflict, space: UnitSpace) -> str:
    """What does not go together, in words."""
    part, unit = to_text(conflict.part), _unit_text(conflict.dimension, space)
    if conflict.beside is None and conflict.part != conflict.term:
        return f"In the term {to_text(conflict.term)}, {part} {unit} where only a pure number can stand."
    wanted = _unit_text(conflict.wanted, space)
    if conflict.beside is None or conflict.beside == conflict.term:
        return f"The term {part} {unit}, but its place needs one that {wanted}."
    beside = f"{to_text(conflict.beside)}, which {wanted}"
    if conflict.part == conflict.term:
        return f"The term {part} {unit} and cannot be added to {beside}."
    return f"In the term {to_text(conflict.term)}, {part} {unit} and cannot be added to {beside}."


def _unit_text(dimension: Dimension | None, space: UnitSpace) -> str:
    if dimension is None:
        return "has an open unit"
    return f"has the unit {space.text(dimension)}" if np.abs(dimension).max(initial=0.0) > 0 else "is a pure number"
