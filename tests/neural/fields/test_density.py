"""Density networks against the definition: E by automatic differentiation of L along fields."""

import numpy as np
import pytest
import torch
from torch.func import grad, jacrev

from lagsym.data.jets import Jets
from lagsym.errors import DataError, InputError
from lagsym.neural.fields import DENSITIES, FieldRateNetwork, FieldScaling, density_operator
from lagsym.neural.fields.examples import FieldRateExamples
from lagsym.neural.sweeps import residuals_and_jacobian

CASES = {
    "a field on a line": (2, 1, (), ()),
    "an angle on a line": (2, 1, (0,), ()),
    "an angle and a field on a plane, explicit y": (3, 2, (1,), (2,)),
    "two fields on a line, explicit t and x": (2, 2, (), (0, 1)),
}


def draw(base, count, samples=6, seed=0):
    generator = np.random.default_rng(seed)
    second = generator.normal(size=(samples, base, base, count))
    first = 2 * generator.normal(size=(samples, base, count))
    x, u = generator.normal(size=(samples, base)), generator.normal(size=(samples, count)) + 0.3
    return Jets(x, u, first, second + second.swapaxes(1, 2))


def network(name, form, seed=1):
    base, count, angles, entering = CASES[name]
    jets = draw(base, count)
    build = {**DENSITIES, "rates": FieldRateNetwork}[form]
    model = build(FieldScaling.of(jets, angles, entering=entering), width=5, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.network:
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model, jets


def perceptron(parameters, x):
    *hidden, (last,) = [parameters[k : k + 2] for k in range(0, len(parameters), 2)]
    for weight, bias in hidden:
        x = torch.nn.functional.softplus(weight @ x + bias)
    return (last @ x)[0]


def quadratic(parameters, z):
    weight, linear = parameters
    return z @ weight @ z / 2 + linear @ z


def value_by_hand(model, x, u, du):
    """L written down once more, from the weights, for one sample: x (b,), u (n,), du (b, n)."""
    scaling, weights = model.scaling, [parameter.detach() for parameter in model.network]
    fields = scaling.fields
    size, step = torch.tensor(scaling.sizes, dtype=torch.float64), torch.tensor(scaling.steps, dtype=torch.float64)
    raw = [torch.sin(u[i]) if i in fields.angles else u[i] for i in range(scaling.count)]
    raw += [torch.cos(u[i]) for i in fields.angles] + [x[mu] for mu in scaling.entering]
    center = torch.tensor([*fields.center, *(center for center, _ in scaling.origins)], dtype=torch.float64)
    spread = torch.tensor([*fields.spread, *(spread for _, spread in scaling.origins)], dtype=torch.float64)
    seen = (torch.stack(raw) - center) / spread
    straight = [i for i in range(scaling.count) if i not in fields.angles]
    plain = torch.stack([(u[i] - fields.center[i]) / size[i] for i in straight]) if straight else u[:0]
    slope = du * step[:, None] / size
    kinetic = (slope[0] ** 2).sum() / 2
    if model.form == "free":
        everything = slope.flatten()
        skip = quadratic(weights[5:7], torch.cat([plain, everything]))
        return kinetic + perceptron(weights[:5], torch.cat([seen, everything])) + skip
    along = slope[1:].flatten()
    skip = quadratic(weights[5:7], torch.cat([plain, along]))
    return kinetic + quadratic(weights[7:], slope[0]) - perceptron(weights[:5], torch.cat([seen, along])) - skip


def operator_by_definition(model, x0, u0, first, second):
    """dL/du − Σ_mu d/dx_mu (dL/du_mu) along the field with these derivatives at x0."""

    def field(x):
        away = x - x0
        return u0 + away @ first + torch.einsum("m,mni,n->i", away, second, away) / 2

    def momenta(x):
        return grad(lambda du: value_by_hand(model, x, field(x), du))(jacrev(field)(x).mT)

    by_field = grad(lambda u: value_by_hand(model, x0, u, first))(u0)
    return by_field - torch.einsum("mim->i", jacrev(momenta)(x0))


@pytest.mark.parametrize("form", list(DENSITIES))
@pytest.mark.parametrize("name", list(CASES))
def test_operator_is_the_euler_lagrange_expression_of_the_density(name, form):
    model, jets = network(name, form)
    samples = zip(*map(torch.tensor, (jets.x, jets.u, jets.du, jets.ddu)), strict=True)
    wanted = torch.stack([operator_by_definition(model, *sample) for sample in samples]).numpy()
    np.testing.assert_allclose(density_operator(model, jets), wanted, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("form", list(DENSITIES))
@pytest.mark.parametrize("name", list(CASES))
def test_value_and_slopes_are_those_of_the_density(name, form):
    model, jets = network(name, form)
    inputs = model.inputs_of(jets)
    by_field, by_slope, by_bend = model.slopes(inputs)
    assert by_bend.shape == (len(inputs), 0, model.scaling.count)
    samples = list(zip(*map(torch.tensor, (jets.x, jets.u, jets.du)), strict=True))
    wanted = [value_by_hand(model, *sample) for sample in samples]
    torch.testing.assert_close(model.value(inputs), torch.stack(wanted))
    slopes = [grad(lambda x, u, du: value_by_hand(model, x, u, du), argnums=(1, 2))(*sample) for sample in samples]
    for found, all_wanted in zip((by_field, by_slope), zip(*slopes, strict=True), strict=True):
        torch.testing.assert_close(found, torch.stack(all_wanted))


@pytest.mark.parametrize("form", list(DENSITIES))
def test_parts_make_up_the_operator_at_any_second_derivatives(form):
    model, jets = network("an angle and a field on a plane, explicit y", form)
    reading = model.read(jets)
    x, u, du = (torch.tensor(part[0]) for part in (jets.x, jets.u, jets.du))
    wanted = jacrev(grad(lambda du: value_by_hand(model, x, u, du)))(du).permute(0, 2, 1, 3)
    symmetric = (wanted + wanted.transpose(0, 1)) / 2
    np.testing.assert_allclose(reading.principal[0], symmetric.numpy(), rtol=1e-10, atol=1e-12)
    left = reading.force - np.einsum("tmnij,tmnj->ti", reading.principal, jets.ddu)
    np.testing.assert_allclose(left, reading.operator, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("form", list(DENSITIES))
def test_operator_vanishes_at_the_predicted_rate(form):
    model, jets = network("two fields on a line, explicit t and x", form)
    second = jets.ddu.copy()
    second[:, 0, 0] = model.read(jets).rate
    moved = model.read(Jets(jets.x, jets.u, jets.du, second))
    np.testing.assert_allclose(moved.operator, 0, atol=1e-10)
    torch.testing.assert_close(model.rate(model.inputs_of(jets)), torch.tensor(second[:, 0, 0]))


@pytest.mark.parametrize("form", [*DENSITIES, "rates"])
@pytest.mark.parametrize("name", list(CASES)[1:3])
def test_jacobian_of_the_residuals_is_their_change_with_the_weights(name, form):
    model, jets = network(name, form)
    examples = FieldRateExamples.of(jets, model)
    residuals, jacobian = residuals_and_jacobian(model, examples)
    generator = torch.Generator().manual_seed(3)
    direction = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in model.network]

    def moved(by):
        with torch.no_grad():
            for parameter, change in zip(model.network, direction, strict=True):
                parameter += by * change
        return examples.residuals(model, model.outputs(examples.inputs)).detach().flatten()

    step = 1e-5
    there, back = moved(step), moved(-2 * step)
    wanted = (there - back) / (2 * step)
    flat = torch.cat([change.flatten() for change in direction])
    torch.testing.assert_close(jacobian @ flat, wanted, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(residuals, moved(step))


@pytest.mark.parametrize("form", [*DENSITIES, "rates"])
def test_rates_are_the_same_in_other_units(form):
    """Units of data change what is learned from, not what the same weights say of it."""
    name = "an angle and a field on a plane, explicit y"
    _, _, angles, entering = CASES[name]
    model, jets = network(name, form)
    length = np.array([3.0, 0.5, 7.0])  # of t, x, y
    size = np.array([4.0, 1.0])  # the second field is an angle
    other = Jets(
        jets.x * length,
        jets.u * size,
        jets.du * size / length[:, None],
        jets.ddu * size / (length[:, None] * length)[..., None],
    )
    scaled = type(model)(FieldScaling.of(other, angles, entering=entering), width=5)
    # Lengths are means over the fields, so the network's own units are not the same.
    with torch.no_grad():
        for mine, theirs in zip(scaled.network, model.network, strict=True):
            mine.copy_(theirs)
    units = model.scaling.steps, scaled.scaling.steps
    np.testing.assert_allclose(np.array(units[1]) / units[0], length, rtol=1e-12)
    mine, theirs = (one.rate(one.inputs_of(data)) for one, data in ((model, jets), (scaled, other)))
    torch.testing.assert_close(theirs, mine * torch.tensor(size / length[0] ** 2))


def test_skip_is_exact_for_two_coupled_fields_and_a_perceptron_of_nothing():
    """L = ½ (u_t² + 3 v_t²) − ½ (2 u_x² + v_x²) − u v, written into the weights."""
    model, jets = network("two fields on a line, explicit t and x", "natural")
    model = DENSITIES["natural"](FieldScaling.unit(2), width=3)
    with torch.no_grad():
        for parameter in model.network:
            parameter.zero_()
        stiffness, _, mass, _ = list(model.network)[5:]
        stiffness[0, 1] = 2.0  # u v from both orders
        stiffness[2, 2], stiffness[3, 3] = 2.0, 1.0
        mass[1, 1] = 2.0
    u, second = jets.u, jets.ddu
    wanted = np.stack([2 * second[:, 1, 1, 0] - u[:, 1], (second[:, 1, 1, 1] - u[:, 0]) / 3], 1)
    np.testing.assert_allclose(model.read(jets).rate, wanted, rtol=1e-12)


def test_a_divergence_added_to_the_skip_changes_nothing():
    model, jets = network("two fields on a line, explicit t and x", "free")
    before = density_operator(model, jets)
    weight, linear = list(model.network)[5:7]
    # z = (u, v, u_t, v_t, u_x, v_x): u u_x + (u v)_t / … and u_t v_x − u_x v_t are divergences, and so is 4 u_t.
    with torch.no_grad():
        for i, j, amount in ((0, 4, 0.7), (0, 3, 0.4), (1, 2, 0.4), (2, 5, 0.9), (4, 3, -0.9)):
            weight[i, j] += amount
        linear[2] += 4.0
    np.testing.assert_allclose(density_operator(model, jets), before, rtol=1e-10, atol=1e-11)


def test_inputs_of_another_shape_are_refused():
    model, jets = network("a field on a line", "free")
    with pytest.raises(InputError, match=r"expected x \(B, 2\), u \(B, 1\), du \(B, 2, 1\)"):
        model.inputs_of(draw(3, 1))
    with pytest.raises(InputError, match="second derivatives"):
        model.read(Jets(jets.x, jets.u, jets.du))


def test_scaling_needs_second_derivatives_and_space():
    jets = draw(2, 1)
    with pytest.raises(DataError, match="over time and space with second derivatives"):
        FieldScaling.of(Jets(jets.x, jets.u, jets.du))
    with pytest.raises(DataError, match="over time and space"):
        FieldScaling.of(draw(1, 1))
    with pytest.raises(InputError, match="increasing positions below 2"):
        FieldScaling.of(jets, entering=[2])
    jets.ddu[3, 0, 1] = np.nan
    with pytest.raises(DataError, match="second derivative in row 3"):
        FieldScaling.of(jets)
