"""What a table of logits says: confusion, ROC and precision-recall, calibration, temperature, and the price of "unknown".

Z (N, K) logits, P = softmax(Z), y (N,) the true classes, all float64.

    ROC        (false positives / negatives, true positives / positives) as the threshold falls; its area by trapezes
    AP         Σ_k (R_k − R_{k−1}) P_k over the thresholds (scikit-learn's average precision)
    ECE        Σ_b n_b / N |accuracy_b − confidence_b| over equal bins of the largest probability
    T          argmin_T −1/N Σ_n log softmax(z_n / T)[y_n]
    apart      Σ_k N_k |m_k − m|² / Σ_n |x_n − m|², of points x with class means m_k and mean m

Sources: T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006, algorithm 1; C. Guo, G. Pleiss, Y. Sun,
K. Weinberger, "On calibration of modern neural networks", ICML 2017, eq. 3 and section 4.2; C. K. Chow, "On optimum recognition
error and reject tradeoff", IEEE Trans. Information Theory 16, 1970.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

Logits = Float[np.ndarray, "N K"]
Labels = Int[np.ndarray, "N"]
BINS = 10
TEMPERATURES = (0.02, 50.0)
GOLDEN = (np.sqrt(5) - 1) / 2


class Curve(NamedTuple):
    """Points of a curve, and the number that sums it up: the area under a ROC curve, or the average precision."""

    x: np.ndarray
    y: np.ndarray
    area: float


class Calibration(NamedTuple):
    """For each bin that has pictures: their number, mean confidence, accuracy; and the expected calibration error."""

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float


def log_softmax(Z: Logits) -> Logits:
    """log P; the largest of each row is taken out first, so that no exp overflows."""
    Z = Z.astype(np.float64)
    Z = Z - Z.max(axis=1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


def probabilities(Z: Logits) -> Logits:
    """P."""
    return np.exp(log_softmax(Z))


def losses(Z: Logits, y: Labels) -> Float[np.ndarray, "N"]:
    """−log p of the true class, for each picture."""
    return -log_softmax(Z)[np.arange(len(y)), y]


def confusion(answer: Labels, y: Labels, K: int) -> Int[np.ndarray, "K K"]:
    """C[i, j]: how many pictures of class i were answered j."""
    C = np.zeros((K, K), np.int64)
    np.add.at(C, (y, answer), 1)
    return C


def _ranked(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at each different threshold, from the highest down."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # equal scores pass the threshold together
    true = np.cumsum(positive[order])[last]
    return true, last + 1 - true


def roc(score: Float[np.ndarray, "N"], positive: np.ndarray) -> Curve:
    """One class against the rest; NaN for the area where one side has no picture."""
    true, false = _ranked(score, positive)
    x, y = (np.append(0.0, part / max(part[-1], 1)) for part in (false, true))
    area = float(np.trapezoid(y, x)) if true[-1] and false[-1] else float("nan")
    return Curve(x, y, area)


def precision_recall(score: Float[np.ndarray, "N"], positive: np.ndarray) -> Curve:
    """x is recall, y precision, at each threshold from the highest down."""
    true, false = _ranked(score, positive)
    recall, precision = true / max(true[-1], 1), true / (true + false)
    area = float(np.sum(np.diff(np.append(0.0, recall)) * precision)) if true[-1] else float("nan")
    return Curve(recall, precision, area)


def calibration(Z: Logits, y: Labels, bins: int = BINS) -> Calibration:
    """Is the answer right as often as its probability says? Bins (k / bins, (k + 1) / bins]."""
    P = probabilities(Z)
    sure, right = P.max(axis=1), P.argmax(axis=1) == y
    at = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(at, minlength=bins)
    full = count > 0
    mean = [np.bincount(at, values, bins)[full] / count[full] for values in (sure, right)]
    error = float(np.sum(count[full] * np.abs(mean[1] - mean[0])) / len(y))
    return Calibration(count[full], mean[0], mean[1], error)


def temperature(Z: Logits, y: Labels) -> float:
    """T, by golden-section search over log T: the loss is unimodal in T (convex in 1/T)."""
    low, high = np.log(TEMPERATURES)

    def loss(log_t: float) -> float:
        return float(losses(Z / np.exp(log_t), y).mean())

    while high - low > 1e-9:
        a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, b) if loss(a) <= loss(b) else (a, high)
    return float(np.exp((low + high) / 2))


def rejecting(Z: Logits, y: Labels, thresholds: Float[np.ndarray, "t"]) -> tuple[np.ndarray, np.ndarray]:
    """For each threshold the share of pictures that get an answer, and the accuracy on those (NaN where none is answered)."""
    P = probabilities(Z)
    answered = P.max(axis=1) >= thresholds[:, None]
    right = answered & (P.argmax(axis=1) == y)
    with np.errstate(invalid="ignore"):
        return answered.mean(axis=1), right.sum(axis=1) / answered.sum(axis=1)


def apart(X: Float[np.ndarray, "n D"], labels: np.ndarray) -> float:
    """Variance between the classes' means as a share of the whole variance; 0 where all points are the same."""
    centred = X - X.mean(axis=0)
    whole = float((centred**2).sum())
    means = {k: centred[labels == k].mean(axis=0) for k in np.unique(labels)}
    between = sum(float((labels == k).sum() * (mean**2).sum()) for k, mean in means.items())
    return between / whole if whole else 0.0


def neighbour_accuracy(X: Float[np.ndarray, "n D"], labels: np.ndarray) -> float:
    """The share of points whose nearest other point is of the same class; the first of equally near ones counts."""
    if len(X) < 2:
        return float("nan")
    square = (X**2).sum(axis=1)
    distance = square[:, None] + square - 2 * X @ X.T
    np.fill_diagonal(distance, np.inf)
    return float((labels[distance.argmin(axis=1)] == labels).mean())
