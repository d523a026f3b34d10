"""Exact algebra and linear algebra on which the calculus of variations rests, each piece with bounded work."""
