"""What visitors bring, kept in memory for a while under a name: a Spec can say the name, a link cannot carry the thing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """The things put here last, as many as have together at most `most` of what `size` measures (1 each); the very last one always.

    Threads may share it.
    """

    def __init__(self, most: int, size: Callable[[T], int] = lambda thing: 1) -> None:
        self._most, self._size = most, size
        self._kept: dict[str, T] = {}
        self._turn = threading.Lock()

    def put(self, name: str, thing: T) -> None:
        """Remember it as the newest under this name, in the place of what had it."""
        with self._turn:
            self._kept.pop(name, None)
            self._kept[name] = thing
            left = sum(map(self._size, self._kept.values()))
            for oldest in list(self._kept)[:-1]:
                if left <= self._most:
                    break
                left -= self._size(self._kept.pop(oldest))

    def get(self, name: str) -> T | None:
        """What is kept under this name, None if it is not here (any more)."""
        return self._kept.get(name)


class Shelf(Newest[T]):
    """The newest `most` contents that `read` could make something of, each under the digest of its bytes."""

    def __init__(self, read: Callable[[bytes], T], most: int = 8) -> None:
        super().__init__(most)
        self._read = read

    def keep(self, content: bytes) -> str:
        """Read it, remember it, and return the digest that names it. Raises what `read` raises."""
        digest = hashlib.sha256(content).hexdigest()[:16]
        self.put(digest, self._read(content))
        return digest
