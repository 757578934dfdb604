r"""From noise back to data, in n steps from t = 1 to t = 0, with any predictor of x_0 and e at (x, t).

    DDIM   x_s = a_s x0 + sqrt(b_s^2 - tau^2) e + tau z,   tau^2 = eta^2 (b_s^2 / b_t^2) (1 - a_t^2 / a_s^2)     Song, Meng, Ermon, ICLR 2021, equations 12, 16
    DDPM   the same with eta = 1, which is the posterior of Ho et al., NeurIPS 2020, equations 6 and 7
    SDE    x_s = x - d (f x + g^2 e / b) + sqrt(d) g z,   d = t - s,  f = a'/a                                   Song et al., ICLR 2021, equation 6 (Euler-Maruyama)
    ODE    x_s = x - d v,   v = a' x0 + b' e                                                                     Song et al., equation 13; Lipman et al., ICLR 2023

Heun's rule takes the mean of v at both ends of a step, but for the last one, at whose end v need not exist (Karras et al., NeurIPS 2022,
algorithm 1): it asks the net 2 n - 1 times. The last step of the SDE adds no noise.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def velocity(predict, path, x: Array, t: float) -> Array:
    """v(x, t) of the probability-flow ODE."""
    x0, e = predict(x, t)
    return path.da(t) * x0 + path.db(t) * e


def ddim_step(predict, path, x: Array, t: float, s: float, z: Array, eta: float) -> Array:
    """One step of DDIM; eta = 1 is DDPM's."""
    x0, e = predict(x, t)
    a, b, a_s, b_s = path.a(t), path.b(t), path.a(s), path.b(s)
    tau = eta * b_s / b * np.sqrt(max(1.0 - (a / a_s) ** 2, 0.0))
    return a_s * x0 + np.sqrt(max(b_s**2 - tau**2, 0.0)) * e + tau * z


def sde_step(predict, path, x: Array, t: float, s: float, z: Array) -> Array:
    """One step of Euler and Maruyama along the reverse SDE."""
    _, e = predict(x, t)
    d, g2 = t - s, path.beta(t)
    return x - d * (path.drift(t) * x + g2 / path.b(t) * e) + (s > 0) * np.sqrt(d * g2) * z


def ode_step(predict, path, x: Array, t: float, s: float, heun: bool) -> Array:
    """One step of Euler or Heun along the ODE."""
    v = velocity(predict, path, x, t)
    if heun and s > 0:
        v = 0.5 * (v + velocity(predict, path, x - (t - s) * v, s))
    return x - (t - s) * v


def sample(method: str, predict, path, steps: int, z: Array, g: np.random.Generator) -> Array:
    """The points after every step (steps + 1, n, 2), the noise z (n, 2) first. `method`: ddpm, ddim, sde, euler or heun."""
    times, ways = np.linspace(1.0, 0.0, steps + 1), [z]
    for t, s in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        x = ways[-1]
        if method in ("ddpm", "ddim"):
            x = ddim_step(predict, path, x, t, s, g.standard_normal(x.shape), 1.0 if method == "ddpm" else 0.0)
        elif method == "sde":
            x = sde_step(predict, path, x, t, s, g.standard_normal(x.shape))
        else:
            x = ode_step(predict, path, x, t, s, method == "heun")
        ways.append(x)
    return np.stack(ways)


def evaluations(method: str, steps: int) -> int:
    """How often the net is asked for each point."""
    return 2 * steps - 1 if method == "heun" else steps


def ode_log_likelihood(flow, x: Array, first: float, steps: int) -> Array:
    """log p(x) along the ODE: log N(x_1; 0, I) + integral of div v from `first` to 1 (Song et al., ICLR 2021, equation 39).

    `flow(x, t)` gives v (n, 2) and div v (n,). Runge-Kutta 4 in u, t = u^2: the field changes fastest near the data.
    """
    grid, total = np.linspace(np.sqrt(first), 1.0, steps + 1), np.zeros(len(x))

    def rates(y, u):
        v, div = flow(y, u * u)
        return 2 * u * v, 2 * u * div

    for u, w in zip(grid[:-1].tolist(), grid[1:].tolist(), strict=True):
        h, m = w - u, 0.5 * (u + w)
        v1, d1 = rates(x, u)
        v2, d2 = rates(x + 0.5 * h * v1, m)
        v3, d3 = rates(x + 0.5 * h * v2, m)
        v4, d4 = rates(x + h * v3, w)
        x = x + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        total = total + h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
    return total - 0.5 * (x * x).sum(1) - np.log(2 * np.pi)
