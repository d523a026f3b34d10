"""Functions that no library holds: read off the motion, given formulas by an engine, and put together."""
