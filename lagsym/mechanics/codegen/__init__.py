"""Source text in other languages: accelerations, energy and power of a particle's Lagrangian.

>>> from lagsym.mechanics.codegen import LANGUAGES
>>> LANGUAGES
('numpy', 'torch', 'c', 'julia', 'modelica', 'script')
"""

from lagsym.mechanics.codegen.generation import generate
from lagsym.mechanics.codegen.languages import LANGUAGES, file_name

__all__ = ["LANGUAGES", "file_name", "generate"]
