"""Distilling a graph network: closed forms of its edges and nodes, chosen and fitted on the motion."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
from scipy.optimize import least_squares

from lagsym.distillation.engines import Engine
from lagsym.distillation.engines.refit import expanded, split
from lagsym.distillation.graphs.law import GraphLaw
from lagsym.distillation.graphs.libraries import library_of
from lagsym.distillation.graphs.reading import Reading, read_edges, read_nodes
from lagsym.distillation.graphs.search import FACTOR, LOOK, Library, Sum, choose_sum, search_sums
from lagsym.distillation.graphs.shared import SITE, SYMBOLS, SharedFunction
from lagsym.errors import DataError
from lagsym.mechanics.notation.parsing import FUNCTIONS
from lagsym.neural.graphs.averages import Averages
from lagsym.neural.graphs.fitting import GraphFit
from lagsym.neural.graphs.graph import Graph
from lagsym.neural.graphs.measured import Data, observed

SAMPLES = 300
"""Windows of motion that sums are compared on."""
ROUNDING = 1e-20
STEPS = 30
FORMULAS = 3
"""Of an engine, whose terms are tried."""
MOST_NUMBERS = 3
"""In a term of a force that is integrated; what has more is no law, and takes long."""
ELEMENTARY = frozenset(FUNCTIONS.values())
"""Functions that a law may hold."""
WEAKEST = 0.1
"""A sample's error is relative to its own accelerations, or to this fraction of all samples' root mean square."""


def distill_graph(
    fit: GraphFit,
    data: Data,
    *,
    engine: Engine | None = None,
    terms: Sequence[sp.Expr] = (),
    seed: int = 0,
) -> GraphLaw:
    """A closed form for the edges and nodes of a trained graph network.

    The network proposes: its forces are matched by sums of few terms, for each number of constants the best one.  The
    motion decides: of these sums the simplest is taken that none with a few more constants is much better than, by the
    accelerations, to which all constants are fitted in the end.

    Arguments:
        fit: the trained network.
        data: motion, as of `lagsym.neural.graphs.fit_graph`; jets as `Averages` or (S, N, D) alone.
        engine: a symbolic regression that proposes further terms of e'(r) or e'(s), or None.
        terms: further terms of edges, in the symbols of `SYMBOLS`.
        seed: of the draw of samples.

    Raises:
        DataError: no term explains anything of what the network has learned, or masses are not constant.
        InputError: nodes have several components, and functions are not those of pairs.
    """
    seen = _drawn(observed(data), seed)
    q, form = seen.q, fit.options.form
    if not np.any(seen.acceleration):
        msg = "expected motion with accelerations; these are all zero, so that nothing tells any law from none"
        raise DataError(msg)
    fronts: list[list[SharedFunction]] = []
    chosen: list[SharedFunction] = []
    for kind, name in enumerate(form.edges):
        reading = read_edges(fit, q, kind, seed)
        extra = (*terms, *(_proposed(engine, reading, fit.held_out_error, seed) if engine else ()))
        _note(fronts, chosen, _front(reading, extra, angles=form.angles), (name, kind))
    if form.node != "mass":
        _note(fronts, chosen, _front(read_nodes(fit, q, tuple(chosen), seed), (), angles=form.angles), (SITE, 0))
    if not chosen:
        msg = "expected a network of which some function acts on nodes, but all that it has learned is gauge"
        raise DataError(msg)
    motion = _Motion.of(fit.graph, seen)
    for place, front in enumerate(fronts):
        chosen[place] = _decided(motion, chosen, place, front)
    fitted, residual = _without_idle(motion, chosen)
    edges = tuple(one for one in fitted if one.form != SITE)
    node = next((one for one in fitted if one.form == SITE), None)
    fidelity = tuple(_fidelity(fit, q, one, edges, seed) for one in fitted)
    return GraphLaw(edges, node, residual, fidelity)


def _note(
    fronts: list[list[SharedFunction]], chosen: list[SharedFunction], front: Sequence[Sum], owner: tuple[str, int]
) -> None:
    """Take down what the edges of a kind, or the nodes, may do, and what the network says; gauge is nothing."""
    if front:
        fronts.append([_named(one, *owner) for one in front])
        chosen.append(_named(choose_sum(front), *owner))


def _drawn(seen: Averages, seed: int) -> Averages:
    return seen.take(np.random.default_rng(seed).permutation(len(seen))[:SAMPLES])


def _front(reading: Reading, extra: Sequence[sp.Expr], *, angles: bool) -> tuple[Sum, ...]:
    library = library_of(reading.form, reading.z[:, -1], angles=angles)
    everything = tuple(dict.fromkeys((*library.terms, *extra)))
    library = Library(everything, library.families, library.rates)
    return search_sums(reading.columns, reading.target, library, nuisance=reading.nuisance)


def _named(found: Sum, form: str, kind: int) -> SharedFunction:
    return SharedFunction(form, found.terms, found.coefficients, kind)


def _proposed(engine: Engine, reading: Reading, error: float, seed: int) -> list[sp.Expr]:
    """Terms of L whose derivatives are terms of an engine's formulas; those without a closed integral are left out.

    The simplest formula within the network's relative error may be too simple, as noise is part of that error; a few
    that are more precise stand beside it.
    """
    if reading.form == "lattice":
        return []
    front = engine.search(reading.table(), seed=seed)
    first = front.formulas.index(front.simplest(floor=max(error**2, 1e-12)))
    variable = SYMBOLS[reading.form][0]
    forces = [term for one in front.formulas[first : first + FORMULAS] for _, term in split(expanded(one.expression))]
    terms = (term for force in dict.fromkeys(forces) for term in _integrals(force, variable, reading.z[:, 0]))
    return list(dict.fromkeys(terms))


def _integrals(force: sp.Expr, variable: sp.Symbol, values: np.ndarray) -> list[sp.Expr]:
    """The terms of a force's integral, without coefficients; nothing where it is not elementary or not real."""
    numbers = sorted({abs(number) for number in force.atoms(sp.Float)})
    if len(numbers) > MOST_NUMBERS:
        return []
    # With decimals in it an integral has more of them than it has constants.
    names = {number: sp.Dummy(positive=True) for number in numbers}
    named = force.xreplace({number: sp.sign(number) * names[abs(number)] for number in force.atoms(sp.Float)})
    whole: Any = sp.expand(sp.integrate(named, variable, manual=True)).xreplace(
        {name: number for number, name in names.items()}
    )
    if whole.has(sp.Integral, sp.Piecewise) or {one.func for one in whole.atoms(sp.Function)} - ELEMENTARY:
        return []
    found = []
    for part in sp.Add.make_args(whole):
        term: Any = part.as_independent(variable, as_Add=False)[1]
        # Where one is not real, the other is, with the same derivative.
        logarithms = (term, term.replace(sp.log, lambda inside: sp.log(-inside)))
        found += [one for one in logarithms if variable in one.free_symbols and _is_real(one, variable, values)][:1]
    return found


