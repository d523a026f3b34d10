"""What every entry of the catalogue must pass, whatever it describes."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from sympy.calculus.euler import euler_equations
from sympy.physics.mechanics import LagrangesMethod, Point, ReferenceFrame, dynamicsymbols

from lagsym import systems
from lagsym.mechanics.calculus import euler_lagrange, total_derivative
from lagsym.mechanics.dynamics.forms import applied_forces, energy, force_vector, mass_matrix
from lagsym.mechanics.system import parameter_symbol
from lagsym.simulation import draw_parameters, simulate

EVERY, PARTICLES, FIELDS = systems.catalogue(), systems.particles(), systems.fields()
DRAWS = 3


def each(mapping):
    return pytest.mark.parametrize("system", mapping.values(), ids=list(mapping))


def conserves_energy(system):
    """Whether the Lagrangian says so: no time in it, and no force that is not in it."""
    return not (system.space.base_symbols[0] in system.lagrangian.free_symbols or system.dissipation or system.forces)


@each(EVERY)
def test_an_entry_is_complete(system):
    space = system.space
    assert EVERY[system.name] is system
    assert system.title
    assert "\n" not in system.title
    assert system.source
    assert set(system.parameter_ranges) == set(system.parameters)
    assert set(system.angles) <= set(space.fields)
    assert set(system.forces) <= set(space.fields)
    assert 0 < 50 * system.step < system.span
    for name, (low, high) in system.parameter_ranges.items():
        assert low <= system.parameters[name] <= high
        assert low > 0
    assert all(low < high for low, high in system.ranges.values())
    assert system.title not in {other.title for other in EVERY.values() if other is not system}


@each(PARTICLES)
def test_a_particle_has_safe_initial_conditions_for_every_coordinate_and_velocity(system):
    assert set(system.ranges) == {s.name for s in (*system.space.positions, *system.space.velocities)}


@each(FIELDS)
def test_a_field_samples_jets_and_conserves_no_named_quantity(system):
    assert set(system.ranges) <= set(system.space.names) - set(system.space.base)
    assert not system.conserved
    assert not system.no_lagrangian


@each(EVERY)
def test_symbols_are_coordinates_and_parameters_and_all_are_used(system):
    parts = [system.lagrangian, system.dissipation, *system.forces.values()]
    symbols = set().union(*(part.free_symbols for part in parts))
    assert all(symbol.is_real for symbol in symbols)
    parameters = {parameter_symbol(name) for name in system.parameters}
    assert parameters <= symbols
    assert not parameters & set(system.space.names.values())
    numeric = [system.numeric_lagrangian, system.numeric_dissipation, *system.numeric_forces.values()]
    assert set().union(*(part.free_symbols for part in numeric)) <= set(system.space.names.values())


@each(EVERY)
def test_the_mass_matrix_is_regular_or_none_at_all(system, evaluate):
    n = len(system.space.fields)
    entries = evaluate(mass_matrix(system.lagrangian, system.space).flat(), system, 0)
    assert not any(entries) or abs(mpmath.det(_matrix(entries, n))) > 1e-6


def _matrix(entries, degree):
    return mpmath.matrix([entries[i * degree : (i + 1) * degree] for i in range(degree)])


@each(PARTICLES)
def test_a_particles_equations_are_those_of_lagranges_method(system, evaluate):
    applied = applied_forces(system.space, system.dissipation, system.forces)
    pairs = zip(euler_lagrange(system.lagrangian, system.space), applied, strict=True)
    ours = [equation + force for equation, force in pairs]
    theirs = lagranges_method(system)
    for seed in range(3):
        values = evaluate([*ours, *theirs], system, seed)
        scale = max(map(abs, values))
        for one, other in zip(values[: len(ours)], values[len(ours) :], strict=True):
            assert abs(one + other) < 1e-30 * scale


def lagranges_method(system):
    """d/dt dL/dv - dL/dq - Q by SymPy's mechanics, with each force on a point of its own that moves with its q."""
    space, frame = system.space, ReferenceFrame("N")
    functions = [dynamicsymbols(name) for name in space.fields]
    time = dynamicsymbols._t
    moving = {space.base_symbols[0]: time}
    moving |= dict(zip(space.positions, functions, strict=True))
    moving |= {v: q.diff(time) for v, q in zip(space.velocities, functions, strict=True)}
    forces = []
    for q, v, name in zip(functions, space.velocities, space.fields, strict=True):
        point = Point(name)
        point.set_vel(frame, q.diff(time) * frame.x)
        friction = system.dissipation.diff(v)
        forces.append((point, (system.forces.get(name, 0) - friction).xreplace(moving) * frame.x))
    method = LagrangesMethod(system.lagrangian.xreplace(moving), functions, forcelist=forces, frame=frame)
    equations = method.form_lagranges_equations()
    back = {q.diff(time, 2): a for q, a in zip(functions, space.accelerations, strict=True)}
    back |= {after: before for before, after in moving.items()}
    return [equation.xreplace(back) for equation in equations]


