"""The matrix level: a net of two layers on a batch of N examples, forward and backward, one matrix at a time.

    Z1 = X W1 + b1     A1 = phi(Z1)     Z2 = A1 W2 + b2     L = 1/N sum_n l_n
    cross_entropy: P = softmax(Z2) by rows, l_n = -log P[n, y_n]        mse: l_n = 1/K sum_k (Z2[n, k] - Y[n, k])^2

X (N, D), W1 (D, H), b1 (H,), Z1 and A1 (N, H), W2 (H, K), b2 (K,), Z2, P and Y (N, K). Y is one-hot for cross_entropy. The
gradient of L by M is called dM (\\bar M in the formulas) and has the shape of M:

    dZ2 = (P - Y) / N   or   2 (Z2 - Y) / (N K)
    dW2 = A1^T dZ2      db2 = sum_n dZ2[n]     dA1 = dZ2 W2^T     dZ1 = dA1 * phi'(Z1)
    dW1 = X^T dZ1       db1 = sum_n dZ1[n]     dX = dZ1 W1^T

Batch averaging: with delta_n = N dZ[n], the gradient of l_n alone, dW = 1/N sum_n x_n delta_n^T: the mean of N outer products.
Source: I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", MIT Press 2016, algorithms 6.3 and 6.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from core.contracts import Step
from core.errors import ExplainerError, one_of
from core.rng import numpy_generator

Array = np.ndarray
Rows = Float[np.ndarray, "N _"]
Matrix = Float[np.ndarray, "_ _"]
Vector = Float[np.ndarray, "_"]
Losses = Float[np.ndarray, "N"]


@dataclass(frozen=True)
class Activation:
    """phi and its derivative, both by z = Z1 and a = phi(z); in LaTeX the derivative at an entry."""

    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    latex: str
    slope_latex: str


ACTIVATIONS: Mapping[str, Activation] = {
    "tanh": Activation(np.tanh, lambda z, a: 1 - a**2, r"\tanh", r"1 - A_1^2"),
    "relu": Activation(lambda z: np.maximum(z, 0.0), lambda z, a: (z > 0) * 1.0, r"\mathrm{ReLU}", r"[Z_1 > 0]"),
    "sigmoid": Activation(lambda z: 0.5 + 0.5 * np.tanh(z / 2), lambda z, a: a * (1 - a), r"\sigma", r"A_1 (1 - A_1)"),
}


@dataclass(frozen=True, eq=False)
class TensorRun:
    """All matrices of one pass. `P` is None for mse; `losses` (N,) holds l_n, `L` their mean.

    `slope` is phi'(Z1); `gradients` holds dM under the name of M: Z2, W2, b2, A1, Z1, W1, b1, X.
    """

    activation: str
    loss: str
    X: Rows
    Y: Rows
    W1: Matrix
    b1: Vector
    Z1: Rows
    A1: Rows
    W2: Matrix
    b2: Vector
    Z2: Rows
    P: Rows | None
    losses: Losses
    L: float
    slope: Rows
    gradients: Mapping[str, Array]

    @property
    def sizes(self) -> dict[str, int]:
        """N, D, H and K."""
        return {"N": len(self.X), "D": len(self.W1), "H": len(self.b1), "K": len(self.b2)}


def run(batch: int, inputs: int, hidden: int, outputs: int, activation: str, loss: str, seed: int) -> TensorRun:
    """Draw data and weights (rounded, so that they can be read and reckoned with), and pass through."""
    data, weights = numpy_generator(seed, "tensor", "data"), numpy_generator(seed, "tensor", "weights")
    X = np.round(data.normal(size=(batch, inputs)), 1)
    labels, targets = data.integers(outputs, size=batch), np.round(data.normal(size=(batch, outputs)), 1)
    W1 = np.round(weights.normal(size=(inputs, hidden)) / np.sqrt(inputs), 2)
    W2 = np.round(weights.normal(size=(hidden, outputs)) / np.sqrt(hidden), 2)
    b1, b2 = np.round(weights.normal(scale=0.3, size=hidden), 2), np.round(weights.normal(scale=0.3, size=outputs), 2)
    Y = np.eye(outputs)[labels] if loss == "cross_entropy" else targets
    return passes(X, Y, W1, b1, W2, b2, activation, loss)


def passes(X: Rows, Y: Rows, W1: Matrix, b1: Vector, W2: Matrix, b2: Vector, activation: str, loss: str) -> TensorRun:
    """Forward and backward through the given net."""
    phi = ACTIVATIONS[activation]
    Z1 = X @ W1 + b1
    A1 = phi.value(Z1)
    Z2 = A1 @ W2 + b2
    P = softmax(Z2) if loss == "cross_entropy" else None
    losses = -log_softmax(Z2)[Y == 1] if loss == "cross_entropy" else np.mean((Z2 - Y) ** 2, axis=1)

    dZ2 = delta(Z2, Y, P) / len(X)
    dA1 = dZ2 @ W2.T
    slope = phi.slope(Z1, A1)
    dZ1 = dA1 * slope
    gradients = {
        "Z2": dZ2, "W2": A1.T @ dZ2, "b2": dZ2.sum(axis=0), "A1": dA1,
        "Z1": dZ1, "W1": X.T @ dZ1, "b1": dZ1.sum(axis=0), "X": dZ1 @ W1.T,
    }  # fmt: skip
    return TensorRun(
        activation, loss, X, Y, W1, b1, Z1, A1, W2, b2, Z2, P, losses, float(losses.mean()), slope, gradients
    )


def log_softmax(Z: Rows) -> Rows:
    """log softmax by rows; the largest entry is taken out first, so that no exp overflows."""
    Z = Z - Z.max(axis=1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


def softmax(Z: Rows) -> Rows:
    """P: every row positive, with sum 1."""
    return np.exp(log_softmax(Z))


def delta(Z2: Rows, Y: Rows, P: Rows | None) -> Rows:
    """Row n: the gradient of l_n by Z2[n]."""
    return 2 * (Z2 - Y) / Y.shape[1] if P is None else P - Y


# The gradient of a weight matrix as a mean of outer products


@dataclass(frozen=True, eq=False)
class Outer:
    """One example's part in dW: `product` = x delta^T, and `mean`, that of the examples up to this one."""

    x: Vector
    delta: Vector
    product: Matrix
    mean: Matrix


