"""Byte-pair encoding against the rule written down plainly. `python -m bench.text_tokens`

The plain program counts every pair of the whole text anew for each merge, and encodes by trying the merges one after another on each
piece. Both learn the same merges from the same text and give the same tokens; they run in turns, and characters a second are printed.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from core.data.tokenizers import BPE, BYTES, merged, pieces, to_bytes
from core.plots.encode import encode
from core.text_tokens import SPEC, about, look, top
from core.text_tokens.compute import text_of

VOCABULARY = 500
ROUNDS = 3
LIMIT = 0.150  # seconds for the page after typed text


def plain_train(text: str, vocabulary: int) -> list[tuple[int, int]]:
    """Sennrich's algorithm 1 on bytes, everything counted anew for each merge."""
    words = [list(to_bytes(piece)) for piece in pieces(text)]
    merges = []
    for token in range(BYTES, vocabulary):
        counts = Counter(pair for word in words for pair in pairwise(word))
        pair = min(counts, key=lambda p: (-counts[p], p))
        words = [merged(word, pair, token) for word in words]
        merges.append(pair)
    return merges


def plain_encode(merges: list[tuple[int, int]], text: str) -> list[int]:
    """Every merge in its order, on every piece."""
    tokens = []
    for piece in pieces(text):
        word = list(to_bytes(piece))
        for k, pair in enumerate(merges):
            word = merged(word, pair, BYTES + k)
        tokens += word
    return tokens


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compared(name: str, characters: int, ours: Callable[[], object], rival: Callable[[], object]) -> None:
    """Print both speeds and their ratio."""
    pairs = [(timed(ours), timed(rival)) for _ in range(ROUNDS)]
    mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{name}, {characters:,} characters: {characters / mine:,.0f} characters/s, plainly {characters / other:,.0f}, {other / mine:.1f} times as fast")  # fmt: skip


def page() -> None:
    """Typed text that was never seen: the sentence, the pictures and the open lens, as JSON."""

    def drawn(spec: SPEC) -> None:
        about(spec)
        json.dumps([encode(figure) for figure in (*top(spec).values(), *look(spec).figures.values())])

    drawn(SPEC())  # trains the tokenizers
    times = [timed(lambda k=k: drawn(replace(SPEC(), probe=f"the {k} unseen words of visitor {k}"))) for k in range(15)]
    print(f"page after typed text: {1e3 * statistics.median(times):.0f} ms, limit {1e3 * LIMIT:.0f} ms")


def main() -> None:
    text = text_of(SPEC(text="manual"))
    ours, plain = BPE.train(text, VOCABULARY), plain_train(text, VOCABULARY)
    assert [merge.pair for merge in ours.merges] == plain
    assert ours.encode(text) == plain_encode(plain, text)
    compared(f"learning {VOCABULARY - BYTES} merges", len(text), lambda: BPE.train(text, VOCABULARY), lambda: plain_train(text, VOCABULARY))  # fmt: skip
    compared("encoding", len(text), lambda: ours.encode(text), lambda: plain_encode(plain, text))
    page()


if __name__ == "__main__":
    main()
