"""Predict, then reveal: the answer is shown after a guess, is the run's own, and goes when the run changes."""

from __future__ import annotations

import pytest

from tests.pages.conftest import core_of, turn_to

STEPPER = core_of("backprop_stepper")


def asked(**settings) -> dict:
    spec = STEPPER.SPEC(**settings)
    return {q.slug: q for q in STEPPER.questions(spec, STEPPER.graph_of(spec))}


def keys(slug: str) -> tuple[str, str]:
    key = f"backprop_stepper:question.{slug}"
    return f"{key}.guess", f"{key}.reveal"


def guess(at, question, value):
    guessed, reveal = keys(question.slug)
    box = at.radio if question.options else at.number_input
    box(key=guessed).set_value(value).run()
    return at.button(key=reveal).click().run()


def verdicts(at) -> list[str]:
    return [box.value for box in (*at.success, *at.info)]


@pytest.mark.parametrize("slug", list(asked()))
def test_nothing_is_told_before_a_guess(open_page, slug):
    at = open_page("backprop_stepper")
    assert asked()[slug].prompt in [m.value for m in at.markdown]
    assert at.button(key=keys(slug)[1]).disabled
    assert asked()[slug].explanation not in str(at.main)


@pytest.mark.parametrize("slug", list(asked()))
def test_a_right_guess(open_page, slug):
    question = asked()[slug]
    at = guess(open_page("backprop_stepper"), question, question.answer)
    assert [s.value for s in at.success] == [f"Right. {question.explanation}"]
    assert not at.info


@pytest.mark.parametrize("slug", list(asked()))
def test_a_wrong_guess_is_told_the_answer(open_page, slug):
    question = asked()[slug]
    wrong = (
        next(o for o in question.options if o != question.answer)
        if question.options
        else question.answer + 2 * question.tolerance + 1
    )
    at = guess(open_page("backprop_stepper"), question, wrong)
    answer = question.answer if question.options else f"{question.answer:.4g}"
    assert [i.value for i in at.info] == [f"It is {answer}. {question.explanation}"]
    assert not at.success


def test_another_guess_hides_the_verdict_until_it_is_asked_for(open_page):
    question = next(q for q in asked().values() if q.options)
    at = guess(open_page("backprop_stepper"), question, question.answer)
    at.radio(key=keys(question.slug)[0]).set_value(next(o for o in question.options if o != question.answer)).run()
    assert verdicts(at) == []


def test_a_run_with_another_answer_hides_the_verdict(open_page):
    question = next(q for q in asked().values() if not q.options)
    at = guess(open_page("backprop_stepper"), question, question.answer)
    assert len(verdicts(at)) == 1
    at.slider(key="backprop_stepper:values.w1").set_value(1.5).run()
    assert asked(values=at.session_state["backprop_stepper.values"])[question.slug].answer != question.answer
    assert verdicts(at) == []


def test_the_reveal_survives_what_does_not_concern_it(open_page):
    question = next(iter(asked().values()))
    at = guess(open_page("backprop_stepper"), question, question.answer)
    at.segmented_control(key="backprop_stepper.lens").set_value("memory").run()
    assert len(verdicts(at)) == 1


def test_no_questions_in_front_of_a_class(open_page):
    at = turn_to(open_page("backprop_stepper"), "backprop_stepper", {"focus": "1"})
    assert not at.radio
    assert not [b for b in at.button if b.label == "Reveal"]
