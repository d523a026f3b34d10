"""Bring your own network: the formula in a module is found, and what is not in it is not claimed."""

import numpy as np
import pytest
import sympy as sp
import torch
from torch import nn

import lagsym
from lagsym.discovery.asking import FEWEST_SAMPLES
from lagsym.distillation.reading.faithfulness import QUANTILES
from lagsym.errors import DataError, InputError
from lagsym.law.file import from_json, to_json
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.system import System

SPARSE = lagsym.DistillationOptions(lagsym.ChoiceOptions(engine="sparse"))
NATURAL = lagsym.DistillationOptions(lagsym.ChoiceOptions(engine="sparse", structure="natural"))
NAMES = ("theta1", "theta2")


def draw(n: int, position: float, velocity: float, count: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.uniform(-position, position, (count, n)), generator.uniform(-velocity, velocity, (count, n))


class DoublePendulum(nn.Module):
    """0.7 times the Lagrangian of a double pendulum, with a total derivative and a small network added."""

    def __init__(self, error: float = 0.0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.error = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
        with torch.no_grad():
            self.error[-1].weight *= error

    def forward(self, q, v):
        (a, b), (u, w) = q.T, v.T
        value = u**2 + w**2 / 2 + u * w * torch.cos(a - b) + 19.6 * torch.cos(a) + 9.8 * torch.cos(b)
        total_derivative = u * torch.cos(a) + u * b + w * a
        features = torch.cat([torch.sin(q), torch.cos(q), v / 4], -1)
        return 0.7 * value + total_derivative + self.error(features).squeeze(-1)


class Motion(nn.Module):
    """The accelerations of a Lagrangian network, which say nothing about where they come from."""

    def __init__(self, lagrangian: nn.Module) -> None:
        super().__init__()
        self.lagrangian = lagrangian

    def forward(self, q, v):
        def gradient(q, v):
            return torch.func.grad(lambda x, y: self.lagrangian(x[None], y[None]).sum(), argnums=(0, 1))(q, v)

        def acceleration(q, v):
            slopes, mass = torch.func.jacrev(lambda x, y: gradient(x, y)[1], argnums=(0, 1))(q, v)
            return torch.linalg.solve(mass, gradient(q, v)[0] - slopes @ v)

        return torch.func.vmap(acceleration)(q, v)


def reference() -> System:
    system = lagsym.systems.get("double_pendulum")
    return system.with_parameters({"m1": 1.0, "m2": 1.0, "l1": 1.0, "l2": 1.0, "g": 9.8})


@pytest.mark.parametrize("module", [DoublePendulum(), Motion(DoublePendulum())], ids=["lagrangian", "acceleration"])
def test_the_law_in_a_network_is_found_without_data(module):
    found = lagsym.distill(module, draw(2, 2.0, 4.0), coordinates=NAMES, angles=NAMES, options=SPARSE)
    law = found.law
    assert law.status == "recovered"
    assert lagsym.verify_law(law, reference()).kind == "gauge-equivalent"
    assert all(constant.standard_error is None for constant in law.constants)
    assert law.covariance == ()
    assert any("No data were seen" in notice for notice in law.notices)
    assert set(law.evidence.values()) == {("network",)}
    assert from_json(to_json(law)) == law
    assert law.scores["fidelity_r2"] > 1 - 1e-9
    assert ("fidelity_operator_r2" in law.scores) == (found.kind == "lagrangian")
    assert found.front
    assert found.existence is None


def test_a_network_s_error_shows_in_the_faithfulness_and_not_in_the_terms():
    exact, wrong = (
        lagsym.distill(DoublePendulum(error), draw(2, 2.0, 4.0), coordinates=NAMES, angles=NAMES, options=NATURAL)
        for error in (0.0, 1.0)
    )

    def terms(found):
        return {term.as_coeff_Mul()[1] for term in sp.Add.make_args(sp.expand(found.law.numeric_lagrangian))}

    assert terms(wrong) == terms(exact)
    assert wrong.law.status == "recovered"
    assert wrong.faithfulness is not None
    quantiles = wrong.faithfulness.quantiles
    assert 1e-4 < quantiles["median"] < quantiles["p90"] < quantiles["p99"] < quantiles["largest"]
    assert set(quantiles) == set(QUANTILES)
    assert exact.faithfulness is not None
    assert exact.faithfulness.quantiles["largest"] < 1e-9


def test_the_map_shows_where_the_formula_is_wrong():
    """A wall at x > 1 that no formula of the library has: the error is there, and the two inputs' map shows it."""

    class Wall(nn.Module):
        def forward(self, state):
            (x, y), (u, w) = state[:, :2].T, state[:, 2:].T
            wall = nn.functional.softplus(20 * (x - 1)) / 20
            return (u**2 + w**2 - x**2 - 2 * y**2) / 2 - 0.5 * wall**2

    found = lagsym.distill(Wall(), draw(2, 1.5, 1.0), coordinates=("x", "y"), options=NATURAL)
    assert found.faithfulness is not None
    effects, shown = found.faithfulness.effects, found.faithfulness.map
    assert max(effects, key=lambda name: effects[name]) == "x"
    assert "x" in shown.inputs
    assert shown.count.sum() == 600
    along = np.nanmedian(shown.median, axis=1 - shown.inputs.index("x"))
    assert along[-1] > 3 * np.median(along)


class NoLagrangian(nn.Module):
    """x'' = x² + y², y'' = x has no multiplier (Douglas 1941)."""

    def forward(self, q, v):
        return torch.stack([q[:, 0] ** 2 + q[:, 1] ** 2, q[:, 0]], -1)


@pytest.mark.slow
def test_accelerations_without_a_lagrangian_are_refused():
    found = lagsym.distill(NoLagrangian(), draw(2, 0.6, 0.6), coordinates=("x", "y"), options=SPARSE)
    assert found.law.status == "not_lagrangian"
    assert found.law.lagrangian is None
    assert found.faithfulness is None
    assert found.existence is not None
    assert found.existence.answer == "impossible"
    assert "Helmholtz" in " ".join(found.law.notices)
    assert from_json(to_json(found.law)) == found.law


def test_a_speed_limit_is_an_inner_constant():
    class Relativistic(nn.Module):
        def forward(self, q, v):
            return -torch.sqrt(1 - 0.8 * v[:, 0] ** 2) - 0.3 * q[:, 0] ** 2

    found = lagsym.distill(Relativistic(), draw(1, 2.0, 0.8), coordinates=("x",), options=SPARSE)
    (x,), (v,) = JetSpace(("x",)).positions, JetSpace(("x",)).velocities
    lagrangian = found.law.numeric_lagrangian
    assert lagrangian is not None
    assert found.law.structure == "separable"
    assert {c.name for c in found.law.constants} == {"c1", "c2"}
    exact = -sp.sqrt(1 - 0.8 * v**2) - 0.3 * x**2
    assert lagsym.verify_law(found.law, System("fast", JetSpace(("x",)), exact)).kind in {
        "identical",
        "gauge-equivalent",
    }


def test_trajectories_bring_their_own_names():
    system = lagsym.systems.get("pendulum")
    motion = lagsym.simulate(system, trajectories=4, span=4.0)

    class Pendulum(nn.Module):
        def forward(self, q, v):
            return v[:, 0] ** 2 / 2 + 3 * torch.cos(q[:, 0])

    found = lagsym.distill(Pendulum(), motion, options=SPARSE)
    assert found.law.coordinates == motion.coordinates
    assert found.law.angles == motion.coordinates
    assert found.law.constants[0].value == pytest.approx(3.0, rel=1e-9)
    with pytest.raises(InputError, match="leave coordinates and angles out"):
        lagsym.distill(Pendulum(), motion, coordinates=("x",))


def test_a_known_part_sets_the_scale_and_the_same_seed_gives_the_same_law():
    (x,), (v,) = JetSpace(("x",)).positions, JetSpace(("x",)).velocities

    class Spring(nn.Module):
        def forward(self, q, v):
            return (v[:, 0] ** 2 - 3 * q[:, 0] ** 2) / 2

    choice = lagsym.ChoiceOptions(engine="sparse", structure="natural", known=sp.Float(2.5) * v**2 / 2)
    options = lagsym.DistillationOptions(choice, seed=3)
    first, second = (
        lagsym.distill(Spring(), draw(1, 1.0, 1.0), coordinates=("x",), options=options).law for _ in range(2)
    )
    assert first.scale == "fixed"
    assert first.numeric_lagrangian == second.numeric_lagrangian
    assert first.numeric_lagrangian is not None
    assert float(first.numeric_lagrangian.coeff(x**2)) == pytest.approx(-3.75, rel=1e-9)


def test_states_without_an_answer_are_left_out_and_counted():
    class Hole(nn.Module):
        def forward(self, q, v):
            value = (v[:, 0] ** 2 - q[:, 0] ** 2) / 2
            return torch.where(q[:, 0] > 0.9, torch.nan, 1.0) * value

    q, v = draw(1, 1.0, 1.0)
    law = lagsym.distill(Hole(), (q, v), coordinates=("x",), options=SPARSE).law
    assert law.status == "recovered"
    assert any(f"At {np.sum(q > 0.9)} of 1500 states" in notice for notice in law.notices)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Linear(2, 9), nn.ReLU(), nn.Linear(9, 1)), "ReLU"),
        (nn.Sequential(nn.Linear(2, 9), nn.Tanh(), nn.Linear(9, 3)), r"got \(7, 3\)"),
        (
            nn.Sequential(nn.Linear(2, 1), nn.LogSigmoid(), nn.Linear(1, 1, bias=False), nn.Threshold(1e9, np.nan)),
            "finite",
        ),
    ],
    ids=["relu", "shape", "nan"],
)
def test_modules_that_cannot_be_used_are_refused(module, words):
    options = lagsym.DistillationOptions(kind="lagrangian")
    with pytest.raises(InputError, match=words):
        lagsym.distill(module, draw(1, 1.0, 1.0), options=options)


