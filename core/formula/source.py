"""A formula's operations as source: NumPy's value and derivative, and torch's function of the same name.

The scripts that pages export are put together from these expressions. How a derivative is written comes from the table in
operations.py. `inputs` are the names of the operation's inputs in the script, `out` that of its output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from core.formula.graph import Node
from core.formula.operations import OPERATIONS

NUMPY = ("cos", "exp", "log", "log1p", "maximum", "minimum", "pi", "sign", "sin", "sqrt", "tanh")
WORDS = {**{name: f"np.{name}" for name in NUMPY}, "erf": "math.erf"}  # what the tables call it -> what the script does
ERF = "import math  # for its erf, which NumPy lacks\n\n"
HELPERS = {  # what the expressions for NumPy need besides NumPy
    "sigmoid": "def sigmoid(a):\n    return 1 / (1 + np.exp(-a)) if a >= 0 else np.exp(a) / (1 + np.exp(a))\n",
    "softmax": "def softmax(*z):\n    e = np.exp(np.array(z) - max(z))\n    return e / e.sum()\n",
    "cross_entropy": "def cross_entropy(k, *z):\n    return max(z) - z[k] + np.log(np.exp(np.array(z) - max(z)).sum())\n",
}

VALUES: Mapping[str, str] = {
    "add": "a + b", "sub": "a - b", "mul": "a * b", "div": "a / b", "pow": "a ** b", "neg": "-a", "exp": "exp(a)", "log": "log(a)",
    "tanh": "tanh(a)", "sigmoid": "sigmoid(a)", "relu": "maximum(a, 0.0)", "leaky_relu": "a if a > 0 else 0.01 * a",
    "gelu": "a * (1 + erf(a / sqrt(2))) / 2", "softplus": "a if a > 20 else log1p(exp(a))", "sin": "sin(a)", "cos": "cos(a)",
    "sqrt": "sqrt(a)", "abs": "abs(a)", "max": "maximum(a, b)", "min": "minimum(a, b)",
}  # fmt: skip
TORCH: Mapping[str, str] = {
    **{name: VALUES[name] for name in ("add", "sub", "mul", "div", "pow", "neg", "abs")},
    **{name: f"torch.{name}(a)" for name in ("exp", "log", "tanh", "sigmoid", "relu", "sin", "cos", "sqrt")},
    **{name: f"F.{name}(a)" for name in ("leaky_relu", "gelu", "softplus")},
    "max": "torch.maximum(a, b)", "min": "torch.minimum(a, b)",
}  # fmt: skip


def in_numpy(node: Node, inputs: Sequence[str]) -> str:
    """The value of a constant's or operation's node: float64 arithmetic of NumPy, and the HELPERS."""
    if node.op == "const":
        return repr(node.value)
    if node.op == "softmax_cross_entropy":
        return f"cross_entropy({node.params[0]}, {', '.join(inputs)})"
    if node.op == "mse":
        return " + ".join(
            f"({p} - {y}) ** 2 / {len(inputs) // 2}" for p, y in zip(inputs[::2], inputs[1::2], strict=True)
        )
    return _written(VALUES[node.op], inputs, WORDS)


def in_torch(node: Node, inputs: Sequence[str]) -> str:
    """The value of a constant's or operation's node as a tensor; F is torch.nn.functional."""
    if node.op == "const":
        return f"torch.tensor({node.value!r}, dtype=torch.float64)"
    if node.op == "softmax_cross_entropy":
        return f"F.cross_entropy(torch.stack([{', '.join(inputs)}]), torch.tensor({node.params[0]}))"
    if node.op == "mse":
        return f"F.mse_loss(torch.stack([{', '.join(inputs[::2])}]), torch.stack([{', '.join(inputs[1::2])}]))"
    return _written(TORCH[node.op], inputs)


def slope(node: Node, which: int, inputs: Sequence[str], out: str) -> str:
    """d(node)/d(its input number `which`), as NumPy writes it."""
    if node.op == "softmax_cross_entropy":
        return f"softmax({', '.join(inputs)})[{which}] - {int(which == node.params[0])}"
    if node.op == "mse":
        first = which - which % 2
        return f"{'-' if which % 2 else ''}2 * ({inputs[first]} - {inputs[first + 1]}) / {len(inputs) // 2}"
    return _written(OPERATIONS[node.op].slopes[which], inputs, {**WORDS, "out": out})


def _written(text: str, inputs: Sequence[str], words: Mapping[str, str] = MappingProxyType({})) -> str:
    """`text` with the script's names in place of a, b and of the other `words`."""
    known = {**words, **dict(zip("ab", inputs, strict=False))}
    return re.sub(r"\b[a-z]\w*\b", lambda found: known.get(found.group(), found.group()), text)
