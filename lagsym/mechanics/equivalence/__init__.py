"""Whether two Lagrangians are the same law: gauge, constant multipliers, and constants with errors."""
