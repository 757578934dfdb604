"""What a parameter lets in and what it refuses, in which words; how a Spec travels as link and as file; what answer is right."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backprop_stepper.spec import StepperSpec
from core.contracts import Param, Question, Spec, param
from core.errors import ExplainerError
from core.home.spec import HomeSpec

RATE = Param(0.1, "Learning rate", low=1e-5, high=1.0, log=True)
STEPS = Param(40, "Steps", low=1, high=400)
FLAG = Param(True, "Bias")
CHOICE = Param("sgd", "Optimizer", options={"sgd": "SGD", "adam": "Adam"})
TEXT = Param("x", "Formula", max_length=5)


@dataclass(frozen=True)
class Sample(Spec):
    """One field of each kind."""

    SLUG: ClassVar[str] = "sample"

    rate: float = param(0.1, "Learning rate", low=-1e300, high=1e300)
    steps: int = param(40, "Steps", low=-(10**6), high=10**6)
    bias: bool = param(True, "Bias")
    mode: str = param("sgd", "Optimizer", options={"sgd": "SGD", "adam": "Adam"})
    text: str = param("", "Formula", max_length=500)


@pytest.mark.parametrize(
    ("about", "value", "kept"),
    [
        (RATE, 0.1, 0.1), (RATE, 1e-5, 1e-5), (RATE, 1.0, 1.0), (RATE, 1, 1.0), (RATE, "0.25", 0.25), (RATE, "1e-5", 1e-5),
        (STEPS, 1, 1), (STEPS, 400, 400), (STEPS, 7.0, 7), (STEPS, "12", 12), (STEPS, " 12 ", 12),
        (Param(0.0, "free"), -1e300, -1e300), (Param(0.0, "free"), math.inf, math.inf),
        (FLAG, True, True), (FLAG, False, False), (FLAG, "true", True), (FLAG, "False", False), (FLAG, "1", True), (FLAG, 0, False),
        (CHOICE, "adam", "adam"), (TEXT, "", ""), (TEXT, "12345", "12345"), (TEXT, "äöü√∂", "äöü√∂"),
    ],
)  # fmt: skip
def test_what_is_allowed_keeps_its_value_and_gets_the_type(about: Param, value: Any, kept: Any) -> None:
    found = about.check(value)
    assert found == kept
    assert type(found) is type(about.default)


@pytest.mark.parametrize(
    ("about", "value", "sentence"),
    [
        (RATE, 3.0, "Learning rate 3 is outside 1e-05 to 1; try 0.1"),
        (RATE, math.nextafter(1.0, 2.0), "Learning rate 1 is outside 1e-05 to 1; try 0.1"),
        (RATE, math.nextafter(1e-5, 0.0), "Learning rate 1e-05 is outside 1e-05 to 1; try 0.1"),
        (RATE, "-0.5", "Learning rate -0.5 is outside 1e-05 to 1; try 0.1"),
        (RATE, math.nan, "Learning rate nan is outside 1e-05 to 1; try 0.1"),
        (RATE, "nan", "Learning rate nan is outside 1e-05 to 1; try 0.1"),
        (RATE, math.inf, "Learning rate inf is outside 1e-05 to 1; try 0.1"),
        (RATE, "-inf", "Learning rate -inf is outside 1e-05 to 1; try 0.1"),
        (RATE, "fast", "Learning rate: 'fast' is not a number; try 0.1"),
        (RATE, None, "Learning rate: None is not a number; try 0.1"),
        (RATE, [1], "Learning rate: [1] is not a number; try 0.1"),
        (RATE, True, "Learning rate: True is not a number; try 0.1"),
        (RATE, 10**400, f"Learning rate: 1{'0' * 61} is not a number; try 0.1"),
        (RATE, "x" * 9999, f"Learning rate: '{'x' * 60}' is not a number; try 0.1"),
        (STEPS, 0, "Steps 0 is outside 1 to 400; try 40"),
        (STEPS, 401, "Steps 401 is outside 1 to 400; try 40"),
        (STEPS, 7.5, "Steps: 7.5 is not a whole number; try 7"),
        (STEPS, "7.5", "Steps: '7.5' is not a whole number; try 40"),
        (STEPS, math.nan, "Steps: nan is not a whole number; try 40"),
        (STEPS, math.inf, "Steps: inf is not a whole number; try 40"),
        (STEPS, False, "Steps: False is not a whole number; try 40"),
        (STEPS, "9" * 400, f"Steps: '{'9' * 60}' is not a whole number; try 40"),
        (STEPS, "9" * 5000, f"Steps: '{'9' * 60}' is not a whole number; try 40"),
        (STEPS, {}, "Steps: {} is not a whole number; try 40"),
        (FLAG, "yes", "Bias: 'yes' is neither true nor false; try true"),
        (FLAG, 2, "Bias: 2 is neither true nor false; try true"),
        (FLAG, None, "Bias: None is neither true nor false; try true"),
        (CHOICE, "lion", "Optimizer: 'lion' is unknown; choose sgd or adam"),
        (CHOICE, "", "Optimizer: '' is unknown; choose sgd or adam"),
        (CHOICE, 3, "Optimizer: 3 is not text; try 'sgd'"),
        (CHOICE, ["sgd"], "Optimizer: ['sgd'] is not text; try 'sgd'"),
        (TEXT, "123456", "Formula has 6 characters; at most 5 are allowed"),
        (TEXT, b"x", "Formula: b'x' is not text; try 'x'"),
        (TEXT, None, "Formula: None is not text; try 'x'"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named_with_what_is_allowed_and_what_to_try(about: Param, value: Any, sentence: str) -> None:
    with pytest.raises(ExplainerError) as refusal:
        about.check(value)
    assert str(refusal.value) == sentence


def answer(about: Param, value: Any) -> tuple[Any, str]:
    """What `check` gives, and what it says."""
    try:
        return about.check(value), ""
    except ExplainerError as refusal:
        return None, str(refusal)


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(),
        st.lists(st.integers()),
        st.dictionaries(st.text(), st.text()),
    )
)
def test_a_check_gives_a_value_within_bounds_or_a_sentence(value: Any) -> None:
    for about in (RATE, STEPS, FLAG, CHOICE, TEXT):
        kept, sentence = answer(about, value)
        if sentence:
            assert sentence.startswith(about.label)
            assert len(sentence) < 200
        else:
            assert type(kept) is type(about.default)
            assert about.check(kept) == kept
            assert not isinstance(kept, float) or about.low <= kept <= about.high


@pytest.mark.parametrize("spec_type", [StepperSpec, HomeSpec])
def test_declarations_hold_together(spec_type: type[Spec]) -> None:
    for name, about in spec_type.params().items():
        assert about.check(about.default) == about.default, name
        assert not about.log or about.low > 0, f"{name}: a logarithmic slider has no place for 0"
        if isinstance(about.default, (int, float)) and not isinstance(about.default, bool):
            assert math.isfinite(about.low), name
            assert math.isfinite(about.high), name


def test_a_spec_checks_and_converts_when_it_is_made() -> None:
    spec = Sample(rate="0.25", steps=7.0, bias="false")
    assert (spec.rate, spec.steps, spec.bias) == (0.25, 7, False)
    assert hash(spec) == hash(Sample(rate=0.25, steps=7, bias=False))
    with pytest.raises(ExplainerError, match="Optimizer: 'lion' is unknown"):
        Sample(mode="lion")
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.rate = 1.0


def test_a_link_says_only_what_differs() -> None:
    assert Sample().to_query() == {}
    spec = Sample(rate=1e-12, bias=False, mode="adam", text="w*x")
    assert spec.to_query() == {
        "sample.rate": "1e-12",
        "sample.bias": "false",
        "sample.mode": "adam",
        "sample.text": "w*x",
    }
    assert list(Sample.params()) == ["rate", "steps", "bias", "mode", "text"]
    assert Sample.key("rate") == "sample.rate"


def drawn(spec_type: type[Spec]) -> st.SearchStrategy[Spec]:
    """Any Spec that can be made."""

    def values(about: Param) -> st.SearchStrategy[Any]:
        if isinstance(about.default, bool):
            return st.booleans()
        if about.options is not None:
            return st.sampled_from(sorted(about.options))
        if isinstance(about.default, int):
            return st.integers(int(about.low), int(about.high))
        return (
            st.floats(about.low, about.high) if isinstance(about.default, float) else st.text(max_size=about.max_length)
        )

    return st.builds(spec_type, **{name: values(about) for name, about in spec_type.params().items()})


@given(st.one_of(drawn(StepperSpec), drawn(HomeSpec), drawn(Sample)))
def test_link_and_file_give_back_exactly_the_same(spec: Spec) -> None:
    assert type(spec).from_query(spec.to_query()) == (spec, {})
    assert type(spec).from_json(spec.to_json()) == spec
    assert type(spec)(**spec.as_dict()) == spec


def test_a_link_s_bad_value_falls_back_and_is_named() -> None:
    spec, problems = Sample.from_query(
        {"sample.rate": "fast", "sample.steps": "5", "other.rate": "9", "sample.nothing": "1"}
    )
    assert spec == Sample(steps=5)
    assert problems == {"sample.rate": "Learning rate: 'fast' is not a number; try 0.1 (the link's value was left out)"}


def test_a_file_is_readable_json_that_names_its_explainer() -> None:
    content = json.loads(Sample(text="λ*x").to_json())
    assert content == {
        "explainer": "sample",
        "parameters": {"rate": 0.1, "steps": 40, "bias": True, "mode": "sgd", "text": "λ*x"},
    }
    assert "λ*x" in Sample(text="λ*x").to_json()


def test_a_file_may_leave_parameters_out() -> None:
    assert Sample.from_json('{"explainer": "sample", "parameters": {"steps": 3}}') == Sample(steps=3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        *((text, "this is not a configuration file; it should be the JSON that 'Download settings' gives") for text in (
            "", "null", "3", '"text"', "[]", "{", "[" * 100_000, '{"explainer": "sample"}', '{"parameters": {}}', "\x00",
            '{"explainer": "sample", "parameters": null}', '{"explainer": "sample", "parameters": [[1, 2]]}',
            '{"explainer": "sample", "parameters": [["rate", 0.5]]}', '{"explainer": "sample", "parameters": "ab"}',
            '{"explainer": "sample", "parameters": {"steps": ' + "9" * 5000 + "}}",
        )),
        ('{"explainer": "other", "parameters": {}}', "this file belongs to 'other', not to 'sample'; open it there"),
        ('{"explainer": [1], "parameters": {}}', "this file belongs to '[1]', not to 'sample'; open it there"),
        ('{"explainer": "sample", "parameters": {"zeta": 1, "alpha": 2}}', "unknown parameter 'alpha'; allowed: rate, steps, bias, mode or text"),
        ('{"explainer": "sample", "parameters": {"__class__": 1}}', "unknown parameter '__class__'; allowed: rate, steps, bias, mode or text"),
        ('{"explainer": "sample", "parameters": {"rate": NaN}}', "Learning rate nan is outside -1e+300 to 1e+300; try 0.1"),
        ('{"explainer": "sample", "parameters": {"rate": Infinity}}', "Learning rate inf is outside -1e+300 to 1e+300; try 0.1"),
        ('{"explainer": "sample", "parameters": {"steps": 1.5}}', "Steps: 1.5 is not a whole number; try 1"),
        ('{"explainer": "sample", "parameters": {"steps": true}}', "Steps: True is not a whole number; try 40"),
        ('{"explainer": "sample", "parameters": {"steps": 1' + "0" * 400 + "}}", f"Steps: 1{'0' * 61} is not a whole number; try 40"),
        ('{"explainer": "sample", "parameters": {"text": {"a": 1}}}', "Formula: {'a': 1} is not text; try ''"),
        ('{"explainer": "sample", "parameters": {"mode": null}}', "Optimizer: None is not text; try 'sgd'"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_in_words(text: str, sentence: str) -> None:
    with pytest.raises(ExplainerError, match=f"^{re.escape(sentence)}$"):
        Sample.from_json(text)


def test_a_number_is_right_within_its_tolerance() -> None:
    question = Question("g", "?", -2.0, "because", tolerance=0.25)
    assert [question.right(guess) for guess in (-2.0, -2.25, -1.75, -2.2501, -1.7499, 2.0)] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert question.right("-2.1")
    assert not question.right(math.nan)
    exact = Question("n", "?", 3.0, "because")
    assert [exact.right(guess) for guess in (3, 3.0, "3", 2, 3.0000001)] == [True, True, True, False, False]


def test_an_option_is_right_when_it_is_the_answer() -> None:
    question = Question("s", "?", "falls", "because", options=("rises", "falls"))
    assert (question.right("falls"), question.right("rises"), question.right("")) == (True, False, False)
