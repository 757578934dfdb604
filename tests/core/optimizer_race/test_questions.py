"""Questions are answered by the race on screen."""

from __future__ import annotations

from core.optimizer_race.compute import run_of
from core.optimizer_race.questions import questions
from core.optimizer_race.spec import OptimizerRaceSpec


def asked(**settings: object) -> dict[str, object]:
    spec = OptimizerRaceSpec(**{"surface": "quadratic_bowl", "rates": "same", "rate": 0.05, "steps": 100, **settings})
    return {q.slug.split(".")[0]: q for q in questions(spec, run_of(spec))}


def test_answers_are_the_race_s() -> None:
    found = asked(racers="SGD, Momentum, SGD@0.2")
    run = run_of(
        OptimizerRaceSpec(surface="quadratic_bowl", rates="same", rate=0.05, steps=100, racers="SGD, Momentum, SGD@0.2")
    )
    finals = run.result.values[:2, -1]
    assert found["winner"].answer == run.labels[int(finals.argmin())]
    assert found["diverged"].answer == 1.0
    assert found["momentum"].answer == ("lower" if finals[1] < finals[0] else "higher")
    steps = [int((run.gap[k] <= 1e-3).argmax()) for k in range(2) if (run.gap[k] <= 1e-3).any()]
    assert found["arrival"].answer == float(min(steps))
    assert found["arrival"].right(1.15 * min(steps))
    assert not found["arrival"].right(1.3 * min(steps))


def test_momentum_is_higher_where_it_diverges() -> None:
    found = asked(racers="SGD, Momentum", rate=0.07, momentum=0.01)
    assert found["momentum"].answer in ("lower", "higher")
    gone = asked(racers="SGD@0.05, Momentum, SGD", rate=0.5)
    assert gone["diverged"].answer == 2.0


def test_what_the_race_does_not_decide_is_not_asked() -> None:
    alone = asked(racers="SGD", rate=0.0001, steps=10)
    assert set(alone) == {"diverged"}
    twins = asked(racers="Adam, AMSGrad", steps=1 * 10, rate=0.001)
    assert "momentum" not in twins


def test_a_guess_belongs_to_its_race() -> None:
    assert asked(racers="SGD, Adam")["winner"].slug != asked(racers="SGD, Adam", rate=0.02)["winner"].slug
