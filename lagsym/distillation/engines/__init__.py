"""Symbolic regression of one scalar: tables in, formulas out."""
