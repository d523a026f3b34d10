"""The natural structure: kinetic energy quadratic in the velocities, minus a potential."""

from __future__ import annotations

from typing import ClassVar

from lagsym.neural.models.quadratic import QuadraticLagrangian


class NaturalLagrangian(QuadraticLagrangian):
    """L(q, v) = ½ v·M(q) v − V(q), with M positive definite."""

    structure: ClassVar[str] = "natural"
    linear_terms: ClassVar[bool] = False
