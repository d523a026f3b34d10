"""Symmetries hold for any weights: tested by transforming what goes in, and by what is left to tell states apart."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from lagsym.data.jets import Jets
from lagsym.errors import InputError
from lagsym.neural import STRUCTURES, FitOptions, Scaling, fit, load_fit, save_fit
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.sweeps import residuals_and_jacobian
from lagsym.neural.symmetry import Symmetry

DOUBLE = torch.float64
FOUR = ((0, 1), (2, 3), (4, 5), (6, 7))
PLANE = FOUR[:3]
BODIES = Symmetry(rotation=PLANE, translation=((0, 2, 4), (1, 3, 5)), like=(PLANE,))


@dataclass(frozen=True)
class Case:
    """A symmetry with a map q -> turn q + shift, v -> sign turn v that it stands for, and how many numbers it leaves.

    `invariants` counts positions and velocities less the dimension of the group, which acts freely on most states.
    """

    symmetry: Symmetry
    coordinates: int
    invariants: int
    turn: np.ndarray | None = None
    shift: tuple[float, ...] = ()
    sign: int = 1
    angles: tuple[int, ...] = ()


def turned(*angles, mirror=False):
    """Rotations in so many planes; a mirror image before where it is asked for."""
    blocks = [np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) for a in angles]
    if mirror:
        blocks = [block @ np.diag([1.0, -1.0]) for block in blocks]
    return np.asarray(torch.block_diag(*map(torch.tensor, blocks)))


def space(vectors):
    matrix, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))
    return np.kron(np.eye(vectors), matrix)


def exchange(*order):
    return np.eye(len(order))[list(order)]


CASES = {
    "even": Case(Symmetry(even=True), 3, 6, sign=-1),
    "even with an angle": Case(Symmetry(even=True), 2, 4, sign=-1, angles=(1,)),
    "translation of lengths": Case(Symmetry(translation=((0, 2),)), 3, 5, shift=(0.7, 0.0, 0.7)),
    "translation of one": Case(Symmetry(translation=((1,),)), 3, 5, shift=(0.0, 0.7, 0.0)),
    "translation of angles": Case(Symmetry(translation=((0, 2),)), 3, 5, shift=(0.7, 0.0, 0.7), angles=(0, 2)),
    "translation of one angle": Case(Symmetry(translation=((1,),)), 2, 3, shift=(0.0, 0.7), angles=(1,)),
    "rotation of one vector": Case(Symmetry(rotation=((0, 1),)), 2, 3, turned(0.7)),
    "mirror image": Case(Symmetry(rotation=((0, 1), (2, 3))), 4, 7, turned(0.7, 0.7, mirror=True)),
    "rotation without reflection": Case(Symmetry(rotation=((0, 1), (2, 3)), reflection=False), 4, 7, turned(0.7, 0.7)),
    "rotation beside a length": Case(
        Symmetry(rotation=((0, 2),)),
        3,
        5,
        exchange(0, 2, 1)
        @ np.asarray(torch.block_diag(torch.tensor(turned(0.7)), torch.ones(1, 1, dtype=DOUBLE)))
        @ exchange(0, 2, 1),
    ),
    "rotation in space": Case(Symmetry(rotation=((0, 1, 2),)), 3, 3, space(1)),
    "rotation of two in space": Case(Symmetry(rotation=((0, 1, 2), (3, 4, 5)), even=True), 6, 9, space(2)),
    "two bodies in space": Case(
        Symmetry(rotation=((0, 1, 2), (3, 4, 5)), translation=((0, 3), (1, 4), (2, 5))), 6, 6, space(2), (1, 2, 3) * 2
    ),
    "three bodies turned": Case(BODIES, 6, 9, turned(0.7, 0.7, 0.7), (0.3, -0.4) * 3),
    "three bodies exchanged": Case(BODIES, 6, 9, exchange(4, 5, 0, 1, 2, 3)),
    "three coordinates": Case(Symmetry(like=((0, 1, 2),)), 4, 8, exchange(1, 0, 2, 3)),
    "three angles": Case(Symmetry(like=((0, 1, 2),)), 3, 6, exchange(1, 2, 0), angles=(0, 1, 2)),
    "four coordinates in pairs": Case(Symmetry(like=((0, 1, 2, 3),)), 5, 10, exchange(1, 3, 0, 2, 4)),
    "four bodies in pairs": Case(
        Symmetry(like=(FOUR,), rotation=FOUR, translation=((0, 2, 4, 6), (1, 3, 5, 7))),
        8,
        13,
        exchange(4, 5, 0, 1, 6, 7, 2, 3) @ turned(*[0.7] * 4),
        (0.3, -0.4) * 4,
    ),
    "ring": Case(Symmetry(ring=((0, 1, 2, 3),), even=True), 4, 8, exchange(1, 2, 3, 0), sign=-1),
    "ring that moves": Case(Symmetry(ring=((0, 1, 2),), translation=((0, 1, 2),)), 3, 5, exchange(1, 2, 0), (0.4,) * 3),
}


def units(case, *, time=True):
    """Uneven units, as far as the symmetry allows, with time and a parameter."""
    plain = Scaling.unit(
        case.coordinates, case.angles, explicit_time=time, parameters=1, symmetry=case.symmetry, harmonics=2
    )
    generator = np.random.default_rng(4)
    velocity = generator.uniform(0.5, 2, case.coordinates)
    for group in case.symmetry.shared:
        velocity[list(group)] = velocity[group[0]]
    return replace(
        plain,
        center=tuple(generator.normal(size=len(plain.center))),
        spread=tuple(generator.uniform(0.5, 2, len(plain.spread))),
        velocity=tuple(velocity),
        time=0.6,
        invariants=tuple((float(x), 1.5) for x in generator.normal(size=len(plain.invariants))),
    )


def draw(case, samples=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    q, v = torch.randn(2, samples, case.coordinates, generator=generator, dtype=DOUBLE)
    t, p = torch.rand(2, samples, generator=generator, dtype=DOUBLE)
    return q, v, t, p.unsqueeze(1)


def allowed(structure, case):
    return not (structure == "gyroscopic" and case.symmetry.even)


EVERY = [(name, structure) for name in CASES for structure in STRUCTURES if allowed(structure, CASES[name])]


MIXED = [
    (name, structure)
    for name, structure in EVERY
    if name in ("even with an angle", "rotation beside a length", "translation of angles", "ring that moves")
    or (name, structure) in (("rotation without reflection", "gyroscopic"), ("four bodies in pairs", "free"))
]
"""Every kind of term, and all structures: central differences take time."""


def close(mine, theirs):
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12 * float(theirs.detach().abs().max()))


@pytest.mark.parametrize(("name", "structure"), EVERY)
def test_the_equations_have_the_symmetry_for_any_weights(name, structure):
    case = CASES[name]
    model = STRUCTURES[structure](units(case), width=5, seed=3)
    turn = torch.tensor(np.eye(case.coordinates) if case.turn is None else case.turn)
    shift = torch.tensor(case.shift or (0.0,) * case.coordinates, dtype=DOUBLE)
    q, v, *context = draw(case)
    there = (q @ turn.T + shift, case.sign * v @ turn.T)
    if case.sign < 0 and model.scaling.explicit_time:
        context[0] = torch.zeros_like(context[0])  # L(q, -v, t): f then has d2L/dv dt, which is odd
        model = STRUCTURES[structure](units(case, time=False), width=5, seed=3)
    mass, force = model.mass_and_force(q, v, *context)
    mass_there, force_there = model.mass_and_force(*there, *context)
    close(mass_there, turn @ mass @ turn.T)
    close(force_there, force @ turn.T)
    torch.testing.assert_close(
        model.acceleration(*there, *context), model.acceleration(q, v, *context) @ turn.T, rtol=1e-9, atol=1e-9
    )


def gradients(model, state):
    """dL/dq and dL/dv in the data's units."""
    inputs = model.inputs(*state)
    by_position, momentum = model.gradients(model.outputs(inputs), inputs)
    speed = model._velocity
    return (by_position / (speed * model.scaling.time)).detach(), (momentum / speed).detach()


