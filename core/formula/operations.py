"""The operations that a formula may use: one table, one row each.

A row says how to compute the output from the inputs (a, b, ...), the local derivative d output / d input for each input,
for which inputs there is no value, and what the derivative needs to remember. Corner points follow torch:
relu'(0) = 0, leaky_relu'(0) = 0.01, |.|'(0) = 0, a tie of max or min gives 1/2 to each, softplus is linear above 20.

    sigmoid(a)  = 1 / (1 + e^-a)              softplus(a) = log(1 + e^a)
    gelu(a)     = a Phi(a), Phi the normal distribution function (Hendrycks & Gimpel 2016, arXiv:1606.08415, sec. 2)
    softmax_cross_entropy(k, z) = log sum_j e^z_j - z_k,   d/dz_j = softmax(z)_j - [j = k]
    mse(p_1, y_1, ..., p_N, y_N) = 1/N sum_i (p_i - y_i)^2
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

EXPONENT_LIMIT = 100.0
LEAKY_SLOPE = 0.01
SOFTPLUS_THRESHOLD = 20.0

Local = tuple[float, ...]


def _anywhere(*inputs: float) -> str:
    return ""


@dataclass(frozen=True)
class Operation:
    """One row of the table.

    `forward(*params, *inputs)` gives the output and raises ArithmeticError or ValueError where there is none;
    `local(output, *params, *inputs)` gives d output / d input for each input, not finite where there is none.
    `domain(*inputs)` says in words why the inputs have no output, or "".
    `saved[i]` is what the derivative by input i must remember: "a" or "b" (an input), "inputs" (all of them),
    "output", or "probabilities" (a vector of its own, as long as the inputs). `slopes[i]` is that derivative as text in
    a, b and out, written so that no float64 on the way to it overflows or is divided by 0. `arity` None means any number of inputs; `latex` then has one place for the whole list.
    """

    name: str
    symbol: str
    latex: str
    arity: int | None
    forward: Callable[..., float]
    local: Callable[..., Local]
    saved: tuple[tuple[str, ...], ...]
    slopes: tuple[str, ...]
    domain: Callable[..., str] = _anywhere
    usage: str = ""

    def to_latex(self, *inputs: str) -> str:
        """The operation in LaTeX, applied to inputs that are LaTeX themselves."""
        return self.latex.format(*inputs) if self.arity else self.latex.format(", ".join(inputs))

    def needed_for(self, which: int) -> tuple[str, ...]:
        """What the derivative by input number `which` must remember."""
        return self.saved[which] if self.arity else self.saved[0]


def _pow(a: float, b: float) -> float:
    if abs(b) > EXPONENT_LIMIT:
        raise ValueError
    return math.pow(a, b)


def _pow_local(out: float, a: float, b: float) -> Local:
    by_base = 0.0 if b == 0 else b * math.pow(a, b - 1) if a or b >= 1 else math.inf
    return by_base, out * math.log(a) if a > 0 else math.nan


def _pow_domain(a: float, b: float) -> str:
    if abs(b) > EXPONENT_LIMIT:
        return f"the exponent {b:g} is outside -{EXPONENT_LIMIT:g} to {EXPONENT_LIMIT:g}; try a smaller one"
    if a == 0 and b < 0:
        return f"0 to the power {b:g} is a division by zero; try a base that is not 0"
    if a < 0 and b != int(b):
        return f"{a:g} to the power {b:g} is no real number; a negative base needs a whole exponent"
    return ""


def _sigmoid(a: float) -> float:
    if a >= 0:
        return 1.0 / (1.0 + math.exp(-a))
    return math.exp(a) / (1.0 + math.exp(a))


def _softplus(a: float) -> float:
    return a if a > SOFTPLUS_THRESHOLD else math.log1p(math.exp(a))


def _normal_cdf(a: float) -> float:
    return 0.5 * (1.0 + math.erf(a / math.sqrt(2.0)))


def _normal_pdf(a: float) -> float:
    return math.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi)


def _sign(a: float) -> float:
    return float((a > 0) - (a < 0))


def _share(a: float, b: float) -> Local:
    """All of the gradient to the larger of a and b; half to each at a tie."""
    first = 0.5 * (1.0 + _sign(a - b))
    return first, 1.0 - first


def softmax(z: Sequence[float]) -> Local:
    """e^z_j / sum e^z, shifted by max z so that nothing overflows."""
    top = max(z)
    e = [math.exp(zj - top) for zj in z]
    total = sum(e)
    return tuple(ej / total for ej in e)


def cross_entropy(k: int, *z: float) -> float:
    """-log softmax(z)_k."""
    top = max(z)
    return top - z[k] + math.log(sum(math.exp(zj - top) for zj in z))


def _cross_entropy_local(out: float, k: int, *z: float) -> Local:
    return tuple(p - (j == k) for j, p in enumerate(softmax(z)))


def _mse(*py: Any) -> Any:
    """Numbers, or arrays of one shape."""
    return sum((p - y) * (p - y) for p, y in zip(py[::2], py[1::2], strict=True)) * 2 / len(py)


def _mse_local(out: Any, *py: Any) -> tuple[Any, ...]:
    slopes = [4 * (p - y) / len(py) for p, y in zip(py[::2], py[1::2], strict=True)]
    return tuple(signed for slope in slopes for signed in (slope, -slope))


def _log_domain(a: float) -> str:
    return "" if a > 0 else f"log needs a positive number, and got {a:g}; try a larger one"


def _sqrt_domain(a: float) -> str:
    return "" if a >= 0 else f"sqrt needs a number that is not negative, and got {a:g}; try a larger one"


def _div_domain(a: float, b: float) -> str:
    return "" if b else "division by zero; try a divisor that is not 0"


def _exp_domain(a: float) -> str:
    return "" if a < 709 else f"exp({a:g}) is too large for a float64; keep the exponent below 709"


A, B, OUT = ("a",), ("b",), ("output",)

_TABLE = (
    Operation("add", "+", "{0} + {1}", 2, operator.add, lambda out, a, b: (1.0, 1.0), ((), ()), ("1", "1")),
    Operation("sub", "−", "{0} - {1}", 2, operator.sub, lambda out, a, b: (1.0, -1.0), ((), ()), ("1", "-1")),
    Operation("mul", "×", r"{0} \cdot {1}", 2, operator.mul, lambda out, a, b: (b, a), (B, A), ("b", "a")),
    Operation("div", "÷", r"\frac{{{0}}}{{{1}}}", 2, operator.truediv, lambda out, a, b: (1.0 / b, -a / b / b),
              (B, ("a", "b")), ("1/b", "-a/b/b"), _div_domain),
    Operation("pow", "xⁿ", r"{{{0}}}^{{{1}}}", 2, _pow, _pow_local, (("a", "b"), ("a", "b", "output")),
              ("b*a**(b - 1) if b else 0", "out*log(a)"), _pow_domain),
    Operation("neg", "−", "-{0}", 1, operator.neg, lambda out, a: (-1.0,), ((),), ("-1",)),
    Operation("exp", "exp", "e^{{{0}}}", 1, math.exp, lambda out, a: (out,), (OUT,), ("out",), _exp_domain, "exp(a)"),
    Operation("log", "log", r"\log\left({0}\right)", 1, math.log, lambda out, a: (1.0 / a,), (A,), ("1/a",),
              _log_domain, "log(a)"),
    Operation("tanh", "tanh", r"\tanh\left({0}\right)", 1, math.tanh, lambda out, a: (1.0 - out * out,), (OUT,),
              ("1 - out**2",), usage="tanh(a)"),
    Operation("sigmoid", "σ", r"\sigma\left({0}\right)", 1, _sigmoid, lambda out, a: (out * (1.0 - out),), (OUT,),
              ("out*(1 - out)",), usage="sigmoid(a)"),
    Operation("relu", "relu", r"\mathrm{{relu}}\left({0}\right)", 1, lambda a: a if a > 0 else 0.0,
              lambda out, a: (1.0 if out > 0 else 0.0,), (OUT,), ("1 if a > 0 else 0",), usage="relu(a)"),
    Operation("leaky_relu", "leaky", r"\mathrm{{leaky}}\left({0}\right)", 1, lambda a: a if a > 0 else LEAKY_SLOPE * a,
              lambda out, a: (1.0 if a > 0 else LEAKY_SLOPE,), (A,), ("1 if a > 0 else 0.01",), usage="leaky_relu(a)"),
    Operation("gelu", "gelu", r"\mathrm{{gelu}}\left({0}\right)", 1, lambda a: a * _normal_cdf(a),
              lambda out, a: (_normal_cdf(a) + a * _normal_pdf(a),), (A,),
              ("(1 + erf(a/sqrt(2)))/2 + a*exp(-a*a/2)/sqrt(2*pi)",), usage="gelu(a)"),
    Operation("softplus", "softplus", r"\mathrm{{softplus}}\left({0}\right)", 1, _softplus,
              lambda out, a: (1.0 if a > SOFTPLUS_THRESHOLD else _sigmoid(a),), (A,),
              ("1 if a > 20 else sigmoid(a)",), usage="softplus(a)"),
    Operation("sin", "sin", r"\sin\left({0}\right)", 1, math.sin, lambda out, a: (math.cos(a),), (A,), ("cos(a)",),
              usage="sin(a)"),
    Operation("cos", "cos", r"\cos\left({0}\right)", 1, math.cos, lambda out, a: (-math.sin(a),), (A,), ("-sin(a)",),
              usage="cos(a)"),
    Operation("sqrt", "√", r"\sqrt{{{0}}}", 1, math.sqrt, lambda out, a: (0.5 / out if out else math.inf,), (OUT,),
              ("1/(2*out)",), _sqrt_domain, "sqrt(a)"),
    Operation("abs", "|·|", r"\left|{0}\right|", 1, abs, lambda out, a: (_sign(a),), (A,),
              ("sign(a)",), usage="abs(a)"),
    Operation("max", "max", r"\max\left({0}, {1}\right)", 2, max, lambda out, a, b: _share(a, b),
              (("a", "b"), ("a", "b")), ("1 if a > b else 1/2 if a == b else 0", "1 if b > a else 1/2 if a == b else 0"),
              usage="max(a, b, ...)"),
    Operation("min", "min", r"\min\left({0}, {1}\right)", 2, min, lambda out, a, b: _share(b, a),
              (("a", "b"), ("a", "b")), ("1 if a < b else 1/2 if a == b else 0", "1 if b < a else 1/2 if a == b else 0"),
              usage="min(a, b, ...)"),
    Operation("softmax_cross_entropy", "CE", r"-\log\,\mathrm{{softmax}}\left({0}\right)", None, cross_entropy,
              _cross_entropy_local, (("probabilities",),), ("softmax(z) - onehot(k)",),
              usage="softmax_cross_entropy(k, z0, z1, ...) with k = 0, 1, ... the number of the right class"),
    Operation("mse", "MSE", r"\mathrm{{mse}}\left({0}\right)", None, _mse, _mse_local, (("inputs",),),
              ("2*(p - y)/N for a p, -2*(p - y)/N for a y",), usage="mse(p0, y0, p1, y1, ...)"),
)  # fmt: skip

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _TABLE}
FUNCTIONS: dict[str, Operation] = {name: operation for name, operation in OPERATIONS.items() if operation.usage}
