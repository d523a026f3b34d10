"""Discovery of densities: from fields on a grid to a law, and to saying that there may be none."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.discovery import DiscoveryOptions, discover
from lagsym.distillation.options import ChoiceOptions
from lagsym.errors import DataError, InputError
from lagsym.law.file import from_json, to_json
from lagsym.mechanics.system import Region
from lagsym.neural import Checkpoints
from lagsym.reporting import law_text, report_files
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get
from lagsym.verification import verify_law

BY_DATA = DiscoveryOptions(ChoiceOptions(evidence="data"))
SMALL = Region(sites=64, runs=5)
KLEIN_GORDON = get("klein_gordon").with_parameters({"c": 1.3, "m": 0.8})


def small(system, noise=0.0, **options):
    return simulate(system, region=SMALL, span=8.0, noise=noise, **options).positions_only()


@pytest.fixture(scope="module")
def found():
    data = replace(small(KLEIN_GORDON, noise=0.01), units={"t": "s", "x": "m", "phi": "V"})
    return discover(data, options=BY_DATA)


def test_a_noisy_field_gives_its_density_with_constants_that_hold(found):
    law = found.law
    assert law.status == "recovered"
    assert law.base == ("t", "x")
    verdict = verify_law(law, KLEIN_GORDON)
    assert verdict.kind in {"identical", "gauge-equivalent"}
    assert all(0 < constant.standard_error < 1e-2 * abs(constant.value) for constant in law.constants)
    assert {constant.unit for constant in law.constants} == {"m**2/s**2", "1/s**2"}
    assert law.scores["weak_misfit"] < 1e-3
    assert law.scores["energy_balance"] < 0.1


def test_a_law_of_fields_is_written_and_read_back(found):
    again = from_json(to_json(found.law))
    assert again.base == ("t", "x")
    assert sp.simplify(again.numeric_lagrangian - found.law.numeric_lagrangian) == 0
    files = report_files(found.law, found.validation)
    assert {"fields.svg", "field_energy.png", "front.svg", "validation.npz"} <= set(files)
    assert "Friction is not looked for in fields." in law_text(found.law)


def test_a_network_is_asked_and_the_law_reproduces_it():
    found = discover(small(KLEIN_GORDON), options=DiscoveryOptions(ChoiceOptions(evidence="network")))
    assert found.law.status == "recovered"
    assert {"network"} == set().union(*found.law.evidence.values())
    assert found.law.scores["fidelity_operator_r2"] > 1 - 1e-4
    assert verify_law(found.law, KLEIN_GORDON).kind in {"identical", "gauge-equivalent"}


def test_no_network_is_trained_where_the_data_leave_only_noise():
    found = discover(small(KLEIN_GORDON), options=DiscoveryOptions())
    assert found.fit is None
    assert found.law.status == "recovered"
    assert {"data"} == set().union(*found.law.evidence.values())


def test_friction_makes_no_law():
    rate = KLEIN_GORDON.space.velocities[0]
    damped = replace(KLEIN_GORDON, dissipation=sp.Rational(1, 5) * rate**2)
    law = discover(small(damped), options=BY_DATA).law
    assert law.status == "uncertain"
    assert any("without a Lagrangian" in notice for notice in law.notices)


def test_kinks_of_one_speed_make_no_certain_law():
    x, t = np.linspace(-20, 20, 161), np.linspace(0, 6, 121)
    records = tuple(
        FieldRecord(
            t, (x,), 4 * np.arctan(np.exp((x - 0.4 * t[:, None] - shift) / np.sqrt(1 - 0.16)))[..., None], None, n
        )
        for n, shift in zip("abcde", (-3, -1, 0, 2, 4), strict=True)
    )
    law = discover(Lattice(("phi",), ("t", "x"), records, (False,), frozenset({"phi"})), options=BY_DATA).law
    assert law.status == "uncertain"
    assert any("one speed" in notice for notice in law.notices)


def test_a_field_that_does_not_move_has_no_formula_and_one_reason():
    x, t = np.arange(64) * 20 / 64, np.arange(0, 8, 0.1)
    records = tuple(
        FieldRecord(t, (x,), np.tile(np.sin(np.pi / 10 * (k + 1) * x), (len(t), 1))[..., None], None, str(k))
        for k in range(5)
    )
    law = discover(Lattice(("u",), ("t", "x"), records, (True,)), options=BY_DATA).law
    assert (law.status, law.lagrangian) == ("uncertain", None)
    (notice,) = law.notices
    assert "does not change along t" in notice


@pytest.mark.slow
def test_fields_apart_are_found_one_by_one_beside_a_network():
    system = draw_parameters(get("complex_klein_gordon"), 2)
    options = DiscoveryOptions(ChoiceOptions(evidence="both"), seed=2)
    law = discover(simulate(system, seed=2).positions_only(), options=options).law
    assert law.status == "recovered"
    assert verify_law(law, system).success
    assert {"data", "network"} == set().union(*law.evidence.values())


def test_the_structure_of_evolution_equations_can_be_asked_for():
    data = simulate(get("kdv_potential"), region=SMALL, span=4.0).positions_only()
    law = discover(data, options=DiscoveryOptions(ChoiceOptions(evidence="data", structure="evolution"))).law
    assert law.structure == "evolution"
    assert verify_law(law, get("kdv_potential")).success


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (ChoiceOptions(engine="operon"), "auto or sparse for fields"),
        (ChoiceOptions(structure="separable"), "natural, evolution, free for fields"),
    ],
)
def test_what_fields_lack_is_refused(choice, message):
    with pytest.raises(InputError, match=message):
        discover(small(KLEIN_GORDON), options=DiscoveryOptions(choice))


def test_devices_and_checkpoints_are_those_of_particles(tmp_path):
    data = small(KLEIN_GORDON)
    with pytest.raises(InputError, match="auto or cpu for fields"):
        discover(data, options=DiscoveryOptions(device="cuda"))
    with pytest.raises(InputError, match="checkpoints with trajectories only"):
        discover(data, options=BY_DATA, checkpoints=Checkpoints(tmp_path))


def test_too_short_a_record_is_refused():
    data = simulate(KLEIN_GORDON, region=replace(SMALL, runs=1), span=0.5, step=0.05)
    with pytest.raises(DataError, match="record a longer stretch"):
        discover(data, options=BY_DATA)
