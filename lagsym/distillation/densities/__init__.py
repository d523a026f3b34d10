"""Lagrangian densities: choosing their terms, their constants, and what fields cannot tell of them."""
