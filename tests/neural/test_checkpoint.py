import dataclasses
import json
import math
import os

import numpy as np
import pytest

from lagsym.errors import DataError
from lagsym.neural import FitOptions, FitProgress, Symmetry, fit, load_fit, save_fit
from lagsym.neural.models.open_system import surround


@pytest.fixture(params=["levenberg-marquardt", "soap"])
def found(request, pendulum):
    options = FitOptions(structure="free", width=4, steps=10, optimizer=request.param)
    return fit(*pendulum, angles=(0,), options=options, seed=3)


def test_what_is_loaded_is_what_was_saved_to_the_last_digit(found, pendulum, tmp_path):
    found = dataclasses.replace(found, history=(FitProgress(1, 2, math.inf, 0.5), *found.history))
    loaded = load_fit(save_fit(found, tmp_path / "model"))
    for name in ("history", "status", "seconds", "held_out_error", "options", "seed", "optimizer"):
        assert getattr(loaded, name) == getattr(found, name)
    assert loaded.model.scaling == found.model.scaling
    mine, theirs = (dataclasses.asdict(model.read(pendulum[1])) for model in (loaded.model, found.model))
    for name, values in mine.items():
        np.testing.assert_array_equal(values, theirs[name])


def test_symmetry_friction_and_forces_are_saved_too(double_pendulum, tmp_path):
    train, choose = double_pendulum
    options = FitOptions(width=4, steps=5, symmetry=Symmetry(even=True))
    found = fit(train, choose, angles=(0, 1), options=options)
    model = surround(found.model, train, dissipation=True, driven=2, seed=1)
    loaded = load_fit(save_fit(dataclasses.replace(found, model=model), tmp_path / "model"))
    assert loaded.options == found.options
    assert loaded.model.scaling == model.scaling
    assert loaded.model.effects == model.effects
    np.testing.assert_array_equal(loaded.model.read(choose).acceleration, model.read(choose).acceleration)


def test_saving_again_replaces_everything_and_leaves_nothing_behind(found, pendulum, tmp_path):
    save_fit(found, tmp_path / "model.json")
    other = fit(*pendulum, angles=(0,), options=FitOptions(width=5, steps=5))
    save_fit(other, tmp_path / "model.json")
    assert load_fit(tmp_path / "model").model.width == 5
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]


def test_an_interrupted_save_leaves_the_earlier_fit(found, pendulum, tmp_path, monkeypatch):
    save_fit(found, tmp_path / "model")
    other = fit(*pendulum, angles=(0,), options=FitOptions(width=5, steps=5))
    rename = os.replace

    def fail_at_the_json(source, target):
        if str(target).endswith(".json"):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_json)
    with pytest.raises(OSError, match="No space"):
        save_fit(other, tmp_path / "model")
    assert load_fit(tmp_path / "model").model.width == 4
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_damage_is_told(found, tmp_path):
    path = save_fit(found, tmp_path / "model")
    record = json.loads(path.read_text())
    weights = tmp_path / record["weights"]
    with pytest.raises(DataError, match=r"none\.json"):
        load_fit(tmp_path / "none")
    for change in ({"schema": 99}, {"model": {}}, {"sha256": "0"}, {"history": None}):
        path.write_text(json.dumps({**record, **change}))
        with pytest.raises(DataError, match="expected"):
            load_fit(path)
    path.write_text(json.dumps(record))
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(DataError, match="others"):
        load_fit(path)
    weights.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        load_fit(path)
