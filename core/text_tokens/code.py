"""The page as a script that needs only numpy, and torch where a reader is trained; its functions are the page's own."""

from __future__ import annotations

import inspect
import textwrap

from core.data import tokenizers
from core.text_tokens import embeddings, padding, texts, vectors
from core.text_tokens.compute import MOST_SENTENCES, MOST_TERMS, bag, text_of
from core.text_tokens.spec import TextTokensSpec
from core.text_tokens.vectors import asked, quick, resolved

TOKENIZERS = (
    tokenizers.pieces, tokenizers.to_bytes, tokenizers.to_text, tokenizers.merged, tokenizers.pairs, tokenizers.Merge, tokenizers.BPE,
    tokenizers._learn, tokenizers.Lookup, tokenizers.Characters, tokenizers.Words, tokenizers.checked,
)  # fmt: skip
TRAINING = (embeddings.known_words, embeddings.pair_counts, embeddings.noise, embeddings.expected, embeddings.sampled, embeddings.loss, embeddings.gradient, embeddings.descend)  # fmt: skip
READING = (embeddings.unit, embeddings.neighbours, embeddings.analogy, embeddings.analogy_score, embeddings.plane)
WORLD = (texts.world.__wrapped__, texts._one, texts._person, texts._place, texts._animal)
READERS = (padding.sentences, padding.padded, padding.Reader, padding.trained, padding.readers, padding.answers, padding.measure)  # fmt: skip

_START = '''# %% [markdown]
# # Text becomes numbers
#
# Characters, words and byte-pair encoding, learned from one text and used on another.

# %%
from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

import numpy as np

BYTES, MOST_MERGES, UNKNOWN = {bytes}, {most}, {unknown!r}
PIECES, WORDS = re.compile({pieces!r}), re.compile({words!r})


class ExplainerError(ValueError):
    pass


def numpy_generator(seed, *purpose):
    """Random numbers for one purpose."""
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %% [markdown]
# ## The tokenizers

# %%
{functions}


# %%
{manual}TEXT = {text}
PROBE = {probe!r}
trained = {{
    "characters": Characters.train(TEXT),
    "words": Words.train(TEXT, {vocabulary}),
    "bpe": BPE.train(TEXT, {vocabulary}),
}}
print("merges =", len(trained["bpe"].merges))
for name, tokenizer in trained.items():
    ids = tokenizer.encode(PROBE)
    print(name, "vocabulary =", len(tokenizer.vocabulary))
    print(name, "tokens =", len(ids))
    print(name, "unknown =", 0 if name == "bpe" else ids.count(0))
    size, tokens = len(to_bytes(TEXT)), len(tokenizer.encode(TEXT))
    print(name, "bytes a token of the training text =", size / tokens if tokens else 0.0)
'''

_MANUAL = '" ".join(" ".join(topics[name] for name in sorted(topics)).split())[:{length}]'


def script(spec: TextTokensSpec) -> str:
    """It learns the tokenizers, prints what they make of the text to encode, then what the open lens shows."""
    more = {"padding": _padding, "embeddings": _vectors, "bag": _bag}.get(spec.lens, lambda spec: "")(spec)
    manual = "from pydoc_data.topics import topics\n\n" if spec.text == "manual" else ""
    return _START.format(
        bytes=tokenizers.BYTES, most=tokenizers.MOST_MERGES, unknown=tokenizers.UNKNOWN, pieces=tokenizers.PIECES.pattern,
        words=tokenizers.WORDS.pattern, functions=source(*TOKENIZERS), probe=spec.probe, vocabulary=spec.vocabulary,
        text=_MANUAL.format(length=texts.MANUAL_LENGTH) if manual else repr(text_of(spec)),
        manual=manual,
    ) + more  # fmt: skip


def source(*objects: object) -> str:
    """The source text of functions and classes, two lines between any two."""
    return "\n\n\n".join(textwrap.dedent(inspect.getsource(inspect.unwrap(o))).strip() for o in objects)


def constants(module: object, *names: str) -> str:
    """Module constants as assignments."""
    return "\n".join(f"{name} = {getattr(module, name)!r}" for name in names)


def _padding(spec: TextTokensSpec) -> str:
    return f'''
# %% [markdown]
# ## Padding with and without a mask

# %%
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
{constants(padding, "POSITIVE", "NEGATIVE", "SUBJECTS", "BEFORE", "HOW", "VOCABULARY", "D", "HIDDEN", "STEPS", "BATCH", "RATE", "NEGATED", "TRAIN", "TEST", "AMOUNTS", "WAYS")}


class Sentences(NamedTuple):
    tokens: list
    positive: list


def generator(seed, *purpose):
    """torch's random numbers for one purpose."""
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


{source(*READERS)}


# %%
ways = readers({spec.reader!r}, {spec.side!r}, {spec.seed})
for way, values in measure(ways, {spec.side!r}, {spec.seed}).items():
    for what, path in zip(("accuracy", "change"), values):
        for n, value in zip(AMOUNTS, path):
            print(f"{{what}} {{way}}, {{n}} padding tokens = {{float(value)!r}}")
'''


