"""What a symmetry is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.generators import Generator

Moves = dict[tuple[str, tuple[str, ...]], Any]
"""The terms of a generator: the coefficient of each product of `sources` in the change of a `target`."""


def symmetry_name(generator: Generator, lagrangian: sp.Expr, space: JetSpace) -> str:
    """Say in words what a generator of affine transformations does.

    Arguments:
        generator: one with tau affine in the base and eta affine in the fields and in the base.
        lagrangian: the Lagrangian, which tells a cyclic coordinate.
        space: the jet space of both.

    >>> space = JetSpace(("x", "y"))
    >>> x, y = space.positions
    >>> symmetry_name(Generator((sp.S.Zero,), (-y, x)), sp.S.Zero, space)
    'rotation in the x, y plane'
    """
    moves = _moves(generator, space)
    parts = [
        *_base_translations(moves, space),
        *_field_translations(moves, lagrangian, space),
        *_base_maps(moves, space),
        *_field_boosts(moves, space),
        *_field_maps(moves, space),
        *_scaling(moves),
    ]
    return " with ".join(parts)


def _moves(generator: Generator, space: JetSpace) -> Moves:
    symbols = (*space.base_symbols, *space.positions)
    moves: Moves = {}
    for target, change in zip(symbols, (*generator.tau, *generator.eta), strict=True):
        for powers, coefficient in sp.Poly(change, *symbols).terms():
            sources = tuple(symbol.name for symbol, power in zip(symbols, powers, strict=True) if power)
            if coefficient != 0:
                moves[target.name, sources] = coefficient
    return moves


def _base_translations(moves: Moves, space: JetSpace) -> list[str]:
    along = [target for target in space.base if (target, ()) in moves]
    names = {space.base[0]: "time translation"}
    return [names.get(target, f"translation along {target}") for target in along]


def _field_translations(moves: Moves, lagrangian: sp.Expr, space: JetSpace) -> list[str]:
    shifted = {target: moves[target, ()] for target in space.fields if (target, ()) in moves}
    if len(shifted) == 1 and len(space.base) == 1 and space.names[next(iter(shifted))] not in lagrangian.free_symbols:
        return [f"cyclic coordinate {next(iter(shifted))}"]
    return _together("translation" if len(space.base) == 1 else "shift", shifted)


def _field_boosts(moves: Moves, space: JetSpace) -> list[str]:
    """Shifts of fields that grow along a base coordinate; of a particle's coordinates, with time."""
    parts = []
    for source in space.base:
        shifted = {target: moves[target, (source,)] for target in space.fields if (target, (source,)) in moves}
        if len(space.base) == 1:
            parts += _together("Galilean boost", shifted)
        else:
            parts += [f"{part} by {source}" for part in _together("shift", shifted)]
    return parts


def _together(kind: str, shifted: dict[str, Any]) -> list[str]:
    """What is done to several fields at once, in what ratio."""
    if len(shifted) < 2:
        return [f"{kind} of {target}" for target in shifted]
    first, *others = shifted.values()
    ratio = "" if all(x == first for x in others) else f" in the ratio {' : '.join(map(str, shifted.values()))}"
    return [f"joint {kind} of {', '.join(shifted)}{ratio}"]


def _base_maps(moves: Moves, space: JetSpace) -> list[str]:
    turned, stretched, single = _pairs(moves, space.base)
    time = space.base[0]
    boosts = [f"Lorentz boost along {b}" for a, b in stretched if a == time]
    boosts += [f"Galilean boost along {b}" for a, b in single if a == time]
    stretched = [pair for pair in stretched if time not in pair]
    single = [(a, b) for a, b in single if a != time]
    return [*_planes("rotation", turned), *boosts, *_planes("hyperbolic rotation", stretched), *_shears(single)]


def _field_maps(moves: Moves, space: JetSpace) -> list[str]:
    """What turns or shears fields, at a constant rate or at one that grows along a base coordinate."""
    parts = []
    for factor in ((), *((x,) for x in space.base)):
        turned, stretched, single = _pairs(moves, space.fields, factor)
        maps = [*_planes("rotation", turned), *_planes("hyperbolic rotation", stretched), *_shears(single)]
        if factor and (scaled := [field for field in space.fields if (field, (*factor, field)) in moves]):
            maps.append(f"scaling of {', '.join(scaled)}")
        parts += [" by ".join((part, *factor)) for part in maps]
    return parts


def _pairs(moves: Moves, names: Sequence[str], factor: tuple[str, ...] = ()) -> tuple[list[tuple[str, str]], ...]:
    """The pairs of names that turn into each other with opposite and with equal sign, and (source, target) one way."""
    turned, stretched, single = [], [], []
    for source in names:
        for target in names:
            there, back = moves.get((target, (*factor, source)), 0), moves.get((source, (*factor, target)), 0)
            if source == target or there == 0:
                continue
            if back == 0:
                single.append((source, target))
            elif names.index(source) < names.index(target):
                (turned if (there * back).could_extract_minus_sign() else stretched).append((source, target))
    return turned, stretched, single


def _planes(kind: str, pairs: list[tuple[str, str]]) -> list[str]:
    if len(pairs) < 2:
        return [f"{kind} in the {a}, {b} plane" for a, b in pairs]
    return [f"joint {kind} in the planes {', '.join(f'({a}, {b})' for a, b in pairs)}"]


def _shears(pairs: list[tuple[str, str]]) -> list[str]:
    return [f"shear of {target} by {source}" for source, target in pairs]


def _scaling(moves: Moves) -> list[str]:
    scaled = [target for target, sources in moves if sources == (target,)]
    return [f"scaling of {', '.join(scaled)}"] if scaled else []
