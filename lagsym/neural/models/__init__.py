"""Lagrangian networks, a file for each structure."""
