"""Measured forces, which fix the scale of L, and learned ones."""

import json

import numpy as np
import pytest
import torch

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural import STRUCTURES, FitOptions, Scaling
from lagsym.neural.examples import AccelerationExamples
from lagsym.neural.models.dissipation import Dissipation
from lagsym.neural.models.forces import InputForce, MeasuredForce, TimeForce, without_inputs
from lagsym.neural.models.open_system import OpenSystem, record_effects, restore_effects, surround
from lagsym.neural.sweeps import residuals_and_jacobian
from lagsym.neural.training import Training


def spring(mass, force, seed=0, samples=300, inputs=None):
    """Jets of m a = −m (2 q + q³) − 0.3 m v + F, anywhere in a box; F = m force(t, u)."""
    generator = np.random.default_rng(seed)
    q, v, u = generator.uniform(-1, 1, (3, samples, 1))
    t = generator.uniform(0, 20, samples)
    applied = force(t[:, None], 3 * u, generator)
    a = -(2 * q + q**3) - 0.3 * v + applied
    measured = None if inputs is not None else mass * applied
    return Jets.of_particle(t, q, v, a, measured, 3 * u if inputs else None)


def learned(train, choose, structure="natural", *, width=10, steps=60, **beside):
    scaling = Scaling.of(without_inputs(train, beside.get("measured_inputs", 0)))
    bare = STRUCTURES[structure](scaling, width=width)
    model = surround(bare, train, **beside)
    examples, held_out = (AccelerationExamples.of(jets, model) for jets in (train, choose))
    Training(model, examples, held_out, FitOptions(steps=steps, tolerance=0.0), "levenberg-marquardt", 0).run()
    return model


@pytest.mark.parametrize("structure", ["natural", "free"])
@pytest.mark.parametrize(("mass", "strength"), [(1e-3, 10.0), (1.0, 0.05), (1e4, 1.0)])
def test_measured_forces_fix_the_scale_whatever_their_size(structure, mass, strength):
    def force(t, u, generator):
        return strength * generator.normal(size=t.shape)

    train, choose = spring(mass, force), spring(mass, force, seed=1)
    reading = learned(train, choose, structure, dissipation=True).read(choose)
    close = 5e-3 if structure == "natural" else 2e-2
    np.testing.assert_allclose(reading.mass / mass, 1, atol=close)
    np.testing.assert_allclose(reading.applied_force, choose.force, rtol=1e-9)
    np.testing.assert_allclose(reading.dissipative_force / mass, -0.3 * choose.v, atol=close)
    potential = reading.potential / mass - (choose.q**2 + choose.q**4 / 4)[:, 0]
    assert potential.std() < close


@pytest.mark.parametrize("structure", ["natural", "free"])
def test_units_of_measured_forces_do_not_matter(structure):
    def force(t, u, generator):
        return 0.05 * generator.normal(size=t.shape)

    masses = []
    for mass in (1.0, 1e6):
        train = spring(mass, force, samples=50)
        masses.append(learned(train, train, structure, steps=5, dissipation=True).read(train).mass / mass)
    np.testing.assert_allclose(*masses, rtol=1e-6)
    assert np.abs(masses[0] - 1).max() > 1e-3  # on its way, not yet there


def test_a_force_of_time_is_learned_up_to_a_constant():
    def force(t, u, generator):
        return np.cos(2 * t + 0.3)

    train, choose = spring(1.0, force, inputs=False), spring(1.0, force, seed=1, inputs=False)
    model = learned(train, choose, dissipation=True, driven=8)
    reading = model.read(choose)
    found, truth = reading.applied_force[:, 0] / reading.mass.mean(), np.cos(2 * choose.t + 0.3)
    assert np.std(found - truth) < 1e-2
    assert np.abs(reading.dissipative_force / reading.mass.mean() + 0.3 * choose.v).max() < 1e-2


def test_a_force_of_a_measured_input_is_learned_and_vanishes_without_input():
    def force(t, u, generator):
        return np.tanh(u)

    train, choose = spring(1.0, force, inputs=True), spring(1.0, force, seed=1, inputs=True)
    model = learned(train, choose, dissipation=True, measured_inputs=1)
    reading = model.read(choose)
    assert np.abs(reading.applied_force / reading.mass.mean() - np.tanh(choose.parameters)).max() < 2e-2
    q, v = (torch.tensor(x) for x in (choose.q, choose.v))
    inputs = model.inputs(q, v, None, torch.zeros_like(q))
    assert not model.forces(model.outputs(inputs), inputs)[1].any()
    torch.testing.assert_close(model.mass_and_force(q, v), model.lagrangian.mass_and_force(q, v))


