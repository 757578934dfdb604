"""Predict, then reveal: questions about the race on screen, answered by the race itself."""

from __future__ import annotations

from core.contracts import Question
from core.optimizer_race.compute import Run
from core.optimizer_race.spec import OptimizerRaceSpec
from core.plots.words import short


def questions(spec: OptimizerRaceSpec, run: Run) -> list[Question]:
    """At most four; one that the race does not decide is left out."""
    asked = [_winner(run), _diverged(run), _momentum(run), _arrival(spec, run)]
    return [question for question in asked if question is not None]


def _winner(run: Run) -> Question | None:
    first, *others = run.rows
    if first.dnf or not others or (not others[0].dnf and others[0].final == first.final):
        return None
    second = run.labels[others[0].index]
    return Question(
        f"winner.{_race(run)}",
        f"Who stands lowest after {run.spec.steps} steps?",
        run.labels[first.index],
        f"f = {short(first.final)} at rate {first.racer.lr:.4g}; next is {second} with {short(others[0].final)}. Another start or rate may turn the order round.",
        run.labels,
    )


def _diverged(run: Run) -> Question:
    out = [run.labels[row.index] for row in run.rows if row.dnf]
    words = (
        f"{', '.join(out)}: each step was longer than the one before."
        if out
        else "Nobody: every rate was small enough for the curvature met on the way."
    )
    return Question(
        f"diverged.{_race(run)}",
        f"How many of the {len(run.labels)} racers leave for infinity?",
        float(len(out)),
        words,
    )


def _momentum(run: Run) -> Question | None:
    row = {run.labels[r.index]: r for r in run.rows}
    if not {"SGD", "Momentum"} <= row.keys() or row["SGD"].final == row["Momentum"].final:
        return None
    plain, heavy = row["SGD"], row["Momentum"]
    options = ("lower", "higher")
    tail = "; Momentum did not finish" if heavy.dnf else "; SGD did not finish" if plain.dnf else ""
    return Question(
        f"momentum.{_race(run)}",
        "Does Momentum end **lower** or **higher** than SGD here?",
        options[heavy.place > plain.place],
        f"SGD {short(plain.final)}, Momentum {short(heavy.final)}{tail}. With momentum μ steps add up to 1/(1 − μ) times their length where the slope keeps its direction; that helps along a valley and overshoots at its end.",
        options,
    )


def _arrival(spec: OptimizerRaceSpec, run: Run) -> Question | None:
    arrived = [row for row in run.rows if row.steps_to]
    if not arrived:
        return None
    first = min(arrived, key=lambda row: row.steps_to)
    label = run.labels[first.index]
    return Question(
        f"arrival.{_race(run)}.{spec.goal:g}",
        f"After how many steps is **{label}** within {spec.goal:g} of the lowest value for the first time? (20 % either way counts as right.)",
        float(first.steps_to),
        f"At step {first.steps_to}, the first of {len(arrived)} that arrive. Arriving is not staying: see the line of its values.",
        tolerance=0.2 * first.steps_to,
    )


def _race(run: Run) -> str:
    """A short name of this race, so that a guess belongs to it."""
    return f"{hash(run.spec) & 0xFFFFFF:x}"
