"""Pictures that visitors brought, kept in memory for a while under a key that only their own page knows.

A Spec is all text and numbers, so it holds a picture's key: eleven bytes of the SHA-256 of its bytes with a secret of this process. The newest
pictures are kept, up to a number; a key that is no longer known, or that came with someone else's link, gives None.
"""

from __future__ import annotations

import hashlib
import secrets

import numpy as np
from jaxtyping import UInt8

from core.data.shelf import Newest

KEPT = 64  # pictures; of at most 512 x 512 pixels they take 50 MB
_SECRET = secrets.token_bytes(16)
_pictures: Newest[np.ndarray] = Newest(KEPT)


def keep(pixels: UInt8[np.ndarray, "height width 3"]) -> str:
    """Keep a picture; its key. The same picture has the same key until the process ends."""
    digest = hashlib.sha256(_SECRET + str(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes())
    key = digest.hexdigest()[:22]
    _pictures.put(key, pixels)
    return key


def kept(key: str) -> UInt8[np.ndarray, "height width 3"] | None:
    """The picture with this key, None where it is not kept."""
    return _pictures.get(key)
