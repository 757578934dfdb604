"""Small digit nets in NumPy, whose every layer is one matrix product, and how they learn.

A layer reads columns x of shape (N, P, k), one row for each of P places, and gives z = x Wᵀ + b of shape (N, P, out):

    dense    P = 1, k = all inputs
    conv     3 x 3 kernels, stride 2, a border of zeros: P = (size / 2)², k = channels · 9   (V. Dumoulin, F. Visin, arXiv:1603.07285)

Between layers a = max(z, 0). The 8 x 8 digits are scikit-learn's (E. Alpaydin, C. Kaynak, Kybernetika 34, 1998). First weights:
N(0, 2 / k), biases 0 (K. He et al., ICCV 2015, eq. 10). Step: v ← 0.9 v + g, w ← w − η v (B. Polyak, 1964).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

from core.rng import numpy_generator

TEST, BATCH, EPOCHS = 450, 64, 15
RATE, MOMENTUM = 0.05, 0.9
KERNEL = 9

Array = np.ndarray
Columns = Float[Array, "N P k"]
Logits = Float[Array, "N 10"]
Product = Callable[[int, Columns], Array]


@dataclass(frozen=True, eq=False)
class Layer:
    """W (out, k), b (out,). `size` is the height of the pictures that a conv layer reads; 0 is a dense layer."""

    W: Float[Array, "out k"]
    b: Float[Array, " out"]
    size: int = 0

    @property
    def places(self) -> int:
        """P: how often the weights are used for one digit."""
        return (self.size // 2) ** 2 if self.size else 1

    @property
    def read(self) -> int:
        """How many numbers the layer reads for one digit."""
        return self.W.shape[1] // KERNEL * self.size**2 if self.size else self.W.shape[1]


Net = tuple[Layer, ...]


class Pass(NamedTuple):
    """What every layer reads, flat (N, read) and as columns (N, P, k), and the logits z (N, 10)."""

    inputs: list[Array]
    columns: list[Columns]
    z: Logits


@dataclass(frozen=True, eq=False)
class Digits:
    """X (N, 64) in 0..1 and y (N,) for training and test."""

    X: Float[Array, "n 64"]
    y: Int[Array, " n"]
    X_test: Float[Array, "m 64"]
    y_test: Int[Array, " m"]


@cache
def _all() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits  # here, for scikit-learn takes a second to import

    found = load_digits()
    return found.data / 16.0, found.target


@cache
def digits(seed: int) -> Digits:
    """1,347 digits to learn from and 450 for the test."""
    X, y = _all()
    order = numpy_generator(seed, "split").permutation(len(y))
    train, test = order[TEST:], order[:TEST]
    return Digits(X[train], y[train], X[test], y[test])


def initial(shapes: Sequence[tuple[int, int, int]], g: np.random.Generator) -> Net:
    """An untrained net of layers (out, k, size)."""
    return tuple(Layer(g.normal(0.0, np.sqrt(2.0 / k), (out, k)), np.zeros(out), size) for out, k, size in shapes)


def shapes(architecture: str, width: int) -> list[tuple[int, int, int]]:
    """(out, k, size) of every layer: two hidden dense layers, or two conv layers and a dense one."""
    if architecture == "conv":
        one, two = width // 4, width // 2
        return [(one, KERNEL, 8), (two, one * KERNEL, 4), (10, two * 4, 0)]
    return [(width, 64, 0), (width, width, 0), (10, width, 0)]


def student_shapes(width: int) -> list[tuple[int, int, int]]:
    """One hidden layer."""
    return [(width, 64, 0), (10, width, 0)]


def columns(layer: Layer, a: Float[Array, "N read"]) -> Columns:
    """What the layer's weights are multiplied with."""
    N, s = len(a), layer.size
    if not s:
        return a[:, None, :]
    padded = np.pad(a.reshape(N, -1, s, s), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(N, layer.places, -1)


def fold(layer: Layer, dx: Columns) -> Float[Array, "N read"]:
    """The transpose of `columns`: gradients of columns back to the numbers that they were taken from."""
    N, s = len(dx), layer.size
    if not s:
        return dx[:, 0]
    parts = dx.reshape(N, s // 2, s // 2, -1, 3, 3).transpose(0, 3, 1, 2, 4, 5)
    padded = np.zeros((N, parts.shape[1], s + 2, s + 2))
    for i in range(3):
        for j in range(3):
            padded[:, :, i : i + s : 2, j : j + s : 2] += parts[..., i, j]
    return padded[:, :, 1:-1, 1:-1].reshape(N, -1)


def flat(z: Float[Array, "N P out"]) -> Float[Array, "N _"]:
    """(N, P, out) as rows: channel by channel, as torch flattens a picture."""
    return z.transpose(0, 2, 1).reshape(len(z), -1)


def times(x: Num[Array, "N P k"], W: Num[Array, "k out"]) -> Num[Array, "N P out"]:
    """x W as one product of two matrices: NumPy would make a small one for each digit."""
    return (x.reshape(-1, x.shape[2]) @ W).reshape(*x.shape[:2], -1)


def forward(net: Net, X: Float[Array, "N 64"], product: Product | None = None) -> Pass:
    """All that the net computes. `product(l, x)` stands in for x Wᵀ where it is given."""
    inputs, read, z = [], [], X
    for at, layer in enumerate(net):
        inputs.append(z if at == 0 else np.maximum(z, 0.0))
        read.append(columns(layer, inputs[-1]))
        z = flat((times(read[-1], layer.W.T) if product is None else product(at, read[-1])) + layer.b)
    return Pass(inputs, read, z)


def logits(net: Net, X: Float[Array, "N 64"]) -> Logits:
    """z of the last layer."""
    return forward(net, X).z


def softmax(z: Logits, T: float = 1.0) -> Logits:
    """exp(z / T) over its sum (G. Hinton, O. Vinyals, J. Dean, 2015, eq. 1)."""
    e = np.exp((z - z.max(axis=1, keepdims=True)) / T)
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(z: Logits, y: Int[Array, " N"]) -> float:
    """−log of the true digit's probability, on average."""
    shifted = z - z.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]))


