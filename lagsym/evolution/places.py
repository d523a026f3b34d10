"""Where fields are given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Places:
    """Where fields are given.

    Arguments:
        axes: evenly spaced sites along each direction of space; along a periodic one the last lies one step before
            the image of the first.
        periodic: for each direction, whether it closes on itself; otherwise the fields stay as they are at its ends,
            and second derivatives there do no work.
        angles: names of the fields with period 2 pi, which may make whole turns around periodic directions.
    """

    axes: tuple[Float[np.ndarray, " sites"], ...]
    periodic: tuple[bool, ...]
    angles: frozenset[str] = frozenset()
