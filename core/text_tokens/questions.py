"""Predict, then reveal: questions about the tokens on screen, answered by the tokenizers and the models themselves."""

from __future__ import annotations

from core.contracts import Question
from core.plots.words import short
from core.text_tokens import embeddings, padding
from core.text_tokens.compute import padding_of, result, study_of
from core.text_tokens.figures import visible
from core.text_tokens.spec import READERS, TextTokensSpec
from core.text_tokens.vectors import asked, at_once, quick, relations, resolved, whole


def questions(spec: TextTokensSpec) -> list[Question]:
    """At most four; one that the state does not decide is left out."""
    found = [_tokens(spec), _first(spec), _unknown(spec), _closer(spec)]
    return [question for question in found if question is not None]


def _tokens(spec: TextTokensSpec) -> Question | None:
    bpe = study_of(spec).bpe
    text = spec.probe + " " + spec.probe
    count, once = len(bpe.encode(text)), len(bpe.encode(spec.probe))
    if not spec.probe:
        return None
    return Question(
        f"tokens.{_run(spec)}",
        f"The text to encode takes {once} tokens of byte-pair encoding. How many does it take when it is written twice, with a space between? Within two counts as right.",
        float(count),
        f"Twice {once} is {2 * once}; the second time the text begins after a space, which makes the first piece another one.",
        tolerance=2.0,
    )


def _first(spec: TextTokensSpec) -> Question | None:
    bpe = study_of(spec).bpe
    if len(bpe.merges) < 40:
        return None
    options = {f"“{visible(a)}” + “{visible(b)}”": m for k in (0, 9, 19, 39) for m in [bpe.merges[k]] for a, b in [bpe.words(m.pair)]}  # fmt: skip
    answer, first = next(iter(options.items()))
    second = bpe.merges[1]
    return Question(
        f"first.{_run(spec)}",
        "Which pair does byte-pair encoding join first?",
        answer,
        f"It stands {first.count} times in the training text, more often than any other; the second merge's pair stood {second.count} times.",
        sorted(options),
    )


def _unknown(spec: TextTokensSpec) -> Question:
    study = study_of(spec)
    found = {name: result(t, spec.probe) for name, t in study.tokenizers.items()}
    count = found["words"].unknown
    return Question(
        f"unknown.{_run(spec)}",
        f"Of {found['words'].tokens} words and signs to encode, how many does the vocabulary of words not know?",
        float(count),
        f"{count}. By characters {found['characters'].unknown} of {found['characters'].tokens} are unknown, by bytes none ever is.",
    )


def _closer(spec: TextTokensSpec) -> Question | None:
    return {"padding": _padding, "embeddings": _nearest}.get(spec.lens, lambda spec: None)(spec)


def _padding(spec: TextTokensSpec) -> Question:
    accuracy = padding_of(spec)[1][padding.WAYS[1]][0]
    return Question(
        f"padding.{_run(spec)}",
        f"{READERS[spec.reader]}, trained with the mask: how accurate is it, in percent, if it is read without the mask and {padding.AMOUNTS[-1]} padding tokens are added? Within 5 counts as right.",
        float(100 * accuracy[-1]),
        f"Without padding it is right on {100 * accuracy[0]:.0f} %. A reader that answers always the same is right on about half.",
        tolerance=5.0,
    )


def _nearest(spec: TextTokensSpec) -> Question | None:
    here = resolved(spec)[0]
    space = whole(here) if at_once(here) else quick(here)
    word = asked(here, space)[0]
    if not relations(space):
        return None
    near = embeddings.neighbours(space.vectors, word, len(space.words))
    places = [0, len(near) // 3, 2 * len(near) // 3, len(near) - 1]
    options = sorted(space.words[near[k][0]] for k in places)
    first, cosine = near[places[0]]
    return Question(
        f"nearest.{_run(spec)}",
        f"Which of these words has the vector nearest to that of “{space.words[word]}”?",
        space.words[first],
        f"Its cosine is {short(cosine)}; the farthest of the four has {short(near[places[-1]][1])}.",
        options,
    )


def _run(spec: TextTokensSpec) -> str:
    """A short name of this state, so that a guess belongs to it."""
    return ".".join(f"{name}={value}" for name, value in spec.as_dict().items() if value != spec.params()[name].default)
