"""Coordinates that are bound: found, put in words and replaced; and nothing found where they are free."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from lagsym.data.constraints import find_constraints
from lagsym.data.free_coordinates import check_free, statement, suggestion
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.errors import DataError
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import catalogue, get

sin, cos = np.sin, np.cos


def swing(q):
    return np.stack([sin(q[:, 0]), -cos(q[:, 0])], axis=1)


def chain(q):
    x, y = sin(q[:, 0]), -cos(q[:, 0])
    return np.stack([x, y, x + 0.8 * sin(q[:, 1]), y - 0.8 * cos(q[:, 1])], axis=1)


def ball(q):
    return np.stack([sin(q[:, 0]) * cos(q[:, 1]), sin(q[:, 0]) * sin(q[:, 1]), -cos(q[:, 0])], axis=1)


CASES = {
    "circle": ("pendulum", swing, ("x", "y")),
    "shifted circle": ("pendulum", lambda q: [0.1, -0.2] + 0.7 * swing(q), ("x", "y")),
    "chain": ("double_pendulum", chain, ("x1", "y1", "x2", "y2")),
    "sphere": ("spherical_pendulum", ball, ("x", "y", "z")),
    "stick": ("mass_spring", lambda q: np.stack([q[:, 0], q[:, 0] + 1.25], axis=1), ("x1", "x2")),
    "wire": ("mass_spring", lambda q: np.stack([q[:, 0], q[:, 0] ** 2], axis=1), ("x", "y")),
    "plane": ("henon_heiles", lambda q: np.column_stack([q, q @ [0.5, -2.0] + 0.25]), ("x", "y", "z")),
    "ellipse": ("pendulum", lambda q: [0.1, -0.2] + swing(q) * [0.6, 1.0], ("x", "y")),
    "oblique circle": ("pendulum", lambda q: swing(q) @ [[0.8, 0.1], [0.3, 1.1]], ("x", "y")),
    "bowl": ("henon_heiles", lambda q: np.column_stack([q, q**2 @ [1.0, 0.5]]), ("x", "y", "z")),
    "constant": ("henon_heiles", lambda q: np.column_stack([q, np.full(len(q), 0.25)]), ("x", "y", "z")),
}


def tracked(case: str, *, trajectories=5, noise=0.0, velocities=True) -> Trajectories:
    """A system's motion as a camera sees it, with noise relative to the largest spread."""
    name, embed, names = CASES[case]
    motion = simulate(get(name), trajectories=trajectories, span=6.0, seed=0)
    generator = np.random.default_rng(0)
    q = [embed(segment.q) for segment in motion.segments]
    v = [np.gradient(part, s.t, axis=0, edge_order=2) for part, s in zip(q, motion.segments, strict=True)]
    sizes = [noise * np.concatenate(part).std(axis=0).max() for part in (q, v)]
    q, v = (
        [part + size * generator.standard_normal(part.shape) for part in parts]
        for parts, size in zip((q, v), sizes, strict=True)
    )
    segments = (
        Segment(s.t, a, b if velocities else None, trajectory=s.trajectory)
        for s, a, b in zip(motion.segments, q, v, strict=True)
    )
    return Trajectories(names, tuple(segments))


def of(t, *columns, names=("x", "y")) -> Trajectories:
    """Trajectories of the same times, each an array (samples, coordinates)."""
    return Trajectories(names, tuple(Segment(t, q, trajectory=str(k)) for k, q in enumerate(columns)))


