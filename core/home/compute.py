"""A net with one hidden layer, written out in NumPy, learns to read digits.

    A = X W1 + b1        H = max(A, 0)        Z = H W2 + b2        P = softmax(Z) by rows
    L = -1/N sum_n log P[n, y_n]

X (N, 64): pixels / 16.  W1 (64, U), b1 (U,), A and H (N, U).  W2 (U, 10), b2 (10,), Z and P (N, 10).  y (N,): the digits.
Backward (D. E. Rumelhart, G. E. Hinton, R. J. Williams, Nature 323, 1986), with Y the one-hot rows of y:

    dZ = (P - Y) / N     dW2 = H^T dZ     db2 = sum_n dZ     dH = dZ W2^T     dA = dH * [A > 0]     dW1 = X^T dA     db1 = sum_n dA

First weights: W ~ N(0, 2 / fan_in), b = 0 (K. He, X. Zhang, S. Ren, J. Sun, ICCV 2015, eq. 10).
Step: v <- beta v + g, W <- W - eta v (momentum beta; beta = 0 is plain stochastic gradient descent).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float, Int

from core.contracts import Snapshot
from core.home.data import Digits, Image, Images, split
from core.home.spec import HomeSpec
from core.rng import numpy_generator

X_ = Float[np.ndarray, "N 64"]
Y_ = Int[np.ndarray, "N"]
Z_ = Float[np.ndarray, "N 10"]
A_ = Float[np.ndarray, "N U"]
Counts = Int[np.ndarray, "10 10"]
Ten = Float[np.ndarray, "10"]
Net = Mapping[str, np.ndarray]  # W1, b1, W2, b2; the same names hold its gradient and its velocity

PARTS = 8  # snapshots in the first epoch
MISTAKES = 12  # shown at most


def initial(spec: HomeSpec) -> Net:
    """The untrained net: He et al., eq. 10."""
    g = numpy_generator(spec.seed, "weights")
    U = spec.hidden
    return {
        "W1": g.normal(0.0, np.sqrt(2 / 64), (64, U)),
        "b1": np.zeros(U),
        "W2": g.normal(0.0, np.sqrt(2 / U), (U, 10)),
        "b2": np.zeros(10),
    }


def forward(net: Net, X: X_) -> tuple[A_, A_, Z_]:
    """A, H and Z."""
    A = X @ net["W1"] + net["b1"]
    H = np.maximum(A, 0)
    return A, H, H @ net["W2"] + net["b2"]


def log_softmax(Z: Z_) -> Z_:
    """log P. The largest of each row is taken out first, so that no exp overflows."""
    Z = Z - Z.max(axis=1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


def cross_entropy(log_P: Z_, y: Y_) -> float:
    """L."""
    return float(-log_P[np.arange(len(y)), y].mean())


def backward(net: Net, X: X_, y: Y_) -> tuple[float, Net]:
    """L and its gradient by every weight."""
    A, H, Z = forward(net, X)
    log_P = log_softmax(Z)
    dZ = (np.exp(log_P) - np.eye(10)[y]) / len(y)
    dA = (dZ @ net["W2"].T) * (A > 0)
    gradient = {"W1": X.T @ dA, "b1": dA.sum(axis=0), "W2": H.T @ dZ, "b2": dZ.sum(axis=0)}
    return cross_entropy(log_P, y), gradient


@np.errstate(over="ignore", invalid="ignore")  # a run that overflows is a result
def descend(net: Net, v: Net, X: X_, y: Y_, spec: HomeSpec) -> tuple[float, Net, Net]:
    """One step: the loss before it, the net and its velocity after it."""
    L, g = backward(net, X, y)
    v = {name: spec.momentum * v[name] + g[name] for name in net}
    return L, {name: net[name] - spec.rate * v[name] for name in net}, v


def batches(spec: HomeSpec, rows: Y_) -> Iterator[Y_]:
    """The rows of each step: every epoch all of them once, in a new order."""
    g = numpy_generator(spec.seed, "batches")
    for _ in range(spec.epochs):
        order = g.permutation(rows)
        for start in range(0, len(rows), spec.batch):
            yield order[start : start + spec.batch]


def train(spec: HomeSpec) -> Iterator[Snapshot]:
    """Learn, and report: before the first step, eight times in the first epoch, then after each.

    A run whose loss is no finite number any more ends there; its last snapshot has the metric `diverged` = 1.
    """
    digits, net = split(spec.seed), initial(spec)
    v = {name: np.zeros_like(weights) for name, weights in net.items()}
    X = pixels(digits.images)
    epoch = -(-len(digits.train) // spec.batch)  # steps in an epoch
    shown = {-(-epoch * k // PARTS) for k in range(1, PARTS + 1)} | {epoch * k for k in range(spec.epochs + 1)}
    yield report(net, digits, 0, epoch, spec)
    for step, rows in enumerate(batches(spec, digits.train), start=1):
        L, net, v = descend(net, v, X[rows], digits.labels[rows], spec)
        if step in shown or not np.isfinite(L):
            snapshot = report(net, digits, step, epoch, spec)
            yield snapshot
            if snapshot.metrics["diverged"]:
                return


def start(spec: HomeSpec) -> Snapshot:
    """The untrained net's snapshot."""
    return next(train(spec))


