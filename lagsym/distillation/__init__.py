"""From networks and data to closed forms: reading out, term libraries, selection, refinement."""
