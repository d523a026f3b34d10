"""Jets: points of a jet bundle, the only form in which models, selection and validation see data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lagsym.errors import DataError


@dataclass(frozen=True)
class Jets:
    """Samples of n fields and their derivatives over a base of b coordinates.

    Arguments:
        x: base coordinates, time first, in the data's units.
        u: fields; the generalised coordinates of a particle.
        du: first derivatives, du[:, mu, i] = d u_i / d x_mu.
        ddu: second derivatives, or None where they are not known.
        force: measured generalised forces Q, which enter as E + Q = 0; None where there are none.
        parameters: values of what is the same along a trajectory (a mass, a field strength), row by row, or None.

    Raises:
        DataError: the shapes do not fit each other.
    """

    x: Float[np.ndarray, "samples base"]
    u: Float[np.ndarray, "samples fields"]
    du: Float[np.ndarray, "samples base fields"]
    ddu: Float[np.ndarray, "samples base base fields"] | None = None
    force: Float[np.ndarray, "samples fields"] | None = None
    parameters: Float[np.ndarray, "samples parameters"] | None = None

    def __post_init__(self) -> None:
        samples, base = self.x.shape
        fields = self.u.shape[1]
        fits = self.u.shape[0] == samples and self.du.shape == (samples, base, fields)
        if self.ddu is not None:
            fits = fits and self.ddu.shape == (samples, base, base, fields)
        if self.force is not None:
            fits = fits and self.force.shape == self.u.shape
        if self.parameters is not None:
            fits = fits and self.parameters.ndim == 2 and len(self.parameters) == samples
        if not fits:
            parts = (self.x, self.u, self.du, self.ddu, self.force, self.parameters)
            shapes = [None if part is None else part.shape for part in parts]
            msg = (
                "expected x (N, b), u (N, n), du (N, b, n), ddu (N, b, b, n), force (N, n), parameters (N, k); "
                f"got {shapes}"
            )
            raise DataError(msg)

    @classmethod
    def of_particle(
        cls,
        t: np.ndarray,
        q: np.ndarray,
        v: np.ndarray,
        a: np.ndarray | None = None,
        force: np.ndarray | None = None,
        parameters: np.ndarray | None = None,
    ) -> Jets:
        """Jets over time alone: t (N,), q (N, n), v (N, n); where known a (N, n), force (N, n), parameters (N, k)."""
        second = None if a is None else np.asarray(a, float)[:, None, None, :]
        first = np.asarray(v, float)[:, None, :]
        return cls(np.asarray(t, float)[:, None], np.asarray(q, float), first, second, force, parameters)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def t(self) -> Float[np.ndarray, " samples"]:
        """Times."""
        return self.x[:, 0]

    @property
    def q(self) -> Float[np.ndarray, "samples fields"]:
        """Generalised coordinates, another name for `u`."""
        return self.u

    @property
    def v(self) -> Float[np.ndarray, "samples fields"]:
        """Velocities."""
        return self.du[:, 0]

    @property
    def a(self) -> Float[np.ndarray, "samples fields"]:
        """Accelerations.

        Raises:
            DataError: these jets hold no second derivatives.
        """
        if self.ddu is None:
            msg = "these jets hold no second derivatives; smooth the trajectories first (lagsym.data.derivatives)"
            raise DataError(msg)
        return self.ddu[:, 0, 0]

    def take(self, index: np.ndarray) -> Jets:
        """The samples at `index`, as new jets."""
        optional = (None if part is None else part[index] for part in (self.ddu, self.force, self.parameters))
        return Jets(self.x[index], self.u[index], self.du[index], *optional)
