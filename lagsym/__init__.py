"""From trajectories to a Lagrangian that a person can read, check and cite.

Public names are loaded when they are first used, so that importing lagsym costs nothing; `__init__.pyi` lists them for
type checkers.

>>> import lagsym
>>> lagsym.get_system("pendulum").name
'pendulum'
"""

from __future__ import annotations

from importlib import import_module

_HOMES = {
    "ChoiceOptions": "lagsym.distillation.choice",
    "Columns": "lagsym.data.tables",
    "Discovery": "lagsym.discovery",
    "DiscoveryOptions": "lagsym.discovery",
    "Law": "lagsym.law",
    "System": "lagsym.mechanics.system",
    "Trajectories": "lagsym.data.trajectories",
    "Verdict": "lagsym.mechanics.verdict",
    "compare": "lagsym.mechanics.gauge",
    "discover": "lagsym.discovery",
    "euler_lagrange": "lagsym.mechanics.calculus",
    "read_arrays": "lagsym.data.tables",
    "read_frame": "lagsym.data.tables",
    "read_law": "lagsym.law",
    "read_table": "lagsym.data.tables",
    "simulate": "lagsym.simulation",
    "validate": "lagsym.validation",
    "verify_law": "lagsym.verification",
    "write_report": "lagsym.reporting",
}
_RENAMED = {"get_system": ("lagsym.systems", "get")}

__all__ = sorted([*_HOMES, *_RENAMED])


def __getattr__(name: str) -> object:
    module, attribute = _RENAMED.get(name) or (_HOMES.get(name), name)
    if module is None:
        msg = f"module 'lagsym' has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
