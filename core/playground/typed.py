"""What a visitor types: a function of x1 and x2 as data to learn, or as a feature, through the safe parser of core/formula.

x and y are other names for x1 and x2. As data, f gives values f(x1, x2) / s, where s is the largest |f| on a grid of 121 x 121
points over the square -6 ... 6 (1 if it is smaller), cut off at -1 and 1; or classes, 1 where f(x1, x2) > 0. Noise moves the
place at which f is looked up, within the square. Points at which the formula has no value are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from core.errors import ExplainerError
from core.formula import Graph, leaf_names, parse
from core.formula.arrays import ArrayFormula
from core.formula.operations import EXPONENT_LIMIT
from core.formula.source import in_torch

EDGE, GRID, FEWEST = 6.0, 121, 4
NAMES = {"x1": "x1", "x2": "x2", "x": "x1", "y": "x2"}
Function = Callable[[np.ndarray, np.ndarray], np.ndarray]


@lru_cache(maxsize=64)
def graph_of(formula: str) -> Graph:
    """The formula's graph.

    Raises:
        ExplainerError: it cannot be read, names anything but x1, x2, x and y, names none of them, or uses a loss.
    """
    graph = parse(formula, dict.fromkeys(NAMES, 0.0))
    if not leaf_names(formula):
        raise ExplainerError("the formula is a constant: it names neither x1 nor x2 (or x and y); try sin(x) * cos(y)")
    if losses := [node.op for node in graph.nodes if node.op in ("mse", "softmax_cross_entropy")]:
        raise ExplainerError(f"{losses[0]} is a loss over many numbers, not a function of a point; try sin(x) * cos(y)")
    return graph


@lru_cache(maxsize=64)
def function(formula: str) -> Function:
    """The formula at the points (x1, x2); NaN where it has no value. Raises ExplainerError as `graph_of` does."""
    arrays = ArrayFormula(graph_of(formula), tuple(NAMES))
    return lambda x1, x2: arrays.value(x1, x2, x1, x2)


def _square() -> tuple[np.ndarray, np.ndarray]:
    x1, x2 = np.meshgrid(*[np.linspace(-EDGE, EDGE, GRID)] * 2)
    return x1, x2


@lru_cache(maxsize=64)
def size(formula: str) -> float:
    """s: what the values are divided by. Raises ExplainerError for a formula that has a value nowhere on the square."""
    values = np.abs(function(formula)(*_square()))
    if np.isnan(values).all():
        raise ExplainerError(
            f"{formula[:40]} has no value anywhere from -{EDGE:g} to {EDGE:g}; try log(1 + x**2 + y**2) - 2"
        )
    return max(1.0, float(np.nanmax(values)))


def draw(g: np.random.Generator, n: int, noise: float, formula: str, border: bool) -> tuple[np.ndarray, np.ndarray]:
    """At most n points X with values y, or with classes for a `border`.

    Raises:
        ExplainerError: the formula cannot be used, has a value at fewer than 4 points, or gives one class only.
    """
    scale = size(formula)
    X = g.uniform(-EDGE, EDGE, (n, 2))
    seen = np.clip(X + noise * g.uniform(-EDGE, EDGE, (n, 2)), -EDGE, EDGE)
    values = function(formula)(seen[:, 0], seen[:, 1])
    known = np.isfinite(values)
    X, values = X[known], values[known]
    if len(X) < FEWEST:
        raise ExplainerError(
            f"{formula[:40]} has a value at only {len(X)} of the {n} points; at least {FEWEST} are needed; try another formula or more points"
        )
    if not border:
        return X, np.clip(values / scale, -1.0, 1.0)
    above = values > 0
    if above.all() or not above.any():
        where = "at every point" if above.all() else "at no point"
        raise ExplainerError(
            f"{formula[:40]} > 0 holds {where}, so there is no border to learn; add or take away a number, or try x**2 + y**2 - 9"
        )
    return X, above.astype(int)


@lru_cache(maxsize=64)
def feature(formula: str) -> Function:
    """The formula as a feature, which must have a value on the whole square.

    Raises:
        ExplainerError: it cannot be read, or has no value somewhere on a grid of 121 x 121 points.
    """
    g, (x1, x2) = function(formula), _square()
    gaps = np.isnan(g(x1, x2))
    if gaps.any():
        at = int(gaps.argmax())
        raise ExplainerError(
            f"the feature {formula[:40]} has no value at x1 = {x1.flat[at]:g}, x2 = {x2.flat[at]:g}; "
            f"a feature needs one everywhere from -{EDGE:g} to {EDGE:g}; try log(1 + x1**2)"
        )
    return g


def source(formula: str, name: str) -> str:
    """The formula as a Python function of two NumPy arrays, one line of torch for each operation; NaN where it has no value."""
    graph = graph_of(formula)
    words = {node.id: NAMES[node.label] if node.op == "leaf" else f"v{node.id}" for node in graph.nodes}
    lines, known = [], ["torch.isfinite(x1)"]
    for node in graph.nodes:
        if node.op == "leaf":
            continue
        inputs = [words[i] for i in node.inputs]
        value = in_torch(node, inputs).replace("F.", "torch.nn.functional.")  # F are the features in the script
        lines.append(f"    {words[node.id]} = {value}")
        if inputs:
            known.append(f"torch.isfinite({words[node.id]})")
        if node.op == "pow":
            known.append(f"({inputs[1]}.abs() <= {EXPONENT_LIMIT:g})")
    last = words[graph.nodes[-1].id]
    shown = " ".join(formula.split())
    return "\n".join(
        [
            f"def {name}(x1, x2):",
            f"    # {shown}",
            "    x1, x2 = torch.from_numpy(x1.copy()), torch.from_numpy(x2.copy())",
            *lines,
            f"    return torch.where({' & '.join(known)}, {last}, torch.nan).numpy()",
        ]
    )
