"""The gyroscopic structure: a natural Lagrangian with terms linear in the velocities."""

from __future__ import annotations

from typing import ClassVar

from lagsym.neural.models.quadratic import QuadraticLagrangian


class GyroscopicLagrangian(QuadraticLagrangian):
    """L(q, v) = ½ v·M(q) v + A(q)·v − V(q), as of charges in a magnetic field and of rotating frames.

    Of A only the two-form B_ij = dA_j/dq_i − dA_i/dq_j acts on the motion; with one coordinate A does nothing.
    """

    structure: ClassVar[str] = "gyroscopic"
    linear_terms: ClassVar[bool] = True
