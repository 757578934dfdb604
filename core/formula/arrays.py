"""A formula at many points at once: the same forward and backward passes over arrays of any shape.

    forward:   value_i = f_i(value of its inputs)                     elementwise, in topological order
    backward:  dL/dinput += dL/dnode * dnode/dinput                   elementwise, in reverse

Values, corner points and limits are those of operations.py; what differs is how a point without a value is told: `Graph` names
the place in the formula, here that point is NaN and the others do not notice. A point has a value where every operation has a
finite one, and a gradient where every derivative that is needed is finite too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from core.formula.graph import Graph
from core.formula.operations import EXPONENT_LIMIT, LEAKY_SLOPE, OPERATIONS, SOFTPLUS_THRESHOLD

Points = Float[np.ndarray, "*shape"]

_erf = np.vectorize(math.erf, otypes=[np.float64])  # NumPy has none of its own


def _pow(a: Any, b: Any) -> Any:
    """a**b; NaN where a or b is (NumPy's NaN**0 is 1) and where the exponent is out of range."""
    known = (np.abs(b) <= EXPONENT_LIMIT) & (a == a)
    return np.where(known, np.power(a, b), np.nan)


def _pow_local(out: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return np.where(b == 0, 0.0, b * np.power(a, b - 1.0)), np.where(a > 0, out * np.log(a), np.nan)


def _sigmoid(a: Any) -> Any:
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1.0 + e)


def _normal_cdf(a: Any) -> Any:
    return 0.5 * (1.0 + _erf(a / math.sqrt(2.0)))


def _gelu_local(out: Any, a: Any) -> tuple[Any]:
    return (_normal_cdf(a) + a * np.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi),)


def _share(a: Any, b: Any) -> tuple[Any, Any]:
    first = 0.5 * (1.0 + np.sign(a - b))
    return first, 1.0 - first


def _softmax(z: tuple[Any, ...]) -> Any:
    z = np.stack(np.broadcast_arrays(*z))
    e = np.exp(z - z.max(0))
    return e / e.sum(0)


def _cross_entropy(k: int, *z: Any) -> Any:
    top = np.maximum.reduce(np.broadcast_arrays(*z))
    return top - z[k] + np.log(sum(np.exp(zj - top) for zj in z))


def _cross_entropy_local(out: Any, k: int, *z: Any) -> tuple[Any, ...]:
    return tuple(p - (j == k) for j, p in enumerate(_softmax(z)))


FORWARD: Mapping[str, Callable[..., Any]] = {  # where operations.py has Python's own function for one number
    "pow": _pow, "exp": np.exp, "log": np.log, "tanh": np.tanh, "sigmoid": _sigmoid, "relu": lambda a: np.maximum(a, 0.0),
    "leaky_relu": lambda a: np.where(a > 0, a, LEAKY_SLOPE * a), "gelu": lambda a: a * _normal_cdf(a),
    "softplus": lambda a: np.where(a > SOFTPLUS_THRESHOLD, a, np.log1p(np.exp(np.minimum(a, SOFTPLUS_THRESHOLD)))),
    "sin": np.sin, "cos": np.cos, "sqrt": np.sqrt, "max": np.maximum, "min": np.minimum, "softmax_cross_entropy": _cross_entropy,
}  # fmt: skip
LOCAL: Mapping[str, Callable[..., tuple[Any, ...]]] = {
    "pow": _pow_local, "relu": lambda out, a: (np.where(out > 0, 1.0, 0.0),),
    "leaky_relu": lambda out, a: (np.where(a > 0, 1.0, LEAKY_SLOPE),), "gelu": _gelu_local,
    "softplus": lambda out, a: (np.where(a > SOFTPLUS_THRESHOLD, 1.0, _sigmoid(a)),), "sin": lambda out, a: (np.cos(a),),
    "cos": lambda out, a: (-np.sin(a),), "sqrt": lambda out, a: (0.5 / out,), "abs": lambda out, a: (np.sign(a),),
    "max": lambda out, a, b: _share(a, b), "min": lambda out, a, b: _share(b, a), "softmax_cross_entropy": _cross_entropy_local,
}  # fmt: skip


class ArrayFormula:
    """A parsed formula as a function of its leaves `names`, which takes one array for each; all have one shape.

    Leaves that are not among `names` keep the value that they have in the graph.
    """

    def __init__(self, graph: Graph, names: Sequence[str]) -> None:
        self.leaves = [graph.leaves[name].id if name in graph.leaves else None for name in names]
        self.given = [np.float64(node.value) if node.id not in graph.rules else None for node in graph.nodes]
        self.needs = list(graph.needs_grad)
        nodes = [graph.nodes[i] for i in graph.rules]
        self.forward = [
            (n.id, partial(FORWARD.get(n.op, OPERATIONS[n.op].forward), *n.params), n.inputs) for n in nodes
        ]
        self.backward = [(n.id, LOCAL.get(n.op, OPERATIONS[n.op].local), n.params, n.inputs) for n in reversed(nodes)]

    def value(self, *points: Points) -> Points:
        """The formula's value at every point, NaN where there is none."""
        values, known = self._values(points)
        return np.where(known, values[-1], np.nan)

    def gradient(self, *points: Points) -> tuple[Points, ...]:
        """dL/dleaf at every point, one array for each of `names`; NaN where a value or a derivative is missing."""
        values, known = self._values(points)
        grads: list[Any] = [None] * len(values)
        grads[-1] = np.float64(1.0)
        with np.errstate(all="ignore"):
            for node, local, params, inputs in self.backward:
                if grads[node] is not None and self.needs[node]:
                    slopes = local(values[node], *params, *[values[i] for i in inputs])
                    for i, slope in zip(inputs, slopes, strict=True):
                        if self.needs[i]:
                            sent = grads[node] * slope
                            grads[i] = sent if grads[i] is None else grads[i] + sent
        found = [np.float64(0.0) if i is None or grads[i] is None else grads[i] for i in self.leaves]
        for g in found:
            known = known & np.isfinite(g)
        return tuple(np.where(known, g, np.nan) for g in found)

    def _values(self, points: Sequence[Points]) -> tuple[list[Any], np.ndarray]:
        """Every node's value, and the points at which all of them are finite."""
        values = list(self.given)
        for leaf, point in zip(self.leaves, points, strict=True):
            if leaf is not None:
                values[leaf] = point
        known = np.ones(points[0].shape, bool)
        with np.errstate(all="ignore"):
            for node, rule, inputs in self.forward:
                values[node] = rule(*[values[i] for i in inputs])
                known &= np.isfinite(values[node])
        return values, known
