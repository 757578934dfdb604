"""Word vectors that a visitor brings: a NumPy archive, or the text format of word2vec and GloVe, read with limits.

An archive (.npz) holds `words` (n,) and `vectors` (n, d) and is never unpickled; what it claims to unpack to is checked first. A text
file has one word a line, then its numbers; a first line "n d", which word2vec writes, is skipped. Of a file with more than
`MOST_WORDS` words the first ones are kept, which in the usual files are the most frequent ones.

Sources: T. Mikolov, K. Chen, G. Corrado, J. Dean, "Efficient estimation of word representations in vector space", 2013; J.
Pennington, R. Socher, C. Manning, "GloVe: global vectors for word representation", EMNLP 2014.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from core.errors import ExplainerError

MB = 1024 * 1024
MOST_BYTES, MOST_UNPACKED = 20 * MB, 60 * MB
MOST_WORDS, MOST_SIZE, LONGEST = 20_000, 1024, 60
FEWEST = 3


@dataclass(frozen=True, eq=False)
class WordVectors:
    """`vectors[i]` belongs to `words[i]`; no word stands twice."""

    words: tuple[str, ...]
    vectors: Float32[np.ndarray, "n d"]


def read_vectors(content: bytes) -> WordVectors:
    """The vectors of a file.

    Raises:
        ExplainerError: it is too large, neither of the two formats, or its numbers are not finite.
    """
    if len(content) > MOST_BYTES:
        raise ExplainerError(
            f"the file has {len(content) / MB:.1f} MB; at most {MOST_BYTES // MB} MB are read; keep its first lines only"
        )
    words, vectors = _from_archive(content) if content[:2] == b"PK" else _from_text(content)
    first: dict[str, int] = {}
    for i, word in enumerate(words):
        first.setdefault(word, i)
    kept = list(first.values())[:MOST_WORDS]
    vectors = vectors[kept].astype(np.float32)
    if len(kept) < FEWEST:
        raise ExplainerError(f"the file has vectors for {len(kept)} words; at least {FEWEST} are needed")
    if not 2 <= vectors.shape[1] <= MOST_SIZE:
        raise ExplainerError(f"the vectors have {vectors.shape[1]} numbers each; 2 to {MOST_SIZE} are allowed")
    if not np.isfinite(vectors).all():
        raise ExplainerError("some numbers of the file are not finite; leave those words out")
    return WordVectors(tuple(words[i] for i in kept), vectors)


def _from_archive(content: bytes) -> tuple[list[str], np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
        if unpacked > MOST_UNPACKED:
            raise ExplainerError(
                f"the archive unpacks to {unpacked / MB:.0f} MB; at most {MOST_UNPACKED // MB} are read"
            )
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            words, vectors = found["words"], found["vectors"]
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as problem:
        if isinstance(problem, ExplainerError):
            raise
        raise ExplainerError(
            "this archive does not hold the arrays words (text) and vectors (numbers); try one saved by numpy.savez"
        ) from None
    if (
        words.dtype.kind != "U"
        or vectors.dtype.kind not in "fiu"
        or vectors.ndim != 2
        or words.shape != vectors.shape[:1]
    ):
        raise ExplainerError("words must be n texts and vectors n rows of numbers; they do not fit together here")
    return [str(word)[:LONGEST] for word in words], vectors


def _from_text(content: bytes) -> tuple[list[str], np.ndarray]:
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ExplainerError(
            "this is neither a NumPy archive nor UTF-8 text with one word and its numbers a line"
        ) from None
    if lines and len(lines[0].split()) == 2:
        lines = lines[1:]
    rows = [*_rows(lines[:MOST_WORDS])]
    if not rows or len({len(numbers) for _, numbers in rows}) != 1:
        raise ExplainerError("every line must have one word and equally many numbers, such as: king 0.12 -0.5 0.33")
    return [word for word, _ in rows], np.array([numbers for _, numbers in rows], np.float64)


def _rows(lines: list[str]) -> Iterator[tuple[str, list[float]]]:
    for number, line in enumerate(lines, start=1):
        word, *rest = line.split()[: MOST_SIZE + 2] or [""]
        if word:
            try:
                yield word[:LONGEST], [float(text) for text in rest]
            except ValueError:
                raise ExplainerError(
                    f"line {number}: after the word {word[:20]!r} stand signs that are no number"
                ) from None
