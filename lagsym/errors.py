"""The exceptions of lagsym.

    LagsymError
    ├── InputError              what the user gave cannot be used (exit code 2)
    │   ├── DataError           a table, an array or a file of measurements
    │   └── FormulaError        a formula in text
    └── UnavailableError        an optional engine or device is not there; says how to get it

Every message says what was expected, what came, and what to do.
"""


class LagsymError(Exception):
    """Base of everything that lagsym raises on purpose."""


class InputError(LagsymError):
    """What the user gave cannot be used; nothing was written."""


class DataError(InputError):
    """A table, an array or a file of measurements cannot be used."""


class FormulaError(InputError):
    """A formula in text cannot be read."""


class UnavailableError(LagsymError):
    """An optional engine or device is missing; the message says how to get it."""