def outer_product(run: TensorRun, layer: int, example: int) -> Outer:
    """Layer 1 or 2, example 0 to N - 1. At the last example, `mean` is dL/dW of that layer."""
    inputs, deltas = (run.X, run.gradients["Z1"]) if layer == 1 else (run.A1, run.gradients["Z2"])
    deltas = deltas * len(run.X)  # take out the 1/N of the mean: the gradient of l_n alone
    products = inputs[: example + 1, :, None] * deltas[: example + 1, None, :]
    return Outer(inputs[example], deltas[example], products[-1], products.mean(axis=0))


# Jacobians of one example


@dataclass(frozen=True, eq=False)
class Jacobian:
    """J[i, j] = d out_i / d in_j for one example; `latex` says why it looks as it does."""

    matrix: Matrix
    out: str
    into: str
    latex: str


def jacobian_names(loss: str) -> dict[str, str]:
    """The Jacobians that a net with this loss has: key -> words on screen."""
    softmax_layer = {"P/Z2": "softmax: ∂P/∂Z2"} if loss == "cross_entropy" else {}
    return {"A1/Z1": "activation: ∂A1/∂Z1", "Z2/A1": "linear layer: ∂Z2/∂A1", **softmax_layer, "l/Z2": "loss: ∂ℓ/∂Z2"}


def jacobian(run: TensorRun, which: str, example: int = 0) -> Jacobian:
    """The Jacobian `which` (a key of `jacobian_names`) at an example.

    Raises:
        ExplainerError: this net has no such Jacobian.
    """
    names = jacobian_names(run.loss)
    if which not in names:
        raise ExplainerError(f"there is no Jacobian {which!r} with the loss {run.loss!r}; choose {one_of(names)}")
    if which == "A1/Z1":
        return Jacobian(np.diag(run.slope[example]), "A1", "Z1", r"\operatorname{diag}(\phi'(z))")
    if which == "Z2/A1":
        return Jacobian(run.W2.T, "Z2", "A1", r"W_2^\top")
    if run.P is not None and which == "P/Z2":
        p = run.P[example]
        return Jacobian(np.diag(p) - np.outer(p, p), "P", "Z2", r"\operatorname{diag}(p) - p\,p^\top")
    row = delta(run.Z2, run.Y, run.P)[example]
    return Jacobian(row[None], "ℓ", "Z2", r"(p - y)^\top" if run.P is not None else r"\tfrac{2}{K} (z - y)^\top")


# What the transport bar walks


@dataclass(frozen=True, eq=False)
class Stage:
    """One matrix comes about: `operands` (at most three, name -> matrix) give `result`; `entry` works its first entry out."""

    direction: str
    title: str
    latex: str
    shapes: str
    operands: Mapping[str, Array]
    result: tuple[str, Array]
    entry: str


