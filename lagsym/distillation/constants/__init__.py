"""Constants of a chosen law: their values with errors, and their names."""