def slope(function, x, step=1e-4):
    """d function / dx_k [:, :, k] by central differences of order four."""
    columns = []
    for move in step * torch.eye(x.shape[1], dtype=x.dtype):
        near, far = (function(x + k * move) - function(x - k * move) for k in (1, 2))
        columns.append((8 * near - far) / (12 * step))
    return torch.stack(columns, -1)


@pytest.mark.parametrize(("name", "structure"), MIXED)
def test_mass_force_and_parts_are_those_of_one_lagrangian(name, structure):
    case = CASES[name]
    model = STRUCTURES[structure](units(case), width=5, seed=3)
    q, v, t, p = draw(case)

    def force_of_position(*state):
        return gradients(model, state)[0]

    def momentum(*state):
        return gradients(model, state)[1]

    by_q, by_v = slope(lambda q: momentum(q, v, t, p), q), slope(lambda v: momentum(q, v, t, p), v)
    by_t = slope(lambda t: momentum(q, v, t.squeeze(1), p), t.unsqueeze(1)).squeeze(-1)
    mass, force = model.mass_and_force(q, v, t, p)
    size = float(by_v.abs().max() + by_q.abs().max())

    def agree(mine, theirs):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-8 * size)

    agree(mass, by_v)
    expected = force_of_position(q, v, t, p) - (by_q @ v.unsqueeze(-1)).squeeze(-1) - by_t
    agree(force, expected)
    agree(slope(lambda v: force_of_position(q, v, t, p), v), by_q.mT)
    parts, rest = model.parts(q, t, p), torch.zeros_like(v)
    potential = slope(lambda q: model.parts(q, t, p).potential.detach().unsqueeze(1), q).squeeze(1)
    agree(potential, -force_of_position(q, rest, t, p))
    curl = slope(lambda q: momentum(q, rest, t, p), q)
    agree(parts.gyroscopic, curl.mT - curl)


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_tells_all_other_states_apart(name):
    """The invariants have as many independent derivatives as there are numbers that the symmetry leaves."""
    case = CASES[name]
    model = STRUCTURES["free"](units(case), width=4)
    q, v, t, p = draw(case, samples=1)

    def seen(state):
        here, moving = state.chunk(2, 1)
        return model.arguments(model.inputs(here, moving, t, p))[0][0].reshape(1, -1)

    rank = torch.linalg.matrix_rank(slope(seen, torch.cat([q, v], 1))[0], rtol=1e-7)
    assert rank == case.invariants


