"""Vector files: both formats come back exactly, and what is no such file is refused in words."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from core.data import word_vectors
from core.data.word_vectors import read_vectors
from core.errors import ExplainerError
from core.text_tokens.embeddings import analogy
from tests.samples import sample


def archive(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


WORDS, VECTORS = np.array(["king", "queen", "king", "é"]), np.arange(12, dtype=np.float64).reshape(4, 3) / 7


def test_an_archive_comes_back_and_a_word_counts_once() -> None:
    found = read_vectors(archive(words=WORDS, vectors=VECTORS))
    assert found.words == ("king", "queen", "é")
    np.testing.assert_array_equal(found.vectors, VECTORS[[0, 1, 3]].astype(np.float32))


@pytest.mark.parametrize("head", ["", "3 3\n"])
def test_text_comes_back(head: str) -> None:
    found = read_vectors((head + "king 1 2 3\nqueen -1e-2 .5 0\n\né 0 0 1\n").encode())
    assert found.words == ("king", "queen", "é")
    np.testing.assert_array_equal(found.vectors, np.array([[1, 2, 3], [-0.01, 0.5, 0], [0, 0, 1]], np.float32))


def test_real_vectors_know_that_a_queen_is_a_female_king() -> None:
    found = read_vectors(sample("word-vectors/word2vec_1000x300.npz").read_bytes())
    a, b, c = (found.words.index(word) for word in ("man", "king", "woman"))
    assert found.vectors.shape == (1000, 300)
    assert found.words[analogy(found.vectors, a, b, c, 1)[0][0]] == "queen"


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("vectors.npy", b"\0" * (word_vectors.MOST_UNPACKED + 1))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "one word and equally many"),
        (b"\xff\xfe\x00", "neither"),
        (b"king 1 2\nqueen 1\nx 2 3", "equally many"),
        (b"king 1 2\nqueen 1 two\nx 2 3", "line 2"),
        (b"king 1 2\nqueen 1 nan\nx 2 3", "not finite"),
        (b"a 1 2 3\nb 1 2 3", "at least 3"),
        (b"PK\x03\x04rubbish", "does not hold the arrays"),
        (archive(words=WORDS), "does not hold the arrays"),
        (archive(words=np.array([{}, 1, 2, 3], object), vectors=VECTORS), "does not hold the arrays"),
        (archive(words=WORDS, vectors=VECTORS[:2]), "do not fit"),
        (archive(words=np.arange(4), vectors=VECTORS), "do not fit"),
        (archive(words=WORDS, vectors=VECTORS[:, :1]), "2 to 1024"),
        (bomb(), "unpacks to"),
        (b"x" * (word_vectors.MOST_BYTES + 1), "at most 20 MB"),
    ],
)
def test_what_is_no_vector_file_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        read_vectors(content)


def test_a_long_file_keeps_its_first_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_vectors, "MOST_WORDS", 5)
    found = read_vectors("".join(f"w{k} {k} 1\n" for k in range(9)).encode())
    assert found.words == ("w0", "w1", "w2", "w3", "w4")
