"""Averages: accelerations that were measured, or averages of them over windows of samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lagsym.errors import InputError
from lagsym.neural.graphs.layout import States


@dataclass(frozen=True)
class Averages:
    """States of nodes, and what their accelerations are on average over windows of some of them.

        a_w = sum over samples k of window w of value_wk a(q_k, v_k)

    A window of one sample has the acceleration itself.

    Arguments:
        q: positions (S, N, D).
        v: velocities (S, N, D).
        index: the samples of each window (W, g).
        value: their weights, which add up to one (W, g).
        acceleration: the averages (W, N, D).
    """

    q: Float[np.ndarray, "samples nodes components"]
    v: Float[np.ndarray, "samples nodes components"]
    index: Int[np.ndarray, "windows group"]
    value: Float[np.ndarray, "windows group"]
    acceleration: Float[np.ndarray, "windows nodes components"]

    @classmethod
    def of_states(cls, data: States) -> Averages:
        """Every sample a window by itself.

        Raises:
            InputError: positions, velocities and accelerations are not of one shape (S, N, D).
        """
        q, v, a = (np.asarray(part, float) for part in data)
        if q.ndim != 3 or not q.shape == v.shape == a.shape or not len(q):
            shapes = f"{q.shape}, {v.shape}, {a.shape}"
            msg = f"expected positions, velocities and accelerations of one shape (S, N, D); got {shapes}"
            raise InputError(msg)
        return cls(q, v, np.arange(len(q))[:, None], np.ones((len(q), 1)), a)

    @property
    def group(self) -> int:
        """Samples of a window."""
        return self.value.shape[1]

    def __len__(self) -> int:
        return len(self.value)

    def take(self, windows: Int[np.ndarray, " some"]) -> Averages:
        """Some of the windows, with the samples under them alone."""
        samples, places = np.unique(self.index[windows], return_inverse=True)
        index = places.reshape(len(windows), self.group)
        return Averages(self.q[samples], self.v[samples], index, self.value[windows], self.acceleration[windows])

    def average(self, samples: Float[np.ndarray, "... samples nodes components"]) -> np.ndarray:
        """The averages (..., W, N, D) of what was computed at every sample."""
        return np.einsum("wg,...wgnd->...wnd", self.value, samples[..., self.index, :, :])
