"""The tokenizer of a Llama checkpoint: single characters, joined again and again where the joined token has the highest score.

A text begins with a space and the token for its beginning. Characters that the vocabulary lacks are written as their UTF-8 bytes, <0x0A>.
In each step the neighbouring pair whose joined text is the token with the highest score becomes that token, the leftmost pair where
scores are equal. A heap of the pairs makes n characters a matter of n log n.

Source: T. Kudo, J. Richardson, "SentencePiece", EMNLP 2018, section 3; the scored tokens are those of a BPE model there.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from core.data.tokenizers import to_bytes
from core.errors import ExplainerError
from models.llama import finite, read_json

MOST_BYTES = 8 * 1024 * 1024
LONGEST = 64  # characters of a token
SIGNS = str.maketrans({"\r": "", "\n": "↵", "\t": "⇥", " ": "␣", "<": "‹", ">": "›", "&": "＆", "`": "ˋ"})


@dataclass(frozen=True)
class ScoredTokens:
    """Token i is `tokens[i]`, with `scores[i]`; `begin` stands before every text."""

    tokens: tuple[str, ...]
    scores: tuple[float, ...]
    begin: int

    @classmethod
    def read(cls, folder: Path, vocabulary: int, begin: int) -> ScoredTokens:
        """tokenizer.json of a folder: {"tokens": [...], "scores": [...]}.

        Raises:
            ExplainerError: it is missing or too large, or is not a tokenizer of `vocabulary` tokens.
        """
        found = read_json(folder / "tokenizer.json", MOST_BYTES)
        tokens, scores = found.get("tokens"), found.get("scores")
        lists = isinstance(tokens, list) and isinstance(scores, list) and len(tokens) == len(scores) == vocabulary
        if not lists or not all(isinstance(t, str) and len(t) <= LONGEST for t in tokens) or not finite(scores):
            raise ExplainerError(f"tokenizer.json holds no {vocabulary} tokens with a score each, as config.json says")
        return cls(tuple(tokens), tuple(map(float, scores)), begin)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {token: i for i, token in reversed(list(enumerate(self.tokens)))}  # the first of equal ones

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, `begin` first.

        Raises:
            ExplainerError: the vocabulary lacks both a character and its bytes.
        """
        return [self.begin, *self._joined([i for c in " " + text for i in self._character(c)])]

    def _character(self, character: str) -> list[int]:
        if character in self._number:
            return [self._number[character]]
        names = [f"<0x{byte:02X}>" for byte in to_bytes(character)]
        if missing := [name for name in names if name not in self._number]:
            raise ExplainerError(f"this model's tokens have no {character!r}, nor its byte {missing[0]}; leave it out")
        return [self._number[name] for name in names]

    def _joined(self, ids: list[int]) -> list[int]:
        """The greedy joins over a linked list: `after` and `before` name the neighbours that are left."""
        after, before = list(range(1, len(ids) + 1)), list(range(-1, len(ids) - 1))
        heap: list[tuple[float, int, int, int, int]] = []

        def offer(i: int) -> None:
            j = after[i]
            if j < len(ids) and (new := self._number.get(self.tokens[ids[i]] + self.tokens[ids[j]])) is not None:
                heapq.heappush(heap, (-self.scores[new], i, ids[i], ids[j], new))

        for i in range(len(ids) - 1):
            offer(i)
        while heap:
            _, i, left, right, new = heapq.heappop(heap)
            j = after[i]
            if j >= len(ids) or (ids[i], ids[j]) != (left, right):
                continue  # one of the two has been joined since
            ids[i], ids[j], after[i] = new, -1, after[j]
            if after[i] < len(ids):
                before[after[i]] = i
            offer(i)
            if before[i] >= 0:
                offer(before[i])
        return [i for i in ids if i >= 0]

    def words(self) -> list[str]:
        """Every token as it stands on screen."""
        return [shown(token) for token in self.tokens]


def shown(token: str) -> str:
    """A token in one line: spaces and line ends get signs of their own, what a picture would take for markup another; a long one is cut."""
    line = token.translate(SIGNS)
    return line if len(line) <= 24 else line[:23] + "…"
