"""Text as whole numbers and back: by character, by word, and by byte-pair encoding that is learned from a text.

Byte-pair encoding starts with the 256 bytes of UTF-8 as its tokens, so that no text is ever unknown. It repeats one step: count
all neighbouring pairs of tokens inside the pieces of the training text, and make the most frequent pair one new token,

    (a, b) = argmax over pairs of count(a, b),    vocabulary <- vocabulary + {ab}

the pair with the smaller numbers where counts are equal. A new text is cut into the same kind of pieces; in each of them the merge that was
learned first is applied first, again and again, until none fits. Pieces are runs of letters and digits, of signs, or of spaces; one
space stays with what follows it. No merge reaches across two pieces.

Sources: P. Gage, "A new algorithm for data compression", C Users Journal 12, 1994; R. Sennrich, B. Haddow, A. Birch, "Neural
machine translation of rare words with subword units", ACL 2016, algorithm 1; bytes and pieces: A. Radford et al., "Language
models are unsupervised multitask learners", 2019, section 2.2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from core.errors import ExplainerError

BYTES = 256
MOST_MERGES = 4096
UNKNOWN = "<unk>"
PIECES = re.compile(r" ?\w+| ?[^\w\s]+|\s+(?!\S)|\s+")
WORDS = re.compile(r"\w+|[^\w\s]")

Pair = tuple[int, int]


def pieces(text: str) -> list[str]:
    """The text cut into pieces that no merge crosses; together they are the text."""
    return PIECES.findall(text)


def to_bytes(text: str) -> bytes:
    """UTF-8; a lone surrogate, which UTF-8 has no place for, is written as if it had one."""
    return text.encode("utf-8", "surrogatepass")


def to_text(content: bytes) -> str:
    """The text of `to_bytes`; bytes that are no text become the sign �."""
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return content.decode("utf-8", "replace")


def merged(tokens: Sequence[int], pair: Pair, new: int) -> list[int]:
    """`tokens` with every occurrence of `pair`, from the left, replaced by the token `new`."""
    out: list[int] = []
    for token in tokens:
        if out and (out[-1], token) == pair:
            out[-1] = new
        else:
            out.append(token)
    return out


def pairs(tokens: Sequence[int]) -> Iterator[Pair]:
    """Neighbouring tokens."""
    return pairwise(tokens)


@dataclass(frozen=True)
class Merge:
    """A learned merge: the pair, the token that it became, and how often it stood in the training text then."""

    pair: Pair
    token: int
    count: int


@dataclass(frozen=True)
class BPE:
    """Byte-level byte-pair encoding. Token i < 256 is the byte i; token 256 + k is what merge k made."""

    merges: tuple[Merge, ...]

    @classmethod
    def train(cls, text: str, vocabulary: int) -> BPE:
        """Learn merges from `text` until there are `vocabulary` tokens, or no pair occurs twice.

        Raises:
            ExplainerError: `vocabulary` leaves no room for the 256 bytes, or is too large.
        """
        if not BYTES <= vocabulary <= BYTES + MOST_MERGES:
            raise ExplainerError(
                f"a vocabulary of {vocabulary} tokens cannot be learned; {BYTES} bytes plus 0 to {MOST_MERGES} merges are allowed; try {BYTES + 100}"
            )
        return cls(tuple(_learn(text, vocabulary - BYTES)))

    @cached_property
    def vocabulary(self) -> tuple[bytes, ...]:
        """The bytes of every token."""
        tokens = [bytes([i]) for i in range(BYTES)]
        for merge in self.merges:
            tokens.append(tokens[merge.pair[0]] + tokens[merge.pair[1]])
        return tuple(tokens)

    @cached_property
    def _merge_of(self) -> dict[Pair, int]:
        return {merge.pair: merge.token for merge in self.merges}

    def first(self, count: int) -> BPE:
        """The tokenizer after its first `count` merges."""
        return BPE(self.merges[:count])

    def encode(self, text: str) -> list[int]:
        """The tokens of a text; at most 4 a character."""
        cut = pieces(text)
        known = {piece: self._encode_piece(piece) for piece in set(cut)}
        return [token for piece in cut for token in known[piece]]

    def _encode_piece(self, piece: str) -> list[int]:
        tokens = list(to_bytes(piece))
        while fitting := [pair for pair in pairs(tokens) if pair in self._merge_of]:
            first = min(fitting, key=self._merge_of.__getitem__)
            tokens = merged(tokens, first, self._merge_of[first])
        return tokens

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the tokens.

        Raises:
            ExplainerError: a number is no token.
        """
        return to_text(b"".join(self.vocabulary[i] for i in checked(ids, len(self.vocabulary))))

    def words(self, ids: Sequence[int]) -> list[str]:
        """Each token as text; bytes that are no characters by themselves as \\xNN."""
        return [self.vocabulary[i].decode("utf-8", "backslashreplace") for i in checked(ids, len(self.vocabulary))]


