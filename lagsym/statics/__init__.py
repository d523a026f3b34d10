"""Statics: hanging chains, whose shape over arc length plays the part that motion plays over time.

A chain of relative density rho(s) in a potential phi(x, y), both per unit of weight, makes the weighted length
integral of (rho phi + lambda) ds stationary; lambda is the tension that its length costs.  Its equilibrium is

    (T cos theta)' = rho phi_x,   (T sin theta)' = rho phi_y,   x' = cos theta,   y' = sin theta

with the tension T, the angle theta of its tangent and primes for d/ds.  Only ratios of tension and weight are in a
shape, so tensions are lengths: of chain that would weigh as much.
"""

from lagsym.statics.buried_mass import BuriedMass as BuriedMass
from lagsym.statics.buried_mass import find_buried_mass as find_buried_mass
from lagsym.statics.chains import Chain as Chain
from lagsym.statics.chains import read_chains as read_chains
from lagsym.statics.density import RelativeDensity as RelativeDensity
from lagsym.statics.density import relative_density as relative_density
from lagsym.statics.equilibrium import hang as hang
from lagsym.statics.potentials import POINT_MASS as POINT_MASS
from lagsym.statics.potentials import UNIFORM as UNIFORM
