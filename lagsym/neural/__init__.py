"""Lagrangian networks in PyTorch: models, the fast operator, fitting."""
