r"""What a notebook shows of a record: the body of its `_repr_latex_`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp

from lagsym.mechanics.dynamics.canonical_parts import CanonicalParts
from lagsym.mechanics.dynamics.constraints import ConstrainedMotion
from lagsym.mechanics.dynamics.hamiltonian import Hamiltonian
from lagsym.mechanics.dynamics.linearisation import Dispersion, Linearisation
from lagsym.mechanics.equivalence.verdict import Verdict
from lagsym.mechanics.inverse_problem.existence import Existence
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.escaping import latex_text
from lagsym.mechanics.notation.latex import equations_latex, to_latex
from lagsym.mechanics.notation.line_breaking import break_lines
from lagsym.mechanics.notation.symbol_names import lagrangian_symbol, name_latex
from lagsym.mechanics.symmetry.noether import Symmetry
from lagsym.mechanics.system import System


def displayed(formulas: Iterable[tuple[str, str]]) -> str:
    r"""Formulas under one another, aligned at their equality signs and broken into lines where they are long.

    Arguments:
        formulas: left side and right side of each, in LaTeX; an empty left side leaves the sign out.

    >>> print(displayed([("L", r"\frac{1}{2} \dot{x}^{2}")]))
    $$\begin{aligned}
    L &= \frac{1}{2} \dot{x}^{2}
    \end{aligned}$$
    """
    rows = [row for left, right in formulas for row in aligned_rows(left, right)]
    return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"


def aligned_rows(left: str, right: str) -> list[str]:
    """The rows of one formula in an `align`, broken between terms."""
    first, *rest = break_lines(right)
    return [f"{left} &= {first}" if left else f"& {first}", *(rf"&\qquad {{}} {line}" for line in rest)]


def system_latex(system: System) -> str:
    """The Lagrangian of a system and its equations of motion, displayed."""
    equations = equations_latex(system.lagrangian, system.space, dissipation=system.dissipation, forces=system.forces)
    lagrangian = (lagrangian_symbol(system.space), to_latex(system.lagrangian, system.space))
    return displayed([lagrangian, *(("", equation) for equation in equations)])


def symmetry_latex(symmetry: Symmetry) -> str:
    """The name of a symmetry with the transformation and the components of its current, displayed."""
    space = symmetry.space
    changes = [(x, shift) for x, shift in zip(space.base_symbols, symmetry.tau, strict=True) if shift != 0]
    changes += [(q, shift) for q, shift in zip(space.positions, symmetry.eta, strict=True) if shift != 0]
    rows = [("", rf"\text{{{latex_text(symmetry.name)}}}")]
    rows += [(rf"\delta {to_latex(x, space)}", to_latex(shift, space)) for x, shift in changes]
    if symmetry.current is None:
        return displayed([*rows, ("", r"\text{no closed form of the current was found}")])
    if len(space.base) == 1:
        return displayed([*rows, ("J", to_latex(symmetry.current[0], space))])
    names = (f"J^{{{name_latex(name)}}}" for name in space.base)
    return displayed([*rows, *zip(names, (to_latex(part, space) for part in symmetry.current), strict=True)])


def hamiltonian_latex(record: Hamiltonian) -> str:
    """The Hamiltonian, displayed, the terms with momenta first."""
    still, moving = sp.expand(record.function).as_independent(*record.momenta, as_Add=True)
    shown = [to_latex(part, record.space) for part in (moving, still) if part != 0]
    joined = shown[0] + "".join(f" {part}" if part.startswith("-") else f" + {part}" for part in shown[1:])
    return displayed([("H", joined)])


def parts_latex(parts: CanonicalParts) -> str:
    """T, A, V and the two-form B where there are any, displayed."""
    space = parts.space
    rows = [("T", to_latex(parts.kinetic, space)), ("V", to_latex(parts.potential, space))]
    for i, potential in enumerate(parts.vector_potential):
        if potential != 0:
            rows.append((f"A_{{{to_latex(space.positions[i], space)}}}", to_latex(potential, space)))
    if not parts.gyroscopic.is_zero_matrix:
        rows.append(("B", _formulas(parts.gyroscopic, space)))
    return displayed(rows)


def constrained_latex(motion: ConstrainedMotion) -> str:
    """The accelerations under constraints, and the multipliers, displayed."""
    space = motion.space
    rows = [
        (to_latex(a, space), to_latex(value, space))
        for a, value in zip(space.accelerations, motion.accelerations.flat(), strict=True)
    ]
    rows += [(rf"\lambda_{{{k}}}", to_latex(value, space)) for k, value in enumerate(motion.multipliers.flat(), 1)]
    return displayed(rows)


def linearisation_latex(small: Linearisation) -> str:
    """M, C and K of the small motion, and the equilibrium that it is about, displayed."""
    place = ", ".join(f"{sp.latex(q)} = {sp.latex(value)}" for q, value in small.equilibrium.items())
    matrices = [(name, sp.latex(matrix)) for name, matrix in (("M", small.mass), ("K", small.stiffness))]
    if not small.rates.is_zero_matrix:
        matrices.insert(1, ("C", sp.latex(small.rates)))
    return displayed([("", rf"\text{{about }} {place}"), *matrices])


def dispersion_latex(waves: Dispersion) -> str:
    """The branches of a dispersion relation, or the relation where no formula was found, displayed."""
    if not waves.branches:
        return displayed([("", f"{sp.latex(waves.relation)} = 0")])
    return displayed([(sp.latex(waves.omega), sp.latex(branch)) for branch in waves.branches])


def verdict_latex(verdict: Verdict) -> str:
    r"""The relation of the candidate L to the reference L_0 with its scale and F, or the words alone without one.

    >>> print(verdict_latex(Verdict("different", "Different.", "a test", equation="theta_1")))
    $$\begin{aligned}
    & \text{different} \\
    & \text{the equation of theta\_1 differs}
    \end{aligned}$$
    """
    rows = [("", rf"\text{{{verdict.kind}}}")]
    if verdict.scale is not None:
        rows += _relation(verdict)
    if verdict.multiplier is not None:
        rows.append(("E[L]", f"{_matrix(verdict.multiplier)} E[L_{{0}}]"))
    if verdict.equation is not None:
        rows.append(("", rf"\text{{the equation of {latex_text(verdict.equation)} differs}}"))
    return displayed(rows)


def _relation(verdict: Verdict) -> list[tuple[str, str]]:
    """L = c L_0 + D_mu F^mu, and the components F^mu."""
    scale: Any = verdict.scale
    factor = "" if scale == 1 else f"{sp.latex(sp.Float(scale, 6) if scale.is_Float else scale)} "
    if verdict.divergence is None or verdict.space is None:
        rest = r" + \text{a divergence}" if verdict.divergence is None else ""
        return [("L", rf"{factor}L_{{0}}{rest} + \text{{const}}")]
    space, parts = verdict.space, {name: part for name, part in verdict.divergence.items() if part != 0}
    particle = len(space.base) == 1
    terms = [rf"\frac{{d F}}{{d {name_latex(name)}}}" if particle else rf"D_{{{name}}} F^{{{name}}}" for name in parts]
    rows = [("L", " + ".join([f"{factor}L_{{0}}", *terms, r"\text{const}"]))]
    return rows + [("F" if particle else f"F^{{{name}}}", to_latex(part, space)) for name, part in parts.items()]


def existence_latex(existence: Existence) -> str:
    """The answer with the multiplier, in closed form where there is one, displayed."""
    rows = [("", rf"\text{{{existence.answer}}}")]
    if existence.multiplier is not None:
        rows.append(("g", sp.latex(existence.multiplier)))
    elif existence.value is not None:
        rows.append(("g", _matrix(existence.value)))
    return displayed(rows)


def _formulas(matrix: sp.Matrix, space: JetSpace) -> str:
    return _in_brackets([to_latex(entry, space) for entry in row] for row in matrix.tolist())


def _matrix(rows: Iterable[Iterable[float]]) -> str:
    return _in_brackets([f"{x:.6g}" for x in row] for row in rows)


def _in_brackets(rows: Iterable[Iterable[str]]) -> str:
    body = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
