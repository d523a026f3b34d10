"""The inverse problem of the calculus of variations: whether any Lagrangian gives certain accelerations."""
