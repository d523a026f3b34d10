"""Densities from fields: exact solutions and independent integrations in, the law and its constants out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym import simulate, systems
from lagsym.data.grid_derivatives import differentiate
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.weak_fields import place_field_tests
from lagsym.distillation.densities.advice import density_advice
from lagsym.distillation.densities.choice import NetworkReading, choose_density
from lagsym.distillation.densities.constants import settle_density
from lagsym.distillation.densities.evidence import smooth_fields, weak_density_columns
from lagsym.distillation.libraries.density_terms import DensityLibrary, build_density_library, points_of, weak_pieces
from lagsym.distillation.libraries.terms import Term
from lagsym.distillation.options import ChoiceOptions
from lagsym.distillation.selection.candidates import Candidate
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.jetspace import JetSpace

SPACE = JetSpace(("u",), ("t", "x"))
U, U_T, U_X, U_XX = (SPACE.symbol(0, index) for index in ((), (0,), (1,), (1, 1)))
LENGTH = 20.0
T, X = np.arange(0, 8, 0.1), np.arange(64) * LENGTH / 64


def lattice(runs: list[np.ndarray], *, noise: float = 0.0, seed: int = 0, scale: float = 1.0) -> Lattice:
    """Runs (times, sites) as fields over a periodic line, with x in units `scale` times smaller."""
    generator = np.random.default_rng(seed)
    spread = np.std(np.stack(runs))
    records = tuple(
        FieldRecord(T, (scale * X,), (u + noise * spread * generator.standard_normal(u.shape))[..., None], None, str(k))
        for k, u in enumerate(runs)
    )
    return Lattice(("u",), ("t", "x"), records, (True,))


def waves(dispersion, seed: int, runs: int = 4) -> list[np.ndarray]:
    """Exact solutions of a linear equation: sums of waves of four lengths in both directions."""
    generator = np.random.default_rng(seed)
    numbers = 2 * np.pi / LENGTH * np.arange(1, 5)
    found = []
    for _ in range(runs):
        u = np.zeros((len(T), len(X)))
        for k in numbers:
            for sign in (-1, 1):
                phase = k * X + sign * dispersion(k) * T[:, None] + generator.uniform(0, 2 * np.pi)
                u += generator.uniform(0.2, 1) * np.cos(phase)
        found.append(u)
    return found


def quartic(seed: int, runs: int = 4) -> list[np.ndarray]:
    """u_tt = u_xx + u - u^3 by the method of lines and Runge and Kutta, spectral in x."""
    squares = (2 * np.pi * np.fft.rfftfreq(len(X), LENGTH / len(X))) ** 2

    def rate(state: np.ndarray) -> np.ndarray:
        u, v = state
        return np.stack([v, np.fft.irfft(-squares * np.fft.rfft(u), len(X)) + u - u**3])

    found = []
    for start in waves(lambda k: k, seed, runs):
        state, step = np.stack([0.6 * start[0], 0.3 * start[5]]), (T[1] - T[0]) / 10
        path = [state[0]]
        for _ in range(len(T) - 1):
            for _ in range(10):
                a = rate(state)
                b = rate(state + step / 2 * a)
                c = rate(state + step / 2 * b)
                state = state + step / 6 * (a + 2 * b + 2 * c + rate(state + step * c))
            path.append(state[0])
        found.append(np.stack(path))
    return found


def halves(data: Lattice) -> tuple[Lattice, Lattice]:
    return data.with_records(data.records[:-1]), data.with_records(data.records[-1:])


def candidate(*pairs: tuple[sp.Expr, float]) -> Candidate:
    return Candidate(tuple(t for t, _ in pairs), np.array([c for _, c in pairs]), 1.0, 0.0, "data")


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_klein_gordon_field_is_found_with_its_constants(noise: float) -> None:
    data = lattice(waves(lambda k: np.sqrt(1.44 * k**2 + 0.8), 1), noise=noise)
    choice = choose_density(*halves(data))
    assert choice is not None
    assert choice.structure == "natural"
    assert set(choice.candidate.terms) == {U_T**2 / 2, U_X**2 / 2, U**2}
    settled = settle_density(choice.candidate, data)
    found = dict(zip((term for _, term in settled.terms[1:]), settled.values, strict=True))
    assert found[U_X**2 / 2] == pytest.approx(-1.44, rel=1e-6 if noise == 0 else 5e-3)
    assert found[U**2] == pytest.approx(-0.4, rel=1e-6 if noise == 0 else 5e-3)


def test_a_law_that_is_not_linear_is_found_under_noise() -> None:
    data = lattice(quartic(0), noise=0.02)
    choice = choose_density(*halves(data))
    assert choice is not None
    assert set(choice.candidate.terms) == {U_T**2 / 2, U_X**2 / 2, U**2, U**4}


def test_bending_needs_second_derivatives() -> None:
    choice = choose_density(*halves(lattice(waves(lambda k: 0.7 * k**2, 2))))
    assert choice is not None
    assert set(choice.candidate.terms) == {U_T**2 / 2, U_XX**2 / 2}
    assert choice.candidate.coefficients == pytest.approx([1, -0.49], rel=1e-5)


def test_an_equation_of_first_order_in_time() -> None:
    """The catalogue's L = phi_t phi_x / 2 + alpha phi_x^3 / 6 - beta phi_xx^2 / 2 with alpha = 6 and beta = 1."""
    data = simulate(systems.get("kdv_potential"), trajectories=4, seed=0)
    assert isinstance(data, Lattice)
    choice = choose_density(*halves(data))
    assert choice is not None
    assert choice.structure == "evolution"
    scale = {str(t): c for t, c in zip(choice.candidate.terms, choice.candidate.coefficients, strict=True)}
    assert scale == pytest.approx({"phi_t*phi_x": 1, "phi_x**3": 2, "phi_xx**2/2": -2}, rel=1e-4)


