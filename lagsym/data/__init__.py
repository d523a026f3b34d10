"""Measured and simulated motion: trajectories, derivatives, weak-form integrals."""
