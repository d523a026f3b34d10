"""What the literature reports of Lagrangian and Hamiltonian networks, repeated with ours by the published protocols."""
