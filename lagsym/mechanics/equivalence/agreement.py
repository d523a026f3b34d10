"""Agreement: how well a law with fitted constants meets a reference, and when that is good enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc

SAME_STRUCTURE = 1e-9
"""Relative remainder after refitting below which two structures are the same."""
SAME_NUMBERS = 1e-6
"""Relative remainder before refitting below which the constants are the same without any errors to judge by."""
NEVER_ABOVE = 0.05
"""Relative remainder above which nothing is called the same, however large its errors."""
SIGNIFICANCE = 1e-3
"""The chi-square test is at 1 less this."""


@dataclass(frozen=True)
class Agreement:
    """How well E (or the accelerations) of a candidate with fitted constants agree with a reference.

    Arguments:
        scale: the c in E[candidate] = c E[reference] after refitting; 1 for accelerations.
        residual: relative remainder with the constants as they are.
        structure_residual: relative remainder after refitting.
        refitted: the constants for which the remainder is smallest, of shape (k,).
        deviations: constants less the nearest that give the reference, of shape (k,), in the metric of their errors.
        chi_square: squared length of `deviations` in standard errors; None without a covariance.
        degrees_of_freedom: constants less the directions that change nothing.
    """

    scale: float
    residual: float
    structure_residual: float
    refitted: np.ndarray
    deviations: np.ndarray
    chi_square: float | None
    degrees_of_freedom: int

    @property
    def p_value(self) -> float | None:
        """Probability of a larger chi-square by chance."""
        if self.chi_square is None:
            return None
        return float(gammaincc(self.degrees_of_freedom / 2, self.chi_square / 2)) if self.degrees_of_freedom else 1.0

    @property
    def same_structure(self) -> bool:
        """Whether some constants give the reference exactly."""
        return self.structure_residual <= SAME_STRUCTURE

    @property
    def same(self) -> bool:
        """Whether the law is the reference within its errors, or to `SAME_NUMBERS` without any."""
        if not self.same_structure or self.residual > NEVER_ABOVE:
            return False
        return self.residual <= SAME_NUMBERS or (self.p_value is not None and self.p_value >= SIGNIFICANCE)
