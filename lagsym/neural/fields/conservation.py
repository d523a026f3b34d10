"""Conservation: the energy and momentum of a density network by Noether's theorem, and how well fields keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from lagsym.data.continuity import TIME, Current, continuity_residuals, total_drifts
from lagsym.data.grid_derivatives import Differentiated, differentiate
from lagsym.data.jets import Jets
from lagsym.data.lattice import FieldRecord, Lattice
from lagsym.data.weak_fields import Index, place_field_tests
from lagsym.errors import InputError
from lagsym.neural.fields.density import DensityNetwork
from lagsym.neural.fields.motion import jets_on_grid

NO_FLUXES = (
    "expected a density of first derivatives: the fluxes of one that bends hold third derivatives, which jets have "
    "not; use `density_conservation` on a lattice"
)
CHUNK = 8192
"""Samples that a network is asked at at a time, which bounds the memory that it takes."""


@dataclass(frozen=True, eq=False)
class FieldStressEnergy:
    """Energy and momentum at points of fields, on the network's own scale; signs as in `lagsym.mechanics`.

    Arguments:
        components: the canonical tensor T^mu_nu = Σ_i u_(i,nu) dL/du_(i,mu) − δ^mu_nu L, [:, mu, nu].
    """

    components: Float[np.ndarray, "samples base base"]

    @property
    def energy_density(self) -> Float[np.ndarray, " samples"]:
        """T^t_t."""
        return self.components[:, 0, 0]

    @property
    def energy_flux(self) -> Float[np.ndarray, "samples space"]:
        """T^k_t along each direction of space k."""
        return self.components[:, 1:, 0]

    @property
    def momentum_densities(self) -> Float[np.ndarray, "samples space"]:
        """−T^t_k: a wave that runs towards greater x carries positive momentum along x."""
        return -self.components[:, 0, 1:]

    @property
    def momentum_fluxes(self) -> Float[np.ndarray, "samples space space"]:
        """−T^j_k at [:, j, k], along direction j of momentum k."""
        return -self.components[:, 1:, 1:]


@dataclass(frozen=True, eq=False)
class FieldConservation:
    """How well fields keep the energy and momentum that a density network gives them; 0 is perfect.

    Balances are what D_mu T^mu_nu leaves in averages over test functions, relative to those of D_t T^t_nu.  Drifts are
    the spread over time of the mean over space of T^t_nu, relative to the mean kinetic energy or the mean of
    |Σ_i u_(i,k) dL/du_(i,t)|.  Momenta are relative to those of all directions together, compared by the lengths of
    the fields.  So no number depends on units or on the scale of the network; a divergence in L adds to what they are
    relative to.

    Arguments:
        energy_balance: of the continuity equation of energy.
        momentum_balance: the same of the momentum along each direction of space; not small where L depends on place.
        energy_drift: of the whole energy.
        momentum_drift: of the whole momentum; None where some direction of space has ends, which take momentum up.
    """

    energy_balance: float
    momentum_balance: Float[np.ndarray, " space"]
    energy_drift: float
    momentum_drift: Float[np.ndarray, " space"] | None


def density_stress_energy(model: DensityNetwork, jets: Jets) -> FieldStressEnergy:
    """The energy and momentum that a network gives to fields at jets, in the data's units.

    On every motion of the network d(energy density)/dt + div(energy flux) = −dL/dt and d(momentum density k)/dt +
    div(momentum fluxes of k) = dL/dx_k, with derivatives of L at fixed fields.

    Arguments:
        model: a trained network for densities of first derivatives.
        jets: fields and first derivatives.

    Raises:
        InputError: the density has second derivatives, or the jets other numbers of fields or base coordinates.

    Source: E. Noether, Invariante Variationsprobleme, Nachr. Ges. Wiss. Göttingen (1918) 235.
    """
    if model.bends:
        raise InputError(NO_FLUXES)
    return FieldStressEnergy(_asked(model, jets)[0])


def density_conservation(model: DensityNetwork, fields: Lattice) -> FieldConservation:
    """How well fields on a grid keep the energy and momentum of a network, of first or second derivatives.

    On measured fields this says how far the network is from their law; on the network's own motion, as from
    `held_out.with_records(motion.records(places))`, how exactly it was followed.

    Arguments:
        model: a trained network.
        fields: measured, simulated or rolled out.

    Raises:
        InputError: the lattice has another number of fields or base coordinates.

    Source: E. Noether, Invariante Variationsprobleme, Nachr. Ges. Wiss. Göttingen (1918) 235; that of the currents of
    densities with second derivatives is P. J. Olver, Applications of Lie Groups to Differential Equations, section 5.4.
    """
    smooth = differentiate(fields)
    tests, motions = place_field_tests(smooth), [_Motion.of(model, smooth, record) for record in fields.records]

    def residuals(nus: Sequence[int]) -> np.ndarray:
        return _listed(continuity_residuals(tests, {nu: [motion.currents[nu] for motion in motions] for nu in nus}))

    def drifts(nus: Sequence[int]) -> np.ndarray:
        densities = {nu: [motion.currents[nu][TIME,] for motion in motions] for nu in nus}
        sizes = {nu: [motion.sizes[nu] for motion in motions] for nu in nus}
        return _listed(total_drifts(tests, densities, sizes, fields.periodic))

    space = range(1, model.scaling.base)
    momentum_drift = drifts(space) if all(fields.periodic) else None
    return FieldConservation(float(residuals([TIME])[0]), residuals(space), float(drifts([TIME])[0]), momentum_drift)


def _listed(found: Mapping[int, float]) -> np.ndarray:
    return np.array(list(found.values()))


@dataclass(frozen=True, eq=False)
class _Motion:
    """On one record, for each translation its current, and the size of its density."""

    currents: tuple[Current, ...]
    sizes: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, model: DensityNetwork, smooth: Differentiated, record: FieldRecord) -> _Motion:
        base, shape = range(model.scaling.base), record.u.shape[:-1]
        # Along time too: the flux of energy of a density that bends holds u_tx.
        pairs = [(mu, nu) for mu in base for nu in base[max(mu, 1) :]] if model.bends else []
        jets = jets_on_grid(smooth, record, pairs)
        tensor, value, bends = _asked(model, jets)
        flows = [_current(model, tensor, bends, jets, nu) for nu in base]
        kinetic = (tensor[:, TIME, TIME] + value) / 2
        sizes = [kinetic, *tensor[:, TIME, 1:].T]
        return cls(
            tuple({index: part.reshape(shape) for index, part in flow.items()} for flow in flows),
            tuple(size.reshape(shape) for size in sizes),
        )


def _asked(model: DensityNetwork, jets: Jets) -> list[np.ndarray]:
    """Of a network at jets, what first derivatives make of the tensor (N, b, b), L (N,), and L by `bends` (N, k, n)."""
    indices = np.array_split(np.arange(len(jets)), max(1, -(-len(jets) // CHUNK)))
    pieces = []
    for inputs in (model.inputs_of(jets.take(index)) for index in indices):
        pieces.append((model.translations(inputs), model.value(inputs), model.slopes(inputs)[2]))
    return [torch.cat(parts).cpu().numpy() for parts in zip(*pieces, strict=True)]


def _current(model: DensityNetwork, tensor: np.ndarray, bends: np.ndarray, jets: Jets, nu: int) -> Current:
    """That of the translation along nu: Olver's current with no derivative of a momentum taken.

    u_nu (P^mu − D_lambda P^(mu lambda)) + u_(nu lambda) P^(mu lambda) − delta^mu_nu L
        = (u_nu P^mu + 2 u_(nu lambda) P^(mu lambda) − delta^mu_nu L) − D_lambda (u_nu P^(mu lambda))

    The last part is averaged by parts twice, so that noise is not differentiated.
    """
    current: dict[Index, np.ndarray] = {(mu,): tensor[:, mu, nu].copy() for mu in range(tensor.shape[1])}
    for pair, momentum in zip(model.bends, np.moveaxis(bends, 1, 0), strict=True):
        assert jets.ddu is not None
        # u_xy is one symbol for two derivatives, which share its momentum.
        for mu, other in (pair, pair[::-1]):
            current[mu,] += (jets.ddu[:, nu, other] * momentum).sum(1)
        current[pair] = -(jets.du[:, nu] * momentum).sum(1)
    return current