MASSES = {
    "a vector in the plane": (Symmetry(rotation=((0, 1),)), 2, 2),
    "a vector without reflection": (Symmetry(rotation=((0, 1),), reflection=False), 2, 3),
    "a vector in space": (Symmetry(rotation=((0, 1, 2),)), 3, 2),
    "two bodies": (Symmetry(rotation=PLANE[:2], translation=((0, 2), (1, 3))), 4, 6),
    "three bodies": (replace(BODIES, like=()), 6, 21),
    "three like bodies": (BODIES, 6, 21),
    "a vector beside a length": (Symmetry(rotation=((0, 1),)), 3, 4),
}


@pytest.mark.parametrize("name", MASSES)
def test_natural_mass_is_positive_definite_and_otherwise_any_that_is_allowed(name):
    """At one position the masses of many networks span all symmetric matrices that keep what leaves it in place."""
    symmetry, n, dimension = MASSES[name]
    scaling = Scaling.unit(n, symmetry=symmetry)
    q = torch.randn(1, n, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    masses = []
    for seed in range(dimension + 5):
        model = STRUCTURES["natural"](scaling, width=4, seed=seed)
        mass = model.mass_and_force(3 * q, torch.ones_like(q))[0].detach()
        assert torch.linalg.eigvalsh(mass).min() > 0
        masses.append(model.mass_and_force(q, q)[0].detach().flatten())
    assert torch.linalg.matrix_rank(torch.stack(masses), rtol=1e-9) == dimension


def test_a_mirror_image_is_another_state_where_reflection_is_no_symmetry():
    mirror = torch.tensor([1.0, -1.0], dtype=DOUBLE)
    for structure in ("free", "gyroscopic"):
        one, other = (
            STRUCTURES[structure](Scaling.unit(2, symmetry=Symmetry(rotation=((0, 1),), reflection=r)), width=5)
            for r in (True, False)
        )
        q, v = torch.randn(2, 4, 2, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
        for model, same in ((one, True), (other, False)):
            there = model.acceleration(q * mirror, v * mirror)
            assert torch.allclose(there, model.acceleration(q, v) * mirror, rtol=1e-6, atol=1e-9) == same
        turning = other.parts(q).gyroscopic.abs().max()
        assert turning > 1e-3
        assert one.parts(q).gyroscopic.abs().max() < 1e-12  # A along r has no curl


def planar_jets(samples=6, seed=0, bodies=3):
    generator = np.random.default_rng(seed)
    return Jets.of_particle(np.zeros(samples), *generator.normal(size=(3, samples, 2 * bodies)))


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_jacobian_rows_are_slopes_of_the_residuals(structure):
    symmetry = replace(BODIES, even=structure in ("free", "separable"))
    jets = planar_jets()
    model = STRUCTURES[structure](Scaling.of(jets, symmetry=symmetry), width=5)
    examples = AccelerationExamples.of(jets, model)
    _, jacobian = residuals_and_jacobian(model, examples)
    start = parameters_to_vector(model.network).detach()
    move = torch.randn(len(start), generator=torch.Generator().manual_seed(1), dtype=DOUBLE)

    def residuals(x):
        vector_to_parameters(start + x[0, 0] * move, model.network)
        return examples.residuals(model, model.outputs(examples.inputs)).detach().flatten().unsqueeze(0)

    wanted = slope(residuals, torch.zeros(1, 1, dtype=DOUBLE)).flatten()
    torch.testing.assert_close(jacobian @ move, wanted, rtol=1e-6, atol=1e-7 * float(wanted.abs().max()))


@pytest.mark.parametrize("structure", list(STRUCTURES))
def test_data_turned_moved_and_exchanged_make_the_same_network(structure):
    jets = planar_jets(40)
    matrix = turned(0.7, 0.7, 0.7) @ exchange(2, 3, 0, 1, 4, 5)
    there = Jets.of_particle(jets.t, jets.q @ matrix.T + np.tile([3.0, -2.0], 3), jets.v @ matrix.T, jets.a @ matrix.T)
    symmetry, order = replace(BODIES, like=()), (2, 3, 0, 1, 4, 5)
    here, moved = (
        STRUCTURES[structure](Scaling.of(one, symmetry=symmetry), width=5).read(one).acceleration
        for one in (Jets.of_particle(jets.t, *(x[:, order] for x in (jets.q, jets.v, jets.a))), there)
    )
    np.testing.assert_allclose(moved, here @ turned(0.7, 0.7, 0.7).T, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("structure", "optimizer"), [("natural", "soap"), ("free", "levenberg-marquardt")])
def test_a_symmetric_network_is_fitted_kept_and_read_back(structure, optimizer, tmp_path):
    jets = planar_jets(80)
    pull = np.concatenate([jets.q[:, 2:4] - jets.q[:, :2], jets.q[:, :2] - jets.q[:, 2:4], 0 * jets.q[:, :2]], 1)
    jets = Jets.of_particle(jets.t, jets.q, jets.v, pull + 1e-3 * jets.a)
    symmetry = replace(BODIES, like=(), even=True)
    options = FitOptions(structure=structure, width=4, steps=10, optimizer=optimizer, symmetry=symmetry, tolerance=0.0)
    found = fit(jets.take(np.arange(60)), jets.take(np.arange(60, 80)), options=options)
    again = load_fit(save_fit(found, tmp_path / "fit"))
    assert again.options == found.options
    assert again.options.symmetry == symmetry
    assert again.model.scaling == found.model.scaling
    np.testing.assert_array_equal(again.model.read(jets).acceleration, found.model.read(jets).acceleration)
    q, v = torch.tensor(jets.q), torch.tensor(jets.v)
    turn = torch.tensor(turned(0.7, 0.7, 0.7))
    there = found.model.acceleration(q @ turn.T + 1, -v @ turn.T)
    torch.testing.assert_close(there, found.model.acceleration(q, v) @ turn.T, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rotation": [(0, 1), (2, 3, 4)]}, "pairs only or triples only"),
        ({"rotation": [(0, 1, 2, 3)]}, "pairs only or triples only"),
        ({"rotation": [(0, 1), (1, 2)]}, "once at most in rotation"),
        ({"translation": [(0, 1), (1, 2)]}, "once at most in translation"),
        ({"rotation": [(0, 1, 2)], "reflection": False}, "expected pairs to rotate where reflection is False"),
        ({"reflection": False}, "no rotation"),
        ({"like": [(0,)]}, "at least two like bodies"),
        ({"like": [((0, 1), (2,))]}, "as many coordinates each"),
        ({"like": [(0, 1)], "ring": [(1, 2)]}, "once at most in like and ring"),
        ({"like": [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10)]}, "at most 240 copies"),
        ({"rotation": [(0, 1), (2, 3)], "translation": [(0, 2)]}, "translated whole"),
        ({"rotation": [(0, 1), (2, 3)], "like": [(0, 2)]}, "whole vectors"),
        ({"translation": [(0, 1)], "like": [(1, 2)]}, "whole vectors, and as many translated"),
    ],
)
def test_symmetries_that_do_not_go_together_are_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        Symmetry(**wrong)


