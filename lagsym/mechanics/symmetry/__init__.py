"""Symmetries of a Lagrangian and what they conserve."""
