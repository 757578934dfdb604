"""Find what teaches a topic: "vanishing", "softmax", "chain rule", also when misspelt.

A text is its words, folded: lower case, accents off, no plural s. A word of the query matches a word of a text with

    1 if they are equal,   0.8 if it begins it,   0.6 if it is a misspelling of it (>= 5 letters, known nowhere).

The score of an item is the mean over the query's words of the largest (field weight x match), times 1.5 if the words
stand together in one field. Every word has to match; only if nothing has them all, half of them are enough. Each name
of SYNONYMS in the query is also tried by its other names, at 0.9 of the score. One result for each place to go.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from core.contracts import Example
from core.curriculum.topics import COURSES, Topic
from core.registry import Explainer

MAX_CHARACTERS = 200  # of a query that are read
MAX_WORDS = 10
MAX_PHRASINGS = 10
MAX_RESULTS = 20
PREFIX, MISSPELT, SYNONYM, TOGETHER = 0.8, 0.6, 0.9, 1.5
NOT_BUILT = "not built yet"
STOP = "a an and are as at by do does for from how i in is it of on or the to versus vs what when why with work works"
SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("relu", "rectifier", "rectified linear unit"),
    ("sgd", "stochastic gradient descent"),
    ("cross entropy", "log loss", "negative log likelihood", "nll", "softmax"),
    ("mse", "mean squared error", "squared error"),
    ("sigmoid", "logistic"),
    ("backpropagation", "backprop", "back propagation", "reverse mode"),
    ("backpropagation through time", "bptt"),
    ("automatic differentiation", "autodiff", "autograd"),
    ("forward pass", "forward propagation"),
    ("computational graph", "computation graph"),
    ("learning rate", "step size", "lr"),
    ("mlp", "multi layer perceptron", "multilayer perceptron", "feedforward", "fully connected"),
    ("cnn", "convolutional neural network", "convnet", "convolution"),
    ("rnn", "recurrent"),
    ("lstm", "long short term memory"),
    ("gru", "gated recurrent unit"),
    ("batch normalization", "batchnorm", "bn"),
    ("weight decay", "l2 regularization", "ridge"),
    ("initialization", "initialisation"),
    ("regularization", "regularisation"),
    ("gradient checkpointing", "activation checkpointing", "rematerialization"),
    ("mixed precision", "fp16", "amp"),
    ("debugging", "bug"),
    ("loss landscape", "loss surface", "optimization landscape"),
    ("handwritten digit", "mnist"),
    ("vae", "variational autoencoder"),
    ("gan", "generative adversarial network"),
    ("gnn", "graph neural network"),
    ("vit", "vision transformer"),
    ("nlp", "natural language processing"),
)

Words = tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """A place to go, and why it was found. `slug` is "" if nothing teaches it yet: `title` is then the explainer to come."""

    title: str
    reason: str
    slug: str
    example: str


@dataclass(frozen=True)
class _Field:
    """A text that is searched, what a match in it is worth, and the reason that it gives."""

    text: str
    weight: float
    reason: str


@dataclass(frozen=True)
class _Item:
    """A place, described by its fields. One place can have many items: one for each topic that leads there."""

    title: str
    slug: str
    example: str
    fields: tuple[_Field, ...]

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(word for field in self.fields for word in words(field.text))


def search(
    query: str, explainers: Sequence[Explainer], examples: Mapping[str, Sequence[Example]], topics: Sequence[Topic]
) -> list[Result]:
    """The places that teach what `query` names, best first; nothing for an empty query.

    Args:
        query: what a visitor typed; its first 200 characters and ten words are read.
        explainers: the registry's.
        examples: slug of an explainer -> its presets.
        topics: the courses' topics.

    Raises:
        KeyError: a topic's link leads to none of these explainers and examples.
    """
    asked = tuple(word for word in words(query[:MAX_CHARACTERS]) if word not in words(STOP))[:MAX_WORDS]
    if not asked:
        return []
    items = list(_items(explainers, examples, topics))
    return _rank(items, _phrasings(asked), share=1.0) or _rank(items, _phrasings(asked), share=0.5)


@lru_cache(maxsize=8192)
def words(text: str) -> Words:
    """The words of a text, folded.

    >>> words("Naïve RNNs: log-loss")
    ('naive', 'rnn', 'log', 'loss')
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return tuple(_singular(word) for word in re.findall(r"[^\W_]+", plain))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _items(
    explainers: Sequence[Explainer], examples: Mapping[str, Sequence[Example]], topics: Sequence[Topic]
) -> Iterator[_Item]:
    titles = {}
    for e in explainers:
        titles[e.slug, ""] = e.title
        yield _Item(e.title, e.slug, "", (_Field(e.title, 3.0, e.summary), _Field(e.summary, 1.0, e.summary)))
        for example in examples.get(e.slug, ()):
            titles[e.slug, example.slug] = example.title
            yield _Item(example.title, e.slug, example.slug, _example_fields(e, example))
    for planned in filter(None, dict.fromkeys(topic.planned for topic in topics)):
        yield _Item(planned, "", "", (_Field(planned, 2.0, NOT_BUILT),))
    for topic in topics:
        yield from _topic_items(topic, titles)