@pytest.mark.parametrize(
    ("samples", "arguments", "error", "words"),
    [
        ((np.zeros((200, 2)), np.zeros((200, 3))), {}, InputError, "pair of arrays"),
        (np.zeros((200, 4)), {}, InputError, "pair of arrays"),
        ((np.zeros((9, 2)), np.zeros((9, 2))), {}, DataError, f"at least {FEWEST_SAMPLES}"),
        ((np.full((200, 2), np.nan), np.zeros((200, 2))), {}, DataError, "not a finite number"),
        ((np.zeros((200, 2)), np.zeros((200, 2))), {"coordinates": ("x",)}, InputError, "2 different coordinates"),
        ((np.zeros((200, 2)), np.zeros((200, 2))), {"angles": ("z",)}, InputError, "angles among the coordinates"),
    ],
)
def test_samples_that_cannot_be_used_are_refused(samples, arguments, error, words):
    with pytest.raises(error, match=words):
        lagsym.distill(DoublePendulum(), samples, **arguments)


def test_options_are_checked():
    for wrong in (
        {"kind": "energy"},
        {"budget": 0.0},
        {"tolerance": 1.0},
        {"choice": lagsym.ChoiceOptions(evidence="data")},
        {"choice": lagsym.ChoiceOptions(structure="evolution")},
    ):
        with pytest.raises(InputError, match=r"expected|network"):
            lagsym.DistillationOptions(**wrong)


def test_the_report_has_the_map_and_says_that_no_data_were_seen(tmp_path):
    found = lagsym.distill(DoublePendulum(1.0), draw(2, 2.0, 4.0), coordinates=NAMES, angles=NAMES, options=NATURAL)
    page = lagsym.write_report(found.law, None, tmp_path / "out", error_map=found.error_map)
    text = page.read_text(encoding="utf-8")
    assert "no data were seen" in text
    assert 'aria-label="Where the formula differs' in text
    assert "Friction was not looked for" in text
    assert (tmp_path / "out" / "error_map.png").exists()
    assert lagsym.read_law(tmp_path / "out") == found.law
