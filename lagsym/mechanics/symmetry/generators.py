"""Generators of point transformations of base and fields, and how they act on derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from lagsym.mechanics.calculus import total_derivative
from lagsym.mechanics.jetspace import JetSpace


@dataclass(frozen=True)
class Generator:
    """The generator X = tau^mu d/dx^mu + eta^i d/du^i of a point transformation that moves base points as one.

    Arguments:
        tau: how each base coordinate changes, a function of the base; time first.
        eta: how each field changes, a function of base and fields.
    """

    tau: tuple[Any, ...]
    eta: tuple[Any, ...]

    def characteristic(self, space: JetSpace) -> tuple[sp.Expr, ...]:
        """Q_i = eta^i - tau^mu u_(i,mu): how the fields change at a fixed base point.

        >>> space = JetSpace(("q",))
        >>> Generator((sp.S.One,), (sp.S.Zero,)).characteristic(space)
        (-q_dot,)
        """
        rows: list[Any] = list(self.eta)
        for mu, shift in enumerate(self.tau):
            rows = [row - shift * u for row, u in zip(rows, space.derivatives(mu), strict=True)]
        return tuple(rows)

    def divergence(self, space: JetSpace) -> sp.Expr:
        """Div tau = sum of dtau^mu/dx^mu, the rate at which volumes of the base grow."""
        return sp.Add(*(sp.diff(shift, x) for shift, x in zip(self.tau, space.base_symbols, strict=True)))

    def prolonged(self, space: JetSpace, field: int, index: tuple[int, ...]) -> Any:
        """How the derivative of a field along `index` changes.

        eta_(I + mu) = D_mu eta_I - dtau^nu/dx^mu u_(I + nu)

        The source is P. J. Olver, Applications of Lie Groups to Differential Equations, 2nd ed., section 2.3.

        >>> space = JetSpace(("q",))
        >>> t, = space.base_symbols
        >>> Generator((t,), (sp.S.Zero,)).prolonged(space, 0, (0,))
        -q_dot
        """
        if not index:
            return self.eta[field]
        *before, mu = index
        change: Any = total_derivative(self.prolonged(space, field, tuple(before)), space, mu)
        for nu, shift in enumerate(self.tau):
            change -= sp.diff(shift, space.base_symbols[mu]) * space.symbol(field, (*before, nu))
        return change

    def variation(self, lagrangian: sp.Expr, space: JetSpace) -> sp.Expr:
        """The change pr X(L) + L Div tau of a Lagrangian (density); a divergence where X is a symmetry.

        >>> space = JetSpace(("q",))
        >>> (t,), (q,), (v,) = space.base_symbols, space.positions, space.velocities
        >>> Generator((sp.S.Zero,), (t,)).variation(v**2 / 2, space)
        q_dot
        """
        change: Any = lagrangian * self.divergence(space)
        for shift, x in zip(self.tau, space.base_symbols, strict=True):
            change += shift * sp.diff(lagrangian, x)
        symbols: Any = sorted(lagrangian.free_symbols, key=str)
        for symbol in symbols:
            key = space.key(symbol)
            if key is not None:
                change += self.prolonged(space, *key) * sp.diff(lagrangian, symbol)
        return change


def affine_generators(space: JetSpace) -> tuple[Generator, ...]:
    """A basis of the generators with tau affine in the base and eta affine in the fields and in the base.

    They are ordered so that the leading member of a symmetry says what it is: translations of the base, shifts of
    fields, rotations and boosts of the base, rotations of fields, shifts that grow along the base, scalings, the rest.

    >>> [(*g.tau, *g.eta) for g in affine_generators(JetSpace(("q",)))]
    [(1, 0), (0, 1), (0, t), (t, 0), (0, q), (0, q*t)]
    """
    base, fields = space.base_symbols, space.positions
    one = (sp.S.One,)
    families = (
        _members(one, len(base), len(fields), moves_base=True),
        _members(one, len(base), len(fields)),
        _members(base, len(base), len(fields), diagonal=False, moves_base=True),
        _members(fields, len(base), len(fields), diagonal=False),
        _members(base, len(base), len(fields)),
        _members(base, len(base), len(fields), diagonal=True, moves_base=True),
        _members(fields, len(base), len(fields), diagonal=True),
        _members([x * u for x in base for u in fields], len(base), len(fields)),
    )
    return tuple(generator for family in families for generator in family)


def _members(
    changes: Sequence[Any], base: int, fields: int, *, diagonal: bool | None = None, moves_base: bool = False
) -> list[Generator]:
    """Generators that move one base coordinate or one field by one of `changes`.

    `diagonal` keeps those in which the k-th moves by the k-th change, or all others.
    """
    members = []
    for source, change in enumerate(changes):
        for target in range(base if moves_base else fields):
            if diagonal is None or diagonal == (source == target):
                row = [sp.S.Zero] * (base + fields)
                row[target + (0 if moves_base else base)] = change
                members.append(Generator(tuple(row[:base]), tuple(row[base:])))
    return members


def combined(coefficients: Sequence[Any], generators: Sequence[Generator]) -> Generator:
    """The linear combination of generators.

    >>> basis = affine_generators(JetSpace(("q",)))
    >>> combined([0, 0, 0, 2, 1, 0], basis)
    Generator(tau=(2*t,), eta=(q,))
    """
    chosen = [(c, g) for c, g in zip(coefficients, generators, strict=True) if c != 0]
    size = (len(generators[0].tau), len(generators[0].eta))
    tau = tuple(sp.Add(*(c * g.tau[mu] for c, g in chosen)) for mu in range(size[0]))
    eta = tuple(sp.Add(*(c * g.eta[i] for c, g in chosen)) for i in range(size[1]))
    return Generator(tau, eta)
