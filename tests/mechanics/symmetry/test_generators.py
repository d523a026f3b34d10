import sympy as sp

from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.symmetry.generators import Generator, affine_generators, combined

PLANE, STRING = JetSpace(("x", "y")), JetSpace(("u",), ("t", "x"))
u, u_t, u_x = STRING.symbol(0), STRING.symbol(0, (0,)), STRING.symbol(0, (1,))


def test_affine_generators_are_a_basis():
    # tau: 3 (1 + 3); eta: 2 (1 + 2) (1 + 3).
    assert len(affine_generators(JetSpace(("u", "w"), ("t", "x", "y")))) == 12 + 24
    assert len(set(affine_generators(PLANE))) == 2 + 2 * 3 * 2


def test_prolongation_follows_a_finite_transformation():
    # The flow of 2 t d/dt + t d/dx + u d/du, to first order in a: t' = e^(2 a) t, x' = x + a t, u' = e^a u.
    t, place = STRING.base_symbols
    a = sp.Symbol("a", real=True)
    field = sp.sin(t) * sp.exp(place) + t**2 * place**3
    moved = sp.exp(a) * field.subs({t: sp.exp(-2 * a) * t, place: place - a * t}, simultaneous=True)
    names = {u: field, u_t: field.diff(t), u_x: field.diff(place)}
    names |= {STRING.symbol(0, i): field.diff(*((t, place)[mu] for mu in i)) for i in ((0, 0), (0, 1), (1, 1))}
    for index in ((0,), (1,), (0, 0), (0, 1), (1, 1)):
        along = [(t, place)[mu] for mu in index]
        at_fixed_place = sp.diff(moved.diff(*along), a).subs(a, 0)
        transport = 2 * t * field.diff(*along, t) + t * field.diff(*along, place)
        ours = Generator((2 * t, t), (u,)).prolonged(STRING, 0, index)
        assert sp.expand(at_fixed_place + transport - ours.subs(names)) == 0


def test_members_combine_into_a_rotation():
    x, y = PLANE.positions
    basis = affine_generators(PLANE)
    there, back = Generator((sp.S.Zero,), (sp.S.Zero, x)), Generator((sp.S.Zero,), (y, sp.S.Zero))
    coefficients = [{there: 2, back: -2}.get(member, 0) for member in basis]
    assert combined(coefficients, basis) == Generator((sp.S.Zero,), (-2 * y, 2 * x))
