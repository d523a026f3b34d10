"""The command line.

Exit codes: 0 done; 1 unexpected error; 2 bad usage or bad data; 3 no Lagrangian explains the data; 4 the verdict is
`different`.
"""

from lagsym.cli.commands import app, main

__all__ = ["app", "main"]
