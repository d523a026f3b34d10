"""What a network is to match: a file for each loss."""

from types import MappingProxyType

from lagsym.neural.examples.acceleration import AccelerationExamples
from lagsym.neural.examples.balance import BalanceExamples
from lagsym.neural.examples.base import Examples
from lagsym.neural.examples.motion import Motion
from lagsym.neural.examples.rollout import RolloutExamples
from lagsym.neural.examples.weak import WeakExamples

LOSSES = MappingProxyType(
    {
        "acceleration": AccelerationExamples,
        "balance": BalanceExamples,
        "weak": WeakExamples,
        "rollout": RolloutExamples,
    }
)
"""Every loss by its name, cheapest first."""

__all__ = [
    "LOSSES",
    "AccelerationExamples",
    "BalanceExamples",
    "Examples",
    "Motion",
    "RolloutExamples",
    "WeakExamples",
]
