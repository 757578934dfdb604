"""Points to learn from, drawn on the square -6 ... 6.

Circle, xor, gauss, spiral, plane and multi-gauss are those of TensorFlow Playground (dataset.ts, Smilkov et al. 2017): noise
moves the place at which the label is looked up (circle, xor, plane, multi-gauss), the point itself (spiral), or widens the
clouds (gauss). Each generator takes a random generator `g`, the number of points and the noise (0 to 0.5) and gives X (n, 2)
and y (n): a class 0, 1, ... or a value in about -1 to 1. They need NumPy alone, for the exported script carries their source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


def circle(g, n, noise, classes):
    """A disc of radius 2.5 inside a ring from 3.5 to 5."""
    inside = np.arange(n) < n // 2
    r = np.where(inside, g.uniform(0, 2.5, n), g.uniform(3.5, 5, n))
    angle = g.uniform(0, 2 * np.pi, n)
    X = np.column_stack([r * np.sin(angle), r * np.cos(angle)])
    seen = X + noise * g.uniform(-5, 5, (n, 2))
    return X, (np.hypot(*seen.T) < 2.5).astype(int)


def xor(g, n, noise, classes):
    """Four squares: the class is 1 where x1 and x2 have the same sign; a gap of 0.6 lies between."""
    X = g.uniform(-5, 5, (n, 2))
    X = X + 0.3 * np.where(X > 0, 1, -1)
    seen = X + noise * g.uniform(-5, 5, (n, 2))
    return X, (seen[:, 0] * seen[:, 1] >= 0).astype(int)


def gauss(g, n, noise, classes):
    """Two clouds around (2, 2) and (-2, -2), of variance 0.5 to 4."""
    y = (np.arange(n) < n // 2).astype(int)
    return (4.0 * y - 2.0)[:, None] + np.sqrt(0.5 + 7.0 * noise) * g.standard_normal((n, 2)), y


def spiral(g, n, noise, classes):
    """Two arms of 1.75 turns each."""
    i, y = np.arange(n) % (n // 2) / (n // 2), (np.arange(n) < n // 2).astype(int)
    angle = 3.5 * np.pi * i + np.pi * (1 - y)
    X = 5 * i[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    return X + noise * g.uniform(-1, 1, (n, 2)), y


def moons(g, n, noise, classes):
    """Two half circles that reach into each other."""
    y = (np.arange(n) < n // 2).astype(int)
    angle = g.uniform(0, np.pi, n)
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    X = np.where(y[:, None] == 1, X, np.array([1.0, 0.5]) - X) - np.array([0.5, 0.25])
    return 3 * X + (0.3 + 2 * noise) * g.standard_normal((n, 2)), y


def blobs(g, n, noise, classes):
    """One cloud for each class, on a circle of radius 3.5."""
    y = np.arange(n) % classes
    angle = 2 * np.pi * y / classes
    centres = 3.5 * np.column_stack([np.sin(angle), np.cos(angle)])
    return centres + (0.6 + 2.5 * noise) * g.standard_normal((n, 2)), y


def checkerboard(g, n, noise, classes):
    """Sixteen squares in two colours."""
    X = g.uniform(-5, 5, (n, 2))
    seen = X + noise * g.uniform(-2.5, 2.5, (n, 2))
    return X, (np.floor(seen / 2.5).sum(1) % 2).astype(int)


def rings(g, n, noise, classes):
    """One ring for each class, the first a disc in the middle."""
    y = np.arange(n) % classes
    r, angle = 5 * (y + g.uniform(0.1, 0.9, n)) / classes, g.uniform(0, 2 * np.pi, n)
    X = np.column_stack([r * np.sin(angle), r * np.cos(angle)])
    return X + noise * g.uniform(-2, 2, (n, 2)), y


def plane(g, n, noise, classes):
    """Regression: (x1 + x2) / 10."""
    X = g.uniform(-6, 6, (n, 2))
    seen = X + noise * g.uniform(-6, 6, (n, 2))
    return X, seen.sum(1) / 10


def multi_gauss(g, n, noise, classes):
    """Regression: six hills and hollows, each a cone of radius 2."""
    X = g.uniform(-6, 6, (n, 2))
    seen = X + noise * g.uniform(-6, 6, (n, 2))
    centres = np.array([[-4, 2.5], [0, 2.5], [4, 2.5], [-4, -2.5], [0, -2.5], [4, -2.5]])
    height = np.clip(1 - np.hypot(*(seen[:, None] - centres).transpose(2, 0, 1)) / 2, 0, 1)
    return X, height @ np.array([1, -1, 1, -1, 1, -1])


def sine(g, n, noise, classes):
    """Regression over x1 alone: sin x1."""
    x = g.uniform(-6, 6, n)
    return np.column_stack([x, np.zeros(n)]), np.sin(x) + noise * g.standard_normal(n)


def step(g, n, noise, classes):
    """Regression over x1 alone: a staircase -0.8, 0.8, -0.2 with edges at -2 and 2."""
    x = g.uniform(-6, 6, n)
    y = np.where(x < -2, -0.8, np.where(x < 2, 0.8, -0.2))
    return np.column_stack([x, np.zeros(n)]), y + noise * g.standard_normal(n)


@dataclass(frozen=True)
class Source:
    """A data set: its title, how it draws points, and what it asks for."""

    title: str
    draw: Callable[..., tuple[np.ndarray, np.ndarray]]
    regression: bool = False
    one: bool = False  # x1 alone
    many: bool = False  # more than two classes


SOURCES: Mapping[str, Source] = {
    "circle": Source("Circle", circle),
    "xor": Source("Exclusive or", xor),
    "gauss": Source("Two clouds", gauss),
    "spiral": Source("Spiral", spiral),
    "moons": Source("Moons", moons),
    "checkerboard": Source("Checkerboard", checkerboard),
    "blobs": Source("Blobs, several classes", blobs, many=True),
    "rings": Source("Rings, several classes", rings, many=True),
    "plane": Source("Regression: plane", plane, regression=True),
    "multi_gauss": Source("Regression: hills and hollows", multi_gauss, regression=True),
    "sine": Source("Regression: sine of x₁", sine, regression=True, one=True),
    "step": Source("Regression: steps of x₁", step, regression=True, one=True),
}


OWN = "own"  # the feature that the visitor types


def columns(x1, x2):
    """Every feature of the points, by name."""
    return {
        "x1": x1, "x2": x2, "x1^2": x1**2, "x2^2": x2**2, "x1 x2": x1 * x2, "sin x1": np.sin(x1), "sin x2": np.sin(x2),
        "cos x1": np.cos(x1), "cos x2": np.cos(x2), "radius": np.hypot(x1, x2),
        "sin 2x1": np.sin(2 * x1), "sin 2x2": np.sin(2 * x2), "cos 2x1": np.cos(2 * x1), "cos 2x2": np.cos(2 * x2),
    }  # fmt: skip


FEATURES: Mapping[str, str] = {
    "x1": "x_1", "x2": "x_2", "x1^2": "x_1^2", "x2^2": "x_2^2", "x1 x2": "x_1 x_2", "sin x1": r"\sin x_1", "sin x2": r"\sin x_2",
    "cos x1": r"\cos x_1", "cos x2": r"\cos x_2", "radius": "r", "sin 2x1": r"\sin 2x_1", "sin 2x2": r"\sin 2x_2",
    "cos 2x1": r"\cos 2x_1", "cos 2x2": r"\cos 2x_2", OWN: "g(x_1, x_2)",
}  # fmt: skip


def features(names, X, own=None):
    """The chosen columns (n, features) of the points X (n, 2); "own" is what the function `own` gives for x1 and x2."""
    known = columns(X[:, 0], X[:, 1])
    if own is not None:
        known["own"] = own(X[:, 0], X[:, 1])
    return np.ascontiguousarray(np.column_stack([known[name] for name in names]), dtype=float)