def _example_fields(e: Explainer, example: Example) -> tuple[_Field, ...]:
    reason = f"{e.title}: {example.summary}"
    keywords = (_Field(topic, 2.5, f"{e.title}: {topic}") for topic in example.topics)
    return (_Field(example.title, 3.0, reason), _Field(example.summary, 1.0, reason), *keywords)


def _topic_items(topic: Topic, titles: Mapping[tuple[str, str], str]) -> Iterator[_Item]:
    """Where a topic leads: its links, and the explainer to come.

    A link that teaches a part is found by its own words, so that "Activation functions: ReLU, sigmoid" does not send
    who asks for ReLU to a sigmoid; and it counts less than the explainer to come.
    """
    source = f"“{topic.text}” ({COURSES[topic.course]})"
    for link in topic.links:
        reason = f"{link.words} · {source}" if link.words else source
        if topic.planned:
            fields = (_Field(link.words or topic.text, 1.0, reason),)
        else:
            fields = (
                _Field(topic.text, 2.0, reason),
                _Field(link.words, 2.0, reason),
                _Field(topic.section, 0.5, reason),
            )
        yield _Item(titles[link.slug, link.example], link.slug, link.example, fields)
    if topic.planned:
        reason = f"{source}: {NOT_BUILT}"
        yield _Item(topic.planned, "", "", (_Field(topic.text, 1.5, reason), _Field(topic.section, 0.4, reason)))


def _phrasings(asked: Words) -> list[tuple[Words, float]]:
    """The query, and the query with one of its names replaced by a synonym: (words, factor on the score)."""
    phrasings = [(asked, 1.0)]
    for group in SYNONYMS:
        names = [words(name) for name in group]
        for name in names:
            if (at := _place(name, asked)) >= 0:
                others = (other for other in names if other != name)
                phrasings += [(asked[:at] + other + asked[at + len(name) :], SYNONYM) for other in others]
    return phrasings[:MAX_PHRASINGS]


def _place(part: Words, whole: Words) -> int:
    """Where `part` stands in `whole`, or -1."""
    return next((k for k in range(len(whole) - len(part) + 1) if whole[k : k + len(part)] == part), -1)


def _rank(items: Sequence[_Item], phrasings: Sequence[tuple[Words, float]], share: float) -> list[Result]:
    """The best result for each place, best first. `share` of a phrasing's words have to match."""
    known = frozenset[str]().union(*(item.words for item in items))
    best: dict[tuple[str, str, str], tuple[float, Result]] = {}
    for asked, factor in phrasings:
        meanings = [_meanings(word, known) for word in asked]
        needed = math.ceil(share * len(asked))
        for item in items:
            if sum(not item.words.isdisjoint(meaning) for meaning in meanings) < needed:
                continue
            score, reason = _score(item, asked, meanings)
            place = (item.slug, item.example, "" if item.slug else item.title)
            if factor * score > best.get(place, (0.0,))[0]:
                best[place] = (factor * score, Result(item.title, reason, item.slug, item.example))
    ranked = sorted(best.values(), key=lambda scored: (-scored[0], scored[1].title))
    return [result for _, result in ranked[:MAX_RESULTS]]


def _meanings(word: str, known: frozenset[str]) -> dict[str, float]:
    """The words of the texts that `word` can mean -> how well: itself, those it begins, or else those it misspells."""
    meant = {w: 1.0 if w == word else PREFIX for w in known if w == word or (len(word) > 1 and w.startswith(word))}
    if meant or len(word) < 5:
        return meant
    alike = sorted(w for w in known if abs(len(w) - len(word)) <= 2)
    return dict.fromkeys(difflib.get_close_matches(word, alike, n=3, cutoff=0.8), MISSPELT)


def _score(item: _Item, asked: Words, meanings: Sequence[Mapping[str, float]]) -> tuple[float, str]:
    """The item's score, and the reason that its best field gives."""
    matches = [[_match(field, meaning) for meaning in meanings] for field in item.fields]
    each_word = [max(column) for column in zip(*matches, strict=True)]
    together = any(_place(asked, words(field.text)) >= 0 for field in item.fields)
    best = max(range(len(matches)), key=lambda k: sum(matches[k]))
    return (TOGETHER if together else 1.0) * sum(each_word) / len(asked), item.fields[best].reason


def _match(field: _Field, meaning: Mapping[str, float]) -> float:
    return field.weight * max((meaning.get(word, 0.0) for word in words(field.text)), default=0.0)