def test_fields_without_influence_on_each_other_are_chosen_one_by_one() -> None:
    one = lattice(waves(lambda k: np.sqrt(k**2 + 1), 3))
    other = lattice(waves(lambda k: np.sqrt(4 * k**2 + 0.5), 4))
    pairs = zip(one.records, other.records, strict=True)
    records = tuple(replace(a, u=np.concatenate([a.u, b.u], axis=-1)) for a, b in pairs)
    data = Lattice(("u", "w"), ("t", "x"), records, (True,))
    choice = choose_density(*halves(data))
    assert choice is not None
    assert {str(term) for term in choice.candidate.terms} == {
        "u_t**2/2", "u_x**2/2", "u**2", "w_t**2/2", "w_x**2/2", "w**2"
    }  # fmt: skip
    settled = settle_density(choice.candidate, data)
    assert sorted(settled.values) == pytest.approx([-4, -1, -0.5, -0.25], rel=1e-5)


def test_standard_errors_cover_the_truth() -> None:
    truth, scores = np.array([-1.0, 0.5, -0.25]), []
    runs = quartic(5, runs=2)
    law = candidate((U_T**2 / 2, 1.0), (U_X**2 / 2, -1.05), (U**2, 0.48), (U**4, -0.26))
    for seed in range(6):
        settled = settle_density(law, lattice(runs, noise=0.03, seed=seed))
        assert settled.refined is not None
        scores.append((settled.values - truth) / settled.refined.standard_errors)
    assert 0.5 < np.sqrt(np.mean(np.square(scores))) < 1.6


