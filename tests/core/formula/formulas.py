"""Random formulas that have a value and a gradient at almost every point, as text, for the tests of the engine."""

from __future__ import annotations

import re

from hypothesis import assume
from hypothesis import strategies as st

from core.errors import ExplainerError
from core.formula import Graph, parse
from core.formula.checks import KINKS

UNARY = (
    "(-{0})", "+{0}", "tanh({0})", "sigmoid({0})", "relu({0})", "leaky_relu({0})", "gelu({0})", "softplus({0})",
    "sin({0})", "cos({0})", "abs({0})", "exp(tanh({0}))", "log(0.1 + ({0})**2)", "sqrt(0.5 + ({0})**2)", "({0})**2",
    "(2 + sin({0}))**-1.5", "({0})**3",
)  # fmt: skip
BINARY = (
    "({0} + {1})", "({0} - {1})", "{0}*{1}", "{0}/(1.5 + ({1})**2)", "max({0}, {1})", "min({0}, {1})", "mse({0}, {1})",
    "(0.5 + ({0})**2)**sin({1})", "softmax_cross_entropy(1, {0}, {1})",
)  # fmt: skip
TERNARY = ("max({0}, {1}, {2})", "softmax_cross_entropy(0, {0}, {1}, {2})", "mse({0}, {1}, {2}, {0})")

NAMES = ("a", "b", "c", "λ")
CONSTANTS = ("0.5", "2", "(-1.25)")
NUMBERS = st.one_of(st.sampled_from((0.0, 1.0, -1.0, 0.5)), st.floats(-2, 2, allow_subnormal=False))


@st.composite
def formulas(draw: st.DrawFn) -> tuple[str, dict[str, float]]:
    """A formula of 1 to 12 parts, each made of earlier parts, leaves and numbers, and the values of its leaves.

    Parts that no later one uses are added up in the end, so that all of them lead to L.
    """
    parts, unused = [], []
    for k in range(draw(st.integers(1, 12))):
        template = draw(st.sampled_from(draw(st.sampled_from((UNARY, BINARY, BINARY, TERNARY)))))
        chosen = [draw(st.sampled_from((*NAMES, *CONSTANTS, *(f"h{j}" for j in range(k))))) for _ in range(3)]
        expression = template.format(*chosen)
        unused = [name for name in unused if not re.search(rf"\b{name}\b", expression)] + [f"h{k}"]
        parts.append(f"h{k} = {expression}")
    return "; ".join([*parts, " + ".join(unused)]), {name: draw(NUMBERS) for name in NAMES}


def built(formula: str, values: dict[str, float]) -> Graph:
    """The graph after forward; the example is dropped where it has no value or large ones, or where rounding
    could decide on a kink."""
    assume(len(formula) <= 500)
    try:
        graph = parse(formula, values)
        graph.forward()
    except ExplainerError:
        assume(False)
    assume(all(abs(node.value) < 1e4 for node in graph.nodes))
    for node in graph.nodes:
        if node.op in KINKS:
            side = KINKS[node.op](*[graph.nodes[i].value for i in node.inputs])
            assume(side == 0 or abs(side) > 1e-4)
    return graph
