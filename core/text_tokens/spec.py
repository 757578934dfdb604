"""The parameters, presets and tour of the page on tokens and word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

TEXTS = {"tale": "A tale", "scripts": "Many scripts", "manual": "Python's manual", "own": "Your own text"}
TOKENIZERS = {"characters": "Characters", "words": "Words", "bpe": "Byte-pair encoding"}
LENSES = {
    "merges": "The merges, one by one", "vocabulary": "Vocabulary and unknown words", "padding": "Padding and mask",
    "embeddings": "Word vectors", "bag": "Bag of words",
}  # fmt: skip
READERS = {"mean": "Mean of the embeddings", "attention": "Attention", "gru": "GRU, last state"}
SIDES = {"right": "Behind the sentence", "left": "Before it"}
CORPORA = {"world": "A small world", "manual": "Python's manual", "own": "Your own text", "file": "A vector file"}
OBJECTIVES = {"expected": "All pairs in every step", "sampled": "Drawn pairs, as word2vec does"}
WEIGHTS = {"counts": "Counts", "tfidf": "TF-IDF"}
MOST_OWN, MOST_PROBE = 1500, 160


@dataclass(frozen=True)
class TextTokensSpec(Spec):
    """Everything that the pictures depend on."""

    SLUG: ClassVar[str] = "text_tokens"

    text: str = param("tale", "Text to learn from", options=TEXTS)
    own: str = param("", "Your own text", max_length=MOST_OWN, hidden=True)
    probe: str = param(
        "The unhappiest fisher was whistling, naïvely: 🎣",
        "Text to encode",
        max_length=MOST_PROBE,
        help="Type anything",
    )
    tokenizer: str = param("bpe", "Tokenizer", options=TOKENIZERS)
    vocabulary: int = param(
        336,
        "Vocabulary at most",
        low=256,
        high=800,
        step=16,
        unit="tokens",
        help="256 bytes and the merges; or that many words",
    )
    lens: str = param("merges", "Look closer", options=LENSES)
    reader: str = param("gru", "Reader", options=READERS)
    side: str = param("right", "Padding stands", options=SIDES)
    corpus: str = param("world", "Words from", options=CORPORA)
    file: str = param("", "Vector file", max_length=64, hidden=True)
    objective: str = param("expected", "Objective", options=OBJECTIVES)
    window: int = param(4, "Window", low=1, high=8, unit="words", help="How far apart two words may stand to be a pair")
    size: int = param(16, "Vector length d", low=2, high=48)
    negatives: int = param(5, "Negative samples k", low=1, high=15)
    rate: float = param(0.1, "Learning rate η", low=1e-3, high=1.0, log=True, help="Of Adam")
    steps: int = param(200, "Steps", low=20, high=2000, step=20)
    word: str = param("king", "Neighbours of", max_length=60, hidden=True)
    a: str = param("man", "a", max_length=60, hidden=True)
    b: str = param("king", "is to b", max_length=60, hidden=True)
    c: str = param("woman", "as c is to ?", max_length=60, hidden=True)
    weight: str = param("tfidf", "Weights", options=WEIGHTS)
    seed: int = param(0, "Seed", low=0, high=9999)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Pairs become tokens", "Byte-pair encoding learns from a tale and cuts a sentence that it has never seen.", ("tokenization", "tokenizer", "bpe", "byte-pair encoding", "subword")),
    _preset("scripts", "Any script, any emoji", "Fourteen languages and a waving hand: bytes know them all, at a price.", ("unicode", "utf-8", "emoji", "multilingual", "token length"), text="scripts", probe="Καλημέρα! おはよう 👋🏽 早上好 Servus", vocabulary=448),
    _preset("unknown", "A word that nobody has seen", "A vocabulary of words has a hole for every new word. Which tokenizer says <unk>, and how often?", ("vocabulary", "out of vocabulary", "oov", "unknown word", "zipf"), lens="vocabulary", tokenizer="words", text="manual", probe="The interpreter raises a Zirkelbezug when tokenizers misbehave."),
    _preset("padding", "Padding without a mask", "Add empty tokens behind a sentence and watch a trained GRU forget what it has read.", ("padding", "mask", "padding mask", "batch", "sentiment analysis", "gru"), lens="padding"),
    _preset("mean", "Padding dilutes the mean", "A reader that averages embeddings: each empty token pulls the average to itself.", ("padding", "mean pooling", "text classification"), lens="padding", reader="mean", seed=1),
    _preset("king", "King − man + woman", "Word vectors trained on a small world whose relations are known, so that every analogy can be scored.", ("word embeddings", "word2vec", "skip-gram", "negative sampling", "analogy", "pca"), lens="embeddings"),
    _preset("bag", "Bag of words", "Sentences as counts of words: which are alike, and what TF-IDF changes.", ("bag of words", "tf-idf", "cosine similarity", "document vector"), lens="bag"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A text is numbers already", "Each coloured box is one token. Byte-pair encoding starts with single bytes and learns from a tale which neighbours to join. Look for words of the tale that became one token, and for the new words, which stay in pieces.", {}),
    TourStop("Watch it learn", "Press play: with every merge the sentence gets shorter. The first merges are the most frequent pairs, so they save most.", {"lens": "merges"}),
    TourStop("Words that nobody has seen", "A vocabulary of whole words has no number for a new word. Characters know few signs. Bytes know everything, but a rare script costs many tokens.", {"lens": "vocabulary", "tokenizer": "words"}),
    TourStop("The rectangle", "A batch is a rectangle, so short sentences are padded. Without a mask the model reads the padding like words; the curve says what that costs.", {"lens": "padding"}),
    TourStop("Numbers with a meaning", "A token's number says nothing. Its vector does: words that stand in the same company point the same way, and the way from man to king is that from woman to queen.", {"lens": "embeddings"}),
)  # fmt: skip