def stages(run: TensorRun) -> list[Stage]:
    """Forward from X to L, backward from dZ2 to dX."""
    first, second = _layers(run)
    loss = [_mse(run)] if run.P is None else [_softmax(run, run.P), _cross_entropy(run, run.P)]
    forward = [_linear(run, first), _activate(run), _linear(run, second), *loss]
    return [*forward, _into_loss(run), *_into_layer(run, second), _into_activation(run), *_into_layer(run, first)]


def steps(run: TensorRun) -> list[Step]:
    """The stages as the transport bar shows them."""
    return [Step(f"{s.direction.capitalize()}: {s.title}", s.shapes, (s.latex, s.entry)) for s in stages(run)]


@dataclass(frozen=True, eq=False)
class _Layer:
    """Z = A W + b of layer `number`: the name of A, plain and in LaTeX, and the letters of the layer's two sizes."""

    number: int
    name: str
    latex: str
    into: str
    out: str
    A: Array
    W: Array
    b: Array
    Z: Array


def _layers(run: TensorRun) -> tuple[_Layer, _Layer]:
    return (
        _Layer(1, "X", "X", "D", "H", run.X, run.W1, run.b1, run.Z1),
        _Layer(2, "A1", "A_1", "H", "K", run.A1, run.W2, run.b2, run.Z2),
    )


def _linear(run: TensorRun, at: _Layer) -> Stage:
    k = at.number
    return Stage(
        "forward",
        f"linear layer {k}",
        rf"Z_{k} = {at.latex} W_{k} + b_{k}",
        _shapes(run, f"(N, {at.into}) @ ({at.into}, {at.out}) + ({at.out}) → (N, {at.out})"),
        {at.name: at.A, f"W{k}": at.W, f"b{k}": at.b[None]},
        (f"Z{k}", at.Z),
        rf"(Z_{k})_{{11}} = {dot(at.A[0], at.W[:, 0])} + {signed(at.b[0])} = {number(at.Z[0, 0])}",
    )


def _activate(run: TensorRun) -> Stage:
    phi = ACTIVATIONS[run.activation].latex
    return Stage(
        "forward",
        "activation",
        rf"A_1 = {phi}(Z_1)",
        _shapes(run, "(N, H) → (N, H)"),
        {"Z1": run.Z1},
        ("A1", run.A1),
        rf"(A_1)_{{11}} = {phi}({number(run.Z1[0, 0])}) = {number(run.A1[0, 0])}",
    )


def _softmax(run: TensorRun, P: Rows) -> Stage:
    powers = [rf"e^{{{number(z)}}}" for z in run.Z2[0]]
    return Stage(
        "forward",
        "softmax",
        r"P_{nk} = \frac{e^{(Z_2)_{nk}}}{\sum_j e^{(Z_2)_{nj}}}",
        _shapes(run, "(N, K) → (N, K)"),
        {"Z2": run.Z2},
        ("P", P),
        rf"P_{{11}} = \frac{{{powers[0]}}}{{{' + '.join(powers)}}} = {number(P[0, 0])}",
    )


def _cross_entropy(run: TensorRun, P: Rows) -> Stage:
    latex = r"L = \frac{1}{N} \sum_n \ell_n \qquad \ell_n = -\log P_{n, y_n}"
    return _mean_loss(run, "cross-entropy", latex, {"P": P, "Y": run.Y, "ℓ": run.losses[:, None]})


def _mse(run: TensorRun) -> Stage:
    latex = r"L = \frac{1}{N} \sum_n \ell_n \qquad \ell_n = \frac{1}{K} \sum_k \big((Z_2)_{nk} - Y_{nk}\big)^2"
    return _mean_loss(run, "mean squared error", latex, {"Z2": run.Z2, "Y": run.Y, "ℓ": run.losses[:, None]})


def _mean_loss(run: TensorRun, title: str, latex: str, operands: Mapping[str, Array]) -> Stage:
    total = " + ".join(number(loss) for loss in run.losses)
    entry = rf"L = \frac{{1}}{{{len(run.X)}}} \big({total}\big) = {number(run.L)}"
    return Stage(
        "forward", title, latex, _shapes(run, "(N, K), (N, K) → (N) → ()"), operands, ("L", np.array([[run.L]])), entry
    )


def _into_loss(run: TensorRun) -> Stage:
    dZ2, (N, K) = run.gradients["Z2"], run.Y.shape
    if run.P is None:
        name, ahead, latex, factor = (
            "Z2",
            run.Z2,
            r"\bar Z_2 = \frac{2}{N K} (Z_2 - Y)",
            rf"\frac{{2}}{{{N} \cdot {K}}}",
        )
    else:
        name, ahead, latex, factor = "P", run.P, r"\bar Z_2 = \frac{1}{N} (P - Y)", rf"\frac{{1}}{{{N}}}"
    return Stage(
        "backward",
        "into the loss",
        latex,
        _shapes(run, "(N, K) − (N, K) → (N, K)"),
        {name: ahead, "Y": run.Y},
        ("∂L/∂Z2", dZ2),
        rf"(\bar Z_2)_{{11}} = {factor} \big({number(ahead[0, 0])} - {signed(run.Y[0, 0])}\big) = {number(dZ2[0, 0])}",
    )


