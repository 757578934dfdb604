"""Predict, then reveal: questions about the gradients on screen, answered by the nets themselves."""

from __future__ import annotations

from core.contracts import Question
from core.memory_length.compute import at_first, biases, reach, shipped_recall, ways
from core.memory_length.figures import TITLES
from core.memory_length.lenses import replace_bias
from core.memory_length.spec import MemoryLengthSpec
from core.plots.words import short


def questions(spec: MemoryLengthSpec) -> list[Question]:
    """At most three; one that the nets do not decide is left out."""
    return [question for question in (_keeps(spec), _steps(spec), _bias(spec)) if question is not None]


def _keeps(spec: MemoryLengthSpec) -> Question | None:
    shares = {TITLES[kind]: float(way.h[0] / way.h[-1]) for kind, way in ways(at_first(spec)).items()}
    first, second = sorted(shares.values(), reverse=True)[:2]
    if second > 0.9 * first:
        return None
    best = max(shares, key=shares.__getitem__)
    return Question(
        f"keeps.{_run(spec)}",
        "Whose gradient by h keeps the largest share on its way from the last step to the first?",
        best,
        "; ".join(f"{name} keeps {short(value)}" for name, value in shares.items()) + ".",
        tuple(shares),
    )


def _steps(spec: MemoryLengthSpec) -> Question | None:
    norms = ways(at_first(spec))["rnn"].h
    steps = reach(norms) + 1
    if steps == len(norms):
        return None
    return Question(
        f"steps.{_run(spec)}",
        "After how many steps back is less than 1 % of the vanilla RNN's gradient left? Within 3 counts as right.",
        float(steps),
        f"If every step kept the largest singular value {short(ways(at_first(spec))['rnn'].sigma)} of it, it would be longer: the slopes of tanh take their part.",
        tolerance=3.0,
    )


def _bias(spec: MemoryLengthSpec) -> Question:
    found = biases(replace_bias(spec))
    ratio = float(found[3.0].c[0] / found[0.0].c[0])
    names = ("about the same", "10 to 1,000 times", "more than 1,000 times")
    answer = names[0] if ratio < 10 else names[1] if ratio <= 1000 else names[2]
    return Question(
        f"bias.{_run(spec)}",
        "How much more gradient reaches the first cell with a forget bias of 3 than with one of 0?",
        answer,
        f"{short(ratio)} times: {short(float(found[3.0].c[0]))} against {short(float(found[0.0].c[0]))}. The shipped LSTM, with bias 3, recalls {100 * float(shipped_recall().scores['lstm'][2]):.0f} % over 20 steps.",
        names,
    )


def _run(spec: MemoryLengthSpec) -> str:
    return f"{spec.length}.{spec.hidden}.{spec.weights}.{spec.gain}.{spec.forget_bias}.{spec.seed}"
