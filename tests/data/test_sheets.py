"""Curves and surfaces of any shape that positions stay on; and none where they are free."""

import numpy as np
import pytest

from lagsym.data.constraints import find_constraints
from lagsym.data.free_coordinates import check_free, statement, suggestion
from lagsym.data.sheets import Sheet
from lagsym.data.trajectories import Segment, Trajectories
from lagsym.errors import DataError
from lagsym.simulation import draw_parameters, simulate
from lagsym.systems import get, particles

sin, cos = np.sin, np.cos


def torus(q):
    wide = 2 + cos(q[:, 1])
    return np.stack([wide * cos(q[:, 0]), wide * sin(q[:, 0]), sin(q[:, 1])], axis=1)


CASES = {
    "wire": ("mass_spring", lambda q: np.stack([q[:, 0], 0.4 * sin(4 * q[:, 0])], axis=1), ("x", "y")),
    "oval": (
        "pendulum",
        lambda q: (1 + 0.25 * cos(2 * q)) * np.stack([sin(q[:, 0]), -cos(q[:, 0])], axis=1) + [3.0, 1.0],
        ("x", "y"),
    ),
    "torus": ("double_pendulum", torus, ("x", "y", "z")),
    "eggs": (
        "henon_heiles",
        lambda q: np.column_stack([q, 0.1 * sin(6 * q[:, 0]) * cos(5 * q[:, 1])]),
        ("x", "y", "z"),
    ),
}


def tracked(case, *, trajectories=12, noise=0.0) -> Trajectories:
    """Positions on a sheet, with noise relative to the largest spread."""
    name, embed, names = CASES[case]
    motion, generator = simulate(get(name), trajectories=trajectories, seed=0), np.random.default_rng(0)
    q = [embed(segment.q) for segment in motion.segments]
    size = noise * np.concatenate(q).std(axis=0).max()
    return Trajectories(
        names,
        tuple(
            Segment(s.t, part + size * generator.standard_normal(part.shape), trajectory=s.trajectory)
            for s, part in zip(motion.segments, q, strict=True)
        ),
    )


@pytest.mark.parametrize("noise", [0.0, 0.003])
@pytest.mark.parametrize(
    ("case", "said", "options"),
    [
        ("wire", "(x, y) stay on a curve within", "--ignore y"),
        ("oval", "(x, y) stay on a curve within", "--define 'theta=atan2(x - 3, -(y - 0."),
        ("torus", "(x, y, z) stay on a surface within", "coordinates of your own on the surface in place of x, y, z"),
        ("eggs", "(x, y, z) stay on a surface within", "--ignore z"),
    ],
)
def test_a_sheet_of_any_shape_is_refused_with_what_to_do(case, said, options, noise):
    data = tracked(case, noise=noise)
    (bound,) = find_constraints(data)
    assert isinstance(bound.relation, Sheet)
    assert bound.certain
    assert statement(bound.relation, data.coordinates).startswith(said)
    assert suggestion([bound.relation], data).startswith(options)
    with pytest.raises(DataError, match="bound to each other"):
        check_free([bound], data)


def together(names, runs, noise=0.0) -> Trajectories:
    """Runs of the same times, each an array (samples, coordinates), with noise relative to the largest spread."""
    generator, t = np.random.default_rng(0), np.linspace(0, 20, 1000)
    size = noise * np.concatenate(runs).std(axis=0).max()
    parts = (q + size * generator.standard_normal(q.shape) for q in runs)
    return Trajectories(names, tuple(Segment(t, q, trajectory=str(k)) for k, q in enumerate(parts)))


@pytest.mark.parametrize("noise", [0.0, 0.002, 0.01])
def test_repetitions_of_a_few_orbits_are_free(noise):
    """Each lies on curves, but its place on one tells its velocity."""
    t = np.linspace(0, 20, 1000)[:, None]
    runs = [
        size * np.hstack([sin(t + phase), sin(2 * t + 2 * phase) + 0.3 * cos(3 * t + 3 * phase)])
        for size in (1.0, 1.6, 2.4)
        for phase in range(3)
    ]
    assert find_constraints(together(("x", "y"), runs, noise)) == ()


def test_throws_from_one_point_in_one_direction_are_free():
    """At several speeds in a cross wind they sweep out a surface, to which their velocities are tangent."""
    t = np.linspace(0, 2, 1000)[:, None]
    runs = [np.hstack([v * (1 - np.exp(-t)), 0.3 * t**2, v * t - 0.5 * t**2]) for v in np.linspace(1, 3, 8)]
    assert find_constraints(together(("x", "y", "z"), runs)) == ()


def wired(curve, names) -> Trajectories:
    """The mass on a spring, along a curve."""
    motion = simulate(get("mass_spring"), trajectories=12, seed=0)
    return Trajectories(names, tuple(Segment(s.t, curve(s.q), trajectory=s.trajectory) for s in motion.segments))


def test_an_oval_far_away_keeps_its_middle():
    data = tracked("oval")
    moved = data.with_segments(
        Segment(s.t, s.q + np.array([500120.4, -20.0]), trajectory=s.trajectory) for s in data.segments
    )
    (bound,) = find_constraints(moved)
    assert suggestion([bound.relation], moved) == "--define 'theta=atan2(x - 500123.4, -(y + 19.59))' --angles theta"


def test_a_spiral_has_no_angle_and_a_fold_no_single_value():
    spiral = wired(lambda q: (1 + 0.15 * q) * np.hstack([cos(3 * q), sin(3 * q)]), ("x", "y"))
    (bound,) = find_constraints(spiral)
    assert suggestion([bound.relation], spiral) == "the length along the curve in place of x, y"
    fold = wired(lambda q: np.hstack([np.sqrt(0.04 + q**2) + 0.15 * sin(3 * q), q]), ("x", "y"))
    (bound,) = find_constraints(fold)
    assert suggestion([bound.relation], fold) == "--ignore x"


FREE = [name for name, system in particles().items() if len(system.space.fields) in (2, 3)]


@pytest.mark.parametrize("name", FREE)
def test_free_motion_is_on_no_sheet(name):
    for noise in (0.0, 0.02):
        data = simulate(draw_parameters(get(name), 1), noise=noise, seed=1).positions_only()
        assert not [bound for bound in find_constraints(data) if isinstance(bound.relation, Sheet)]


def test_two_trajectories_tell_nothing():
    assert find_constraints(tracked("wire", trajectories=2)) == ()
