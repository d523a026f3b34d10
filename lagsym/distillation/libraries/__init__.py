"""Libraries: the terms that a Lagrangian may be made of."""
