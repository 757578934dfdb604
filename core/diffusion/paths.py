r"""From data to noise: x_t = a(t) x_0 + b(t) e with e ~ N(0, I), t = 0 the data and t = 1 the noise.

    linear     a^2 = exp(-beta_0 t - (beta_1 - beta_0) t^2 / 2),  beta from 0.1 to 20,  b^2 = 1 - a^2      Ho et al., NeurIPS 2020, section 4,
               in the continuous form of Song et al., ICLR 2021, equation 33: Ho's step k of 1000 is t = k / 1000
    cosine     a = cos(h(t)) / cos(h(0)),  h(t) = pi/2 (0.98 t + 0.008) / 1.008,  b^2 = 1 - a^2            Nichol, Dhariwal, ICML 2021, equation 17;
               the last fiftieth is cut off, where their beta has to be clipped
    straight   a = 1 - t,  b = t                                                                           Lipman et al., ICLR 2023, equation 20
               (with sigma_min = 0; their time runs the other way)

The signal-to-noise ratio is a^2 / b^2. On every path the velocity of the probability-flow ODE is v = a' E[x_0|x] + b' E[e|x].
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray
BETA0, BETA1 = 0.1, 20.0
CUT, OFFSET = 0.98, 0.008


class Path:
    """a, b and their slopes at any time, a number or an array."""

    def __init__(self, name: str) -> None:
        self.name = name

    def log_a(self, t: float | Array) -> float | Array:
        """log a(t), not for the straight path."""
        if self.name == "linear":
            return -0.5 * (BETA0 * t + 0.5 * (BETA1 - BETA0) * t * t)
        return np.log(np.cos(self.angle(t)) / np.cos(self.angle(0.0)))

    def angle(self, t: float | Array) -> float | Array:
        """h(t) of the cosine schedule."""
        return np.pi / 2 * (CUT * t + OFFSET) / (1 + OFFSET)

    def a(self, t: float | Array) -> float | Array:
        """The share of the data."""
        return 1.0 - t if self.name == "straight" else np.exp(self.log_a(t))

    def b(self, t: float | Array) -> float | Array:
        """The share of the noise."""
        return t if self.name == "straight" else np.sqrt(0.0 - np.expm1(2 * self.log_a(t)))

    def drift(self, t: float | Array) -> float | Array:
        """a' / a."""
        if self.name == "straight":
            return -1.0 / (1.0 - t)
        if self.name == "linear":
            return -0.5 * (BETA0 + (BETA1 - BETA0) * t)
        return -np.pi / 2 * CUT / (1 + OFFSET) * np.tan(self.angle(t))

    def da(self, t: float | Array) -> float | Array:
        """a'(t)."""
        return 0.0 * t - 1.0 if self.name == "straight" else self.drift(t) * self.a(t)

    def db(self, t: float | Array) -> float | Array:
        """b'(t), from a^2 + b^2 = 1 where the path is not straight."""
        return 0.0 * t + 1.0 if self.name == "straight" else -self.drift(t) * self.a(t) ** 2 / self.b(t)

    def beta(self, t: float | Array) -> float | Array:
        """g^2 = (b^2)' - 2 (a'/a) b^2: how fast noise enters (Song et al., equation 5)."""
        return 2 * self.b(t) * self.db(t) - 2 * self.drift(t) * self.b(t) ** 2