def _is_real(term: sp.Expr, variable: sp.Symbol, values: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.isfinite(sp.lambdify(variable, term, "numpy")(values)).all())


def _decided(
    motion: _Motion, chosen: Sequence[SharedFunction], place: int, front: Sequence[SharedFunction]
) -> SharedFunction:
    """The simplest of a front by the motion, beside the others."""
    tried: list[tuple[int, float, SharedFunction]] = []
    for one in _with_parts(front):
        fitted, residual = motion.fitted([*chosen[:place], one, *chosen[place + 1 :]])
        tried.append((_constants(one), residual**2, fitted[place]))
    for constants, loss, one in tried:
        if loss <= FACTOR * min(other for more, other, _ in tried if more <= constants + LOOK) + ROUNDING:
            return one
    return tried[-1][2]


def _with_parts(front: Sequence[SharedFunction]) -> list[SharedFunction]:
    """The sums of a front and all sums of some of their terms, from few constants to many.

    Where noise has spoilt a network at the ends of its range, the best sum of few terms is not on its front, but a part
    of one with a term more, which follows the spoilt ends.
    """
    found: dict[tuple[sp.Expr, ...], SharedFunction] = {}
    for one in front:
        pairs = list(zip(one.terms, one.coefficients, strict=True))
        for count in range(len(pairs), 0, -1):
            for part in itertools.combinations(pairs, count):
                terms, coefficients = zip(*part, strict=True)
                found.setdefault(terms, replace(one, terms=terms, coefficients=coefficients))
    return sorted(found.values(), key=_constants)


def _constants(one: SharedFunction) -> int:
    """How many numbers are fitted to the motion."""
    return len(one.terms) + len(_rates(one))


def _without_idle(motion: _Motion, chosen: Sequence[SharedFunction]) -> tuple[list[SharedFunction], float]:
    """The functions fitted to the motion, without those that the others do as well without."""
    kept = list(chosen)
    fitted, residual = motion.fitted(kept)
    for one in chosen[::-1]:
        others = [other for other in kept if other is not one]
        if not others:
            break
        alone, left = motion.fitted(others)
        if left**2 <= FACTOR * residual**2 + ROUNDING:
            kept, fitted, residual = others, alone, left
    return fitted, residual


