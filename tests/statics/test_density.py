import numpy as np
import pytest

from lagsym.errors import DataError
from lagsym.statics import Chain, hang, relative_density
from lagsym.statics.formulas import S
from lagsym.statics.smoothing import integrals, knots, splines
from lagsym.statics.tangent import TangentModel

PROFILES = {
    "uniform": lambda s: 1 + 0 * s,
    "linear": lambda s: 1 + s,
    "quadratic": lambda s: 1 + 1.5 * s**2,
    "sine": lambda s: 1 + 0.6 * np.sin(2 * np.pi * s),
    "step": lambda s: 1 + (s > 0.4),
}
SOME = [pytest.param(name, marks=[] if name in {"sine", "step"} else [pytest.mark.slow]) for name in PROFILES]
INNER = np.linspace(0.05, 0.95, 181)


def measured(profile, noise=0.0, seed=0):
    chain = hang((0.0, 0.0), (0.8, 0.1), 1.0, density=PROFILES[profile])
    random = np.random.default_rng(seed)
    x, y = (part + noise * random.standard_normal(len(part)) for part in (chain.x, chain.y))
    return Chain(chain.s, x, y)


def error(found, profile):
    """Relative error of a density, up to the one factor that a shape leaves open."""
    true = PROFILES[profile](INNER)
    values = found.at(INNER)
    return np.linalg.norm(values * (values @ true) / (values @ values) - true) / np.linalg.norm(true)


@pytest.mark.parametrize("profile", SOME)
def test_a_clean_shape_gives_the_density_and_its_formula(profile):
    found = relative_density(measured(profile))
    assert error(found, profile) < 1e-6
    assert found.formula is not None
    assert len(found.formula.terms) == (1 if profile == "uniform" else 2)
    assert not found.notices


@pytest.mark.parametrize("profile", SOME)
def test_a_noisy_shape_gives_the_density_within_its_errors(profile):
    found = relative_density(measured(profile, 1e-3), formulas=False)
    assert found.formula is None
    assert error(found, profile) < 0.12
    assert found.noise == pytest.approx(1e-3, rel=0.15)


@pytest.mark.slow
def test_standard_errors_cover_the_truth():
    chain = measured("sine")
    true = relative_density(chain).at(chain.s)
    far = []
    for seed in range(5):
        found = relative_density(measured("sine", 1e-3, seed), formulas=False)
        far.append((found.values - true) / found.standard_errors)
    assert 0.5 < np.sqrt(np.mean(np.square(far))) < 1.6


def test_the_value_is_weight_over_horizontal_tension():
    # The catenary y = a cosh(x / a) has a = H / (rho g).
    x = np.linspace(-1, 1.5, 50)
    found = relative_density(Chain(2 * np.sinh(x / 2) + 3, x, 2 * np.cosh(x / 2)))
    assert np.abs(found.values - 0.5).max() < 1e-6
    assert found.formula.coefficients[0] == pytest.approx(0.5, rel=1e-9)


def test_units_mirrors_and_shifts_leave_the_density():
    chain = measured("quadratic")
    plain = relative_density(chain, formulas=False).values
    mirrored = relative_density(Chain(chain.s, 3 - chain.x, chain.y), formulas=False).values
    scaled = relative_density(Chain(100 * chain.s + 7, 100 * chain.x, 100 * chain.y - 5), formulas=False).values
    assert np.abs(mirrored - plain).max() < 1e-5 * plain.max()
    assert np.abs(100 * scaled - plain).max() < 1e-4 * plain.max()


def test_look_alikes_are_said_and_not_named():
    found = relative_density(measured("quadratic", 1e-3))
    assert found.formula is None
    assert "fit alike" in found.why


def test_a_profile_that_the_library_lacks_is_not_named():
    chain = hang((0.0, 0.0), (0.8, 0.1), 1.0, density=lambda s: 1 / (0.1 + s) ** 2)
    found = relative_density(chain)
    assert found.formula is None
    assert "no sum of up to 3 terms" in found.why


def test_a_jump_has_its_place():
    formula = relative_density(measured("step", 1e-4)).formula
    place = float(
        formula.expression.atoms(*{type(term) for term in formula.terms if term.has(S)}).pop().args[0].coeff(S, 0)
    )
    assert -place == pytest.approx(0.4, abs=2e-3)


def test_what_bends_downwards_is_not_held_by_weight():
    s = np.linspace(0, 2, 41)
    found = relative_density(Chain(s, np.arcsinh(s - 1), -np.sqrt(1 + (s - 1) ** 2)), formulas=False)
    assert "negative along 100%" in found.notices[0]


def test_a_chain_without_horizontal_tension_is_refused():
    s = np.linspace(0, 1, 30)
    with pytest.raises(DataError, match="apart from each other along x"):
        relative_density(Chain(s, 0 * s, -s))


def test_the_jacobian_is_that_of_differences():
    places = knots(1.0, 9)
    model = TangentModel.of(measured("linear"))
    slopes = model.slopes(lambda s: integrals(s, places))
    values = np.concatenate((np.linspace(1, 3, 9), [-0.8, 0.1, 0.2]))
    jacobian = model.residuals(slopes, values)[1]
    for k in range(len(values)):
        step = 1e-6 * np.eye(len(values))[k]
        higher, lower = (model.residuals(slopes, values + sign * step)[0] for sign in (1, -1))
        assert np.abs((higher - lower) / 2e-6 - jacobian[:, k]).max() < 1e-8


def test_splines_add_up_and_integrate():
    places, s = knots(2.0, 12), np.linspace(0, 2, 30)
    assert np.abs(splines(s, places).sum(axis=1) - 1).max() < 1e-12
    assert np.abs(integrals(s, places).sum(axis=1) - s).max() < 1e-12