def _learn(text: str, most: int) -> Iterator[Merge]:
    """Merges in order. Counts are kept up to date: a merge changes only the pieces that hold its pair."""
    counts = Counter(pieces(text))
    split = {piece: list(to_bytes(piece)) for piece in counts}
    count: Counter[Pair] = Counter()
    where: dict[Pair, set[str]] = {}
    for piece, tokens in split.items():
        for pair in pairs(tokens):
            count[pair] += counts[piece]
            where.setdefault(pair, set()).add(piece)
    for token in range(BYTES, BYTES + most):
        best = max(count, key=lambda pair: (count[pair], -pair[0], -pair[1]), default=None)
        if best is None or count[best] < 2:
            return
        yield Merge(best, token, count[best])
        for piece in where.pop(best):
            for pair in pairs(split[piece]):
                count[pair] -= counts[piece]
            split[piece] = merged(split[piece], best, token)
            for pair in pairs(split[piece]):
                count[pair] += counts[piece]
                where.setdefault(pair, set()).add(piece)
        del count[best]


@dataclass(frozen=True)
class Lookup:
    """A tokenizer with a list of known tokens; token 0 stands for all others."""

    vocabulary: tuple[str, ...]

    @cached_property
    def _number(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.vocabulary)}

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, 0 for what is unknown."""
        return [self._number.get(part, 0) for part in self.parts(text)]

    def words(self, ids: Sequence[int]) -> list[str]:
        """Each token as text."""
        return [self.vocabulary[i] for i in checked(ids, len(self.vocabulary))]

    def parts(self, text: str) -> list[str]:
        """The text cut into what may be a token."""
        raise NotImplementedError


class Characters(Lookup):
    """One token for each character of the training text."""

    @classmethod
    def train(cls, text: str) -> Characters:
        """All characters of `text`, in the order of Unicode."""
        return cls((UNKNOWN, *sorted(set(text))))

    def parts(self, text: str) -> list[str]:
        return list(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text; unknown characters come back as �."""
        return "".join("�" if i == 0 else self.vocabulary[i] for i in checked(ids, len(self.vocabulary)))


class Words(Lookup):
    """One token for each of the most frequent words and signs; spaces are not kept."""

    @classmethod
    def train(cls, text: str, vocabulary: int) -> Words:
        """The `vocabulary` − 1 most frequent words of `text`, earlier ones first where they are equally frequent.

        Raises:
            ExplainerError: `vocabulary` leaves no room for a word.
        """
        if vocabulary < 2:
            raise ExplainerError(f"a vocabulary of {vocabulary} holds no word beside {UNKNOWN}; try 100")
        return cls((UNKNOWN, *(word for word, _ in Counter(WORDS.findall(text)).most_common(vocabulary - 1))))

    def parts(self, text: str) -> list[str]:
        return WORDS.findall(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The words with a space between any two."""
        return " ".join(self.words(ids))


def checked(ids: Sequence[int], size: int) -> Sequence[int]:
    """`ids`, all of which are tokens of a vocabulary of this size.

    Raises:
        ExplainerError: one of them is not.
    """
    for i in ids:
        if not 0 <= i < size:
            raise ExplainerError(f"{i} is no token; the vocabulary has the tokens 0 to {size - 1}")
    return ids