def _fidelity(fit: GraphFit, q: np.ndarray, one: SharedFunction, edges: tuple[SharedFunction, ...], seed: int) -> float:
    """How far a function is from the network's forces, relative to them, up to gauge."""
    reading = read_nodes(fit, q, edges, seed) if one.form == SITE else read_edges(fit, q, one.kind, seed)
    columns = np.stack([reading.columns(term) for term in one.terms], 1)
    error, target = reading.target - columns @ np.array(one.coefficients), reading.target
    if reading.nuisance is not None:
        basis = np.linalg.qr(reading.nuisance)[0]
        error, target = error - basis @ (basis.T @ error), target - basis @ (basis.T @ target)
    return float(np.linalg.norm(error) / np.linalg.norm(target))


class _Motion:
    """Accelerations to which the constants of functions are fitted."""

    def __init__(self, graph: Graph, seen: Averages, weight: np.ndarray) -> None:
        self.graph, self.seen, self.weight = graph, seen, weight
        self.target = (graph.mass_array[:, None] * seen.acceleration * weight).ravel()

    @classmethod
    def of(cls, graph: Graph, seen: Averages) -> _Motion:
        """Forces m a, each window weighed by one over the size of its accelerations."""
        a = seen.acceleration
        size = np.sqrt(np.mean(a**2, (1, 2)) + WEAKEST**2 * np.mean(a**2))
        return cls(graph, seen, 1 / (graph.mass_array[:, None] * size[:, None, None]))

    def fitted(self, functions: Sequence[SharedFunction]) -> tuple[list[SharedFunction], float]:
        """The functions with all constants fitted, and the relative error of the accelerations."""
        rates = np.array([float(rate) for one in functions for rate in _rates(one)])
        known: dict[sp.Basic, np.ndarray] = {}

        def at(logarithms: np.ndarray) -> list[SharedFunction]:
            return _with_rates(functions, np.sign(rates) * np.exp(logarithms))

        def residual(logarithms: np.ndarray) -> np.ndarray:
            return self._solved(at(logarithms), known)[1]

        best = np.log(np.abs(rates))
        if len(rates):
            best = least_squares(residual, best, x_scale=1e-2, max_nfev=STEPS, xtol=1e-15, ftol=1e-15, gtol=1e-15).x
        coefficients, error = self._solved(at(best), known)
        found, start = [], 0
        for one in at(best):
            stop = start + len(one.terms)
            found.append(replace(one, coefficients=tuple(map(float, coefficients[start:stop]))))
            start = stop
        return found, float(np.linalg.norm(error) / np.linalg.norm(self.target))

    def _solved(
        self, functions: Sequence[SharedFunction], known: dict[sp.Basic, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        columns = []
        for one in functions:
            for term in one.terms:
                key = sp.Tuple(sp.Symbol(one.form), sp.Integer(one.kind), term)
                if term.has(sp.Float) or key not in known:
                    alone = replace(one, terms=(term,), coefficients=(1.0,))
                    with np.errstate(all="ignore"):
                        force = self.seen.average(alone.forces(self.graph, self.seen.q)[0])
                        column = (force * self.weight).ravel()
                        bounded = np.isfinite(column @ column)
                    # A fit may try rates at which a term has no value; there it explains nothing.
                    known[key] = column if bounded else np.zeros_like(column)
                columns.append(known[key])
        matrix = np.stack(columns, 1)
        norms = np.linalg.norm(matrix, axis=0)
        norms = np.where(norms > 0, norms, 1.0)
        coefficients = np.linalg.lstsq(matrix / norms, self.target, rcond=None)[0] / norms
        return coefficients, matrix @ coefficients - self.target


def _rates(one: SharedFunction) -> list[sp.Float]:
    """The decimal numbers inside terms, term by term."""
    return [number for term in one.terms for number in sorted(term.atoms(sp.Float), key=float)]


def _with_rates(functions: Sequence[SharedFunction], values: np.ndarray) -> list[SharedFunction]:
    """The functions with other numbers inside their terms, in the order of `_rates`."""
    remaining: Callable[[], float] = iter(values.tolist()).__next__
    found = []
    for one in functions:
        terms = []
        for term in one.terms:
            places = {number: sp.Float(remaining(), 17) for number in sorted(term.atoms(sp.Float), key=float)}
            terms.append(term.xreplace(places))
        found.append(replace(one, terms=tuple(terms)))
    return found
