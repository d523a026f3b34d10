"""Formulas as people write them: text, LaTeX, whole derivations."""
