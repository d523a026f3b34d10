"""Velocities and accelerations of measured positions, and of velocities where these were measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from lagsym.data.local_polynomials import choose_window, is_even, local_polynomial
from lagsym.data.trajectories import Segment, Trajectories


def differentiate(trajectories: Trajectories) -> Trajectories:
    """Smoothed positions, velocities and accelerations on an even grid in every segment.

    Where velocities were measured, the accelerations are their derivatives; where they were not, both come from the
    positions.  Measured accelerations are kept only in so far as they agree: they are not used at all, because those
    in circulation are mostly smoothed derivatives with a bias of their own.

    Arguments:
        trajectories: measured motion; left as it is.

    Returns:
        The same coordinates with segments that hold t, q, v and a, evenly sampled within each segment.
    """
    return trajectories.with_segments([_differentiate(segment) for segment in trajectories.segments])


def _differentiate(segment: Segment) -> Segment:
    t = segment.t
    at = t if is_even(t) else np.linspace(t[0], t[-1], len(t))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for i in range(segment.q.shape[1]):
        position = local_polynomial(t, segment.q[:, i], choose_window(t, segment.q[:, i]), at)
        if segment.v is None:
            parts.append((position.value, position.first, position.second))
        else:
            velocity = local_polynomial(t, segment.v[:, i], choose_window(t, segment.v[:, i]), at)
            parts.append((position.value, velocity.value, velocity.first))
    q, v, a = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
    force = None if segment.force_spline is None else segment.force_spline(at)
    return replace(segment, t=at, q=q, v=v, a=a, force=force)


def velocity_bias(trajectories: Trajectories) -> Float[np.ndarray, " coordinates"]:
    """By what factor measured velocities exceed the slopes of the positions, for each coordinate; one where they agree.

    Velocities that were derived by smoothing are too small.  Noise cannot feign this: a regression of either on the
    other is only ever flattened by it, so that a slope above one in either direction is real.
    """
    measured, derived = [], []
    for segment in trajectories.segments:
        if segment.v is not None:
            measured.append(segment.v)
            columns = (
                local_polynomial(segment.t, q, choose_window(segment.t, q), segment.t).first for q in segment.q.T
            )
            derived.append(np.stack(list(columns), axis=1))
    if not measured:
        return np.ones(len(trajectories.coordinates))
    v, slope = np.concatenate(measured), np.concatenate(derived)
    product = np.sum(v * slope, axis=0)
    too_small = product / np.maximum(np.sum(v**2, axis=0), 1e-300)
    too_large = product / np.maximum(np.sum(slope**2, axis=0), 1e-300)
    return np.where(too_small > 1, 1 / np.maximum(too_small, 1), np.where(too_large > 1, too_large, 1.0))
