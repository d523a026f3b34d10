"""Files of simulated motion: tables of trajectories, grids of fields."""

from __future__ import annotations

from pathlib import Path

from lagsym.data.grid_files import ENDINGS, is_lattice_file, write_lattice
from lagsym.data.lattice import Lattice
from lagsym.data.trajectories import Trajectories
from lagsym.errors import InputError
from lagsym.mechanics.system import System


def check_ending(system: System, path: Path) -> None:
    """Refuse a field in a table, and trajectories in a file of fields, before anything is simulated.

    Raises:
        InputError: the file's ending does not go with the system.
    """
    is_field = len(system.space.base) > 1
    if is_field and not is_lattice_file(path):
        msg = (
            f"{system.name} is a field over {', '.join(system.space.base)}; expected a file that ends in "
            f"{', '.join(ENDINGS)}, got {path.name}"
        )
        raise InputError(msg)
    if not is_field and is_lattice_file(path):
        msg = f"{system.name} is a particle, whose trajectories are a table; expected a .csv file, got {path.name}"
        raise InputError(msg)


def write_motion(motion: Trajectories | Lattice, path: Path) -> None:
    """Write trajectories as CSV, and fields by the file's ending, whole or not at all.

    Raises:
        InputError: the file cannot be written there.
    """
    if isinstance(motion, Lattice):
        write_lattice(motion, path)
    else:
        _write_csv(motion, path)


def _write_csv(motion: Trajectories, path: Path) -> None:
    if path.is_dir():
        msg = f"expected a CSV file to write, but {path} is a directory; name a file in it"
        raise InputError(msg)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        motion.to_frame().to_csv(partial, index=False)
        partial.replace(path)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror or error}; choose another place"
        raise InputError(msg) from None