def _into_activation(run: TensorRun) -> Stage:
    dA1, dZ1 = run.gradients["A1"], run.gradients["Z1"]
    return Stage(
        "backward",
        "activation",
        rf"\bar Z_1 = \bar A_1 \odot \phi'(Z_1) \qquad \phi'(Z_1) = {ACTIVATIONS[run.activation].slope_latex}",
        _shapes(run, "(N, H) ∗ (N, H) → (N, H)"),
        {"∂L/∂A1": dA1, "φ′(Z1)": run.slope},
        ("∂L/∂Z1", dZ1),
        rf"(\bar Z_1)_{{11}} = {signed(dA1[0, 0])} \cdot {signed(run.slope[0, 0])} = {number(dZ1[0, 0])}",
    )


def _into_layer(run: TensorRun, at: _Layer) -> list[Stage]:
    """Backward through Z = A W + b: to W, to b, to A."""
    return [_into_weights(run, at), _into_bias(run, at), _into_inputs(run, at)]


def _into_weights(run: TensorRun, at: _Layer) -> Stage:
    k, dZ, dW = at.number, run.gradients[f"Z{at.number}"], run.gradients[f"W{at.number}"]
    return Stage(
        "backward",
        f"weights W{k}",
        rf"\bar W_{k} = {at.latex}^\top \, \bar Z_{k}",
        _shapes(run, f"({at.into}, N) @ (N, {at.out}) → ({at.into}, {at.out})"),
        {f"{at.name}ᵀ": at.A.T, f"∂L/∂Z{k}": dZ},
        (f"∂L/∂W{k}", dW),
        rf"(\bar W_{k})_{{11}} = {dot(at.A[:, 0], dZ[:, 0])} = {number(dW[0, 0])}",
    )


def _into_bias(run: TensorRun, at: _Layer) -> Stage:
    k, dZ, db = at.number, run.gradients[f"Z{at.number}"], run.gradients[f"b{at.number}"]
    return Stage(
        "backward",
        f"bias b{k}",
        rf"\bar b_{k} = \sum_n (\bar Z_{k})_n",
        _shapes(run, f"sum over the rows of (N, {at.out}) → ({at.out})"),
        {f"∂L/∂Z{k}": dZ},
        (f"∂L/∂b{k}", db[None]),
        rf"(\bar b_{k})_1 = {' + '.join(signed(d) for d in dZ[:, 0])} = {number(db[0])}",
    )


def _into_inputs(run: TensorRun, at: _Layer) -> Stage:
    k, dZ, dA = at.number, run.gradients[f"Z{at.number}"], run.gradients[at.name]
    return Stage(
        "backward",
        f"inputs {at.name} of layer {k}",
        rf"\bar {at.latex} = \bar Z_{k} \, W_{k}^\top",
        _shapes(run, f"(N, {at.out}) @ ({at.out}, {at.into}) → (N, {at.into})"),
        {f"∂L/∂Z{k}": dZ, f"W{k}ᵀ": at.W.T},
        (f"∂L/∂{at.name}", dA),
        rf"(\bar {at.latex})_{{11}} = {dot(dZ[0], at.W[0])} = {number(dA[0, 0])}",
    )


def _shapes(run: TensorRun, pattern: str) -> str:
    """ "(N, D) → (N, H)" in letters, then with the sizes of this run."""
    sizes = run.sizes
    filled = re.sub(r"\b[NDHK]\b", lambda letter: str(sizes[letter[0]]), pattern)
    return f"{pattern}, here {filled}"


def number(value: float) -> str:
    """Three significant digits, as LaTeX reads them: 1.2e-05 is 1.2 times a power of ten."""
    mantissa, _, power = f"{value + 0.0:.3g}".partition("e")  # + 0.0: -0.0 becomes 0
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else mantissa


def signed(value: float) -> str:
    """A number that stands after + or a dot: in brackets if it is negative or has a power of ten."""
    text = number(value)
    return rf"({text})" if text.startswith("-") or "cdot" in text else text


def dot(left: Sequence[float] | Array, right: Sequence[float] | Array) -> str:
    """left . right written out: "a · b + c · d"."""
    return " + ".join(rf"{signed(a)} \cdot {signed(b)}" for a, b in zip(left, right, strict=True))
