"""The scripts that made models/weights: `make weights` runs them all."""
