"""What visitors bring, kept in memory for a while under the digest of its bytes: a Spec can name it, a link cannot carry it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """The newest `most` contents that `read` could make something of."""

    def __init__(self, read: Callable[[bytes], T], most: int = 8) -> None:
        self._read, self._most = read, most
        self._kept: dict[str, T] = {}

    def keep(self, content: bytes) -> str:
        """Read it, remember it, and return the digest that names it. Raises what `read` raises."""
        digest = hashlib.sha256(content).hexdigest()[:16]
        found = self._read(content)
        self._kept.pop(digest, None)
        self._kept[digest] = found
        for oldest in list(self._kept)[: -self._most]:
            del self._kept[oldest]
        return digest

    def get(self, digest: str) -> T | None:
        """What is kept under this digest, None if it is not here (any more)."""
        return self._kept.get(digest)
