"""The words and vectors that the lens on word vectors shows: trained here, trained in a job, or brought as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import repeat

import numpy as np

from core.contracts import Snapshot
from core.data.shelf import Shelf
from core.data.word_vectors import WordVectors, read_vectors
from core.errors import ExplainerError
from core.rng import numpy_generator
from core.text_tokens import embeddings, texts
from core.text_tokens.spec import TextTokensSpec

SNAPSHOTS = 30
AT_ONCE = 0.3  # seconds of computing that a page may take
MOST_TRAINED, FEWEST_WORDS = 250, 6
MOST_FILES = 4
SHOWN = 30  # words in the projection
NEAREST = 8
CARRIER = 200_000  # characters of Python's manual

_FILES: Shelf[WordVectors] = Shelf(read_vectors, MOST_FILES)
keep = _FILES.keep


@dataclass(frozen=True, eq=False)
class Space:
    """Words and their vectors. `film`: (step, vectors) during training; `loss` and `step` of the training, None for a file."""

    words: tuple[str, ...]
    vectors: np.ndarray
    film: tuple[tuple[int, np.ndarray], ...] = ()
    loss: float | None = None
    step: int | None = None

    def at(self, word: str, otherwise: int) -> int:
        """The word's place; that of word `otherwise` if it is unknown."""
        return self.words.index(word) if word in self.words else min(otherwise, len(self.words) - 1)


def resolved(spec: TextTokensSpec) -> tuple[TextTokensSpec, str]:
    """The Spec with words that can be had here, and a sentence that says so where others were asked for."""
    if spec.corpus == "file" and _FILES.get(spec.file) is None:
        why = "No vector file is here: choose one below. It is kept in memory only, so a link cannot bring it. Until then you see the small world."
    elif spec.corpus == "own" and not spec.own.strip():
        why = "Your own text is empty: choose it above as the text to learn from, and type or paste it. Until then you see the small world."
    else:
        return spec, ""
    return replace(spec, corpus="world"), why


def sentences(spec: TextTokensSpec) -> list[list[str]]:
    """The sentences that the vectors learn from."""
    if spec.corpus == "world":
        return [list(sentence) for sentence in texts.world(spec.seed)]
    return texts.sentences_of(texts.manual(CARRIER) if spec.corpus == "manual" else spec.own)


@lru_cache(maxsize=8)
def _counted(corpus: str, own: str, window: int, seed: int) -> tuple[tuple[str, ...], np.ndarray]:
    found = sentences(TextTokensSpec(corpus=corpus, own=own, seed=seed))
    words = embeddings.known_words(found, MOST_TRAINED)
    counts = embeddings.pair_counts(found, words, window)
    if len(words) < FEWEST_WORDS or not counts.any():
        raise ExplainerError(
            f"{len(words)} words stand in the text twice or more; at least {FEWEST_WORDS} are needed to train vectors; try a longer text"
        )
    return tuple(words), counts


def counted(spec: TextTokensSpec) -> tuple[tuple[str, ...], np.ndarray]:
    """The words that get a vector, and how often they stand beside each other."""
    return _counted(spec.corpus, spec.own, spec.window, spec.seed)


def training_part(spec: TextTokensSpec) -> TextTokensSpec:
    """What the training depends on."""
    kept = ("corpus", "objective", "window", "size", "negatives", "rate", "steps", "seed")
    own = spec.own if spec.corpus == "own" else ""
    return TextTokensSpec(own=own, **{name: getattr(spec, name) for name in kept})


def train(spec: TextTokensSpec) -> Iterator[Snapshot]:
    """Learn, and report before the first step and at most SNAPSHOTS times after it: the mean loss, and the vectors."""
    _, counts = counted(spec)
    A, B = embeddings.expected(counts, spec.negatives)
    draws = embeddings.sampled(counts, spec.negatives, numpy_generator(spec.seed, "pairs"))
    batches = repeat((A, B)) if spec.objective == "expected" else draws
    path = embeddings.descend(counts, spec.size, spec.rate, batches, numpy_generator(spec.seed, "vectors"))
    told = {round(spec.steps * (k / SNAPSHOTS) ** 2) for k in range(SNAPSHOTS + 1)}
    for step, theta in zip(range(spec.steps + 1), path, strict=False):
        if step in told:
            U, V = np.split(theta, 2)
            yield Snapshot(
                step,
                spec.steps,
                {"loss": embeddings.loss(U, V, A, B)},
                {"spec": np.array(spec.to_json()), "vectors": U},
            )


