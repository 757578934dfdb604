"""What the three tokenizers make of two texts: one that they learn from, and one that they encode.

    compression = bytes of the text in UTF-8 / tokens
    unknown = tokens that stand for no known character or word / tokens

Sources: byte-pair encoding, see core/data/tokenizers.py; the rank of a word and its frequency: G. K. Zipf, "Human behavior and the
principle of least effort", 1949; TF-IDF: K. Spärck Jones, "A statistical interpretation of term specificity and its application
in retrieval", Journal of Documentation 28, 1972, here in scikit-learn's form with smoothing:

    idf(t) = ln((1 + n) / (1 + df(t))) + 1,    x_dt = count(t in d) idf(t),    each row divided by its length

n sentences, df(t) of which hold the word t.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.data.tokenizers import BPE, WORDS, Characters, Words, to_bytes
from core.errors import ExplainerError
from core.text_tokens import padding, texts
from core.text_tokens.spec import TextTokensSpec
from core.text_tokens.vectors import vector_numbers

FRAMES = 60  # of the film, at most
MOST_SENTENCES, MOST_TERMS = 8, 40  # of the bag of words


@dataclass(frozen=True, eq=False)
class Study:
    """Three tokenizers trained on `text`, by name."""

    spec: TextTokensSpec
    text: str
    tokenizers: dict[str, BPE | Words | Characters]

    @property
    def bpe(self) -> BPE:
        """The byte-pair encoding."""
        return self.tokenizers["bpe"]


@dataclass(frozen=True)
class Result:
    """A tokenizer's work on one text: vocabulary, tokens, unknown ones, UTF-8 bytes, and whether decoding gives the text back."""

    vocabulary: int
    tokens: int
    unknown: int
    bytes: int
    exact: bool

    @property
    def compression(self) -> float:
        """Bytes a token; 0 for an empty text."""
        return self.bytes / self.tokens if self.tokens else 0.0


def text_of(spec: TextTokensSpec) -> str:
    """The text that the tokenizers learn from; the tale as long as the own text is empty."""
    if spec.text == "own":
        return spec.own if spec.own.strip() else texts.TALE
    return {"tale": texts.TALE, "scripts": texts.SCRIPTS}.get(spec.text) or texts.manual()


@lru_cache(maxsize=32)
def _trained(text: str, vocabulary: int) -> dict[str, BPE | Words | Characters]:
    return {
        "characters": Characters.train(text),
        "words": Words.train(text, vocabulary),
        "bpe": BPE.train(text, vocabulary),
    }


def study_of(spec: TextTokensSpec) -> Study:
    """The tokenizers of this state."""
    text = text_of(spec)
    return Study(spec, text, _trained(text, spec.vocabulary))


def result(tokenizer: BPE | Words | Characters, text: str) -> Result:
    """What a tokenizer makes of a text. Byte-pair encoding knows every text; token 0 of the others is the unknown."""
    ids = tokenizer.encode(text)
    unknown = 0 if isinstance(tokenizer, BPE) else ids.count(0)
    return Result(len(tokenizer.vocabulary), len(ids), unknown, len(to_bytes(text)), tokenizer.decode(ids) == text)


def moments(bpe: BPE) -> list[int]:
    """Numbers of merges at which the film stands: none, all, and at most `FRAMES` in all, the first ones one by one."""
    n = len(bpe.merges)
    if n < FRAMES:
        return list(range(n + 1))
    return sorted({*range(20), *np.rint(np.geomspace(20, n, FRAMES - 20)).astype(int).tolist()})


@lru_cache(maxsize=16)
def compression_path(text: str, vocabulary: int) -> tuple[list[int], Float[np.ndarray, "k"]]:
    """Numbers of merges, and bytes a token of the training text after so many."""
    bpe = _trained(text, vocabulary)["bpe"]
    at = moments(bpe)
    size = len(to_bytes(text))
    return at, np.array([size / max(1, len(bpe.first(k).encode(text))) for k in at])


