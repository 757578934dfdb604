r"""What is to be generated: points of the plane from a mixture of equal round clouds, whose density is known exactly at every time.

    p_0(x)  = 1/K sum_k N(x; m_k, s^2 I)
    p_t(x)  = 1/K sum_k N(x; a m_k, v I),   v = a^2 s^2 + b^2          for x_t = a x_0 + b e,  e ~ N(0, I)
    E[x_0 | x_t = x] = sum_k w_k d_k,   d_k = m_k + (a s^2 / v) (x - a m_k),   w = softmax(-|x - a m_k|^2 / (2 v))
    div E[x_0 | x]   = 2 a s^2 / v + (a b^2 / v^2) sum_k w_k |m_k - sum_j w_j m_j|^2

With s = 0 the target is a finite set of points, and E[x_0 | x] is the optimal denoiser of a training set (Karras et al., NeurIPS 2022,
equation 57). The centres m_k of each target lie around 0 with mean square 1 in each coordinate; every centre belongs to class 0 or 1.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def ring():
    """Eight clouds on a circle, in two classes in turn."""
    angle = 2 * np.pi * np.arange(8) / 8
    return np.column_stack([np.cos(angle), np.sin(angle)]), np.arange(8) % 2


def moons():
    """Two half circles that reach into each other, one for each class."""
    angle = np.pi * (np.arange(60) + 0.5) / 60
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    return np.concatenate([upper, np.array([1.0, 0.5]) - upper]), np.repeat([0, 1], 60)


def spiral():
    """One arm of one and a half turns, its stations equally far apart; its inner half is class 0."""
    r = np.sqrt(0.03 + 0.97 * (np.arange(120) + 0.5) / 120)
    return r[:, None] * np.column_stack([np.cos(3 * np.pi * r), np.sin(3 * np.pi * r)]), np.repeat([0, 1], 60)


def checkerboard():
    """Eight squares of a board of sixteen, each of 4 x 4 clouds; the left half is class 0."""
    line = np.arange(16) - 7.5
    x, y = np.repeat(line, 16), np.tile(line, 16)
    dark = (np.floor(x / 4) + np.floor(y / 4)) % 2 == 0
    return np.column_stack([x, y])[dark], (x[dark] > 0).astype(int)


def smiley():
    """A face: its outline is class 0, eyes and mouth are class 1."""
    around, along = 2 * np.pi * np.arange(64) / 64, np.pi * (1.2 + 0.6 * (np.arange(20) + 0.5) / 20)
    eye = 0.1 * np.column_stack([np.cos(around[::8]), np.sin(around[::8])])
    mouth = 0.6 * np.column_stack([np.cos(along), np.sin(along)])
    inside = [eye + np.array([-0.35, 0.35]), eye + np.array([0.35, 0.35]), mouth]
    return np.concatenate([np.column_stack([np.cos(around), np.sin(around)]), *inside]), np.repeat([0, 1], [64, 36])


TARGETS = {"moons": moons, "ring": ring, "spiral": spiral, "checkerboard": checkerboard, "smiley": smiley}


class Mixture:
    """Equal clouds of deviation `s` around `centres` (K, 2), each with a class in `labels` (K,)."""

    def __init__(self, centres: Array, labels: Array, s: float) -> None:
        self.centres, self.labels, self.s = centres, labels, s

    def draw(self, g: np.random.Generator, n: int) -> tuple[Array, Array]:
        """n points (n, 2) and their classes (n,)."""
        k = g.integers(0, len(self.centres), n)
        return self.centres[k] + self.s * g.standard_normal((n, 2)), self.labels[k]

    def only(self, label: int) -> Mixture:
        """The clouds of one class."""
        return Mixture(self.centres[self.labels == label], self.labels[self.labels == label], self.s)

    def logits(self, x: Array, a: float, b: float) -> tuple[Array, float]:
        """-|x - a m_k|^2 / (2 v) for every point and cloud (n, K), and v."""
        v = a * a * self.s**2 + b * b
        gaps = (x * x).sum(1)[:, None] - 2 * a * (x @ self.centres.T) + a * a * (self.centres**2).sum(1)
        return -gaps / (2 * v), v

    def log_density(self, x: Array, a: float, b: float) -> Array:
        """log p_t(x) of every row (n,)."""
        z, v = self.logits(x, a, b)
        top = z.max(1)
        return top + np.log(np.exp(z - top[:, None]).mean(1)) - np.log(2 * np.pi * v)

    def shares(self, x: Array, a: float, b: float) -> tuple[Array, float]:
        """w (n, K): how much each cloud has to do with x; and v."""
        z, v = self.logits(x, a, b)
        e = np.exp(z - z.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True), v

    def denoise(self, x: Array, a: float, b: float) -> Array:
        """E[x_0 | x_t = x] of every row (n, 2)."""
        w, v = self.shares(x, a, b)
        kappa = a * self.s**2 / v
        return (1 - kappa * a) * (w @ self.centres) + kappa * x

    def divergence(self, x: Array, a: float, b: float) -> Array:
        """div E[x_0 | x_t = x] of every row (n,)."""
        w, v = self.shares(x, a, b)
        mean = w @ self.centres
        around = w @ (self.centres**2).sum(1) - (mean * mean).sum(1)
        return 2 * a * self.s**2 / v + a * b * b / v**2 * around


def target_of(data: str, s: float) -> Mixture:
    """The target with this name, its centres around 0 with mean square 1 in each coordinate."""
    centres, labels = TARGETS[data]()
    centres = centres - centres.mean(0)
    return Mixture(centres / np.sqrt((centres**2).mean()), labels, s)
