"""Data sets and pictures by name, and the safe reading of files that visitors bring."""
