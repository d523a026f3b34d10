"""Files of fields on a grid: NetCDF, Zarr and npz, by their ending."""

from __future__ import annotations

import itertools
import os
import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lagsym.data.boundaries import BOUNDARIES
from lagsym.data.grids import RUN, TIME, GridOptions, read_dataset, to_dataset
from lagsym.data.lattice import Lattice
from lagsym.errors import DataError, InputError, UnavailableError

if TYPE_CHECKING:
    import xarray as xr

ENDINGS = NETCDF, ZARR, NPZ = ".nc", ".zarr", ".npz"
ENGINES = {b"CDF": "scipy", b"\x89HD": "h5netcdf"}
"""What reads a NetCDF file, by its first bytes: version 3 and version 4."""
SETTINGS = ("dims", "periodic", "angles", "units")
"""Entries of an npz file that are no arrays of numbers: lists of names, and of 'name=unit'."""


def is_lattice_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file's ending says that it holds fields on a grid."""
    return Path(path).suffix.lower() in ENDINGS


def read_lattice(path: str | os.PathLike[str], options: GridOptions | None = None) -> Lattice:
    """Read fields from a NetCDF (.nc), Zarr (.zarr) or NumPy (.npz) file.

    An npz file has the arrays `t`, one for each direction of space, and fields of shape (times, *sites) or
    (runs, times, *sites), with `<field>_t` for rates; if wanted the lists of names `periodic` and `angles`, and `dims`,
    which names the axes of fields in their order. Without `dims`, two directions of space are told apart by how many
    sites they have; with as many along both, their axes are in alphabetical order, as the arrays then have to be.

    Arguments:
        path: the file.
        options: how to read it; see `read_dataset`.

    Raises:
        DataError: the file cannot be read, or see `read_dataset`.
        InputError: `options` names something that it does not have.
        UnavailableError: a package for this kind of file is missing.
    """
    file = Path(path)
    if not file.exists():
        msg = f"there is no file {file}; check the name and the folder"
        raise DataError(msg)
    suffix = _ending(file)
    if file.is_dir() and suffix != ZARR:
        msg = f"expected a file, but {file} is a directory; name the file inside it"
        raise DataError(msg)
    readers = {NETCDF: _read_netcdf, ZARR: _read_zarr, NPZ: _read_npz}
    return read_dataset(readers[suffix](file), options)


