"""Fits of density networks on exact solutions, what is read from them, and their files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural import FitOptions, load_fit
from lagsym.neural.fields import (
    density_operator,
    fit_density,
    fit_rates,
    load_field_fit,
    relative_error,
    save_field_fit,
)

SMALL = FitOptions("natural", width=6, steps=60, tolerance=1e-8)


def off_shell(jets, seed=5):
    """The same points with second derivatives of others."""
    order = np.random.default_rng(seed).permutation(len(jets))
    return Jets(jets.x, jets.u, jets.du, jets.ddu[order])


@pytest.mark.parametrize("structure", ["natural", "free"])
def test_linear_field_is_learned_to_the_last_digits(waves, structure):
    found = fit_density(*waves, options=replace(SMALL, structure=structure))
    assert found.status == "converged"
    assert found.held_out_error < 1e-8
    reading = found.model.read(waves[1])
    time, mixed, space = (reading.principal[:, mu, nu, 0, 0] for mu, nu in ((0, 0), (0, 1), (1, 1)))
    np.testing.assert_allclose(-space / time, 1.44, rtol=1e-5)
    np.testing.assert_allclose(mixed / time, 0, atol=1e-5)
    np.testing.assert_allclose(reading.force[:, 0] / time, -waves[1].u[:, 0], atol=1e-4)
    np.testing.assert_allclose(reading.rate, waves[1].ddu[:, 0, 0], atol=1e-5)


def test_off_shell_operator_has_the_terms_of_the_field(solitons):
    """E_net = c (sin φ + φ_tt − φ_xx) up to the scale, where φ_tt, φ_xx and sin φ vary by themselves."""
    found = fit_density(*solitons, angles=[0], options=replace(SMALL, width=10, steps=100, tolerance=1e-3))
    assert found.held_out_error < 1e-3
    jets = off_shell(solitons[0])
    columns = np.stack([jets.ddu[:, 0, 0, 0], jets.ddu[:, 1, 1, 0], np.sin(jets.u[:, 0]), jets.ddu[:, 0, 1, 0]], 1)
    mine, *_ = np.linalg.lstsq(columns, density_operator(found.model, jets)[:, 0], rcond=None)
    np.testing.assert_allclose(mine / mine[0], [1, -1, 1, 0], atol=5e-3)


def test_unconstrained_rates_are_learned_as_well(waves):
    found = fit_rates(*waves, options=SMALL)
    assert found.held_out_error < 1e-8
    assert relative_error(found.model, waves[1]) == pytest.approx(found.held_out_error, rel=1e-6)


def test_explicit_place_is_needed_where_the_mass_depends_on_it():
    """u_tt = u_xx − (1 + x) u, from fields drawn freely: the equation is all that a fit may look at."""
    generator = np.random.default_rng(0)

    def draw(samples):
        x, u = generator.uniform(0, 2, (samples, 2)), generator.normal(size=(samples, 1))
        first, second = generator.normal(size=(samples, 2, 1)), generator.normal(size=(samples, 2, 2, 1))
        second[:, 1, 0] = second[:, 0, 1]
        second[:, 0, 0] = second[:, 1, 1] - (1 + x[:, 1:]) * u
        return Jets(x, u, first, second)

    train, choose = draw(1500), draw(400)
    without = fit_density(train, choose, options=SMALL)
    with_place = fit_density(train, choose, entering=[1], options=SMALL)
    assert with_place.held_out_error < 1e-2 < 0.1 < without.held_out_error


def test_same_seed_gives_the_same_network(waves):
    one, other = (fit_density(*waves, options=replace(SMALL, steps=5), seed=3) for _ in range(2))
    for mine, theirs in zip(one.model.network, other.model.network, strict=True):
        assert torch.equal(mine, theirs)
    assert one.history == other.history


def test_fit_comes_back_from_its_files(tmp_path, solitons):
    found = fit_density(*solitons, angles=[0], options=replace(SMALL, steps=5, starts=2))
    back = load_field_fit(save_field_fit(found, tmp_path / "field"))
    assert back.model.form == "natural"
    assert (back.history, back.status, back.options, back.seed) == (
        found.history,
        found.status,
        found.options,
        found.seed,
    )
    np.testing.assert_array_equal(density_operator(back.model, solitons[1]), density_operator(found.model, solitons[1]))


def test_files_of_baselines_and_of_explicit_places_come_back(tmp_path, waves):
    rates = fit_rates(*waves, options=replace(SMALL, steps=5))
    placed = fit_density(*waves, entering=[0, 1], options=replace(SMALL, steps=5, structure="free"))
    for found in (rates, placed):
        back = load_field_fit(save_field_fit(found, tmp_path / found.model.form))
        inputs = found.model.inputs_of(waves[1]), back.model.inputs_of(waves[1])
        assert torch.equal(found.model.rate(inputs[0]), back.model.rate(inputs[1]))


def test_damaged_and_foreign_files_are_refused(tmp_path, waves):
    path = save_field_fit(fit_density(*waves, options=replace(SMALL, steps=5)), tmp_path / "field")
    with pytest.raises(DataError, match="expected a fit of schema 1 "):
        load_fit(path)
    record = json.loads(path.read_text())
    record["model"]["width"] = 7
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match="damaged"):
        load_field_fit(path)
    with pytest.raises(DataError, match="cannot be read"):
        load_field_fit(tmp_path / "none")


def test_bad_options_and_data_are_refused(waves):
    train, choose = waves
    for options, name in (
        (FitOptions("separable"), "structure"),
        (FitOptions("natural", dissipation=True), "dissipation"),
        (FitOptions("natural", explicit_time=True), "explicit_time"),
        (FitOptions("natural", optimizer="soap"), "levenberg-marquardt"),
        (FitOptions("natural", loss="rollout"), "loss"),
    ):
        with pytest.raises(InputError, match=name):
            fit_density(train, choose, options=options)
    with pytest.raises(InputError, match="expected jets of one shape"):
        fit_density(train, Jets(choose.x, np.tile(choose.u, 2), np.tile(choose.du, 2), np.tile(choose.ddu, 2)))
    broken = Jets(choose.x, choose.u, choose.du, choose.ddu.copy())
    broken.ddu[7] = np.inf
    with pytest.raises(DataError, match=r"held-out jets: .* row 7"):
        fit_density(train, broken)
