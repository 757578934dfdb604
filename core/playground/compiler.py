"""numba where it is installed, and nothing in its place where it is not.

`shared` functions run as they stand in Python, and compiled code may call them; `overloads(f)` gives the loops that stand for
f inside compiled code; `compiled(f)` is f as machine code, free of Python's lock (f itself without numba).
NUMBA_DISABLE_JIT=1 switches the compiler off.
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


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` itself, which compiled code may call."""
    if COMPILES:
        overloads(function)(function)
    return function


def overloads(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates the loops that compiled code runs in place of `function`."""

    def register(loops: Callable[..., Any]) -> Callable[..., Any]:
        if COMPILES:
            overload(function, strict=False)(_typed(inspect.unwrap(loops)))
        return loops

    return register


def _typed(loops: Callable[..., Any]) -> Callable[..., Any]:
    """numba calls this with types and wants the function; the argument names must agree."""
    names = ", ".join(inspect.signature(loops).parameters)
    return eval(f"lambda {names}: loops", {"loops": loops})


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code, made at its first call and kept on disk where that can be written."""
    if not COMPILES:
        return function
    function = inspect.unwrap(function)
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the cache: it is kept while the process lives
        return numba.njit(nogil=True)(function)
