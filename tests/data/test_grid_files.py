from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from lagsym.data.grid_files import read_lattice, write_lattice
from lagsym.data.grids import GridOptions, read_dataset, to_dataset, unwrapped
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.errors import DataError, InputError, UnavailableError

T, X, Y = np.arange(9) * 0.1, np.arange(16) / 16, np.linspace(0, 3, 12)
ENDINGS = pytest.mark.parametrize("ending", [".nc", ".zarr", ".npz"])


def lattice():
    generator = np.random.default_rng(0)
    records = [
        FieldRecord(T, (X, Y), generator.uniform(-1, 1, (9, 16, 12, 2)), generator.uniform(-1, 1, (9, 16, 12, 2)), name)
        for name in ("0", "1", "2")
    ]
    units = {"t": "s", "x": "m", "y": "m", "phi": "rad", "w": "mm"}
    return Lattice(("phi", "w"), ("t", "x", "y"), tuple(records), (True, False), frozenset({"phi"}), (), units)


def wave(**options):
    u = np.sin(2 * np.pi * (X - T[:, None]))
    return xr.Dataset({"u": (("t", "x"), u)}, {"t": T, "x": X}, options)


@ENDINGS
def test_round_trip(tmp_path, ending):
    data, file = lattice(), tmp_path / f"deep/fields{ending}"
    write_lattice(data, file)
    write_lattice(data, file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    again = read_lattice(file)
    for name in ("fields", "base", "periodic", "angles", "notices", "units", "names"):
        assert getattr(again, name) == getattr(data, name)
    for one, other in zip(again.records, data.records, strict=True):
        for name in ("u", "u_t"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0, atol=1e-15)
        np.testing.assert_array_equal(one.axes[1], Y)


def test_dimensions_come_in_any_order_and_direction():
    data = to_dataset(lattice())
    turned = read_dataset(data.transpose("y", "run", "x", "t").isel(x=slice(None, None, -1)))
    np.testing.assert_array_equal(turned.records[2].u, lattice().records[2].u)
    np.testing.assert_array_equal(turned.records[2].axes[0], X)
    assert "x were not in order" in turned.notices[0]


def test_boundary_by_option_attribute_or_data():
    told = wave()
    told["x"].attrs["boundary"] = "fixed"
    assert read_dataset(told).periodic == (False,)
    assert read_dataset(told, GridOptions(periodic=("x",))).periodic == (True,)
    guessed = read_dataset(wave())
    assert guessed.periodic == (True,)
    assert "taken as periodic: the fields differ across its ends 0.96 times" in guessed.notices[0]
    part = read_dataset(wave().isel(x=slice(0, 10)))
    assert part.periodic == (False,)
    held = wave()
    held["u"] = held["u"] * 0 + np.sin(np.pi * np.linspace(0, 1, 16)) * np.cos(T)[:, None]
    found = read_dataset(held)
    assert found.periodic == (False,)
    assert "keep their values" in found.notices[0]
    told["x"].attrs["boundary"] = "open"
    with pytest.raises(DataError, match="periodic or fixed, got 'open'"):
        read_dataset(told)


def test_angles_are_unwrapped_and_degrees_become_radians():
    angle = 3 * T[:, None] * 9 + 4 * np.pi * X
    data = wave()
    data["u"] = ("t", "x"), np.degrees((angle + np.pi) % (2 * np.pi) - np.pi)
    data["u"].attrs |= {"units": "degree", "period": 360.0}
    data["t"].attrs["units"], data["x"].attrs["units"] = "s", "m"
    found = read_dataset(data, GridOptions(periodic=("x",)))
    np.testing.assert_allclose(found.records[0].u[..., 0], angle, atol=1e-9)
    assert found.angles == {"u"}
    assert found.units == {"t": "s", "x": "m", "u": "rad"}
    assert "Converted u from deg" in found.notices[0]
    data["u"].attrs["period"] = 1.0
    with pytest.raises(DataError, match="whole turn, 360"):
        read_dataset(data)


def test_unwrapping_a_plane_keeps_neighbours_together():
    angle = (5 * np.add.outer(X, Y) + 8 * T[:, None, None])[None]
    np.testing.assert_allclose(unwrapped((angle + np.pi) % (2 * np.pi) - np.pi), angle, atol=1e-12)


def test_units_go_with_what_has_them():
    given = {"t": "ms", "x": "m", "u": "mm"}
    assert read_dataset(wave(), GridOptions(units=given)).units == given
    partial = read_dataset(wave(), GridOptions(units={"t": "s"}, periodic=("x",)))
    assert partial.units == {}
    assert "x, u has none" in partial.notices[0]
    for units, message in [({"t": "m"}, "unit of time"), ({"u": "blub"}, "expected a unit"), ({"q": "m"}, "names q")]:
        with pytest.raises(InputError, match=message):
            read_dataset(wave(), GridOptions(units=units))
    with pytest.raises(InputError, match="must be rad or degree"):
        read_dataset(wave(), GridOptions(units=given, angles=("u",)))


def test_rates_count_only_where_all_fields_have_them():
    data = to_dataset(lattice()).drop_vars("w_t")
    found = read_dataset(data)
    assert not found.has_rates
    assert "Only phi_t came as rates" in found.notices[0]
    assert read_dataset(data, GridOptions(fields=("phi",))).has_rates


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.rename(t="time"), "dimension t, got time, x"),
        (lambda d: d.drop_vars("x"), "coordinate variable x"),
        (lambda d: d.assign_coords(x=X**2), "evenly spaced"),
        (lambda d: d.assign_coords(x=[str(x) for x in X]), "expected numbers in x"),
        (lambda d: d.where(d.x < 0.9), "u is missing or infinite in 9 places, first at the index run 0, t 0, x 15"),
        (lambda d: d * 1j, "real and imaginary"),
        (lambda d: d.isel(x=[0]), "at least 8 points along x, got 1"),
        (lambda d: d.isel(x=0), "one or two directions"),
        (lambda d: d.expand_dims(y=Y).expand_dims(z=Y).expand_dims(w=Y), "one or two directions"),
        (lambda d: d.drop_vars("u"), "expected a field"),
        (lambda d: d.rename(u="a b"), "letters, digits"),
        (lambda d: d.assign(w=(("t",), T)), "all fields over t, x"),
    ],
)
def test_bad_data_is_refused(change, message):
    with pytest.raises(DataError, match=message):
        read_dataset(change(wave()))


