"""FieldScaling: what a density network sees of fields and of time and space, in units in which it is of order one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural.scaling import Scaling, require_finite


@dataclass(frozen=True)
class FieldScaling:
    """Units for fields, their derivatives, time and space.

    Fields, rates and time are scaled as those of a particle, see `Scaling`; lengths follow.  With base units s_mu (time
    first) and field units a_i = rate_i s_0 a network works with U = u / a, X = x / s and W_mu = s_mu du/dx_mu / a; the
    same number L(U, W) = L(u, du) gives E_i = E'_i / a_i.

    Arguments:
        fields: units of the fields as coordinates, of their rates as velocities, and of time.
        lengths: unit of each direction of space, positive.
        entering: positions of the base coordinates that L may depend on explicitly, time first.
        origins: (center, spread) of each of them.

    Raises:
        InputError: a unit is not positive and finite, or what enters is not a base coordinate.

    >>> FieldScaling.unit(1, base=2, angles=[0]).features_count
    2
    """

    fields: Scaling
    lengths: tuple[float, ...]
    entering: tuple[int, ...] = ()
    origins: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        units = np.array([*self.lengths, *(spread for _, spread in self.origins)])
        if not (np.all(np.isfinite(units)) and np.all(units > 0)):
            msg = f"expected positive, finite units of space; got {self}"
            raise InputError(msg)
        entering = list(self.entering)
        if entering != sorted(set(entering)) or any(not 0 <= mu < self.base for mu in entering):
            msg = f"expected explicit base coordinates as increasing positions below {self.base}; got {self.entering}"
            raise InputError(msg)
        if len(self.origins) != len(entering) or self.fields.explicit_time or self.fields.parameters:
            msg = f"expected a center and spread of each base coordinate that enters, and nothing else; got {self}"
            raise InputError(msg)

    @property
    def count(self) -> int:
        """Number of fields n."""
        return self.fields.coordinates

    @property
    def base(self) -> int:
        """Number of base coordinates b: time and the directions of space."""
        return 1 + len(self.lengths)

    @property
    def steps(self) -> tuple[float, ...]:
        """Unit of each base coordinate, time first."""
        return (self.fields.time, *self.lengths)

    @property
    def sizes(self) -> tuple[float, ...]:
        """Unit a_i of each field."""
        return tuple(rate * self.fields.time for rate in self.fields.velocity)

    @property
    def straight(self) -> tuple[int, ...]:
        """The fields that are no angles."""
        return tuple(i for i in range(self.count) if i not in self.fields.angles)

    @property
    def features_count(self) -> int:
        """Number of features: of the fields, then of the base coordinates that enter."""
        return self.fields.features_count + len(self.entering)

    @property
    def owners(self) -> tuple[int, ...]:
        """For each feature what it is a function of: the field i, or n + mu for a base coordinate."""
        return (*self.fields.owners, *(self.count + mu for mu in self.entering))

    def features(self, u: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Raw features (B, d) and the derivative of each by what it is a function of, in the data's units.

        Arguments:
            u: fields (B, n).
            x: base coordinates (B, b).
        """
        raw, slope = self.fields.features(u, None, None)
        own = x[:, list(self.entering)]
        return torch.cat([raw, own], 1), torch.cat([slope, torch.ones_like(own)], 1)

    @classmethod
    def unit(cls, count: int, *, base: int = 2, angles: Collection[int] = ()) -> FieldScaling:
        """Units of one: the data as they are, for so many fields over so many base coordinates."""
        return cls(Scaling.unit(count, angles), (1.0,) * (base - 1))

    @classmethod
    def of(
        cls, jets: Jets, angles: Collection[int] = (), *, harmonics: int = 1, entering: Collection[int] = ()
    ) -> FieldScaling:
        """Units taken from jets, which must hold second derivatives.

        A length is the geometric mean over the fields of a_i over the root mean square of the slope.

        Raises:
            DataError: there are no samples, no second derivatives, no directions of space, or a number is not finite.
            InputError: an angle is not a field.
        """
        if jets.ddu is None or jets.x.shape[1] < 2:
            msg = "expected jets over time and space with second derivatives; differentiate the lattice first"
            raise DataError(msg)
        for name, values in (("base point", jets.x), ("slope", jets.du), ("second derivative", jets.ddu)):
            require_finite(name, values.reshape(len(values), -1))
        particle = Jets.of_particle(jets.t, jets.u, jets.v, jets.ddu[:, 0, 0])
        fields = Scaling.of(particle, angles, harmonics=harmonics)
        sizes = np.array(fields.velocity) * fields.time
        lengths = tuple(_length(slopes, sizes) for slopes in np.moveaxis(jets.du[:, 1:], 1, 0))
        chosen, base = tuple(sorted(entering)), len(lengths) + 1
        columns = (jets.x[:, mu] if 0 <= mu < base else np.zeros(1) for mu in chosen)
        return cls(fields, lengths, chosen, tuple((float(x.mean()), float(x.std() or 1.0)) for x in columns))


def _length(slopes: np.ndarray, sizes: np.ndarray) -> float:
    """A unit of length from slopes (N, n) and field units (n,); 1 where nothing varies along it."""
    steepness = np.sqrt(np.mean(slopes**2, axis=0))
    varies = steepness > 0
    return float(np.exp(np.log(sizes[varies] / steepness[varies]).mean())) if varies.any() else 1.0
