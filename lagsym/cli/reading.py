"""Reading motion: a table of trajectories, or a file of fields, by its ending."""

from __future__ import annotations

from pathlib import Path

from lagsym.data.grid_files import is_lattice_file, read_lattice
from lagsym.data.grids import GridOptions
from lagsym.data.lattice import Lattice
from lagsym.data.tables import Columns, read_table
from lagsym.data.trajectories import Trajectories
from lagsym.errors import InputError
from lagsym.mechanics.jetspace import JetSpace


def read_motion(path: Path, columns: Columns, periodic: tuple[str, ...] | None = None) -> Trajectories | Lattice:
    """Read measured motion.

    Arguments:
        path: a table, or a file of fields on a grid.
        columns: what its columns or variables are.
        periodic: directions of space that close on themselves, where that is said.

    Raises:
        DataError: the file cannot be read; the message says where and why.
        InputError: an option does not go with the kind of file.
    """
    if not is_lattice_file(path):
        if periodic is not None:
            msg = f"expected --periodic only with fields on a grid; {path.name} is a table of trajectories"
            raise InputError(msg)
        return read_table(path, columns)
    refused = {"--ignore": columns.ignore, "--parameters": columns.parameters, "--define": columns.define}
    given = [name for name, value in refused.items() if value] + ["--drop-missing"] * columns.drop_missing
    if given:
        msg = f"expected no {', '.join(given)} with fields on a grid, as tables alone have columns; change the file"
        raise InputError(msg)
    return read_lattice(path, GridOptions(columns.coordinates, columns.angles, periodic, columns.units))


def space_of(motion: Trajectories | Lattice) -> JetSpace:
    """The jet space of what was read."""
    if isinstance(motion, Lattice):
        return JetSpace(motion.fields, motion.base)
    return JetSpace(motion.coordinates)
