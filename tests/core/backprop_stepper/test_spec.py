"""Values typed as text and read back exactly, defaults by formula and by order, and what training moves."""

from __future__ import annotations

import math
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backprop_stepper.spec import (
    BUGS,
    EXAMPLES,
    FORMULAS,
    LEAF_DEFAULTS,
    LENSES,
    OPTIMIZERS,
    TOUR,
    VALUE_LIMIT,
    StepperSpec,
    default_trained,
    edited_values,
    format_values,
    leaf_values,
    parse_values,
    trained_names,
)
from core.errors import ExplainerError
from core.formula import leaf_names, parse

NAMES = st.from_regex(r"[a-zA-Zλ_][a-zA-Z0-9_λ]{0,10}", fullmatch=True)


@given(st.dictionaries(NAMES, st.floats(-VALUE_LIMIT, VALUE_LIMIT)))
def test_values_are_read_back_exactly(values: dict[str, float]) -> None:
    found = parse_values(format_values(values))
    assert found == values
    assert list(found) == list(values)
    assert [math.copysign(1, v) for v in found.values()] == [math.copysign(1, v) for v in values.values()]


@pytest.mark.parametrize(
    "number", [5e-324, 2.2250738585072014e-308, 1e-12, 0.1 + 0.2, 1e6, -1e6, -0.0, 999999.9999999999]
)
def test_numbers_at_the_ends_of_the_range_keep_every_digit(number: float) -> None:
    assert repr(parse_values(format_values({"w": number}))["w"]) == repr(number)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}), (" , ,", {}), ("w=0.5, x=2", {"w": 0.5, "x": 2.0}), ("  w =\t1e-3 ,", {"w": 1e-3}), ("w=1,w=2", {"w": 2.0}), ("λ=-1.5", {"λ": -1.5}),
        ("\u00b5=3", {"\u03bc": 3.0}),  # the micro sign and mu are one name in a formula
    ],
)  # fmt: skip
def test_what_can_be_typed(text: str, values: dict[str, float]) -> None:
    assert parse_values(text) == values


@pytest.mark.parametrize(
    "part",
    [
        "w",
        "w=",
        "w:1",
        "w=one",
        "w=1=2",
        "w==1",
        "w=1e7",
        "w=-1000001",
        "w=nan",
        "w=inf",
        "w=-inf",
        "w=1e999",
        "w=1 2",
        "w=0x10",
        "__import__('os')",
        "w=1;x=2",
        "\ud800",
        "w=\x00",
        "=" * 3999,
    ],
)
def test_hostile_text_is_refused_in_words(part: str) -> None:
    sentence = f"value {part[:40]!r} cannot be used; write name=number with |number| up to 1e+06"
    with pytest.raises(ExplainerError, match=f"^{re.escape(sentence)}$"):
        parse_values(f"ok=1, {part}")


@given(st.text(max_size=60))
def test_any_text_gives_numbers_in_range_or_a_sentence(text: str) -> None:
    values: dict[str, float] = {}
    with suppress(ExplainerError):  # anything else goes through and fails
        values = parse_values(text)
    assert all(abs(value) <= VALUE_LIMIT for value in values.values())


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_preset_s_leaves_start_at_its_own_values(formula: str) -> None:
    text, values = FORMULAS[formula]
    assert set(values) == set(leaf_names(text))
    assert leaf_values(StepperSpec(formula=text), leaf_names(text)) == values
    graph = parse(text, values)
    assert math.isfinite(graph.forward())


def test_other_formulas_start_at_fixed_values_by_order_of_use() -> None:
    names = [f"q{k}" for k in range(8)]
    found = leaf_values(StepperSpec(formula=" + ".join(names)), names)
    assert list(found.values()) == [*LEAF_DEFAULTS, *LEAF_DEFAULTS[:2]] == [0.5, 1.0, 2.0, 0.25, 0.75, 1.5, 0.5, 1.0]


def test_what_is_typed_wins_and_the_rest_stays() -> None:
    spec = StepperSpec(values="x1=9, nobody=7")
    found = leaf_values(spec, ["w1", "x1", "w2", "x2", "b", "y"])
    assert found == {"w1": -0.8, "x1": 9.0, "w2": 0.6, "x2": 0.5, "b": 0.7, "y": 1.0}
    with pytest.raises(ExplainerError, match="value 'w1' cannot be used"):
        leaf_values(StepperSpec(values="w1"), ["w1"])


@pytest.mark.parametrize(
    ("leaves", "moved"),
    [
        (["w1", "x1", "w2", "b", "y"], ["w1", "w2", "b"]), (["x", "y", "t"], ["x", "y", "t"]), (["w"], ["w"]), (["target", "k"], ["k"]), ([], []),
    ],
)  # fmt: skip
def test_training_moves_what_is_no_data(leaves: list[str], moved: list[str]) -> None:
    assert default_trained(leaves) == moved
    assert trained_names(StepperSpec(), leaves) == moved


@pytest.mark.parametrize(
    ("chosen", "moved"),
    [
        ("y", ["y"]),
        ("y, w", ["w", "y"]),
        (" y ,w,", ["w", "y"]),
        ("nobody", ["w", "b"]),
        ("nobody,x", ["x"]),
        (",", ["w", "b"]),
        ("wx", ["w", "b"]),
    ],
)
def test_chosen_leaves_are_moved_in_the_formula_s_order(chosen: str, moved: list[str]) -> None:
    assert trained_names(StepperSpec(trained=chosen), ["w", "x", "b", "y"]) == moved


def test_edits_are_node_numbers() -> None:
    assert edited_values(StepperSpec()) == {}
    assert edited_values(StepperSpec(edits="7=0.5, 12=-1e-3")) == {7: 0.5, 12: -1e-3}


@pytest.mark.parametrize("text", ["w=1", "7", "7=x", "7.5=1", "=1", "7=1e9", "7=nan"])
def test_other_edits_are_refused(text: str) -> None:
    with pytest.raises(
        ExplainerError, match=f"^edited nodes {re.escape(repr(text))}: write node=number, such as 7=0.5$"
    ):
        edited_values(StepperSpec(edits=text))


def test_every_choice_has_its_engine() -> None:
    from core.backprop_stepper import bugs, lenses, update

    assert set(LENSES) == set(lenses.LENS)
    assert set(OPTIMIZERS) == set(update.OPTIMIZERS)
    assert set(BUGS) == set(bugs.BUGS)


def test_presets_and_tour_use_values_that_are_allowed() -> None:
    for settings in [*(e.settings for e in EXAMPLES), *(stop.settings for stop in TOUR)]:
        spec = StepperSpec(**settings)
        leaves = leaf_names(spec.formula)
        for name in (spec.axis_x, spec.axis_y, spec.source):
            assert name in ("", *leaves)