EXACT = {
    "circle": (
        ["x**2 + y**2 = 1 within 0.0001 %: a circle about (0, 0)"],
        "--define 'theta=atan2(x, -y)' --angles theta",
    ),
    "shifted circle": (
        ["(x - 0.1)**2 + (y + 0.2)**2 = 0.49 within 0.0001 %: a circle about (0.1, -0.2)"],
        "--define 'theta=atan2(x - 0.1, -(y + 0.2))' --angles theta",
    ),
    "chain": (
        [
            "x1**2 + y1**2 = 1 within 0.0001 %: a circle about (0, 0)",
            "(x2 - x1)**2 + (y2 - y1)**2 = 0.64 within 0.0001 %: a rod between (x1, y1) and (x2, y2)",
        ],
        "--define 'theta1=atan2(x1, -y1)' --define 'theta2=atan2(x2 - x1, -(y2 - y1))' --angles theta1,theta2",
    ),
    "sphere": (
        ["x**2 + y**2 + z**2 = 1 within 0.0001 %: a sphere about (0, 0, 0)"],
        "--define 'theta=atan2(sqrt(x**2 + y**2), -z)' --define 'phi=atan2(y, x)' --angles theta,phi",
    ),
    "stick": (["x2 = x1 + 1.25 within 0.0001 %"], "--ignore x2,x2_dot"),
    "wire": (["y = x**2 within 0.0001 %"], "--ignore y,y_dot"),
    "ellipse": (
        ["(1.66667*x - 0.166667)**2 + (y + 0.2)**2 = 1 within 0.0001 %: an ellipse about (0.1, -0.2)"],
        "--define 'theta=atan2(1.66667*x - 0.166667, -(y + 0.2))' --angles theta",
    ),
    "oblique circle": (
        ["(1.29945*x - 0.436702*y)**2 + (0.905358*y)**2 = 1 within 0.0001 %: an ellipse about (0, 0)"],
        "--define 'theta=atan2(1.29945*x - 0.436702*y, -(0.905358*y))' --angles theta",
    ),
    "bowl": (["z = x**2 + 0.5*y**2 within 0.0001 %"], "--ignore z,z_dot"),
    "plane": (["z = 0.5*x - 2*y + 0.25 within 0.0001 %"], "--ignore z,z_dot"),
}


@pytest.mark.parametrize("case", EXACT)
def test_exact_constraints_are_said_in_words_with_what_to_do(case):
    data = tracked(case)
    found = find_constraints(data)
    sentences, options = EXACT[case]
    assert [statement(bound.relation, data.coordinates) for bound in found] == sentences
    assert all(bound.certain for bound in found)
    assert suggestion([bound.relation for bound in found], data) == options
    with pytest.raises(DataError, match="run again with") as caught:
        check_free(found, data)
    assert all(sentence in str(caught.value) for sentence in sentences)
    assert options in str(caught.value)


def test_with_units_those_of_what_is_left_are_said():
    data = replace(tracked("circle"), units={"t": "s", "x": "m", "y": "m"})
    found = find_constraints(data)
    options = "--define 'theta=atan2(x, -y)' --angles theta --units t=s,theta=rad"
    assert suggestion([bound.relation for bound in found], data) == options


@pytest.mark.parametrize("velocities", [pytest.param(True, marks=pytest.mark.slow), False])
@pytest.mark.parametrize("case", EXACT)
def test_noise_hides_no_constraint(case, velocities):
    """With 1 % of noise g(q) = 0 still holds at the true positions, to a fraction of the noise."""
    found = find_constraints(tracked(case, noise=0.01, velocities=velocities))
    assert [bound.relation.kind for bound in found] == [b.relation.kind for b in find_constraints(tracked(case))]
    assert all(bound.certain for bound in found)
    exact = tracked(case)
    q = np.concatenate([segment.q for segment in exact.segments])
    symbols = sp.symbols(exact.coordinates, real=True)
    for bound in found:
        values = sp.lambdify(symbols, bound.relation.expression, "numpy")(*q.T)
        assert np.sqrt(np.mean(values**2)) < 0.01 * q.std(axis=0).max()


def test_units_and_origin_do_not_matter():
    """The same circle in millimetres, far from the origin."""
    data = tracked("circle", noise=0.003)
    moved = data.with_segments(Segment(s.t, 1000 * s.q + [3000, -500], trajectory=s.trajectory) for s in data.segments)
    (bound,) = find_constraints(moved)
    assert bound.certain
    assert bound.relation.size == pytest.approx(1000, rel=2e-3)
    symbols = sp.symbols("x y", real=True)
    assert [float(part.subs(dict.fromkeys(symbols, 0))) for part in bound.relation.vector] == pytest.approx(
        [-3000, 500], abs=1
    )