@np.errstate(over="ignore", invalid="ignore")
def report(net: Net, digits: Digits, step: int, epoch: int, spec: HomeSpec) -> Snapshot:
    """What the net knows after `step` steps, on all training and all test digits."""
    X, y = pixels(digits.images), digits.labels
    _, H, Z = forward(net, X[digits.train])
    log_P = {"train": log_softmax(Z), "test": log_softmax(forward(net, X[digits.test])[2])}
    answer = answers(log_P["test"])
    metrics = {
        "epoch": step / epoch,
        "train_loss": cross_entropy(log_P["train"], y[digits.train]),
        "test_loss": cross_entropy(log_P["test"], y[digits.test]),
        "train_accuracy": float(np.mean(answers(log_P["train"]) == y[digits.train])),
        "test_accuracy": float(np.mean(answer == y[digits.test])),
    }
    metrics["silent_units"] = float(np.mean((H == 0).all(axis=0)))  # 0 for every training digit: no gradient passes
    metrics["diverged"] = float(not np.isfinite(metrics["train_loss"]))
    arrays = {**net, "confusion": confusion(answer, y[digits.test]), **mistakes(digits, answer, np.exp(log_P["test"]))}
    return Snapshot(step, epoch * spec.epochs, metrics, arrays)


def pixels(images: Images) -> X_:
    """Images in 0..16 as rows of X in 0..1."""
    return images.reshape(-1, 64) / 16


def answers(log_P: Z_) -> Y_:
    """The most probable digit of each row; -1 where the probabilities are no numbers."""
    return np.where(np.isnan(log_P).any(axis=1), -1, log_P.argmax(axis=1))


def confusion(answer: Y_, y: Y_) -> Counts:
    """C[i, j]: how many test digits i were read as j. What has no answer is not counted."""
    C = np.zeros((10, 10), np.int64)
    np.add.at(C, (y[answer >= 0], answer[answer >= 0]), 1)
    return C


def mistakes(digits: Digits, answer: Y_, P: Z_) -> dict[str, np.ndarray]:
    """The test digits read wrongly with the greatest confidence, the surest first."""
    wrong = np.flatnonzero((answer != digits.labels[digits.test]) & (answer >= 0))
    worst = wrong[np.argsort(-P[wrong, answer[wrong]], kind="stable")][:MISTAKES]
    rows = digits.test[worst]
    return {
        "mistake_index": rows,
        "mistake_image": digits.images[rows],
        "mistake_true": digits.labels[rows],
        "mistake_answer": answer[worst],
        "mistake_probabilities": P[worst],
    }


@np.errstate(over="ignore", invalid="ignore")
def predict(arrays: Net, image: Image) -> Ten:
    """P for one image in 0..16, by the weights in a snapshot's arrays. NaN if that run diverged."""
    return np.exp(log_softmax(forward(arrays, pixels(image[None]))[2]))[0]


def numbers(spec: HomeSpec) -> dict[str, float]:
    """What the page shows when the run is over: losses and accuracies."""
    *_, last = train(spec)
    return {name: last.metrics[name] for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy")}
