"""Functions that all nodes share, or all edges of a kind: their symbols, and the forces that they exert on a graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from jaxtyping import Float

from lagsym.errors import InputError
from lagsym.mechanics.system import parameter_symbol
from lagsym.neural.graphs.features import EDGE_FORMS, Site
from lagsym.neural.graphs.graph import Graph

SITE = "site"
"""Stands for functions of a node in the place of a form of edges."""

SYMBOLS = MappingProxyType(
    {
        "pair": tuple(map(parameter_symbol, ("r",))),
        "stretch": tuple(map(parameter_symbol, ("s",))),
        "lattice": tuple(map(parameter_symbol, ("a", "b", "s"))),
        SITE: tuple(map(parameter_symbol, ("q",))),
    }
)
"""What functions are written in: the distance r, the stretch s = b - a, the ends a and b, the position q of a node."""


_NUMBERS = sp.symbols("number:8", real=True)
"""Stand for the numbers inside a term, so that a term is compiled once for all of them."""


@dataclass(frozen=True)
class SharedFunction:
    """A sum of terms that is added to L for every edge of a kind, or for every node.

    Arguments:
        form: "pair", "stretch" or "lattice" for edges, "site" for nodes.
        terms: without coefficients, in `SYMBOLS`; inner constants are decimal numbers.
        coefficients: of each term.
        kind: of the edges.
    """

    form: str
    terms: tuple[sp.Expr, ...]
    coefficients: tuple[float, ...]
    kind: int = 0

    @property
    def expression(self) -> sp.Expr:
        """The sum."""
        return sp.Add(*(sp.Float(c, 17) * term for c, term in zip(self.coefficients, self.terms, strict=True)))

    def rounded(self, digits: int = 5) -> sp.Expr:
        """The sum with so many significant digits of every number, to be shown.

        >>> SharedFunction("pair", (SYMBOLS["pair"][0] ** 2,), (-0.6000000001,)).rounded()
        -0.6*r**2
        """
        whole: Any = self.expression
        return whole.xreplace({number: sp.Float(float(number), digits) for number in whole.atoms(sp.Float)})

    def forces(self, graph: Graph, q: np.ndarray) -> Float[np.ndarray, "terms samples nodes components"]:
        """What each term exerts on every node at positions (S, N, D), without its coefficient.

        Raises:
            InputError: nodes have several components, and the form is not that of pairs.
        """
        return np.stack([force_of(term, self.form, graph, q, self.kind) for term in self.terms])

    def energy(self, graph: Graph, q: np.ndarray) -> Float[np.ndarray, " samples"]:
        """Minus the sum over all edges or nodes at positions (S, N, D)."""
        z = _variables(self.form, graph, q, self.kind)[0]
        values = sp.lambdify(SYMBOLS[self.form], self.expression, "numpy")(*np.moveaxis(z, -1, 0))
        return -np.broadcast_to(values, z.shape[:-1]).sum(-1)


def force_of(
    term: sp.Expr, form: str, graph: Graph, q: np.ndarray, kind: int = 0
) -> Float[np.ndarray, "samples nodes components"]:
    """The force on every node that a term exerts, summed over its edges.

    F_i = sum over edges (a, b) of dtheta/dz dz/dq_i

    Arguments:
        term: theta, in the symbols of its form.
        form: as of `SharedFunction`.
        graph: who acts on whom.
        q: positions (S, N, D).
        kind: of the edges.

    Raises:
        InputError: nodes have several components, and the form is not that of pairs.
    """
    z, by_first, by_second, ends = _variables(form, graph, q, kind)
    numbers = sorted(term.atoms(sp.Float), key=float)
    structure = term.xreplace(dict(zip(numbers, _NUMBERS, strict=False)))
    slopes = _slopes(structure, form, len(numbers))(*np.moveaxis(z, -1, 0), *map(float, numbers))
    slope = np.stack([np.broadcast_to(part, z.shape[:-1]) for part in slopes], -1)
    force = np.zeros((q.shape[1], q.shape[0], q.shape[2]))
    for node, derivative in zip(ends, (by_first, by_second), strict=False):
        np.add.at(force, node, np.einsum("smz,smzd->msd", slope, derivative))
    return np.moveaxis(force, 0, 1)


def _variables(form: str, graph: Graph, q: np.ndarray, kind: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """The variables z (S, M, m), their derivatives by both ends (S, M, m, D), and the ends."""
    if form != "pair" and q.shape[-1] > 1:
        msg = f"expected nodes of one component for functions of the form {form}, got {q.shape[-1]}"
        raise InputError(msg)
    if form == SITE:
        z, slope = Site().variables(q, q, np.ones(q.shape[:2], bool))
        return z, slope, slope, (np.arange(graph.nodes),)
    first, second = graph.ends(kind).T
    own, other = q[:, first], q[:, second]
    head = np.zeros(own.shape[:-1], bool)
    variables = EDGE_FORMS[form]().variables
    z, by_first = variables(own, other, head)
    return z, by_first, variables(other, own, ~head)[1], (first, second)


@lru_cache(maxsize=1024)
def _slopes(structure: sp.Expr, form: str, numbers: int) -> Any:
    """The derivatives of a term by its variables, as a function of these and of the numbers in it."""
    slopes = [sp.diff(structure, symbol) for symbol in SYMBOLS[form]]
    return sp.lambdify((*SYMBOLS[form], *_NUMBERS[:numbers]), slopes, "numpy", docstring_limit=0)