def seconds(spec: TextTokensSpec) -> float:
    """About how long the training takes on one core."""
    V = len(counted(spec)[0])
    drawing = 1.1e-3 if spec.objective == "sampled" else 0.0
    return spec.steps * (8e-5 + drawing + V**2 * (2.5e-8 + 1.2e-9 * spec.size))


@lru_cache(maxsize=12)
def _run(spec: TextTokensSpec) -> Space:
    return space_of(spec, tuple(train(spec)))


def space_of(spec: TextTokensSpec, film: tuple[Snapshot, ...]) -> Space:
    """The vectors of a training run."""
    last = film[-1]
    steps = tuple((s.step, np.asarray(s.arrays["vectors"])) for s in film)
    return Space(counted(spec)[0], steps[-1][1], steps, last.metrics["loss"], last.step)


def whole(spec: TextTokensSpec) -> Space:
    """The vectors of this state: of the file, or after the whole training."""
    if spec.corpus == "file":
        found = _FILES.get(spec.file)
        if found is None:
            raise ExplainerError("this vector file is no longer kept; choose it again")
        return Space(found.words, found.vectors)
    return _run(training_part(spec))


def quick(spec: TextTokensSpec) -> Space:
    """The vectors of this state, or after as many steps of the training as can be made at once."""
    if spec.corpus != "file":
        fitting = int(spec.steps * AT_ONCE / seconds(spec))
        spec = replace(spec, steps=max(20, min(spec.steps, fitting // 20 * 20)))
    return whole(spec)


def at_once(spec: TextTokensSpec) -> bool:
    """Whether the whole training is quick enough to need no job."""
    return spec.corpus == "file" or seconds(spec) <= AT_ONCE


def belongs(arrays: Mapping[str, np.ndarray], spec: TextTokensSpec) -> bool:
    """Whether a Snapshot's vectors are those that the Spec asks for."""
    return str(arrays["spec"]) == training_part(spec).to_json()


def asked(spec: TextTokensSpec, space: Space) -> tuple[int, int, int, int]:
    """The places of the word whose neighbours are wanted, and of a, b and c."""
    return tuple(space.at(word, k) for k, word in enumerate((spec.word, spec.a, spec.b, spec.c)))


def relations(space: Space) -> dict[str, list[tuple[int, int]]]:
    """The known relations all of whose words have a vector."""
    known = set(space.words)
    found = {}
    for name, pairs in texts.RELATIONS.items():
        if all(word in known for pair in pairs for word in pair):
            found[name] = [(space.words.index(a), space.words.index(b)) for a, b in pairs]
    return found


def asked_relation(space: Space, one: int, other: int) -> list[tuple[int, int]]:
    """All pairs of the known relation that holds between two words; none if there is no such relation."""
    return next((pairs for pairs in relations(space).values() if (one, other) in pairs), [])


def shown_words(spec: TextTokensSpec, space: Space) -> list[int]:
    """The words in the projection: those asked for, their neighbours, those of the relation; without one, the most frequent words."""
    word, a, b, c = asked(spec, space)
    near = [i for i, _ in embeddings.neighbours(space.vectors, word, NEAREST)]
    answer = [i for i, _ in embeddings.analogy(space.vectors, a, b, c, 1)]
    pairs = asked_relation(space, a, b) or asked_relation(space, a, c)
    others = [i for pair in pairs for i in pair] or range(len(space.words))
    return list(dict.fromkeys([word, a, b, c, *answer, *near, *others]))[:SHOWN]


def vector_numbers(spec: TextTokensSpec) -> dict[str, float]:
    """What the script prints of the vectors."""
    spec, _ = resolved(spec)
    space = whole(spec)
    word, a, b, c = asked(spec, space)
    out = {} if space.loss is None else {"loss": space.loss}
    for i, cosine in embeddings.neighbours(space.vectors, word, NEAREST):
        out[f"cosine {space.words[word]} {space.words[i]}"] = cosine
    for i, cosine in embeddings.analogy(space.vectors, a, b, c):
        out[f"analogy {space.words[i]}"] = cosine
    for name, pairs in relations(space).items():
        out[f"right of {name}"] = float(embeddings.analogy_score(space.vectors, pairs)[0])
    out["variance in the plane"] = embeddings.plane(embeddings.unit(space.vectors[shown_words(spec, space)]))[2]
    return out
