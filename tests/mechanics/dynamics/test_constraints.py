import pytest
import sympy as sp
from sympy.physics.mechanics import LagrangesMethod, Point, ReferenceFrame, dynamicsymbols

from lagsym.errors import InputError
from lagsym.mechanics.dynamics.constraints import constrained_motion
from lagsym.mechanics.dynamics.forms import accelerations
from lagsym.mechanics.jetspace import JetSpace

PLANE = JetSpace(("x", "y"))
PAIR = JetSpace(("x1", "y1", "x2", "y2"))
M, M2, G, ELL, OMEGA = sp.symbols("m m2 g l omega", real=True)


def point_mass(space, mass=M, gravity=G):
    kinetic = mass * sum(v**2 for v in space.velocities) / 2
    return kinetic - mass * gravity * sum(space.positions[1::2])


def by_sympy(lagrangian, space, constraints, forces=None, dissipation=0):
    """The same motion from SymPy's own method: accelerations and multipliers as functions of our symbols."""
    t = dynamicsymbols._t
    functions = dynamicsymbols(" ".join(space.fields), real=True)
    functions = list(functions) if len(space.fields) > 1 else [functions]
    names = {space.base_symbols[0]: t}
    for k, symbols in enumerate((space.positions, space.velocities)):
        names |= {symbol: f.diff(t, k) for symbol, f in zip(symbols, functions, strict=True)}
    frame = ReferenceFrame("N")
    applied = []
    for name, v in zip(space.fields, space.velocities, strict=True):
        point = Point(f"P_{name}")
        f = functions[space.fields.index(name)]
        point.set_vel(frame, f.diff(t) * frame.x)
        force = (forces or {}).get(name, sp.S.Zero) - sp.diff(dissipation, v)
        applied.append((point, force.xreplace(names) * frame.x))
    method = LagrangesMethod(
        lagrangian.xreplace(names),
        functions,
        hol_coneqs=[g.xreplace(names) for g in constraints],
        forcelist=applied,
        frame=frame,
    )
    method.form_lagranges_equations()
    matrix, right = method.mass_matrix_full, method.forcing_full
    back = {
        f.diff(t, k): s
        for k, symbols in ((1, space.velocities), (0, space.positions))
        for s, f in zip(symbols, functions, strict=True)
    }
    return matrix.subs(back).subs(t, space.base_symbols[0]), right.subs(back).subs(t, space.base_symbols[0])


T = PLANE.base_symbols[0]
(X, Y), (VX, VY) = PLANE.positions, PLANE.velocities
X1, Y1, X2, Y2 = PAIR.positions
TWO = sp.diag(M, M, M2, M2)
ROD = (sp.Matrix(PAIR.velocities).T * TWO * sp.Matrix(PAIR.velocities))[0] / 2 - G * (M * Y1 + M2 * Y2)
CASES = {
    "pendulum": (point_mass(PLANE), PLANE, [X**2 + Y**2 - ELL**2], {}),
    "bead on a moving wire": (point_mass(PLANE), PLANE, [Y - sp.cos(X - OMEGA * T) * X], {}),
    "with friction and a force": (
        point_mass(PLANE) + X * VY,
        PLANE,
        [X**2 + 2 * Y**2 - ELL**2 * sp.exp(T)],
        {"dissipation": VX**2 * Y**2 / 2 + VY**2, "forces": {"x": sp.sin(T) * VY}},
    ),
    "two masses on a rod": (ROD, PAIR, [(X1 - X2) ** 2 + (Y1 - Y2) ** 2 - ELL**2], {}),
    "a rod on a rail": (ROD, PAIR, [(X1 - X2) ** 2 + (Y1 - Y2) ** 2 - ELL**2, Y1 - X1**2 / 3], {}),
}


@pytest.mark.parametrize("name", CASES)
def test_sympy_agrees(name):
    lagrangian, space, constraints, options = CASES[name]
    ours = constrained_motion(lagrangian, space, constraints, **options)
    matrix, right = by_sympy(lagrangian, space, constraints, **options)
    # A point on the constraints is not needed: both solve the same linear system everywhere.
    point = {M: 1.3, M2: 0.7, G: 9.8, ELL: 1.1, OMEGA: 0.6, space.base_symbols[0]: 0.4}
    point |= {q: 0.3 + 0.17 * k**2 for k, q in enumerate(space.positions)}
    point |= {v: 0.5 - 0.21 * k for k, v in enumerate(space.velocities)}
    theirs = matrix.subs(point).evalf(30).LUsolve(right.subs(point).evalf(30))
    n = len(space.fields)
    for one, two in zip(ours.accelerations.subs(point), theirs[n : 2 * n], strict=True):
        assert float(one) == pytest.approx(float(two), rel=1e-9)
    for one, two in zip(ours.multipliers.subs(point), theirs[2 * n :], strict=True):
        assert float(one) == pytest.approx(float(two), rel=1e-9)


def test_the_tension_of_a_pendulum():
    # T = m (l w^2 + g cos(theta)), against the outward normal.
    theta, rate = sp.symbols("theta rate", real=True)
    length = sp.Symbol("length", positive=True)
    swing = constrained_motion(point_mass(PLANE), PLANE, [sp.sqrt(X**2 + Y**2) - length])
    point = {X: length * sp.sin(theta), Y: -length * sp.cos(theta)}
    point |= {VX: length * rate * sp.cos(theta), VY: length * rate * sp.sin(theta)}
    assert sp.simplify(swing.multipliers[0].subs(point) + M * (length * rate**2 + G * sp.cos(theta))) == 0
    tangential = swing.accelerations.dot(sp.Matrix([sp.cos(theta), sp.sin(theta)])).subs(point)
    assert sp.simplify(tangential + G * sp.sin(theta)) == 0


def test_constraint_forces_explain_the_difference_to_free_motion():
    lagrangian, space, constraints, options = CASES["two masses on a rod"]
    found = constrained_motion(lagrangian, space, constraints, **options)
    free = accelerations(lagrangian, space, **options)
    assert (TWO * (found.accelerations - free) - found.constraint_forces).applyfunc(sp.cancel).is_zero_matrix


def test_a_mass_that_only_the_constraint_moves():
    # L = m x_dot^2 / 2 - k y has no mass along y; y = x^2 gives it its motion.
    k = sp.Symbol("k", real=True)
    found = constrained_motion(M * VX**2 / 2 - k * Y, PLANE, [Y - X**2])
    assert sp.cancel(found.accelerations[0] + 2 * k * X / M) == 0


def test_what_is_no_holonomic_constraint_is_refused():
    lagrangian = point_mass(PLANE)
    for constraint in (VX - Y, sp.cos(T), ELL):
        with pytest.raises(InputError, match="expected constraints as expressions"):
            constrained_motion(lagrangian, PLANE, [constraint])
    with pytest.raises(InputError, match="at least one"):
        constrained_motion(lagrangian, PLANE, [])


def test_constraints_that_depend_on_each_other_are_refused():
    with pytest.raises(InputError, match="lambda_2"):
        constrained_motion(ROD, PAIR, [X1 - X2, 2 * (X1 - X2) + 3 * T])
