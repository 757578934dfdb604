"""numba where it is installed, and nothing in its place where it is not.

`shared` functions run as they stand in Python, and compiled code may call them; `in_loops(f)` decorates what compiled code runs in
place of f; `compiled(f)` is f as machine code, free of Python's lock (f itself without numba). NUMBA_DISABLE_JIT=1 switches the
compiler off.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

try:
    import numba
    from numba.extending import overload
except ImportError:
    numba = None

COMPILES = numba is not None and not numba.config.DISABLE_JIT


# sums in any order, a b + c rounded once, and 1 / 0 is infinite, as in NumPy; not-a-number stays one
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` itself, which compiled code may call."""
    in_loops(function)(function)
    return function


def in_loops(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates what compiled code runs in place of `function`, with arguments of the same names."""

    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        if COMPILES:
            names = ", ".join(inspect.signature(body).parameters)  # numba calls this with types and wants the function
            overload(function, strict=False)(eval(f"lambda {names}: body", {"body": inspect.unwrap(body)}))
        return body

    return register


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code, made at its first call and kept on disk where that can be written."""
    if not COMPILES:
        return function
    function = inspect.unwrap(function)
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # no folder for the cache: it is kept while the process lives
        return numba.njit(**OPTIONS)(function)