def everything():
    """A model with every effect, and jets for it with one parameter and two inputs."""
    generator = np.random.default_rng(0)
    t, force = generator.uniform(0, 3, 20), generator.normal(size=(20, 2))
    q, v, a = generator.normal(size=(3, 20, 2))
    jets = Jets.of_particle(t, q, v, a, force, generator.normal(size=(20, 3)))
    scaling = Scaling.of(without_inputs(jets, 2), [1], explicit_time=True)
    bare = STRUCTURES["free"](scaling, width=5)
    return surround(bare, jets, dissipation=True, driven=2, measured_inputs=2, seed=4), jets


def test_forces_add_up_in_the_units_of_the_data():
    model, jets = everything()
    with torch.no_grad():
        list(model.network)[len(model.lagrangian.network) + model.nets[1].tensors(2)].fill_(0.7)  # σ
    reading, bare = model.read(jets), model.lagrangian.read(without_inputs(jets, 2))
    unit = float(model.energy_unit.detach())
    scaled = jets.force * np.array(model.scaling.velocity) * model.scaling.time
    assert unit == pytest.approx(np.exp(0.7) * np.sqrt(np.mean(scaled**2)))
    for name in ("mass", "force", "potential", "mass_at_rest", "gyroscopic"):
        np.testing.assert_allclose(getattr(reading, name), unit * getattr(bare, name), rtol=1e-10)
    balance = np.einsum("bij,bj->bi", reading.mass, reading.acceleration)
    total = reading.force + reading.applied_force + reading.dissipative_force
    np.testing.assert_allclose(balance, total, rtol=1e-7, atol=1e-9 * unit)
    more = Jets.of_particle(jets.t, jets.q, jets.v, jets.a, jets.force + np.array([1.0, -2.0]), jets.parameters)
    added = model.read(more).applied_force - reading.applied_force
    np.testing.assert_allclose(added, np.tile([1.0, -2.0], (20, 1)), rtol=1e-8)


def test_jacobian_rows_are_gradients_of_single_residuals():
    model, jets = everything()
    examples = AccelerationExamples.of(jets, model)
    _, jacobian = residuals_and_jacobian(model, examples)
    for k, residual in enumerate(examples.residuals(model, model.outputs(examples.inputs)).flatten()):
        row = torch.autograd.grad(residual, list(model.network), retain_graph=True)
        torch.testing.assert_close(jacobian[k], torch.cat([p.flatten() for p in row]), rtol=1e-8, atol=1e-8)


def test_effects_can_be_written_down_and_built_again():
    model, jets = everything()
    record = json.loads(json.dumps(record_effects(model)))
    again = restore_effects(STRUCTURES["free"](model.scaling, width=5, seed=9), record)
    assert again.effects == model.effects
    with torch.no_grad():
        for mine, theirs in zip(again.network, model.network, strict=True):
            mine.copy_(theirs)
    for copy in (again, model.converted(torch.float64)):
        np.testing.assert_array_equal(copy.read(jets).acceleration, model.read(jets).acceleration)
    assert record_effects(model.lagrangian) == []
    assert restore_effects(model.lagrangian, []) is model.lagrangian
    with pytest.raises(KeyError):
        restore_effects(model.lagrangian, [{"effect": "Magic"}])


def test_what_is_missing_is_asked_for():
    model, jets = everything()
    q, v, t, p = (torch.tensor(x) for x in (jets.q, jets.v, jets.t, jets.parameters))
    force = torch.tensor(jets.force)
    assert model.acceleration(q, v, t, p, force).isfinite().all()
    with pytest.raises(InputError, match="measured forces"):
        model.acceleration(q, v, t, p)
    with pytest.raises(InputError, match="measured inputs"):
        model.acceleration(q, v, t, p[:, :1], force)
    driven = OpenSystem(STRUCTURES["natural"](Scaling.unit(2)), (TimeForce(2, 0.0, 1.0, 3),))
    with pytest.raises(InputError, match="times"):
        driven.acceleration(q, v)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: MeasuredForce(0.0), "unit of energy"),
        (lambda: TimeForce(1, 0.0, 0.0, 3), "span"),
        (lambda: InputForce(1, ()), "input"),
        (lambda: FitOptions(driven=-1), "driven"),
        (lambda: FitOptions(measured_inputs=-1), "measured_inputs"),
        (lambda: InputForce.of(spring(1.0, lambda t, u, g: u, inputs=True), 2), "2 measured inputs"),
        (lambda: MeasuredForce.of(spring(1.0, lambda t, u, g: u / 0, inputs=None), Scaling.unit(1)), "finite"),
        (lambda: OpenSystem(STRUCTURES["free"](Scaling.unit(1)), (Dissipation(1, (0,)),) * 2), "once"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_cannot_be_is_refused(make, what):
    with pytest.raises((InputError, DataError), match=what):
        make()
