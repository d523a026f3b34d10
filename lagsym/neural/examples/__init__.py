"""What a network is to match: a file for each loss."""

from types import MappingProxyType

from lagsym.neural.examples.acceleration import AccelerationExamples
from lagsym.neural.examples.balance import BalanceExamples
from lagsym.neural.examples.base import Examples

LOSSES = MappingProxyType({"acceleration": AccelerationExamples, "balance": BalanceExamples})
"""Every loss by its name."""

__all__ = ["LOSSES", "AccelerationExamples", "BalanceExamples", "Examples"]
