"""What is found: the record of a law, its file and its units."""

from lagsym.law.record import Constant, FrontEntry, Law

__all__ = ["Constant", "FrontEntry", "Law"]
