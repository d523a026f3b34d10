"""Friction beside a Lagrangian: its kinds, what the energy says of them, and which of them moves the data."""
