"""From trajectories to a Lagrangian that a person can read, check and cite."""
