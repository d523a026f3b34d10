"""Factors of columns that come in chunks, against whole columns; the kinds of evidence against their definitions."""

import numpy as np
import pytest
import sympy as sp

from lagsym.data.jets import Jets
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.data.weak import place_test_functions
from lagsym.distillation.libraries.terms import Library, Term, independent, off_shell
from lagsym.distillation.selection import evidence as module
from lagsym.distillation.selection.evidence import (
    Factors,
    network_evidence,
    strong_evidence,
    weak_columns,
    weak_evidence,
)
from lagsym.distillation.selection.ratios import best_ratios
from lagsym.mechanics.jetspace import JetSpace


def motion(*, forces: bool = False) -> Trajectories:
    """Two uncoupled oscillators of frequencies 1 and 2, in two records."""
    segments = []
    for k, t in enumerate([np.arange(0, 12, 0.02), np.arange(3, 9, 0.02)]):
        q = np.stack([np.sin(t), (1 + k) * np.cos(2 * t)], axis=1)
        v = np.stack([np.cos(t), -2 * (1 + k) * np.sin(2 * t)], axis=1)
        pushed = 0.3 * q if forces else None
        segments.append(Segment(t, q, v, -q * np.array([1.0, 4.0]), str(k), pushed))
    return Trajectories(("x", "y"), tuple(segments))


def library() -> Library:
    space = JetSpace(("x", "y"))
    (x, y), (v, w) = space.positions, space.velocities
    terms = [v**2 / 2, w**2 / 2, x**2, y**2, x * y, v * w, x * w, x**2 * v**2, sp.cos(x) * w**2]
    return Library(space, tuple(Term(term, float(i)) for i, term in enumerate(terms)))


TRUE = np.array([1.0, 1.0, -0.5, -2.0, 0, 0, 0, 0, 0])


def test_chunks_give_the_sizes_of_whole_columns():
    columns = np.random.default_rng(0).standard_normal((6, 500, 2)) * np.logspace(0, -6, 6)[:, None, None]
    coefficients = np.random.default_rng(1).standard_normal(6) * np.logspace(0, 6, 6)
    expected = np.mean(np.tensordot(coefficients, columns, 1) ** 2, axis=0)
    for size in (3, 70, 500):
        chunks = (columns[:, start : start + size] for start in range(0, 500, size))
        factors = Factors.of(chunks, least=20)
        assert factors.triangles.shape == (2, 6, 6)
        np.testing.assert_allclose(factors.mean_squares(coefficients), expected, rtol=1e-10)


@pytest.mark.parametrize("forces", [False, True])
def test_small_chunks_of_samples_change_nothing(forces, monkeypatch):
    data, terms = motion(forces=forces), library()
    whole = [weak_evidence(terms, data), strong_evidence(terms, data)]
    monkeypatch.setattr(module, "CHUNK", 1)
    streamed = [weak_evidence(terms, data), strong_evidence(terms, data)]
    assert len(list(weak_columns(terms, data.jets(), place_test_functions(data)))) > 10
    for one, other in zip(whole, streamed, strict=True):
        for factors, same in ((one.vanishing, other.vanishing), (one.standard, other.standard)):
            grams, again = (part.triangles.transpose(0, 2, 1) @ part.triangles for part in (factors, same))
            np.testing.assert_allclose(grams, again, atol=1e-11 * np.abs(grams).max())
        found, same = (best_ratios(e.vanishing, e.standard, np.ones(9 + forces)) for e in (one, other))
        assert {k: r[0].support for k, r in found.items() if k < 5} == {
            k: r[0].support for k, r in same.items() if k < 5
        }


def test_weak_and_strong_losses_are_those_of_the_definition():
    data, terms = motion(), library()
    jets = data.jets()
    wrong = TRUE + np.array([0, 0, 0.1, 0, 0, 0, 0, 0, 0])
    shuffled = off_shell(jets)
    # E = -dV/dq - a, with a wrong spring in x alone.
    size = np.mean((-0.8 * shuffled.q[:, 0] - shuffled.a[:, 0]) ** 2)
    assert strong_evidence(terms, data).loss(wrong) == pytest.approx(np.mean((0.2 * jets.q[:, 0]) ** 2) / size)
    average = place_test_functions(data).integrate(0.2 * jets.q, 0 * jets.q)[:, 0]
    assert weak_evidence(terms, data).loss(wrong) == pytest.approx(np.mean(average**2) / size, rel=1e-6)
    assert weak_evidence(terms, data).loss(TRUE) < 1e-15


def test_forces_are_a_column_of_coefficient_one():
    evidence = weak_evidence(library(), motion(forces=True))
    # a = -x - with the force 0.3 x measured, the springs are stiffer by 0.3.
    assert evidence.fixed
    assert evidence.loss(TRUE - np.array([0, 0, 0.15, 0.15, 0, 0, 0, 0, 0])) < 1e-15
    assert evidence.loss(TRUE) > 1e-3


def test_network_evidence_measures_the_target():
    data, terms = motion(), library()
    jets = off_shell(data.jets())
    target = np.tensordot(TRUE, terms.operator(jets), 1)
    evidence = network_evidence(terms, jets, target)
    assert evidence.loss(TRUE) < 1e-25
    assert evidence.loss(1.1 * TRUE) == pytest.approx(0.01)


def test_more_terms_than_equations_at_few_samples_are_all_tested():
    """Every independent monomial has to stay: as many samples are drawn as there are terms."""
    space = JetSpace(("x",))
    (x,), (v,) = space.positions, space.velocities
    generator = np.random.default_rng(0)
    q, v_, a = generator.uniform(-1, 1, (3, 4000, 1))
    waves = [wave(k * x) for k in range(1, 43) for wave in (sp.cos, sp.sin)]
    terms = [wave * v**power for wave in waves for power in range(2, 7)]
    terms.append(2 * terms[7] + terms[11])
    data = Jets.of_particle(np.zeros(4000), 3 * q, v_, a)
    kept = independent(Library(space, tuple(Term(term, 1.0) for term in terms)), data)
    assert len(kept) == 420
    assert terms[-1] not in kept.expressions


def test_what_friction_explains_is_taken_out():
    """Damped oscillators: the law without friction leaves friction's share, and nothing beside it."""
    t = np.arange(0, 12, 0.02)
    rate = 0.1
    segments = []
    for k in range(2):
        rates = np.array([complex(-rate, np.sqrt(1 - rate**2)), complex(-rate, np.sqrt(4 - rate**2))])
        z = np.exp(t[:, None] * rates) * np.array([1.0, 1j + k])
        segments.append(Segment(t, z.real, (z * rates).real, (z * rates**2).real, str(k)))
    data = Trajectories(("x", "y"), tuple(segments))
    (v, w) = JetSpace(("x", "y")).velocities
    friction = (v**2 / 2, w**2 / 2, (v - w) ** 2 / 2)
    jets = data.jets()
    share = np.mean((2 * rate * jets.v) ** 2, axis=0).max()
    for kind in (weak_evidence, strong_evidence):
        assert kind(library(), data, friction=friction).loss(TRUE) < 1e-12
        assert kind(library(), data).loss(TRUE) > 1e-3 * share
        wrong = TRUE.copy()
        wrong[2] *= 1.1
        assert kind(library(), data, friction=friction).loss(wrong) > 1e-4