@pytest.mark.parametrize("every", [1, 3])
def test_errors_of_clean_data_cover_what_sums_are_no_integrals(every: int) -> None:
    """Fewer snapshots and a line cut out of the ring: what is left of integration by parts is no noise."""
    data = lattice(waves(lambda k: np.sqrt(1.44 * k**2 + 0.8), 1))
    records = tuple(
        replace(r, t=r.t[::every], axes=(r.axes[0][: 48 // every],), u=r.u[::every, : 48 // every])
        for r in data.records
    )
    cut = replace(data, records=records, periodic=(False,))
    law = candidate((U_T**2 / 2, 1.0), (U_X**2 / 2, -1.5), (U**2, -0.5))
    for fields, largest in ((data, 1e-7), (cut, 3e-2)):
        settled = settle_density(law, fields)
        assert settled.refined is not None
        deviations = np.abs(settled.values - [-1.44, -0.4]) / settled.refined.standard_errors
        assert deviations.max() < 3
        assert (settled.refined.standard_errors < largest).all()


def test_a_product_of_fields_without_influence_on_each_other_is_dropped() -> None:
    """With it one scale is left open, and with that all constants of one field are uncertain."""
    one, other = (waves(lambda k: np.sqrt(k**2 + 1), seed) for seed in (3, 4))
    records = tuple(
        replace(r, u=np.stack([a, b], axis=-1)) for r, a, b in zip(lattice(one).records, one, other, strict=True)
    )
    data = Lattice(("u", "w"), ("t", "x"), records, (True,))
    both = JetSpace(("u", "w"), ("t", "x"))
    (u, w), rates, slopes = both.positions, both.velocities, both.derivatives(1)
    law = candidate(
        (rates[0] ** 2 / 2, 1.0), (slopes[0] ** 2 / 2, -1.0), (u**2, -0.5), (u * w, 1e-9),
        (rates[1] ** 2 / 2, 1e-3), (slopes[1] ** 2 / 2, -1e-3), (w**2, -5e-4),
    )  # fmt: skip
    settled = settle_density(law, data)
    assert settled.dropped == (u * w,)
    found = sp.expand(settled.lagrangian.subs(dict(zip(settled.constants, settled.values, strict=True))))
    assert float(found.coeff(slopes[0] ** 2) / found.coeff(rates[0] ** 2)) == pytest.approx(-1, rel=1e-8)
    assert float(found.coeff(w**2) / found.coeff(rates[1] ** 2)) == pytest.approx(-1, rel=1e-8)


def test_a_term_that_is_not_there_is_dropped() -> None:
    law = candidate((U_T**2 / 2, 1.0), (U_X**2 / 2, -1.44), (U**2, -0.4), (U**3, 0.01))
    settled = settle_density(law, lattice(waves(lambda k: np.sqrt(1.44 * k**2 + 0.8), 1), noise=0.02))
    assert settled.dropped == (U**3,)


def test_units_of_length_only_change_the_constants() -> None:
    runs = waves(lambda k: np.sqrt(1.44 * k**2 + 0.8), 6)
    choices = [choose_density(*halves(lattice(runs, noise=0.01, scale=scale))) for scale in (1.0, 1e-3)]
    (a, b) = (choice.candidate for choice in choices if choice is not None)
    assert a.terms == b.terms
    gradient = a.terms.index(U_X**2 / 2)
    assert b.coefficients[gradient] / a.coefficients[gradient] == pytest.approx(1e-6, rel=1e-3)


def test_weak_form_vanishes_for_divergences_and_for_the_law() -> None:
    data = lattice(waves(lambda k: np.sqrt(1.44 * k**2 + 0.8), 1))
    divergence = sp.expand(total_derivative(U**2 * U_X, SPACE, 0) - total_derivative(U * U_T**2 * 0 + U**3, SPACE, 1))
    law = U_T**2 / 2 - 0.72 * U_X**2 - 0.4 * U**2
    library = DensityLibrary(SPACE, tuple(Term(term, 1.0) for term in (divergence, law, U_T**2 / 2)))
    sizes = [np.abs(column).max() for column in weak_density_columns(library, smooth_fields(data)[0])]
    assert sizes[0] < 1e-6 * sizes[2]
    assert sizes[1] < 1e-6 * sizes[2]


def test_weak_pieces_are_the_operator_integrated_by_parts() -> None:
    """Pieces back onto the density: sum of (-D)^J of the factors is the Euler–Lagrange expression."""
    for term in (U_X**4, U**2 * U_X**2, U_T**3 * U_X, U * U_XX**2, sp.cos(U) * U_T**2):
        total = sp.S.Zero
        for piece in weak_pieces(term, SPACE, 0):
            factor = piece.number * piece.factor
            for direction in piece.index:
                factor = -total_derivative(factor, SPACE, direction)
            total += factor
        assert sp.simplify(total - euler_lagrange(term, SPACE)[0]) == 0


def test_libraries_hold_no_divergence_and_no_dependent_term() -> None:
    library = build_density_library(SPACE, (), "free", order=2)
    assert U * U_T not in library.expressions
    generator = np.random.default_rng(7)
    orders = [(i, j) for i in range(5) for j in range(5 - i)]
    points = {(0,) * i + (1,) * j: generator.standard_normal((200, 1)) for i, j in orders}
    assert np.linalg.matrix_rank(library.operator_at(points)[:, :, 0]) == len(library)


def test_the_averages_of_test_functions_are_exact_for_polynomials() -> None:
    data = lattice(waves(lambda k: k, 0))
    tests = place_field_tests(differentiate(data))[0]
    constant = np.ones(data.records[0].u.shape[:-1])
    assert tests.integrate(constant) == pytest.approx(1.0)
    assert np.abs(tests.integrate(constant, (1, 1))).max() < 1e-6
    ramp = np.broadcast_to(T[:, None], constant.shape)
    assert tests.integrate(ramp, (0,)) == pytest.approx(-1.0, rel=1e-6)


def test_averages_over_few_sites_are_those_of_the_derivatives() -> None:
    """In a record of 23 snapshots a half width has five; derivatives of polynomials are exact all the same."""
    t = np.arange(23) * 0.05
    u = np.stack([t, t**2, t**3, 1 + 0 * t], -1)[:, None, :] + 0 * np.arange(64.0)[:, None]
    record = FieldRecord(t, (np.arange(64) * 10 / 64,), u + np.sin(np.arange(64) * 2 * np.pi / 64)[:, None])
    (tests,) = place_field_tests(differentiate(Lattice(("a", "b", "c", "d"), ("t", "x"), (record,), (True,))))
    assert round(tests.halves[0] / 0.05) == 5
    second = [tests.integrate(u[..., k], (0, 0)) for k in range(4)]
    middle = tests.integrate(u[..., 0])
    np.testing.assert_allclose(second[1], 2, rtol=1e-9)
    np.testing.assert_allclose(second[2], 6 * middle, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose([second[0], second[3]], 0, atol=1e-9)


def bad_data(kind: str, noise: float) -> Lattice:
    if kind == "uniform":
        return lattice([np.outer(a * np.cos(1.3 * T), np.ones(len(X))) for a in (0.5, 1.0, 2.0)], noise=noise)
    if kind == "one-way":
        both = 2 * np.pi / LENGTH
        return lattice(
            [np.cos(both * n * (X - 1.2 * T[:, None])) + np.sin(both * (X - 1.2 * T[:, None])) for n in (2, 3)]
        )
    centre = [X - 6 - s - 0.5 * T[:, None] for s in (0, 2)]
    data = lattice([4 * np.arctan(np.exp(z / np.sqrt(0.75))) for z in centre], noise=noise)
    return replace(data, periodic=(False,), angles=frozenset({"u"}))


@pytest.mark.parametrize("noise", [0.0, 0.005])
@pytest.mark.parametrize(
    ("kind", "words"), [("uniform", "does not change along x"), ("one-way", "1.2"), ("kink", "0.5")]
)
def test_data_that_leave_the_law_open_give_advice(kind: str, words: str, noise: float) -> None:
    (advice,) = density_advice(bad_data(kind, noise))
    assert advice.decisive
    assert words in advice.sentence


@pytest.mark.parametrize("kind", ["uniform", "one-way", "kink"])
def test_data_that_leave_the_law_open_are_no_failure(kind: str) -> None:
    """Terms that vanish everywhere, as those of u_x in a uniform field, are not chosen for it."""
    data = bad_data(kind, 0.0)
    chosen = choose_density(data, data)
    assert chosen is not None
    assert chosen.held_out_loss < 1e-4
    assert np.abs(chosen.candidate.coefficients).max() < 10


def test_a_network_is_not_asked_for_what_its_data_never_showed() -> None:
    """In a uniform field u_xx is rounding, to which a network gives any coefficient."""
    data = bad_data("uniform", 0.0)
    jets = differentiate(data).jets(samples=400)
    assert jets.ddu is not None
    mixed = replace(jets, ddu=np.random.default_rng(0).permuted(jets.ddu, axis=0))
    assert mixed.ddu is not None
    drawn = 1e-14 * np.random.default_rng(1).standard_normal(mixed.ddu[:, 1, 1].shape)
    mixed.ddu[:, 1, 1] = drawn
    target = -mixed.ddu[:, 0, 0] - 1.69 * mixed.u + 3e13 * drawn
    choice = choose_density(
        data, data, options=ChoiceOptions(evidence="network"), network=NetworkReading(points_of(mixed), target)
    )
    assert choice is not None
    found = dict(zip(choice.candidate.terms, choice.candidate.coefficients, strict=True))
    assert found == pytest.approx({U_T**2 / 2: 1, U**2: -0.845}, abs=0.1)


def test_a_standing_wave_leaves_mass_and_speed_open() -> None:
    wave = np.cos(2 * np.pi / LENGTH * 2 * X) * np.cos(1.1 * T[:, None])
    (advice,) = density_advice(lattice([wave, 0.4 * wave]))
    assert "standing wave" in advice.sentence


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_good_data_give_none(noise: float) -> None:
    assert density_advice(lattice(quartic(0), noise=noise)) == []
    assert density_advice(lattice(waves(lambda k: 2 * k, 0), noise=noise)) == []


def test_an_unknown_structure_is_refused() -> None:
    with pytest.raises(InputError, match="natural"):
        build_density_library(SPACE, (), "separable")
