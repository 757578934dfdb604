"""Predict, then reveal: questions about the run on screen, answered by the run itself and by runs that differ in one thing."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from core.contracts import Question
from core.playground.compute import Run, halves, layers_of, quality, run_of
from core.playground.network import RELU
from core.playground.spec import PlaygroundSpec, learning
from core.plots.words import short


def questions(spec: PlaygroundSpec, run: Run) -> list[Question]:
    """At most four; one that the run does not decide is left out."""
    asked = [_parameters(run), _gap(run), _without(spec, run), _dead(run)]
    return [question for question in asked if question is not None]


def _parameters(run: Run) -> Question:
    net, count = run.about.net, run.about.parameters
    sizes = net.sizes.tolist()
    more = [net.biased + norm for norm in net.norms.tolist()]
    parts = [
        f"({i} + {n}) · {o}" if n else f"{i} · {o}" for (i, o), n in zip(itertools.pairwise(sizes), more, strict=True)
    ]
    what = [
        "one weight for each input",
        *(["a bias"] if net.biased else []),
        *(["a γ where its layer is normalised"] if net.norms.any() else []),
    ]
    return Question(
        f"parameters.{_name(run)}",
        f"How many numbers does this net learn? Its layers have {', '.join(map(str, sizes))} units, features first.",
        float(count),
        f"{' + '.join(parts)} = {count}: every unit has {' and '.join(what)}.",
    )


def _gap(run: Run) -> Question | None:
    train, test = float(run.train_loss[-1]), float(run.test_loss[-1])
    if not np.isfinite([train, test]).all() or train == test:
        return None
    options = ("training", "test")
    return Question(
        f"gap.{_name(run)}",
        "Which loss is **higher** at the end: on the points it trained on, or on the test points?",
        options[test > train],
        f"Training {short(train)}, test {short(test)}. The test loss is usually the higher one, and the more so, the fewer points and the more parameters there are; with many points chance may turn it round.",
        options,
    )


def _without(spec: PlaygroundSpec, run: Run) -> Question | None:
    """The same run without its hidden layers."""
    if len(run.about.net.kinds) == 1 or spec.events or run.reason == "diverged" or run.about.k != 2:
        return None
    bare = run_of(learning(replace(spec, layers="")))
    if bare.reason == "diverged":
        return None
    found = 100 * quality(bare, bare.thetas[-1], halves(bare)[1]).score
    return Question(
        f"without.{_name(run)}",
        "Take away all hidden layers and train again: what percentage of the test points does the rest get right? (Within 8 counts.)",
        found,
        f"It gets {short(found)} % right, against {short(100 * quality(run, run.thetas[-1], halves(run)[1]).score)} % with the hidden layers. Without them, the net can only cut its features by one straight border.",
        tolerance=8.0,
    )


def _dead(run: Run) -> Question | None:
    kinds = run.about.net.kinds[:-1].tolist()
    if RELU not in kinds:
        return None
    answers = layers_of(run.thetas[-1], run.about.net, run.about.F[halves(run)[0]])[:-1]
    dead = sum(int((a <= 0).all(0).sum()) for a, kind in zip(answers, kinds, strict=True) if kind == RELU)
    total = sum(a.shape[-1] for a, kind in zip(answers, kinds, strict=True) if kind == RELU)
    return Question(
        f"dead.{_name(run)}",
        f"How many of the {total} ReLU units are dead at the end: 0 for every training point?",
        float(dead),
        f"{dead}. A dead unit passes no gradient back, so no training point can wake it again (what lies before it may still move, and then it may).",
    )


def _name(run: Run) -> str:
    """A short name of this run, so that a guess belongs to it."""
    return f"{hash(run.spec) & 0xFFFFFF:x}"
