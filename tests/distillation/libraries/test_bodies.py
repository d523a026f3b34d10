"""Libraries for masses that act on each other."""

import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.distillation.choice import choose_terms
from lagsym.distillation.libraries.bodies import _distances, build_bodies
from lagsym.distillation.selection.candidates import select
from lagsym.distillation.selection.evidence import weak_evidence
from lagsym.distillation.trial import Trials
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get


def motion(name, noise):
    return simulate(draw_parameters(get(name), 0), noise=noise, seed=0).positions_only()


@pytest.mark.parametrize("noise", [0.0, 0.001])
@pytest.mark.parametrize(("name", "size"), [("two_body", 5), ("fput_chain", 19)])
def test_the_terms_of_many_bodies_are_found(name, size, noise):
    smooth = differentiate(motion(name, noise))
    library = build_bodies(smooth)
    assert library is not None
    chosen = select(weak_evidence(library, smooth)).chosen
    assert chosen is not None
    assert len(chosen.terms) == size
    truth = draw_parameters(get(name), 0).numeric_lagrangian
    first = chosen.terms[0]
    found, wanted = (
        sp.expand(law).as_coefficients_dict() for law in (chosen.lagrangian / first.as_coeff_Mul()[0], truth)
    )
    scale = wanted[first.as_coeff_Mul()[1]] / found[first.as_coeff_Mul()[1]]
    for term in {*found, *wanted}:
        assert float(scale * found[term]) == pytest.approx(float(wanted[term]), rel=0.05, abs=0.02)


def test_a_law_that_leaves_noise_needs_no_larger_library(monkeypatch):
    data = motion("two_body", 0.0)
    smooth = differentiate(data)
    monkeypatch.setattr("lagsym.distillation.search.build_library", None)
    found = choose_terms(smooth, smooth, None, trials=Trials(data, smooth))
    assert found is not None
    assert found.leaves_noise
    assert len(found.candidate.terms) == 5


def test_points_are_paired_in_every_way():
    flat, solid = list(_distances(6, 2)), list(_distances(6, 3))
    assert (len(set(flat)), len(set(solid))) == (45, 15)
    assert {len(pairs) for pairs in flat} == {2}
    assert all(sorted(k for pair in pairs for k in pair) == list(range(6)) for pairs in solid)


def test_angles_and_few_coordinates_have_no_such_library():
    assert build_bodies(differentiate(motion("kepler_cartesian", 0.0))) is None
    assert build_bodies(differentiate(motion("triple_pendulum", 0.0))) is None
    assert build_bodies(differentiate(motion("fput_chain", 0.0)), 3) is None
