"""Selection by data and by network: known answers on every system, from clean and noisy motion."""

import itertools
import tracemalloc

import numpy as np
import pytest
import sympy as sp

from lagsym.data.derivatives import differentiate
from lagsym.data.jets import Jets
from lagsym.distillation.libraries.terms import Library, Term, build_library, independent, off_shell
from lagsym.distillation.selection.candidates import select, weak_loss
from lagsym.distillation.selection.evidence import Factors, network_evidence, strong_evidence, weak_evidence
from lagsym.distillation.selection.ratios import best_ratios
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get

SYSTEMS = ("mass_spring", "pendulum", "double_pendulum", "kepler", "spring_pendulum", "coupled_oscillators")


def structure(lagrangian: sp.Expr) -> set[sp.Expr]:
    return {term.as_coeff_Mul()[1] for term in sp.Add.make_args(sp.expand(lagrangian)) if term.free_symbols}


def smooth(name: str, *, seed: int = 0, noise: float = 0.0, trajectories: int = 8):
    system = draw_parameters(get(name), seed)
    return system, differentiate(simulate(system, seed=seed, noise=noise, trajectories=trajectories, span=8.0))


@pytest.mark.parametrize("noise", [0.0, 1e-3])
@pytest.mark.parametrize("name", SYSTEMS)
def test_data_select_the_true_terms(name, noise):
    system, data = smooth(name, noise=noise)
    chosen = select(weak_evidence(build_library(data), data)).chosen
    assert chosen is not None
    assert structure(chosen.lagrangian) == structure(system.numeric_lagrangian)


def test_a_missing_true_term_shows_in_the_loss():
    _, data = smooth("double_pendulum")
    library = build_library(data)
    theta1 = library.space.positions[0]
    without = Library(library.space, tuple(t for t in library.terms if t.expression != sp.cos(theta1)))
    whole = select(weak_evidence(library, data)).chosen
    rest = select(weak_evidence(without, data)).chosen
    assert whole is not None
    assert rest is None or rest.loss > 1e4 * whole.loss


def test_the_strong_form_selects_the_true_terms_of_clean_motion():
    system, data = smooth("kepler")
    chosen = select(strong_evidence(build_library(data), data)).chosen
    assert chosen is not None
    assert chosen.evidence == "strong"
    assert structure(chosen.lagrangian) == structure(system.numeric_lagrangian)


@pytest.mark.parametrize("error", [1e-4, 1e-2])
@pytest.mark.parametrize("name", ["double_pendulum", "kepler", "spring_pendulum"])
def test_an_operator_with_smooth_errors_selects_the_true_terms(name, error):
    """The target stands for a trained network's: scaled, with another gauge (invisible in E) and a smooth error."""
    system, data = smooth(name)
    library = build_library(data)
    jets = off_shell(data.jets())
    truth = Library(library.space, (Term(system.numeric_lagrangian, 0.0),)).operator(jets)[0]
    generator = np.random.default_rng(0)
    states = np.concatenate([jets.q, jets.v], axis=1) / np.concatenate([jets.q, jets.v], axis=1).std(axis=0)
    waves = np.cos(states @ generator.standard_normal((states.shape[1], 6)) + generator.uniform(0, 6, 6))
    wrong = waves @ generator.standard_normal((6, truth.shape[1])) / np.sqrt(6)
    target = 0.7 * (truth + error * wrong * truth.std(axis=0))
    chosen = select(network_evidence(library, jets, target)).chosen
    assert chosen is not None
    assert structure(chosen.lagrangian) == structure(system.numeric_lagrangian)


def test_operator_agrees_with_the_symbolic_one():
    space = JetSpace(("r", "phi"))
    (r, phi), (rd, pd) = space.positions, space.velocities
    terms = [rd**2 / 2, r**2 * pd**2 / 2, rd * pd * sp.cos(phi), r**3 * sp.sin(phi), pd**4, r * pd]
    generator = np.random.default_rng(0)
    q, v, a = generator.uniform(0.5, 1.5, (3, 20, 2))
    library = Library(space, tuple(Term(term, 1.0) for term in terms))
    operator = library.operator(Jets.of_particle(np.zeros(20), q, v, a))
    symbols = [*space.positions, *space.velocities, *space.accelerations]
    for values, term in zip(operator, terms, strict=True):
        for i, equation in enumerate(euler_lagrange(term, space)):
            expected = np.broadcast_to(sp.lambdify(symbols, equation)(*q.T, *v.T, *a.T), 20)
            np.testing.assert_allclose(values[:, i], expected, atol=1e-12)


