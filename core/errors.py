"""The one error that a user's input may cause, and the words it is written in."""

from __future__ import annotations

from collections.abc import Iterable


class ExplainerError(ValueError):
    """Input that cannot be used: the message says what was given, what is allowed and what to try."""


def one_of(options: Iterable[str]) -> str:
    """Name all options in one phrase: "a", "a or b", "a, b or c".

    >>> one_of(["sgd", "momentum", "adam"])
    'sgd, momentum or adam'
    """
    *most, last = list(options)
    return f"{', '.join(most)} or {last}" if most else last
