"""A small calculus of variations in SymPy: what a Lagrangian is, what it gives, and when two are the same law.

`__init__.pyi` lists the public names; each is loaded when it is first used.

>>> from lagsym import mechanics
>>> space = mechanics.JetSpace(("q",))
>>> (q,), (v,) = space.positions, space.velocities
>>> mechanics.hamiltonian(v**2 / 2 - q**2 / 2, space).function
p_q**2/2 + q**2/2
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
