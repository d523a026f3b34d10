"""Reading: what a trained network says of its parts, the formulas for them, and how faithful a formula is."""