@each(FIELDS)
def test_a_fields_equations_are_those_of_eulers_operator(system, evaluate):
    ours = [equation for equation in euler_lagrange(system.lagrangian, system.space) if equation != 0]
    theirs = eulers_operator(system)
    assert len(ours) == len(theirs) == len(system.space.fields)
    for seed in range(3):
        values = evaluate([*ours, *theirs], system, seed)
        for one, other in zip(values[: len(ours)], values[len(ours) :], strict=True):
            assert abs(one - other) < 1e-30 * max(map(abs, values))


def eulers_operator(system):
    """The Euler-Lagrange expressions by SymPy's own operator, on functions of the base."""
    space = system.space
    functions = [sp.Function(name, real=True)(*space.base_symbols) for name in space.fields]
    derivatives = {}
    for symbol in space.names.values():
        key = space.key(symbol)
        if key is not None:
            field, index = key
            function = functions[field]
            derivatives[symbol] = function.diff(*(space.base_symbols[mu] for mu in index)) if index else function
    equations = euler_equations(system.lagrangian.xreplace(derivatives), functions, space.base_symbols)
    back = {derivative: symbol for symbol, derivative in derivatives.items()}
    return [equation.lhs.doit().xreplace(back) for equation in equations]


@each(PARTICLES)
def test_energy_is_listed_exactly_where_nothing_takes_it(system):
    assert ("energy" in system.conserved) == conserves_energy(system)
    if "energy" in system.conserved:
        assert sp.expand(system.conserved["energy"] - energy(system.lagrangian, system.space)) == 0


@each({name: system for name, system in PARTICLES.items() if system.conserved})
def test_conserved_quantities_have_no_rate_along_the_motion(system, evaluate):
    space, n = system.space, len(system.space.fields)
    force = force_vector(system.lagrangian, space) + applied_forces(space, system.dissipation, system.forces)
    rates = [total_derivative(quantity, space) for quantity in system.conserved.values()]
    for seed in range(2):
        # At zero accelerations, and by one acceleration more: the rate is affine in the accelerations.
        at_rest = [rate.xreplace(dict.fromkeys(space.accelerations, sp.S.Zero)) for rate in rates]
        slopes = [rate.diff(a) for rate in rates for a in space.accelerations]
        mass = mass_matrix(system.lagrangian, space)
        values = evaluate([*mass.flat(), *force.flat(), *at_rest, *slopes], system, seed)
        matrix, right = _matrix(values[: n * n], n), mpmath.matrix(values[n * n : n * n + n])
        rest, slope = values[n * n + n : n * n + n + len(rates)], values[n * n + n + len(rates) :]
        acceleration = mpmath.lu_solve(matrix, right)
        for k, start in enumerate(rest):
            terms = [start, *(s * a for s, a in zip(slope[k * n : k * n + n], acceleration, strict=True))]
            assert abs(mpmath.fsum(terms)) < 1e-30 * (1 + max(map(abs, terms)))


@each(PARTICLES)
def test_random_draws_are_integrated_and_conserve_what_is_listed(system):
    for seed in range(DRAWS):
        drawn = draw_parameters(system, seed)
        (segment,) = simulate(drawn, trajectories=1, seed=seed).segments
        assert segment.t[-1] == pytest.approx(system.span)
        assert all(np.isfinite(part).all() for part in (segment.q, segment.v, segment.a))
        for name, quantity in drawn.conserved.items():
            values, scale = along(quantity, drawn, segment)
            assert np.abs(values - values[0]).max() < (1e-9 if name == "energy" else 1e-8) * scale, name


def along(quantity, system, segment):
    """A quantity along a trajectory, and the size of its largest term."""
    symbols = (*system.space.base_symbols, *system.space.positions, *system.space.velocities)
    terms = sp.Add.make_args(quantity.xreplace(system.values))
    columns = (segment.t, *segment.q.T, *segment.v.T)
    values = [value + 0 * segment.t for value in sp.lambdify(symbols, list(terms), "numpy")(*columns)]
    return sum(values), np.abs(values).max()


@each({name: system for name, system in PARTICLES.items() if system.dissipation})
def test_friction_lets_the_energy_fall_only(system):
    drawn = draw_parameters(system, 1)
    (segment,) = simulate(drawn, trajectories=1, seed=1).segments
    values, scale = along(energy(system.lagrangian, system.space), drawn, segment)
    assert (np.diff(values) < 1e-11 * scale).all()
    assert values[-1] < values[0] - 0.1 * scale


@pytest.mark.parametrize("name", ["driven_pendulum", "quadratic_force", "swirling_oscillator", "damped_circulatory"])
def test_energy_changes_where_it_is_not_listed(name):
    system = systems.get(name)
    (segment,) = simulate(system, trajectories=1, seed=0).segments
    values, scale = along(energy(system.lagrangian, system.space), system, segment)
    assert np.ptp(values) > 0.01 * scale


@pytest.mark.slow
@each(PARTICLES)
def test_every_draw_is_safe(system):
    for seed in range(20):
        drawn = draw_parameters(system, seed)
        for segment in simulate(drawn, trajectories=20, seed=seed).segments:
            assert np.abs(segment.v).max() < 50
            for name, quantity in drawn.conserved.items():
                values, scale = along(quantity, drawn, segment)
                assert np.abs(values - values[0]).max() < 1e-8 * scale, name