def _vectors(spec: TextTokensSpec) -> str:
    spec, _ = resolved(spec)
    space = quick(spec)
    places = {name: space.words[i] for name, i in zip(("word", "a", "b", "c"), asked(spec, space), strict=True)}
    return f"""
# %% [markdown]
# ## Word vectors

# %%
{constants(embeddings, "POWER", "BATCH", "SPREAD")}
{constants(texts, "RELATIONS")}
NEAREST, SHOWN = {vectors.NEAREST}, {vectors.SHOWN}
{_learning(spec)}

{source(*READING)}


# %%
at = {{word: i for i, word in enumerate(words)}}
word, a, b, c = (at[w] for w in {tuple(places.values())!r})
near, found = neighbours(U, word, NEAREST), analogy(U, a, b, c)
for i, cosine in near:
    print(f"cosine {{words[word]}} {{words[i]}} = {{cosine!r}}")
for i, cosine in found:
    print(f"analogy {{words[i]}} = {{cosine!r}}")
related = []
for name, pairs_of in RELATIONS.items():
    if all(w in at for pair in pairs_of for w in pair):
        numbered = [(at[x], at[y]) for x, y in pairs_of]
        related.append(numbered)
        print(f"right of {{name}} = {{analogy_score(U, numbered)[0]}}")
held = [p for other in (b, c) for p in related if (a, other) in p]
others = [i for pair in held[0] for i in pair] if held else range(len(words))
shown = list(dict.fromkeys([word, a, b, c, found[0][0], *(i for i, _ in near), *others]))[:SHOWN]
print("variance in the plane =", plane(unit(U[shown]))[2])
"""


def _learning(spec: TextTokensSpec) -> str:
    """How the script comes by its words and vectors."""
    if spec.corpus == "file":
        return """
# text_tokens.csv is the table that the page's button "Download CSV" gives: word, then its numbers.
import csv

with open("text_tokens.csv", encoding="utf-8", newline="") as file:
    rows = list(csv.reader(file))[1:]
words = [row[0] for row in rows]
U = np.array([[float(x) for x in row[1:]] for row in rows], np.float32)
"""
    if spec.corpus == "world":
        sentences = f"sentences = world({spec.seed})"
        more = f"{constants(texts, 'SENTENCES', 'PEOPLE', 'PLACES', 'ROLES', 'ANIMALS')}\n\n\n{source(*WORLD)}"
    else:
        manual = _MANUAL.format(length=vectors.CARRIER)
        sentences = f"sentences = sentences_of({manual if spec.corpus == 'manual' else repr(spec.own)})"
        more = f"from pydoc_data.topics import topics\n\n\n{source(texts.sentences_of)}"
    batches = (
        "itertools.repeat((A, B))"
        if spec.objective == "expected"
        else f'sampled(counts, {spec.negatives}, numpy_generator({spec.seed}, "pairs"))'
    )
    return f"""{more}


{source(*TRAINING)}


# %%
{sentences}
words = known_words(sentences, {vectors.MOST_TRAINED})
counts = pair_counts(sentences, words, {spec.window})
A, B = expected(counts, {spec.negatives})
path = descend(counts, {spec.size}, {spec.rate!r}, {batches}, numpy_generator({spec.seed}, "vectors"))
for step, theta in zip(range({spec.steps} + 1), path):
    pass
U, V = np.split(theta, 2)
print("loss =", loss(U, V, A, B))


# %%"""


def _bag(spec: TextTokensSpec) -> str:
    body = textwrap.dedent(inspect.getsource(inspect.unwrap(bag))).replace("texts.", "")
    return f"""
# %% [markdown]
# ## Bag of words

# %%
from typing import NamedTuple

MOST_SENTENCES, MOST_TERMS = {MOST_SENTENCES}, {MOST_TERMS}


class Bag(NamedTuple):
    sentences: list
    terms: list
    weights: np.ndarray
    cosine: np.ndarray


{source(texts.sentences_of)}


{body.strip()}


# %%
found = bag(TEXT, PROBE, {spec.weight!r})
for k, cosine in enumerate(found.cosine[0]):
    print(f"cosine to sentence {{k}} = {{float(cosine)!r}}")
"""
