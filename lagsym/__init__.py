"""From trajectories to a Lagrangian that a person can read, check and cite.

`__init__.pyi` lists the public names; each is loaded when it is first used, so that importing lagsym costs nothing.

>>> import lagsym
>>> lagsym.systems.get("pendulum").name
'pendulum'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