def test_bad_options_are_refused():
    for options, message in [
        (GridOptions(fields=("v",)), "`fields` names v, but the data have u"),
        (GridOptions(angles=("ux",)), "`angles` names ux.*did you mean u"),
        (GridOptions(periodic=("y",)), "`periodic` names y"),
    ]:
        with pytest.raises(InputError, match=message):
            read_dataset(wave(), options)


def test_bad_files_are_refused(tmp_path, monkeypatch):
    for name in ("a.nc", "a.npz"):
        (tmp_path / name).write_bytes(b"nothing that can be read")
        with pytest.raises(DataError, match=name):
            read_lattice(tmp_path / name)
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(DataError, match=r"b\.zarr"):
        read_lattice(tmp_path / "b.zarr")
    with pytest.raises(DataError, match="there is no file"):
        read_lattice(tmp_path / "c.nc")
    with pytest.raises(InputError, match="ends in"):
        read_lattice(tmp_path)
    with pytest.raises(InputError, match="another directory"):
        write_lattice(lattice(), tmp_path / "b.zarr")
    np.savez(tmp_path / "d.npz", x=X, u=np.zeros((9, 16)))
    with pytest.raises(DataError, match="array t"):
        read_lattice(tmp_path / "d.npz")
    np.savez(tmp_path / "e.npz", t=T, x=X, u=np.zeros(()))
    with pytest.raises(DataError, match="expected u of shape"):
        read_lattice(tmp_path / "e.npz")
    monkeypatch.setattr("lagsym.data.grid_files.find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"pip install 'lagsym\[zarr\]'"):
        write_lattice(lattice(), tmp_path / "f.zarr")
    (tmp_path / "g.nc").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(UnavailableError, match="pip install h5py"):
        read_lattice(tmp_path / "g.nc")


def test_plain_arrays_in_an_npz_file(tmp_path):
    np.savez(tmp_path / "a.npz", t=T, x=X, u=np.sin(2 * np.pi * (X - T[:, None])))
    found = read_lattice(tmp_path / "a.npz", GridOptions(periodic=("x",)))
    assert found.records[0].u.shape == (9, 16, 1)
    assert not found.notices


def test_axes_of_an_npz_file_are_told_by_their_lengths(tmp_path):
    u = np.random.default_rng(0).standard_normal((9, 16, 12))
    for name, arrays in {"xy": {"x": X, "y": Y, "u": u}, "yx": {"y": Y, "x": X, "u": u.transpose(0, 2, 1)}}.items():
        for order in (list(arrays), [*list(arrays)[1::-1], "u"]):
            np.savez(tmp_path / name, t=T, **{key: arrays[key] for key in order})
            np.testing.assert_array_equal(read_lattice(tmp_path / f"{name}.npz").records[0].u[..., 0], u)


def test_axes_that_nothing_tells_apart_need_their_names(tmp_path):
    u, x, y = np.random.default_rng(0).standard_normal((9, 16, 16)), X, X + 1
    file = tmp_path / "a.npz"
    np.savez(file, t=T, x=x, y=y, u=u)
    np.testing.assert_array_equal(read_lattice(file).records[0].u[..., 0], u)
    np.savez(file, t=T, y=y, x=x, u=u)
    with pytest.raises(DataError, match="as many sites along y as along x; add the entry dims="):
        read_lattice(file)
    for dims, told in ((("t", "x", "y"), u), (("y", "t", "x"), u.transpose(2, 0, 1))):
        np.savez(file, t=T, y=y, x=x, u=told, dims=dims)
        np.testing.assert_array_equal(read_lattice(file).records[0].u[..., 0], u)
    np.savez(file, t=T, y=y, x=x, u=u[None], dims=("t", "x", "y"))
    np.testing.assert_array_equal(read_lattice(file).records[0].u[..., 0], u)
    np.savez(file, t=T, y=y, x=x, u=u, w=u[:, None], dims=("t", "run", "x", "y"))
    np.testing.assert_array_equal(read_lattice(file).records[0].u[..., 1], u)
    for dims in (("x", "y"), ("t", "x", "x", "y"), ("t", "x", "z")):
        np.savez(file, t=T, y=y, x=x, u=u, dims=dims)
        with pytest.raises(DataError, match="to name t, y, x once each"):
            read_lattice(file)


def test_files_that_we_write_name_their_axes(tmp_path):
    write_lattice(lattice(), tmp_path / "a.npz")
    assert np.load(tmp_path / "a.npz")["dims"].tolist() == ["run", "t", "x", "y"]


def test_runs_of_different_grids_do_not_share_a_file():
    data = lattice()
    short = replace(data, records=(data.records[0], replace(data.records[1].between(0, 0.5), name="1")))
    with pytest.raises(InputError, match="same times and sites"):
        to_dataset(short)


def test_version_four_of_netcdf(tmp_path):
    pytest.importorskip("h5py")
    to_dataset(lattice()).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_lattice(tmp_path / "a.nc").records[1].u, lattice().records[1].u)
