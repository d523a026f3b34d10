"""What a network leaves over of held-out data: how much, how surely, and whether it is noise."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from lagsym.data.jets import Jets
from lagsym.neural.examples import Motion
from lagsym.neural.fitting import Fit
from lagsym.neural.trials import examples_of, judge_of

BLOCKS = 10
"""Stretches of the held-out samples that are left out in turn; neighbours in time err alike."""
SURE = 2.0
"""Standard errors that count as more than noise."""
ROWS = 4000
"""Samples or windows that are looked at, at most, where all are not needed."""
_HIGHEST, _COLUMNS, _FOLDS = 8, 500, 5
"""Of the polynomials that look for a law in what a network leaves over: degree and columns at most, and folds."""


@torch.no_grad()
def leftover(
    found: Fit, data: Jets | Motion, *, loss: str | None = None, most: int | None = None
) -> tuple[Float[np.ndarray, "rows columns"], Float[np.ndarray, "rows n"]]:
    """What a law may depend on, and what a network leaves over there, relative to the size of what it was to explain.

    Arguments:
        found: the network.
        data: in the order of time, which is kept.
        loss: what is left over of which; by default that which the fit's held-out error is an error of.
        most: rows, drawn evenly; windows of consecutive samples are never more than a few thousand.
    """
    model = found.model
    examples = examples_of(judge_of(loss or found.options.loss), data, model)
    most = min(len(examples), most or (len(examples) if examples.group == 1 else ROWS))
    examples = examples.take(torch.linspace(0, len(examples) - 1, most).long())
    left = examples.residuals(model, model.outputs(examples.inputs))
    # Positions (of angles the sines and cosines), velocities and parameters, of windows those in the middle.
    middle = slice(examples.group // 2, None, examples.group)
    columns = torch.cat([examples.inputs.features, examples.inputs.velocity], 1)[middle]
    return columns.numpy(), left.numpy()


def by_block(left: Float[np.ndarray, "samples n"]) -> Float[np.ndarray, " blocks"]:
    """Sums of squares over stretches of rows."""
    return np.array([np.sum(part**2) for part in np.array_split(left, min(BLOCKS, len(left)))])


def log_ratio_error(squares: Float[np.ndarray, " blocks"], others: Float[np.ndarray, " blocks"]) -> float:
    """Standard error of ½ log(sum of squares / sum of others), blocks left out in turn; 0 where nothing can be said."""
    kept, left = squares.sum() - squares, others.sum() - others
    if len(squares) < 2 or not (np.isfinite(kept).all() and (kept > 0).all() and (left > 0).all()):
        return 0.0
    values = np.log(kept / left) / 2
    return float(np.sqrt((len(values) - 1) * np.mean(np.square(values - values.mean()))))


def is_noise(inputs: np.ndarray, learned: np.ndarray, others: np.ndarray, left: np.ndarray) -> bool:
    """Whether a regression on the state, fitted to what the network leaves over, gains nothing that is sure."""
    if not (np.isfinite(learned).all() and np.isfinite(left).all()):
        return False
    count = inputs.shape[1]
    degree = max(d for d in range(1, _HIGHEST + 1) if d == 1 or math.comb(count + d, d) <= _COLUMNS)
    regression = make_pipeline(
        StandardScaler(), PolynomialFeatures(degree), StandardScaler(), RidgeCV(np.geomspace(1e-4, 1e4, 9))
    )
    predicted = regression.fit(inputs, learned).predict(others).reshape(left.shape)
    if _gains(left, predicted):
        return False
    # Held-out trajectories may lie beyond what the others tell: then only samples among their own kind decide.
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    among = np.asarray(cross_val_predict(regression, inputs, learned, cv=folds)).reshape(learned.shape)
    return not _gains(learned, among)


def _gains(left: Float[np.ndarray, "samples n"], predicted: Float[np.ndarray, "samples n"]) -> bool:
    """Whether a prediction lowers what is left over for sure."""
    before, after = by_block(left), by_block(left - predicted)
    return bool(np.log(before.sum() / after.sum()) / 2 > SURE * log_ratio_error(before, after))