def test_coordinates_that_cannot_have_a_symmetry_are_refused():
    with pytest.raises(InputError, match="below 2"):
        Scaling.unit(2, symmetry=Symmetry(translation=((2,),)))
    with pytest.raises(InputError, match="are angles"):
        Scaling.unit(2, [1], symmetry=Symmetry(rotation=((0, 1),)))
    for mixed in (Symmetry(translation=((0, 1),)), Symmetry(like=((0, 1),))):
        with pytest.raises(InputError, match="angles only or none"):
            Scaling.unit(2, [1], symmetry=mixed)
    with pytest.raises(InputError, match="one unit of velocity"):
        replace(Scaling.unit(2, symmetry=Symmetry(like=((0, 1),))), velocity=(1.0, 2.0))
    with pytest.raises(InputError, match="3 invariants"):
        replace(Scaling.unit(2, symmetry=Symmetry(rotation=((0, 1),))), invariants=())
    with pytest.raises(InputError, match="take natural"):
        STRUCTURES["gyroscopic"](Scaling.unit(2, symmetry=Symmetry(even=True)))


def test_coordinates_may_be_named():
    named = Symmetry.of_names(
        ["x1", "y1", "x2", "y2", "z"],
        rotation=[("x1", "y1"), ("x2", "y2")],
        like=[[("x1", "y1"), ("x2", "y2")]],
        translation=[("z",)],
    )
    assert named == Symmetry(rotation=PLANE[:2], like=(PLANE[:2],), translation=((4,),))
    assert Symmetry.of_names(["a", "b"], ring=[("a", "b")]) == Symmetry(ring=((0, 1),))
    with pytest.raises(InputError, match="got 'c'"):
        Symmetry.of_names(["a", "b"], like=[("a", "c")])
