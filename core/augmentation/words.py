"""Four small changes of a sentence, each word with its own chance, and what they may do to its meaning.

    synonym   a word becomes another one from its line in SYNONYMS
    delete    a word is left out (never the last one that remains)
    swap      a word changes places with a random other one
    insert    a synonym of the word comes in at a random place

Each word is changed with probability p; draws come from the generator of one run. A deleted, moved or replaced word of NEGATIONS, or
a deleted word of FEELING, may turn the label round: such draws are marked.

Source: J. Wei, K. Zou, "EDA: easy data augmentation techniques for boosting performance on text classification tasks", EMNLP 2019,
section 2 (there p is called alpha, and swap and insert are repeated alpha L times).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LONGEST = 60  # words
SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("film", "movie", "picture"), ("good", "fine", "decent"), ("great", "excellent", "superb"), ("bad", "poor", "weak"),
    ("boring", "dull", "tedious"), ("funny", "amusing", "comic"), ("sad", "unhappy", "sorrowful"), ("happy", "glad", "cheerful"),
    ("story", "plot", "tale"), ("actor", "performer", "player"), ("actors", "performers", "players"), ("scene", "moment", "part"),
    ("scenes", "moments", "parts"), ("end", "finish", "close"), ("ending", "finale", "conclusion"), ("begin", "start", "open"),
    ("big", "large", "huge"), ("small", "little", "tiny"), ("fast", "quick", "rapid"), ("slow", "unhurried", "sluggish"),
    ("love", "adore", "enjoy"), ("loved", "adored", "enjoyed"), ("hate", "detest", "dislike"), ("hated", "detested", "disliked"),
    ("watch", "see", "view"), ("watched", "saw", "viewed"), ("think", "believe", "feel"), ("really", "truly", "indeed"),
    ("very", "most", "extremely"), ("beautiful", "lovely", "pretty"), ("ugly", "hideous", "unsightly"), ("smart", "clever", "bright"),
    ("strange", "odd", "weird"), ("new", "fresh", "recent"), ("old", "aged", "ancient"), ("easy", "simple", "effortless"),
    ("hard", "difficult", "tough"), ("child", "kid", "youngster"), ("children", "kids", "youngsters"), ("woman", "lady"),
    ("man", "fellow"), ("house", "home"), ("street", "road"), ("money", "cash"), ("job", "work", "task"), ("friend", "companion", "pal"),
    ("music", "score", "soundtrack"), ("perfect", "flawless", "ideal"), ("terrible", "awful", "dreadful"), ("surprising", "unexpected"),
)  # fmt: skip
NEGATIONS = frozenset(
    [
        "no",
        "not",
        "never",
        "nothing",
        "nobody",
        "none",
        "neither",
        "nor",
        "cannot",
        "without",
        "hardly",
        "barely",
        "n't",
    ]
)
FEELING = frozenset(
    [
        "good",
        "fine",
        "decent",
        "great",
        "excellent",
        "superb",
        "bad",
        "poor",
        "weak",
        "boring",
        "dull",
        "tedious",
        "funny",
        "amusing",
        "sad",
        "happy",
        "love",
        "adore",
        "enjoy",
        "loved",
        "enjoyed",
        "hate",
        "hated",
        "disliked",
        "detest",
        "beautiful",
        "ugly",
        "perfect",
        "flawless",
        "terrible",
        "awful",
        "dreadful",
        "lovely",
    ]
)
_LINES = {word: line for line in SYNONYMS for word in line}

BACK_TRANSLATION = (
    ("English", "The film was not as good as I had hoped."),
    ("to German", "Der Film war nicht so gut, wie ich gehofft hatte."),
    ("and back", "The movie wasn't as good as I'd hoped it would be."),
)


@dataclass(frozen=True)
class Draw:
    """One changed sentence: `marks` are (kind, words) with kind "same", "gone" or "new", in reading order; `risk` says why it may mislead."""

    text: str
    marks: tuple[tuple[str, str], ...]
    risk: str


def tokens(text: str) -> list[str]:
    """Words with the punctuation that clings to them, at most `LONGEST`."""
    return text.split()[:LONGEST]


def bare(token: str) -> str:
    """A word in small letters without punctuation."""
    return re.sub(r"[^\w']", "", token.lower())


def synonyms(token: str) -> tuple[str, ...]:
    """Other words of its line; none if it has no line."""
    word = bare(token)
    return tuple(other for other in _LINES.get(word, ()) if other != word)


def dressed(word: str, token: str) -> str:
    """`word` with the capital and the punctuation of `token`."""
    inside = re.search(r"[\w'-]+", token)
    if inside is None:
        return token
    word = word.capitalize() if inside.group()[0].isupper() else word
    return token[: inside.start()] + word + token[inside.end() :]


def replaced(words: Sequence[str], p: float, g: np.random.Generator) -> list[str]:
    """Synonyms for some words."""
    chance = g.random(len(words))
    return [dressed(str(g.choice(synonyms(w))), w) if chance[i] < p and synonyms(w) else w for i, w in enumerate(words)]


def deleted(words: Sequence[str], p: float, g: np.random.Generator) -> list[str]:
    """Some words less; at least one stays."""
    stay = g.random(len(words)) >= p
    if len(words) and not stay.any():
        stay[g.integers(len(words))] = True
    return [w for w, here in zip(words, stay, strict=True) if here]


def swapped(words: Sequence[str], p: float, g: np.random.Generator) -> list[str]:
    """Some words change places."""
    moved = list(words)
    for i in np.flatnonzero(g.random(len(words)) < p):
        j = int(g.integers(len(words)))
        moved[i], moved[j] = moved[j], moved[i]
    return moved


def inserted(words: Sequence[str], p: float, g: np.random.Generator) -> list[str]:
    """Synonyms of some words come in at random places."""
    grown = list(words)
    for word, chance in zip(words, g.random(len(words)), strict=True):
        if chance < p and synonyms(word):
            grown.insert(int(g.integers(len(grown) + 1)), str(g.choice(synonyms(word))))
    return grown


KINDS: Mapping[str, tuple[str, Callable[[Sequence[str], float, np.random.Generator], list[str]]]] = {
    "synonym": ("Synonyms", replaced),
    "delete": ("Delete", deleted),
    "swap": ("Swap", swapped),
    "insert": ("Insert", inserted),
}


def draw(text: str, kind: str, p: float, g: np.random.Generator) -> Draw:
    """One changed sentence, compared with the old one word by word."""
    old = tokens(text)
    new = KINDS[kind][1](old, p, g)
    marks = tuple(difference(old, new))
    return Draw(" ".join(new), marks, risk(marks))


def difference(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    """(kind, words) in reading order; the words that are "same" or "gone" are the old sentence, "same" or "new" the new one."""
    found: list[tuple[str, str]] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(("same", " ".join(old[a:b])))
            continue
        if b > a:
            found.append(("gone", " ".join(old[a:b])))
        if d > c:
            found.append(("new", " ".join(new[c:d])))
    return found


def risk(marks: Sequence[tuple[str, str]]) -> str:
    """Why a changed sentence may no longer mean what its label says; "" where no such word was touched."""
    gone, new = ([bare(w) for k, words in marks if k == kind for w in words.split()] for kind in ("gone", "new"))
    lost = [w for w in gone if w not in new]
    if denied := [w for w in gone if w in NEGATIONS or w.endswith("n't")]:
        return f"“{denied[0]}” is {'gone' if denied[0] in lost else 'in another place'}"
    if felt := [w for w in lost if w in FEELING and not set(synonyms(w)) & set(new)]:
        return f"“{felt[0]}” is gone"
    return ""