@lru_cache(maxsize=16)
def unknown_path(text: str, probe: str) -> tuple[list[int], Float[np.ndarray, "k"]]:
    """Sizes of a vocabulary of words learned from `text`, and the share of the probe's words that it does not know."""
    most = len(set(WORDS.findall(text))) + 1
    sizes = sorted({int(n) for n in np.rint(np.geomspace(2, max(2, most), 40))})
    full = Words.train(text, max(2, most))
    ids = np.array(full.encode(probe))
    return sizes, np.array([np.mean((ids == 0) | (ids >= n)) if len(ids) else 0.0 for n in sizes])


def ranks(text: str) -> tuple[list[str], Float[np.ndarray, "k"]]:
    """The words of a text, most frequent first, and how often each stands there."""
    found = Counter(WORDS.findall(text)).most_common()
    return [word for word, _ in found], np.array([float(n) for _, n in found])


@dataclass(frozen=True, eq=False)
class Bag:
    """Sentences as rows of term weights, and the cosine between any two rows."""

    sentences: list[str]
    terms: list[str]
    weights: Float[np.ndarray, "n t"]
    cosine: Float[np.ndarray, "n n"]


def bag(text: str, probe: str, weight: str) -> Bag:
    """The probe (first) and the first sentences of the text; terms are their lower-case words, the rarer half cut beyond `MOST_TERMS`.

    Raises:
        ExplainerError: none of them holds a word.
    """
    rows = [*(texts.sentences_of(probe)[:1] or [[]]), *texts.sentences_of(text)[: MOST_SENTENCES - 1]]
    counts = Counter(word for row in rows for word in row)
    if not counts:
        raise ExplainerError("neither text holds a word; a bag of words needs one at least")
    terms = [word for word, _ in counts.most_common(MOST_TERMS)]
    x = np.array([[row.count(term) for term in terms] for row in rows], float)
    if weight == "tfidf":
        x = x * (np.log((1 + len(rows)) / (1 + (x > 0).sum(axis=0))) + 1)
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)
    return Bag([" ".join(row) for row in rows], terms, x, x @ x.T)


@lru_cache(maxsize=12)
def _padding(reader: str, side: str, seed: int) -> tuple[dict, dict]:
    ways = padding.readers(reader, side, seed)
    return ways, padding.measure(ways, side, seed)


def padding_of(spec: TextTokensSpec) -> tuple[dict, dict]:
    """The readers by way, and for each way accuracy and mean change of the answer, by amount of padding."""
    return _padding(spec.reader, spec.side, spec.seed)


def numbers(spec: TextTokensSpec) -> dict[str, float]:
    """What the script prints: the three tokenizers on the text to encode, then what the open lens shows."""
    study = study_of(spec)
    out: dict[str, float] = {"merges": float(len(study.bpe.merges))}
    for name, tokenizer in study.tokenizers.items():
        found = result(tokenizer, spec.probe)
        out |= {
            f"{name} vocabulary": found.vocabulary,
            f"{name} tokens": found.tokens,
            f"{name} unknown": found.unknown,
        }
        out[f"{name} bytes a token of the training text"] = result(tokenizer, study.text).compression
    return out | {name: float(value) for name, value in _lens_numbers(spec, study).items()}


def _lens_numbers(spec: TextTokensSpec, study: Study) -> dict[str, float]:
    if spec.lens == "padding":
        return {
            f"{what} {way}, {n} padding tokens": values[part][k]
            for way, values in padding_of(spec)[1].items()
            for part, what in enumerate(("accuracy", "change"))
            for k, n in enumerate(padding.AMOUNTS)
        }
    if spec.lens == "embeddings":
        return vector_numbers(spec)
    if spec.lens == "bag":
        found = bag(study.text, spec.probe, spec.weight)
        return {f"cosine to sentence {k}": found.cosine[0, k] for k in range(len(found.sentences))}
    return {}
