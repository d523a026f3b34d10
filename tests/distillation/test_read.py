"""What a network's parts are handed to an engine as, and what comes back."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from lagsym.data.samples import Samples
from lagsym.distillation.engines import Engine
from lagsym.distillation.engines.registry import AutoEngine
from lagsym.distillation.engines.sparse import SparseEngine
from lagsym.distillation.read import propose_terms
from lagsym.errors import UnavailableError


@dataclass(frozen=True)
class Absent(Engine):
    name = "absent"

    def available(self):
        return "not here"

    def search(self, table, *, seed=0, budget=None):
        raise UnavailableError("not here")


class Springs:
    """Two springs of unit mass, the parts of a network that learned them exactly."""

    def read(self, jets):
        mass = np.broadcast_to(np.eye(2), (len(jets), 2, 2))
        return SimpleNamespace(mass_at_rest=mass, mass=mass, potential=np.sum(jets.q**2, axis=1), force=-2 * jets.q)


def test_an_engine_that_was_passed_over_is_named_once_however_many_tables_there_are():
    generator = np.random.default_rng(0)
    data = Samples(("x", "y"), *generator.uniform(-1, 1, (3, 200, 2)))
    terms, messages = propose_terms(AutoEngine((Absent(), SparseEngine())), Springs(), data)
    assert {str(term) for term in terms} >= {"x**2", "y**2"}
    assert [message for message in messages if "passed over" in message] == ["absent was passed over: not here"]
    assert len(messages) > 1  # of the constant entries of the mass matrix
