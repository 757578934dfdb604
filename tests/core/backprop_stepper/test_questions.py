"""Every answer computed a second time, and no question that has two."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from core.backprop_stepper import EXAMPLES, SPEC, Graph, format_values, graph_of, questions
from core.backprop_stepper.spec import trained_names
from core.contracts import Question
from core.errors import ExplainerError
from core.plots.words import short
from tests.core.backprop_stepper.test_compute import MAKE, plain_loop
from tests.core.formula.formulas import built, formulas

PRESETS = [pytest.param(SPEC(**e.settings), id=e.slug) for e in EXAMPLES if "mode" not in e.settings]


def asked(spec: SPEC) -> dict[str, Question]:
    """First word of the slug -> question."""
    return {question.slug.split(".")[0]: question for question in questions(spec, graph_of(spec))}


def nudged(graph: Graph, name: str, by: float) -> float:
    """How much the loss changes."""
    return graph.with_values({name: graph.leaves[name].value + by}).forward() - graph.loss.value


def check_answers(spec: SPEC) -> dict[str, Question]:
    graph, found = graph_of(spec), asked(spec)
    trained = trained_names(spec, list(graph.leaves))
    if "sign" in found:
        name = trained[-1]
        assert found["sign"].slug == f"sign.{name}"
        assert f"Raise **{name}**" in found["sign"].prompt
        assert found["sign"].options == ("rises", "falls")
        g = graph.gradients()[name]
        assert found["sign"].answer == ("falls" if g < 0 else "rises")
        assert short(g) in found["sign"].explanation
    if "gradient" in found:
        g = graph.gradients()[trained[0]]
        assert f"dL/d**{trained[0]}**" in found["gradient"].prompt
        assert found["gradient"].answer == g
        assert repr(g) in found["gradient"].explanation
        assert short(0.001 * g) in found["gradient"].explanation
        assert found["gradient"].right(g * 1.09)
        assert not found["gradient"].right(-g - 1e-3)
    return found


@pytest.mark.parametrize("spec", PRESETS)
def test_presets_ask_what_the_graph_answers(spec: SPEC) -> None:
    found, graph = check_answers(spec), graph_of(spec)
    assert 2 <= len(found) <= 4
    names = trained_names(spec, list(graph.leaves))
    assert found["sign"].answer == ("rises" if nudged(graph, names[-1], 1e-6) > 0 else "falls")
    assert found["gradient"].right((nudged(graph, names[0], 1e-5) - nudged(graph, names[0], -1e-5)) / 2e-5)
    assert len({question.slug for question in questions(spec, graph)}) == len(found)


@pytest.mark.parametrize("optimizer", MAKE)
@pytest.mark.parametrize("rate", [0.01, 2.0])
def test_lower_or_higher_is_what_torch_s_step_does(optimizer: str, rate: float) -> None:
    spec = SPEC(optimizer=optimizer, rate=rate, steps=1)
    names = trained_names(spec, list(graph_of(spec).leaves))
    _, (before, after) = plain_loop(spec, graph_of(spec), names)
    question = asked(spec)["step"]
    assert question.answer == ("higher" if after > before else "lower")
    assert f"from {short(before)} to {short(after)};" in question.explanation


def test_both_answers_of_the_step_occur() -> None:
    steep = {"formula": "w**2", "values": "w=1"}
    assert asked(SPEC(rate=0.1, **steep))["step"].answer == "lower"
    assert asked(SPEC(rate=1.5, **steep))["step"].answer == "higher"
    assert "It goes from 1 to 4; the gradient predicted −5." in asked(SPEC(rate=1.5, **steep))["step"].explanation
    assert "step" not in asked(SPEC(rate=1.0, **steep)), "w = -1 has the very same loss"
    assert "step" not in asked(SPEC(formula="2*w - log(w)", values="w=1", rate=10.0)), "no loss after the step"


@pytest.mark.parametrize(
    ("formula", "edits", "node", "uses"),
    [
        ("w*w", "", "w", 2), ("h = relu(w*x); (w*h - y)**2", "", "w", 2), ("tanh(w)*w + w*w", "", "w", 4),
        ("h = w*x; h*h*h", "", "h", 3),
        ("h = w*x; mse(h, h, h, y)", "", "h", 3),
        ("tanh(w*2)*x + w*x + x", "3=0.5", "x", 3),  # w*2 leads to a cut: w is used twice, and one use sends nothing back
        ("exp(w*2)*w + w", "3=0.5", "w", 2),
    ],
)  # fmt: skip
def test_uses_are_counted_on_the_way_back(formula: str, edits: str, node: str, uses: int) -> None:
    question = asked(SPEC(formula=formula, edits=edits))["uses"]
    assert question.answer == uses
    assert f"gradient of **{node}**?" in question.prompt
    assert question.explanation.startswith(f"{node} is used {uses} times")
    assert [question.right(guess) for guess in (uses - 1, uses, uses + 1)] == [False, True, False]


@pytest.mark.parametrize(
    "settings", [{"formula": "tanh(w*x + b)"}, {"formula": "x"}, {"formula": "tanh(w*2)*w", "edits": "3=0.5"}]
)
def test_nothing_used_twice_no_question(settings: dict[str, str]) -> None:
    assert "uses" not in asked(SPEC(**settings))


@pytest.mark.parametrize("formula", ["abs(w)", "relu(w)", "max(w, -2*w)", "min(w, 0)", "leaky_relu(w)"])
def test_at_a_kink_nothing_is_asked_about_the_slope(formula: str) -> None:
    found = asked(SPEC(formula=formula, values="w=0"))
    assert "sign" not in found
    assert "gradient" not in found
    assert {"sign", "gradient"} <= set(asked(SPEC(formula=formula, values="w=-1"))) or formula == "relu(w)"


def test_a_flat_loss_neither_rises_nor_falls() -> None:
    found = asked(SPEC(formula="relu(w) + b*0", values="w=-1"))
    assert "sign" not in found
    assert "step" not in found
    assert found["gradient"].answer == 0.0


@settings(max_examples=100, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas())
def test_any_formula_has_questions_with_true_answers(drawn: tuple[str, dict[str, float]]) -> None:
    formula, values = drawn
    if not built(formula, values).leaves:
        with pytest.raises(ExplainerError, match="numbers only"):
            graph_of(SPEC(formula=formula, values=format_values(values)))
        return
    spec = SPEC(formula=formula, values=format_values(values))
    found, graph = check_answers(spec), graph_of(spec)
    if "uses" in found:
        node = int(found["uses"].slug.split(".")[1])
        edges = [(k, i) for k in graph.rules for i in graph.nodes[k].inputs]
        assert found["uses"].answer == sum(i == node for _, i in edges)
