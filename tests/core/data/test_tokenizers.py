"""Tokenizers against a naive byte-pair encoding that counts everything anew at every step, and against any text there is."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.tokenizers import BPE, BYTES, Characters, Words, merged, pieces
from core.errors import ExplainerError

TEXT = "low low low lower lowest newest widest, the newest of the new; größer größte 🎣🎣 naïve\n\n  two  spaces "
ANY = st.text(st.characters(), max_size=60)  # every code point, lone surrogates too


def naive(text: str, merges: int) -> list[tuple[tuple[int, int], int]]:
    """Sennrich et al., algorithm 1, as literally as can be: (pair, count) of every merge."""
    words = [list(piece.encode("utf-8", "surrogatepass")) for piece in pieces(text)]
    learned = []
    for token in range(BYTES, BYTES + merges):
        counts: Counter = Counter()
        for word in words:
            for k in range(len(word) - 1):
                counts[word[k], word[k + 1]] += 1
        if not counts or max(counts.values()) < 2:
            break
        best = min(pair for pair, n in counts.items() if n == max(counts.values()))
        learned.append((best, counts[best]))
        for word in words:
            k = 0
            while k < len(word) - 1:
                if (word[k], word[k + 1]) == best:
                    word[k : k + 2] = [token]
                k += 1
    return learned


def replayed(bpe: BPE, text: str) -> list[int]:
    """Encoding as the learned merges replayed in order, each over the whole piece."""
    out = []
    for piece in pieces(text):
        tokens = list(piece.encode("utf-8", "surrogatepass"))
        for merge in bpe.merges:
            tokens = merged(tokens, merge.pair, merge.token)
        out += tokens
    return out


@pytest.mark.parametrize("text", [TEXT, "aaaa aaaa aaa", "abababab cabab", "", "ab", "  \n \n", "aaaaaaaaaaaaaaaa"])
def test_merges_are_those_of_the_naive_algorithm(text: str) -> None:
    bpe = BPE.train(text, BYTES + 40)
    assert [(m.pair, m.count) for m in bpe.merges] == naive(text, 40)
    assert [m.token for m in bpe.merges] == list(range(BYTES, BYTES + len(bpe.merges)))


@settings(max_examples=60)
@given(st.text("ab c\n", max_size=80))
def test_merges_and_encoding_are_naive_on_small_alphabets(text: str) -> None:
    bpe = BPE.train(text, BYTES + 12)
    assert [(m.pair, m.count) for m in bpe.merges] == naive(text, 12)
    assert bpe.encode(text[::-1]) == replayed(bpe, text[::-1])


@settings(max_examples=150)
@given(ANY, ANY)
def test_any_unicode_comes_back_exactly(trained_on: str, text: str) -> None:
    bpe = BPE.train(trained_on + TEXT, BYTES + 30)
    for given_text in (text, trained_on + text):
        assert bpe.decode(bpe.encode(given_text)) == given_text
        assert "".join(pieces(given_text)) == given_text
    assert Characters.train(text).decode(Characters.train(text).encode(text)) == text


def test_lone_surrogates_and_control_signs_come_back() -> None:
    text = "\ud800 a\udfff\x00\u200d\u2028\r\n"
    bpe = BPE.train(text * 3, BYTES + 20)
    assert bpe.decode(bpe.encode(text)) == text


def test_encoding_shortens_and_the_first_merges_are_a_prefix() -> None:
    bpe = BPE.train(TEXT, BYTES + 50)
    lengths = [len(bpe.first(k).encode(TEXT)) for k in range(len(bpe.merges) + 1)]
    assert lengths[0] == len(TEXT.encode())
    assert lengths == sorted(lengths, reverse=True)
    saved = [a - b for a, b in pairwise(lengths)]
    assert all(
        0 < s <= merge.count for s, merge in zip(saved, bpe.merges, strict=True)
    )  # "aaa" holds two pairs, one merge
    assert bpe.first(7).merges == BPE.train(TEXT, BYTES + 7).merges


def test_a_large_vocabulary_agrees_with_replaying_every_merge() -> None:
    g = random.Random(0)
    text = " ".join("".join(g.choices("etaoin", k=g.randint(1, 7))) for _ in range(400))
    bpe = BPE.train(text, BYTES + 120)
    assert len(bpe.merges) == 120
    assert bpe.encode(text) == replayed(bpe, text)


def test_bytes_that_are_no_text_are_shown_and_never_lost() -> None:
    bpe = BPE.train("", BYTES)
    assert bpe.decode([0xF0, 0x9F]) == "�"
    assert bpe.words([0xF0, 0x41]) == ["\\xf0", "A"]
    assert bpe.encode("é") == [0xC3, 0xA9]


def test_words_are_the_most_frequent_ones_and_the_rest_is_unknown() -> None:
    words = Words.train("b a b, c a b", 3)
    assert words.vocabulary == ("<unk>", "b", "a")
    assert words.encode("a b x,a") == [2, 1, 0, 0, 2]
    assert words.decode([2, 1, 0]) == "a b <unk>"
    assert Characters.train("ab").encode("abc") == [1, 2, 0]
    assert Characters.train("ab").decode([1, 0]) == "a�"


def test_what_cannot_be_is_refused() -> None:
    for size in (0, 255, 10**6):
        with pytest.raises(ExplainerError, match="256 bytes"):
            BPE.train("text", size)
    with pytest.raises(ExplainerError, match="0 to 255"):
        BPE.train("", 256).decode([256])
    with pytest.raises(ExplainerError, match="no token"):
        BPE.train("", 256).decode([-1])
    with pytest.raises(ExplainerError, match="no word"):
        Words.train("a b", 1)