def right(z: Logits, y: Int[Array, " N"]) -> int:
    """How many digits are read as what they are."""
    return int((z.argmax(axis=1) == y).sum())


def gradient(net: Net, done: Pass, dz: Logits) -> list[tuple[Array, Array]]:
    """dL/dW and dL/db of every layer from dL/dz of the last (D. E. Rumelhart, G. E. Hinton, R. J. Williams, Nature 323, 1986)."""
    found = []
    for layer, a, x in zip(reversed(net), reversed(done.inputs), reversed(done.columns), strict=True):
        d = dz.reshape(len(dz), -1, layer.places).transpose(0, 2, 1)  # (N, P, out)
        rows = d.reshape(-1, d.shape[2])
        found.append((rows.T @ x.reshape(-1, x.shape[2]), rows.sum(axis=0)))
        if len(found) < len(net):
            dz = fold(layer, times(d, layer.W)) * (a > 0)
    return found[::-1]


def batches(count: int, steps: int, g: np.random.Generator) -> Iterator[Int[Array, " n"]]:
    """`steps` batches of rows: all of them once, then again in a new order, until there are enough."""
    made = 0
    while True:
        order = g.permutation(count)
        for start in range(0, count, BATCH):
            if made == steps:
                return
            yield order[start : start + BATCH]
            made += 1


def learn(
    net: Net,
    X: Float[Array, "N 64"],
    pull: Callable[[Logits, Int[Array, " n"]], Logits],
    rows: Iterator[Int[Array, " n"]],
    masks: Sequence[Array] | None = None,
    watch: Callable[[Net], None] | None = None,
) -> Net:
    """Train on the batches `rows` of X. `pull(z, rows)` is dL/dz; weights whose mask is 0 stay 0; `watch` sees the net after each epoch."""
    theta = [p.copy() for layer in net for p in (layer.W, layer.b)]
    velocity = [np.zeros_like(p) for p in theta]
    now = tuple(Layer(W, b, layer.size) for layer, W, b in zip(net, theta[::2], theta[1::2], strict=True))
    epoch = -(-len(X) // BATCH)
    for step, batch in enumerate(rows, start=1):
        done = forward(now, X[batch])
        for at, pair in enumerate(gradient(now, done, pull(done.z, batch))):
            for p, v, g in zip(theta[2 * at : 2 * at + 2], velocity[2 * at : 2 * at + 2], pair, strict=True):
                v *= MOMENTUM
                v += g * masks[at] if masks is not None and g.ndim == 2 else g
                p -= RATE * v
        if watch is not None and step % epoch == 0:
            watch(now)
    return now


def labels_pull(y: Int[Array, " N"]) -> Callable[[Logits, Int[Array, " n"]], Logits]:
    """The pull of the cross-entropy with the labels y: (softmax(z) − one-hot) / n."""
    hot = np.eye(10)[y]
    return lambda z, rows: (softmax(z) - hot[rows]) / len(rows)


def trained(net: Net, seed: int, purpose: str, data: Digits, epochs: int = EPOCHS, masks: Sequence[Array] | None = None, watch: Callable[[Net], None] | None = None) -> Net:  # fmt: skip
    """`net` after `epochs` over all training digits."""
    steps = epochs * -(-len(data.X) // BATCH)
    rows = batches(len(data.X), steps, numpy_generator(seed, "batches", purpose))
    return learn(net, data.X, labels_pull(data.y), rows, masks, watch)
