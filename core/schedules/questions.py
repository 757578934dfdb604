"""Predict, then reveal: questions about the race on screen, answered by it."""

from __future__ import annotations

import numpy as np

from core.contracts import Question
from core.plots.words import short
from core.schedules.compute import clippings, patience, range_test, run_of
from core.schedules.lenses import ranking
from core.schedules.spec import CLIPS, METRICS, SchedulesSpec


def questions(spec: SchedulesSpec) -> list[Question]:
    """At most three; what the open lens does not compute is not asked."""
    asked = [_winner, _gone, *{"finder": [_range], "clipping": [_cut], "plateau": [_drops]}.get(spec.lens, [])]
    return [question for question in (ask(spec) for ask in asked) if question is not None]


def _winner(spec: SchedulesSpec) -> Question | None:
    run = run_of(spec)
    stayed = [i for i in ranking(run) if not run.gone[i]]
    end = run.end(spec.metric)
    if len(stayed) < 2 or end[stayed[0]] == end[stayed[1]]:
        return None
    first, second = stayed[:2]
    return Question(
        f"winner.{spec.metric}.{_race(spec)}",
        f"Which schedule has the {'highest' if spec.metric.endswith('score') else 'lowest'} **{METRICS[spec.metric].lower()}** at the end?",
        run.labels[first],
        f"{run.labels[first]} with {short(float(end[first]))}; next is {run.labels[second]} with {short(float(end[second]))}. With another rate or budget the order may turn round.",
        run.labels,
    )


def _gone(spec: SchedulesSpec) -> Question:
    run = run_of(spec)
    out = [label for label, gone in zip(run.labels, run.gone, strict=True) if gone]
    return Question(
        f"gone.{_race(spec)}",
        f"How many of the {len(run.labels)} schedules leave for infinity?",
        float(len(out)),
        f"{', '.join(out)}: the highest rate came while the valley was still too steep for it." if out else "None: the highest rate is bearable wherever they meet it.",
    )  # fmt: skip


def _range(spec: SchedulesSpec) -> Question:
    test = range_test(spec)
    decade = float(np.round(np.log10(test.suggested)))
    return Question(
        f"range.{_race(spec)}",
        "At which power of ten does the loss of the range test fall fastest? Type the exponent, such as −2 for 0.01. (One either way counts as right.)",
        decade,
        f"At η = {short(test.suggested)}, about 10 to the power {short(decade)}.",
        tolerance=1.0,
    )


def _cut(spec: SchedulesSpec) -> Question | None:
    found = {CLIPS[name]: float(one.cut.mean()) for name, one in clippings(spec).items() if name != "none"}
    most = max(found, key=found.__getitem__)
    if sorted(found.values())[-2] == found[most]:
        return None
    return Question(
        f"cut.{spec.threshold}.{_race(spec)}",
        f"Which way of clipping changes the largest share of steps at c = {short(spec.threshold)}?",
        most,
        "; ".join(f"{name} {100 * share:.0f} %" for name, share in found.items())
        + ". The same c means something else to each of them.",
        list(found),
    )


def _drops(spec: SchedulesSpec) -> Question:
    drops = patience(spec).drops
    return Question(
        f"drops.{_race(spec)}",
        f"How often does reduce on plateau lower the rate within {spec.steps} steps, with patience {spec.period}? (One either way counts as right.)",
        float(len(drops)),
        f"{len(drops)} times" + (f", after steps {', '.join(str(int(t)) for t in drops[:6])}{' ...' if len(drops) > 6 else ''}." if len(drops) else "."),
        tolerance=1.0,
    )  # fmt: skip


def _race(spec: SchedulesSpec) -> str:
    """A name for the race on screen, so that a guess belongs to it."""
    return f"{hash((spec.shown, spec.data, spec.optimizer, spec.rate, spec.steps, spec.period, spec.gamma, spec.batch, spec.seed, spec.clip)) & 0xFFFFFF:x}"
