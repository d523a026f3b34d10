"""The catalogue of benchmark systems."""
