"""The waves that networks are measured on are exact, and laws of the lattice end in the density of the field."""

import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))  # the benchmarks are no part of the package

import unconstrained  # noqa: E402
import wave_density  # noqa: E402
import wave_graph  # noqa: E402
import waves  # noqa: E402

from lagsym.data.grid_derivatives import differentiate, fourier  # noqa: E402
from lagsym.distillation.graphs import SYMBOLS, GraphLaw, SharedFunction  # noqa: E402
from lagsym.neural.fields import FieldScaling  # noqa: E402

STEP = 1e-4
CASES = list(waves.COUPLING)


def second(case, *, continuum):
    """Waves in the middle of three instants, their rates and second derivatives there by differences."""
    step = STEP * waves.crossing(case)
    q, v = waves.waves(case, 3, step * np.arange(3), 0, continuum=continuum)
    np.testing.assert_allclose((q[:, 2] - q[:, 0]) / (2 * step), v[:, 1], atol=1e-4 * v.std())
    return q[:, 1], (q[:, 2] - 2 * q[:, 1] + q[:, 0]) / step**2


@pytest.mark.parametrize("case", CASES)
def test_waves_of_the_lattice_obey_its_equation(case):
    q, a = second(case, continuum=False)
    true = wave_graph.accelerations(q[..., None], case)[..., 0]
    np.testing.assert_allclose(a, true, atol=1e-4 * true.std())


@pytest.mark.parametrize(("case", "speed"), [("theirs", 0.05**0.5), ("right", 1.0)])
def test_waves_of_the_field_obey_the_wave_equation_with_the_speed_of_the_case(case, speed):
    assert waves.speed(case) == pytest.approx(speed)
    u, a = second(case, continuum=True)
    true = speed**2 * fourier(u, 2, waves.DX, 1)
    np.testing.assert_allclose(a, true, atol=1e-4 * true.std())


@pytest.mark.parametrize("case", CASES)
def test_the_law_of_the_lattice_ends_in_the_density_of_the_field(case):
    (s,), spring = SYMBOLS["stretch"], -waves.COUPLING[case] / 2
    found = wave_graph.continuum(GraphLaw((SharedFunction("stretch", (s**2,), (spring,)),)))
    assert found["density"] == waves.written(wave_density.true_density(case))
    assert found["neglected_order"] == 4
    u_t, u_x = sp.symbols("u_t u_x")
    further = wave_graph.continuum(GraphLaw((SharedFunction("stretch", (s**2,), (spring,), 1),)))
    stiffness = 4 * waves.speed(case) ** 2
    difference = sp.sympify(further["density"]) - (u_t**2 - stiffness * u_x**2) / 2
    assert max(map(abs, sp.expand(difference).as_coefficients_dict().values())) < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_snapshots_tell_the_density_and_errors_are_those_of_accelerations(case):
    jets = differentiate(wave_density.snapshots(case, 1, 0)).jets(samples=500)
    law = wave_density.true_density(case)
    assert wave_density.off(law, jets) < 1e-8
    assert wave_density.off(law + 0.02 * wave_density.U_T**2, jets) == pytest.approx(1 - 1 / 1.04)
    assert wave_density.scaled(sp.expand(7 * law)) == waves.written(law)


def test_energies_and_errors_are_judged_by_the_worst_on_the_way():
    exact = np.ones((4, 2, 5)) * np.array([-1.0, 1.0])[:, None]
    path, energies = exact.copy(), np.full((4, 2), 2.0)
    path[1] += 0.5
    energies[2, 1] = 1.0
    assert waves.judged(path, exact, energies, None) == {"error": 0.5, "true_drift": 0.5, "own_drift": None}
    path[3] = energies[3] = np.nan
    assert waves.judged(path, exact, energies, energies) == {"error": None, "true_drift": None, "own_drift": None}


def test_the_best_of_the_optimisers_counts(monkeypatch):
    monkeypatch.setattr(unconstrained, "OPTIMISERS", ("levenberg-marquardt", "adam"))
    like = wave_density.BareRateNetwork(FieldScaling.unit(1), width=4)
    assert [net.hidden for net in like.nets] == [True]
    jets = [differentiate(wave_density.snapshots("right", 1, seed)).jets(samples=300) for seed in (0, 1)]
    model, name, error = wave_density.unconstrained(wave_density.FieldRateNetwork, like, *jets, 0.2, 0)
    assert name == "levenberg-marquardt"
    assert error < 1e-6
    assert model.dtype == torch.float64
