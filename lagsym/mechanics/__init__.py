"""What a Lagrangian is: symbols, equations, equivalence and notation, in SymPy alone."""
