"""Texts to learn from, character by character: Python's own help pages, sentences from a small grammar, and a visitor's.

`python` is the text of `pydoc_data.topics`, part of Python's standard library (copyright Python Software Foundation): about 460,000
characters of English with code in it. It differs a little between versions of Python.

`sentences` are drawn from a grammar made here: article, adjective, noun, clause, verb; noun and verb agree in number across a
clause of three words, so that a model with a short memory must get the verb wrong.

A visitor's text is cleaned: Unicode NFC, line ends to "\\n", tabs to spaces, other control signs left out. `notes` say what was done.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Int

from core.errors import ExplainerError
from core.rng import numpy_generator

ASCII = "\n" + "".join(map(chr, range(32, 127)))
LEAST, MOST, MOST_SIGNS, FEWEST_SIGNS = 600, 200_000, 120, 5
OTHER = "·"  # stands for signs too rare to learn
HELD_OUT = 0.1  # of a text, its end
NOUNS = ("dog", "bird", "child", "king", "tree", "river", "stone", "ship")
ADJECTIVES = ("small", "old", "bright", "quiet", "green", "tired")
VERBS = (("sleeps", "sleep"), ("sings", "sing"), ("waits", "wait"), ("grows", "grow"), ("falls", "fall"))
SEEN = ("sees", "knows", "follows")
PLURAL = {"child": "children"}
SENTENCES_SCRIPT = f"""# Sentences of a small grammar.
NOUNS, ADJECTIVES = {NOUNS!r}, {ADJECTIVES!r}
VERBS, SEEN = {VERBS!r}, {SEEN!r}
g = np.random.default_rng(entropy(0, "sentences"))


def sentence():
    many, clause = int(g.integers(2)), g.random() < 0.4
    noun, verb, adjective = (kinds[int(g.integers(len(kinds)))] for kinds in (NOUNS, VERBS, ADJECTIVES))
    plural = {PLURAL!r}.get(noun, noun + "s")
    words = ["the", *([adjective] if g.random() < 0.6 else []), plural if many else noun]
    if clause:
        words += ["that the", NOUNS[int(g.integers(len(NOUNS)))], SEEN[int(g.integers(len(SEEN)))]]
    return " ".join([*words, verb[many]]) + ".\\n"


text = "".join(sentence() for _ in range(4000))
signs = "".join(sorted(set(text)))"""  # the same in a script that has `entropy` and NumPy


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text and its signs in order; a sign's place there is its code."""

    title: str
    text: str
    signs: str
    notes: tuple[str, ...] = ()

    @cached_property
    def codes(self) -> Int[np.ndarray, " N"]:
        """The text as codes."""
        return encode(self.text, self.signs)

    @property
    def border(self) -> int:
        """Where the held-out end begins."""
        return round((1 - HELD_OUT) * len(self.text))


def encode(text: str, signs: str) -> Int[np.ndarray, " N"]:
    """Codes of a text whose signs are all known."""
    place = {sign: k for k, sign in enumerate(signs)}
    return np.array([place[sign] for sign in text], np.int64)


@lru_cache(maxsize=1)
def python() -> Corpus:
    """Python's help pages, one after another, printable ASCII only."""
    from pydoc_data.topics import topics

    whole = "\n".join(topics[name] for name in sorted(topics))
    return Corpus("Python's help pages", "".join(sign for sign in whole if sign in ASCII), ASCII)


@lru_cache(maxsize=1)
def sentences() -> Corpus:
    """Four thousand sentences of the grammar."""
    g = numpy_generator(0, "sentences")
    text = "".join(_sentence(g) for _ in range(4000))
    return Corpus("Sentences of a small grammar", text, "".join(sorted(set(text))))


def _sentence(g: np.random.Generator) -> str:
    """ "the old dog that knows the king sleeps. " """
    many, clause = int(g.integers(2)), g.random() < 0.4
    noun, verb, adjective = (kinds[int(g.integers(len(kinds)))] for kinds in (NOUNS, VERBS, ADJECTIVES))
    words = ["the", *([adjective] if g.random() < 0.6 else []), PLURAL.get(noun, noun + "s") if many else noun]
    if clause:
        words += ["that the", NOUNS[int(g.integers(len(NOUNS)))], SEEN[int(g.integers(len(SEEN)))]]
    return " ".join([*words, verb[many]]) + ".\n"


def own(content: bytes) -> Corpus:
    """A visitor's text.

    Raises:
        ExplainerError: it is no text, too short, or has too few different signs.
    """
    if b"\x00" in content:
        raise ExplainerError("this is not text (it may be a Word or PDF file); copy the words and paste them")
    text, notes = unicodedata.normalize("NFC", content.decode("utf-8", "replace")), []
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    kept = "".join(sign for sign in text if sign == "\n" or unicodedata.category(sign)[0] != "C").strip() + "\n"
    if len(kept) < LEAST:
        raise ExplainerError(
            f"the text has {len(kept) - 1} characters; at least {LEAST} are needed to learn from, better 20,000"
        )
    if len(kept) > MOST:
        kept = kept[:MOST]
        notes.append(f"Only the first {MOST:,} characters are used.")
    counts = Counter(kept)
    if len(counts) < FEWEST_SIGNS:
        raise ExplainerError(
            f"the text has only {len(counts)} different characters; at least {FEWEST_SIGNS} are needed"
        )
    if len(counts) > MOST_SIGNS:
        common = {sign for sign, _ in counts.most_common(MOST_SIGNS - 1)}
        kept = "".join(sign if sign in common else OTHER for sign in kept)
        notes.append(f"{len(counts) - MOST_SIGNS + 1} rare characters became “{OTHER}”.")
    return Corpus("Your text", kept, "".join(sorted(set(kept))), tuple(notes))
