"""Compile the playground's engine into numba's cache: `python -m core.playground`."""

import os

from core.playground.compute import warm_up

if __name__ == "__main__":
    os.nice(10)  # visitors first
    warm_up()
