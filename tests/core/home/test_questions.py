"""The answers are the run's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from core.home.questions import questions


def metrics(first: float = 0.1) -> dict[str, list[float]]:
    return {"epoch": [0.0, 0.5, 1.0, 2.0], "test_accuracy": [first, 0.4, 0.8, 0.9]}


def counts() -> np.ndarray:
    C = np.diag([40] * 10)
    C[8, 1], C[8, 3], C[2, 1] = 3, 1, 2
    return C


def answers(**run: object) -> dict[str, object]:
    return {
        q.slug: q.answer
        for q in questions(run.get("metrics", metrics()), {"confusion": run.get("confusion", counts())})
    }


def test_answers_are_those_of_the_run() -> None:
    assert answers() == {"untrained": "about the same", "one_epoch": pytest.approx(80), "hardest": "8"}


@pytest.mark.parametrize(
    ("first", "word"),
    [(0.04, "clearly worse"), (0.06, "about the same"), (0.14, "about the same"), (0.2, "clearly better")],
)
def test_the_untrained_net_is_held_against_guessing(first: float, word: str) -> None:
    assert answers(metrics=metrics(first))["untrained"] == word


def test_before_the_first_epoch_is_over_nothing_is_asked() -> None:
    assert questions({"epoch": [0.0, 0.5], "test_accuracy": [0.1, 0.4]}, {"confusion": counts()}) == []


def test_two_hardest_digits_are_no_question() -> None:
    C = counts()
    C[2, 5] = 2
    assert "hardest" not in answers(confusion=C)


def test_explanations_carry_the_numbers() -> None:
    asked = {q.slug: q for q in questions(metrics(), {"confusion": counts()})}
    assert "10.0%" in asked["untrained"].explanation
    assert "80.0%; in the newest snapshot: 90.0%" in asked["one_epoch"].explanation
    assert "Of 44 test digits 8 it reads 4 wrongly, most often as 1 (3 times)" in asked["hardest"].explanation
    assert asked["one_epoch"].right(84.9)
    assert not asked["one_epoch"].right(85.5)
    for question in asked.values():
        assert not question.options or question.answer in question.options