def test_a_rod_between_points_that_are_free_keeps_the_first_point():
    generator, t = np.random.default_rng(0), np.arange(0, 6, 0.02)
    motions = []
    for _ in range(4):
        (a, b), (u, v), (start, rate) = generator.uniform(-1, 1, (3, 2))
        x, y, turn = a + u * t + 0.3 * t**2, b + v * t - 0.2 * t**2, start + 3 * rate * t
        motions.append(np.stack([x, y, x + 2 * sin(turn), y - 2 * cos(turn)], axis=1))
    data = of(t, *motions, names=("x1", "y1", "x2", "y2"))
    (bound,) = find_constraints(data)
    assert statement(bound.relation, data.coordinates).endswith("a rod between (x1, y1) and (x2, y2)")
    wanted = "--define 'theta=atan2(x2 - x1, -(y2 - y1))' --angles theta --coordinates x1,y1,theta"
    assert suggestion([bound.relation], data) == wanted


def test_a_coordinate_that_never_moves_is_no_error():
    data = tracked("constant", noise=0.01)
    (bound,) = find_constraints(data)
    assert (bound.relation.kind, bound.certain) == ("constant", False)
    assert check_free([bound], data) == [bound]
    assert suggestion([bound.relation], data) == "--ignore z,z_dot"


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_uniform_circular_motion_may_be_an_orbit(noise):
    generator, t = np.random.default_rng(0), np.arange(0, 12, 0.02)
    orbits = [
        np.stack([cos(t + k), sin(t + k)], axis=1) + noise * generator.standard_normal((len(t), 2)) for k in (0, 1)
    ]
    (bound,) = find_constraints(of(t, *orbits))
    assert (bound.relation.kind, bound.certain) == ("round", False)
    polar = [np.column_stack([np.hypot(*q.T), np.unwrap(np.arctan2(*q.T[::-1]))]) for q in orbits]
    (bound,) = find_constraints(of(t, *polar, names=("r", "phi")))
    assert (bound.relation.kind, bound.certain) == ("constant", False)


def test_circular_orbits_of_different_radii_are_free():
    t = np.arange(0, 12, 0.02)
    orbits = [r * np.stack([cos(t / r**1.5), sin(t / r**1.5)], axis=1) for r in (1.0, 1.3, 1.6)]
    assert find_constraints(of(t, *orbits)) == ()


def test_one_orbit_is_a_curve_but_not_certain_to_be_a_constraint():
    """Two equal masses on springs, started alike, keep their distance; another energy makes it certain."""
    t = np.arange(0, 12, 0.02)
    alike = [np.stack([size * cos(t), size * cos(t) + 2], axis=1) for size in (1.0, 0.6)]
    (once,), (twice,) = find_constraints(of(t, alike[0])), find_constraints(of(t, *alike))
    assert not once.certain
    assert twice.certain


def test_one_planet_runs_on_an_ellipse_and_two_are_free():
    starts = np.array([[1.0, 0.0], [0.8, 0.3]]), np.array([[0.0, 0.8], [-0.5, 0.9]])
    one, two = (
        simulate(get("kepler_cartesian"), initial=(starts[0][:count], starts[1][:count]), span=12.0).positions_only()
        for count in (1, 2)
    )
    (bound,) = find_constraints(one)
    assert bound.relation.kind == "ellipse"
    assert not bound.certain
    assert find_constraints(two) == ()


@pytest.mark.parametrize(
    "name", ["kepler", "kepler_cartesian", "henon_heiles", "double_pendulum", "coupled_oscillators"]
)
def test_free_coordinates_are_left_alone(name):
    for noise in (0.0, 0.01):
        assert find_constraints(simulate(draw_parameters(get(name), 0), trajectories=5, noise=noise, span=6.0)) == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, system in catalogue().items() if len(system.space.base) == 1])
def test_no_false_alarm_over_the_catalogue(name):
    for seed in (0, 1):
        system = draw_parameters(get(name), seed)
        for noise in (0.0, 0.01):
            assert find_constraints(simulate(system, seed=seed, trajectories=6, noise=noise)) == ()


def test_what_does_not_move_at_all_is_refused():
    data = of(np.arange(0, 1, 0.01), np.full((100, 2), 0.3))
    with pytest.raises(DataError, match="nothing moves: x, y"):
        check_free(find_constraints(data), data)
