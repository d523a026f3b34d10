"""Selection: what the evidence says of the terms of a library, and which few of them make the Lagrangian."""