def test_null_and_dependent_terms_go_the_simplest_stay():
    _, data = smooth("double_pendulum")
    space = JetSpace(data.coordinates)
    (a, b), (v, w) = space.positions, space.velocities
    terms = [sp.cos(a - b), sp.cos(a) * sp.cos(b), sp.sin(a) * sp.sin(b), v * sp.cos(a), v**2 / 2, w * a + v * b]
    library = Library(space, tuple(Term(term, float(i)) for i, term in enumerate(terms)))
    kept = independent(library, data.jets()).expressions
    assert kept == (sp.cos(a - b), sp.cos(a) * sp.cos(b), v**2 / 2)


def test_libraries_follow_the_kinds_of_the_coordinates():
    _, double = smooth("double_pendulum")
    _, kepler = smooth("kepler")
    theta1, theta2 = JetSpace(double.coordinates).positions
    r = JetSpace(kepler.coordinates).positions[0]
    names = set(build_library(double).expressions)
    assert sp.cos(theta1 - theta2) in names
    assert theta1**2 not in names
    assert 1 / r in build_library(kepler).expressions
    assert len(build_library(double)) >= 40


def planted(weights, off, **options):
    return best_ratios(Factors.of([weights]), Factors.of([off]), np.ones(len(off)), **options)


def test_the_ratio_is_gauge_invariant_and_finds_a_planted_combination():
    generator = np.random.default_rng(1)
    off = generator.standard_normal((12, 300, 2))
    weights = generator.standard_normal((12, 200, 2))
    weights[7] = -(2.0 * weights[2] - 0.5 * weights[5])
    found = planted(weights, off)[3][0]
    assert found.support == (2, 5, 7)
    np.testing.assert_allclose(found.coefficients / found.coefficients[2], [2.0, -0.5, 1.0], atol=1e-9)
    scaled = planted(*(np.arange(1, 13)[:, None, None] * part for part in (weights, off)))
    assert scaled[3][0].support == (2, 5, 7)
    assert scaled[3][0].ratio == pytest.approx(found.ratio, abs=1e-12)


def test_kept_terms_stay():
    generator = np.random.default_rng(1)
    off, on = generator.standard_normal((8, 300, 1)), generator.standard_normal((8, 200, 1))
    on[3] = -on[1]
    assert planted(on, off)[2][0].support == (1, 3)
    assert all(6 in ratio.support for ratios in planted(on, off, keep=(6,)).values() for ratio in ratios)


def test_weak_loss_on_other_trajectories_tells_right_from_wrong():
    system, data = smooth("pendulum")
    chosen = select(weak_evidence(build_library(data), data)).chosen
    assert chosen is not None
    other = differentiate(simulate(system, seed=9, trajectories=3))
    wrong = type(chosen)(chosen.terms, chosen.coefficients * np.array([1, 1.2]), 2, 0.0, "data")
    assert weak_loss(chosen, JetSpace(data.coordinates), other) < 1e-12
    assert weak_loss(wrong, JetSpace(data.coordinates), other) > 1e-4


@pytest.mark.parametrize("seed", [0, 2])
def test_the_square_of_a_conserved_momentum_does_not_hide_the_law(seed):
    """A cart's total momentum p is conserved, and p² vanishes along the motion better than L under this noise."""
    system = draw_parameters(get("cart_pole"), seed)
    data = differentiate(simulate(system, noise=1e-3, trajectories=12, seed=seed).positions_only())
    library = build_library(data, "natural")
    chosen = select(weak_evidence(library, data)).chosen
    assert chosen is not None
    assert structure(chosen.lagrangian) == structure(system.numeric_lagrangian)


@pytest.mark.slow
def test_fifteen_hundred_terms_take_less_memory_than_they_have_values():
    space = JetSpace(("a", "b", "c", "d"))
    (a, b, c, d), velocities = space.positions, space.velocities
    squares = sp.Add(*(v**2 for v in velocities)) - a**2 - 2 * b**2 - 3 * c**2 - 4 * d**2
    law = sp.expand(squares / 2 + b * c / 2 + a**2 * b / 4 - c**2 * d / 5)
    ranges = {str(symbol): (-1.0, 1.0) for symbol in (*space.positions, *velocities)}
    system = System("four", space, law, ranges=ranges, span=20.0, step=0.02)
    learn = differentiate(simulate(system, seed=0, noise=1e-4, trajectories=20).positions_only())
    plain = build_library(learn, "free")
    waves = [f(k * x) for x in space.positions for k in range(1, 9) for f in (sp.cos, sp.sin)]
    pairs = list(itertools.combinations_with_replacement(velocities, 2))
    more = tuple(Term(wave * v * w, 9.0) for wave in waves for v, w in pairs)
    library = independent(Library(space, (*plain.terms, *more)), learn.jets())
    assert len(library) > 1500
    tracemalloc.start()
    evidence = weak_evidence(library, learn)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.7 * len(library) * len(learn) * 4 * 8
    chosen = select(evidence).chosen
    assert chosen is not None
    assert structure(chosen.lagrangian) == structure(law)
