"""What the transport bar says at every step of the walk: the operation, its numbers, and the chain rule in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.contracts import Step
from core.formula.graph import BackwardStep, Contribution, ForwardStep, Graph, Node, SeedStep
from core.formula.operations import FUNCTIONS, OPERATIONS
from core.plots.words import short


def walk(graph: Graph) -> list[Step]:
    """One Step for the start and one for each of `graph.steps()`."""
    start = Step("start", "Only the leaves have values. The next step computes the first operation.")
    return [start, *(_step(graph, step) for step in graph.steps())]


def _step(graph: Graph, step: ForwardStep | SeedStep | BackwardStep) -> Step:
    if isinstance(step, ForwardStep):
        return _forward(graph, step)
    if isinstance(step, SeedStep):
        text = f"Every value is known; the loss is L = {short(graph.loss.value)}. Backward starts at the loss, which changes by 1 when it changes by 1."
        return Step("backward begins", text, [rf"\frac{{\partial L}}{{\partial L}} = {step.grad:g}"])
    return _backward(graph, step)


def _forward(graph: Graph, step: ForwardStep) -> Step:
    node = graph.nodes[step.node]
    symbols = [symbol(graph.nodes[i]) for i in node.inputs]
    words = OPERATIONS[node.op].to_latex(*symbols)
    numbers = OPERATIONS[node.op].to_latex(*(number(value, alone=node.op in FUNCTIONS) for value in step.inputs))
    return Step(
        f"forward, {said(node)}",
        "",
        [f"{symbol(node)} = {words} = {numbers} = {number(step.value, alone=True)}"],
    )


def _backward(graph: Graph, step: BackwardStep) -> Step:
    node = graph.nodes[step.node]
    again = [c for c in step.contributions if c.before is not None]
    text = f"{said(node)} hands its gradient {short(step.upstream)} on: upstream × local = contribution."
    if again:
        names = " and ".join(dict.fromkeys(said(graph.nodes[c.input]) for c in again))
        text += f" {names} was reached before, so this contribution is added to what is there (+=)."
    return Step(f"backward, {said(node)}", text, [_chain_rule(graph, node, c) for c in step.contributions])


def _chain_rule(graph: Graph, node: Node, c: Contribution) -> str:
    source = symbol(graph.nodes[c.input])
    rule = (
        rf"\frac{{\partial L}}{{\partial {symbol(node)}}} \cdot \frac{{\partial {symbol(node)}}}{{\partial {source}}}"
    )
    product = rf"\underbrace{{{number(c.upstream)}}}_{{\text{{upstream}}}} \cdot \underbrace{{{number(c.local)}}}_{{\text{{local}}}}"
    left = rf"\frac{{\partial L}}{{\partial {source}}}"
    if c.before is None:
        return f"{left} = {rule} = {product} = {number(c.value, alone=True)}"
    return rf"{left} \;\text{{+=}}\; {rule} = {product}:\quad {number(c.before)} + {number(c.value)} = {number(c.after, alone=True)}"


def said(node: Node) -> str:
    """A node's name in a sentence: w1, h, v7 (tanh)."""
    return node.label if _named(node) else f"v{node.id} ({node.symbol})"


def symbol(node: Node) -> str:
    """A node's name in LaTeX: a leaf's or definition's own, a constant's number, else v with the node's number."""
    if node.op == "const":
        return number(float(node.label)) if node.value is None else number(node.value)
    return variable(node.label) if _named(node) else f"v_{{{node.id}}}"


def _named(node: Node) -> bool:
    return not node.inputs or node.label != node.symbol


def variable(name: str) -> str:
    """A name in LaTeX: w1 as w with index 1, other long names upright."""
    indexed = re.fullmatch(r"([^\W\d_])_?(\d+)", name)
    if indexed:
        return f"{indexed[1]}_{{{indexed[2]}}}"
    escaped = name.replace("_", r"\_")
    return escaped if len(name) == 1 else rf"\mathrm{{{escaped}}}"


def number(value: float, *, alone: bool = False) -> str:
    """Four digits in LaTeX; in parentheses if negative or with a power of ten, unless it stands `alone`."""
    digits = f"{value + 0.0:.4g}"
    if "e" in digits:
        mantissa, exponent = digits.split("e")
        digits = rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return digits if alone or digits.replace(".", "").isdigit() else rf"\left({digits}\right)"


def formula_latex(graph: Graph, ids: Sequence[int]) -> list[str]:
    """The definitions of the nodes `ids`, one LaTeX line each."""
    return [
        f"{symbol(n)} &= {OPERATIONS[n.op].to_latex(*(symbol(graph.nodes[i]) for i in n.inputs))}"
        for n in (graph.nodes[i] for i in ids)
    ]