def write_lattice(lattice: Lattice, path: str | os.PathLike[str]) -> None:
    """Write fields as NetCDF (.nc, of version 3), Zarr (.zarr) or NumPy (.npz), whole or not at all.

    Arguments:
        lattice: runs over the same times and sites.
        path: the file, replaced where there is one of that kind.

    Raises:
        InputError: the runs do not share a grid, or the file cannot be written there.
        UnavailableError: a package for this kind of file is missing.
    """
    file = Path(path)
    suffix = _ending(file)
    if file.is_dir() and not (suffix == ZARR and any((file / name).exists() for name in ("zarr.json", ".zgroup"))):
        msg = f"expected a {suffix} file to write, but {file} is another directory; name a file in it"
        raise InputError(msg)
    dataset = to_dataset(lattice)
    writers = {NETCDF: _write_netcdf, ZARR: _write_zarr, NPZ: _write_npz}
    partial = file.with_name(f".{file.stem}.partial{suffix}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        writers[suffix](dataset, partial)
        _remove(file)
        partial.replace(file)
    except OSError as error:
        msg = f"cannot write {file}: {error.strerror or error}; choose another place"
        raise InputError(msg) from None


def _ending(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix not in ENDINGS:
        msg = f"expected a file of fields that ends in {', '.join(ENDINGS)}, got {file.name}"
        raise InputError(msg)
    return suffix


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _read_netcdf(file: Path) -> xr.Dataset:
    import xarray as xr

    with file.open("rb") as stream:
        engine = ENGINES.get(stream.read(3))
    if engine is None:
        msg = f"{file} is not a NetCDF file, by its first bytes; write it as NetCDF, Zarr or npz"
        raise DataError(msg)
    if engine == "h5netcdf" and find_spec("h5py") is None:
        msg = "reading NetCDF of version 4 needs h5py; run: pip install h5py"
        raise UnavailableError(msg)
    try:
        with xr.open_dataset(file, engine=engine, decode_times=False) as dataset:  # pyright: ignore[reportArgumentType]
            return dataset.load()
    except (OSError, ValueError, TypeError, KeyError, IndexError, RuntimeError) as error:
        raise _unreadable(file, error) from None


def _read_zarr(file: Path) -> xr.Dataset:
    import xarray as xr

    _require_zarr()
    try:
        with xr.open_zarr(file, consolidated=False, decode_times=False) as dataset:
            return dataset.load()
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise _unreadable(file, error) from None


def _require_zarr() -> None:
    if find_spec("zarr") is None:
        msg = "files that end in .zarr need the extra zarr; run: pip install 'lagsym[zarr]'"
        raise UnavailableError(msg)


def _read_npz(file: Path) -> xr.Dataset:
    import xarray as xr

    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(file, error) from None
    settings = {name: [str(entry) for entry in np.ravel(arrays.pop(name))] for name in SETTINGS if name in arrays}
    axes = {name: array for name, array in arrays.items() if array.ndim == 1}
    if TIME not in axes:
        msg = f"expected the array t in {file}, got {', '.join(arrays)}; name the times t"
        raise DataError(msg)
    space = [name for name in axes if name != TIME]
    told = _told_dims(settings.get("dims", []), space, file)
    fields = {name: (_npz_dims(name, array, axes, told), array) for name, array in arrays.items() if name not in axes}
    try:
        dataset = xr.Dataset(fields, {name: axes[name] for name in (TIME, *space)})
    except ValueError as error:
        raise _unreadable(file, error) from None
    return _with_settings(dataset, space, settings)


def _told_dims(told: list[str], space: list[str], file: Path) -> tuple[str, ...]:
    """The axes of fields with several runs, as `dims` names them; nothing where it is not there."""
    if (told and sorted(set(told) | {RUN}) != sorted((RUN, TIME, *space))) or len(set(told)) < len(told):
        msg = f"expected dims in {file} to name {', '.join((TIME, *space))} once each, and run if wanted; got {told}"
        raise DataError(msg)
    return () if not told else tuple(told) if RUN in told else (RUN, *told)


def _npz_dims(name: str, array: np.ndarray, axes: dict[str, np.ndarray], told: tuple[str, ...]) -> tuple[str, ...]:
    """What the axes of a field are: what the file says, or else time, and directions of space by their sites."""
    space = [axis for axis in axes if axis != TIME]
    dims = told or (RUN, TIME, *space)
    if array.ndim not in (len(dims) - 1, len(dims)):
        msg = f"expected {name} of shape ({', '.join(dims[1:])}) or ({', '.join(dims)}), got {array.shape}"
        raise DataError(msg)
    if not told:
        dims = (RUN, TIME, *_by_sites(name, array.shape[-len(space) :], {axis: len(axes[axis]) for axis in space}))
    return dims if array.ndim == len(dims) else tuple(axis for axis in dims if axis != RUN)


def _by_sites(name: str, shape: tuple[int, ...], sites: dict[str, int]) -> tuple[str, ...]:
    """The directions of space in the order that a field's shape leaves possible."""
    fitting = [order for order in itertools.permutations(sites) if tuple(sites[axis] for axis in order) == shape]
    if len(fitting) > 1 and list(sites) != sorted(sites):
        order = "', '".join((TIME, *sites))
        msg = (
            f"nothing says which axis of {name} is which, as there are as many sites along {' as along '.join(sites)}; "
            f"add the entry dims=['{order}'], with the names in the order of its axes"
        )
        raise DataError(msg)
    return fitting[0] if len(fitting) == 1 else tuple(sites)


def _with_settings(dataset: xr.Dataset, space: list[str], settings: dict[str, list[str]]) -> xr.Dataset:
    for name in space if "periodic" in settings else ():
        dataset[name].attrs["boundary"] = BOUNDARIES[name not in settings["periodic"]]
    for name in settings.get("angles", ()):
        if name in dataset:
            dataset[name].attrs["period"] = 2 * np.pi
    for entry in settings.get("units", ()):
        name, _, unit = entry.partition("=")
        if name in dataset:
            dataset[name].attrs["units"] = unit
    return dataset


def _write_netcdf(dataset: xr.Dataset, file: Path) -> None:
    dataset.to_netcdf(file, engine="scipy", format="NETCDF3_64BIT")


def _write_zarr(dataset: xr.Dataset, file: Path) -> None:
    _require_zarr()
    dataset.to_zarr(file, consolidated=False)


def _write_npz(dataset: xr.Dataset, file: Path) -> None:
    names = [str(name) for name in dataset.data_vars]
    space = [str(name) for name in dataset[names[0]].dims if name not in (RUN, TIME)]
    arrays: dict[str, Any] = {name: dataset[name].to_numpy() for name in (TIME, *space, *names)}
    arrays["dims"] = np.array(dataset[names[0]].dims, dtype=str)
    arrays["periodic"] = np.array(
        [name for name in space if dataset[name].attrs["boundary"] == BOUNDARIES[0]], dtype=str
    )
    arrays["angles"] = np.array([name for name in names if "period" in dataset[name].attrs], dtype=str)
    units = {name: dataset[name].attrs.get("units") for name in (TIME, *space, *names)}
    arrays["units"] = np.array([f"{name}={unit}" for name, unit in units.items() if unit], dtype=str)
    np.savez_compressed(file, **arrays)


def _unreadable(file: Path, error: Exception) -> DataError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DataError(f"{file} cannot be read as fields on a grid ({reason}); write it again")
