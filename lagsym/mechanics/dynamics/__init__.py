"""What a Lagrangian amounts to: forces, momenta, energy, motion, constraints, small oscillations."""
