"""Density networks: neural networks that are Lagrangian densities of fields over time and space."""
