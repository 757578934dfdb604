r"""The two players of a GAN and their game, from scratch in NumPy, float64.

Generator G and discriminator D are small nets. With inputs A_0 (n, in), weights W_k (in, out) and biases b_k:

    Z_k = A_k W_k + b_k,   A_(k+1) = f(Z_k),   the last Z is the output: a point of the plane (G), one logit (D)
    dW_k = A_k^T dZ_k,   db_k = sum of dZ_k over the rows,   dZ_(k-1) = (dZ_k W_k^T) f'(Z_(k-1))

D moves on real points x and generated points G(z) to lower L_D; G moves on fresh z to lower L_G, through D. r and f below are D's
logits of real and generated points; every loss is a mean over n of each, and `Loss` holds it with its derivatives.

The penalty of WGAN-GP is P = mean (|g| - 1)^2 with g = dD/dx, a gradient itself, so it needs a second one. By hand: with
G_k = dZ/dA_k, U_k = G_(k+1) f'(Z_k) and G_k = U_k W_k^T, the walk back from dP/dG_0 = C_0 runs forward through the layers,

    dW_k = C_k^T U_k,   V_k = C_k W_k,   C_(k+1) = V_k f'(Z_k),   and each Z_k gets V_k G_(k+1) f''(Z_k) on top

which is 0 for units made of straight pieces. With spectral norm each W is used as W / s, s = v^T W u, where u and v follow one step
of power iteration at each of D's updates: dW = (dW' - <dW', W'> v u^T) / s.

Sources: I. Goodfellow et al., NeurIPS 2014, equation 1, algorithm 1 and section 3 (the non-saturating loss); X. Mao et al., ICCV 2017,
equation 2 (least squares, a = 0, b = c = 1); J. Lim, J. Ye, arXiv:1705.02894 (hinge); M. Arjovsky et al., ICML 2017, algorithm 1 (WGAN);
I. Gulrajani et al., NeurIPS 2017, algorithm 1 (WGAN-GP); T. Miyato et al., ICLR 2018, algorithm 1 (spectral norm); T. Salimans et al.,
NeurIPS 2016, section 3.4 (one-sided label smoothing).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from core.training.optimizers import adam, rmsprop, sgd

LEAK = 0.2  # slope of the leaky ReLU below 0
ROWS = 128  # at a time: larger products are shared among threads, which costs more than it saves


class Activation(NamedTuple):
    """f(Z), and f' and f'' from A = f(Z); no f'' where f is made of straight pieces."""

    bend: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    curve: Callable[[np.ndarray], np.ndarray] | None


ACTIVATIONS: Mapping[str, Activation] = {
    "leaky": Activation(lambda Z: np.maximum(Z, LEAK * Z), lambda A: np.where(A > 0, 1.0, LEAK), None),
    "relu": Activation(lambda Z: np.maximum(Z, 0.0), lambda A: np.where(A > 0, 1.0, 0.0), None),
    "tanh": Activation(np.tanh, lambda A: 1.0 - A * A, lambda A: -2.0 * A * (1.0 - A * A)),
}


def softplus(x):
    """log(1 + e^x), without overflow."""
    return np.logaddexp(0.0, x)


def sigmoid(x):
    """1 / (1 + e^-x), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


class Loss(NamedTuple):
    """For each logit: what D pays for a real one (`s` is the target of real points) and a generated one, what G pays; and the slopes."""

    real: Callable[..., np.ndarray]
    fake: Callable[..., np.ndarray]
    fool: Callable[..., np.ndarray]
    d_real: Callable[..., np.ndarray]
    d_fake: Callable[..., np.ndarray]
    d_fool: Callable[..., np.ndarray]


def log_loss(fool, d_fool):
    """Cross-entropy for D, real points with target s."""
    return Loss(
        lambda r, s: s * softplus(-r) + (1.0 - s) * softplus(r), softplus, fool,
        lambda r, s: sigmoid(r) - s, sigmoid, d_fool,
    )  # fmt: skip


WASSERSTEIN = Loss(
    lambda r, s: -r, lambda f: f, lambda f: -f,
    lambda r, s: np.full_like(r, -1.0), np.ones_like, lambda f: np.full_like(f, -1.0),
)  # fmt: skip
LOSSES: Mapping[str, Loss] = {
    "minimax": log_loss(lambda f: -softplus(f), lambda f: -sigmoid(f)),
    "nonsat": log_loss(lambda f: softplus(-f), lambda f: sigmoid(f) - 1.0),
    "least": Loss(
        lambda r, s: 0.5 * (r - s) ** 2, lambda f: 0.5 * f**2, lambda f: 0.5 * (f - 1.0) ** 2,
        lambda r, s: r - s, lambda f: f, lambda f: f - 1.0,
    ),
    "hinge": Loss(
        lambda r, s: np.maximum(0.0, 1.0 - r), lambda f: np.maximum(0.0, 1.0 + f), lambda f: -f,
        lambda r, s: np.where(r < 1.0, -1.0, 0.0), lambda f: np.where(f > -1.0, 1.0, 0.0), WASSERSTEIN.d_fool,
    ),
    "wgan": WASSERSTEIN,
    "wgan_gp": WASSERSTEIN,
}  # fmt: skip


class Rules(NamedTuple):
    """How the game is played; rates, optimizers and betas hold for (G, D)."""

    loss: str
    target: float  # of D for real points, in log and least-squares losses
    penalty: float  # lambda of WGAN-GP
    clip: float  # D's parameters stay in -clip ... clip (WGAN)
    spectral: bool
    batch: int
    activation: str
    optimizer: str
    rates: tuple[float, float]
    beta1: float
    beta2: float


def views(theta, sizes):
    """The weights W_k (in, out) and biases b_k (out) of each layer, as views of one vector."""
    W, b, at = [], [], 0
    for i, o in itertools.pairwise(sizes):
        W.append(theta[at : at + i * o].reshape(i, o))
        b.append(theta[at + i * o : at + i * o + o])
        at += i * o + o
    return W, b


def output(theta, sizes, activation, X):
    """What the net with parameters theta answers to X (n, in)."""
    *hidden, (W, b) = zip(*views(theta, sizes), strict=True)

    def answer(A):
        for V, c in hidden:
            A = ACTIVATIONS[activation].bend(A @ V + c)
        return A @ W + b

    return np.concatenate([answer(X[k : k + ROWS]) for k in range(0, len(X), ROWS)])


def unit(x):
    """x at length 1."""
    return x / max(float(np.sqrt(x @ x)), 1e-12)


class Mlp:
    """A net: its parameters `theta`, the `grad` that `backward` leaves, and an optimizer's state. `us` switches spectral norm on."""

    def __init__(self, sizes, activation, theta, us=None):
        self.sizes, self.f, self.us = sizes, ACTIVATIONS[activation], us
        self.theta, self.grad = theta.copy(), np.zeros_like(theta)
        self.raw, self.b = views(self.theta, sizes)
        self.dW, self.db = views(self.grad, sizes)
        self.W, self.t = list(self.raw), 0
        self.state = SimpleNamespace(m=np.zeros_like(theta), v=np.zeros_like(theta))
        if us is not None:
            self.normalise(iterate=True)

    def normalise(self, iterate):
        """W = raw / s for every layer, after one step of power iteration if asked."""
        if self.us is None:
            return
        if iterate:
            self.vs = [unit(W @ u) for W, u in zip(self.raw, self.us, strict=True)]
            self.us = [unit(v @ W) for W, v in zip(self.raw, self.vs, strict=True)]
        self.s = [float(v @ W @ u) for W, u, v in zip(self.raw, self.us, self.vs, strict=True)]
        self.W = [W / s for W, s in zip(self.raw, self.s, strict=True)]

    def used(self):
        """The parameters as they act: with every W divided by its s."""
        return np.concatenate([p.ravel() for pair in zip(self.W, self.b, strict=True) for p in pair])

    def __call__(self, X):
        self.A = [X]
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            self.A.append(self.f.bend(self.A[-1] @ W + b))
        return self.A[-1] @ self.W[-1] + self.b[-1]

    def backward(self, dZ, learn=True):
        """From dL/dZ (n, out) of the last call to dL/dX; `grad` becomes dL/dtheta if the net is to learn."""
        for k in reversed(range(len(self.W))):
            if learn:
                np.matmul(self.A[k].T, dZ, out=self.dW[k])
                dZ.sum(0, out=self.db[k])
            dZ = dZ @ self.W[k].T
            if k:
                dZ *= self.f.slope(self.A[k])
        if learn and self.us is not None:
            self.through_norm()
        return dZ

    def through_norm(self):
        """From the gradient with respect to W = raw / s to that with respect to raw."""
        for k, (W, u, v, s) in enumerate(zip(self.W, self.us, self.vs, self.s, strict=True)):
            self.dW[k][...] = (self.dW[k] - (self.dW[k] * W).sum() * np.outer(v, u)) / s

    def slopes_in(self, X):
        """g = dZ/dx at each row of X (n, in), for a net with one output."""
        return self.backward(np.ones_like(self(X)), learn=False)

    def penalise(self, X):
        """P = mean (|g| - 1)^2 over the rows of X; `grad` becomes dP/dtheta."""
        self(X)
        last, n, slopes = len(self.W) - 1, len(X), [self.f.slope(A) for A in self.A[1:]]
        G, U = [np.repeat(self.W[-1].T, n, 0)], []
        for k in reversed(range(last)):
            U.insert(0, G[0] * slopes[k])
            G.insert(0, U[0] @ self.W[k].T)
        length = np.sqrt((G[0] ** 2).sum(1, keepdims=True))
        C, bent = 2.0 / n * (length - 1.0) / np.maximum(length, 1e-300) * G[0], []
        for k in range(last):
            np.matmul(C.T, U[k], out=self.dW[k])
            V = C @ self.W[k]
            bent.append(None if self.f.curve is None else V * G[k + 1] * self.f.curve(self.A[k + 1]))
            C = V * slopes[k]
        self.dW[last][:, 0] = C.sum(0)
        for db in self.db:
            db[:] = 0.0
        if self.f.curve is not None:
            self.bend_back(bent, slopes)
        if self.us is not None:
            self.through_norm()
        return float(((length - 1.0) ** 2).mean())

    def bend_back(self, bent, slopes):
        """Add what reaches the parameters through f'': `bent` is dP/dZ of each hidden layer by itself."""
        dA = 0.0
        for k in reversed(range(len(bent))):
            dZ = bent[k] + dA * slopes[k]
            self.dW[k] += self.A[k].T @ dZ
            self.db[k] += dZ.sum(0)
            dA = dZ @ self.W[k].T

    def step(self, rules, rate):
        """One update of theta by the optimizer, and a fresh W."""
        self.t += 1
        h = SimpleNamespace(
            lr=rate, decays=False, rolls=False, decoupled_weight_decay=False, amsgrad=False, centered=False,
            beta1=rules.beta1, beta2=rules.beta2, alpha=rules.beta2, eps=1e-8,
        )  # fmt: skip
        rule = {"sgd": sgd, "adam": adam, "rmsprop": rmsprop}[rules.optimizer]
        self.theta[:] = rule(self.theta, self.grad, self.state, h, self.t)
        self.normalise(iterate=False)


class Draws:
    """The chance of a game: real points from `pool` (N, 2), noise (n, size), and where on the line x to G(z) the penalty looks."""

    def __init__(self, pool, batches, chance, between, shape):
        self.pool, self.batches, self.chance, self.between, (self.kind, self.size) = (
            pool,
            batches,
            chance,
            between,
            shape,
        )

    def real(self, n):
        """n points of the pool."""
        return self.pool[self.batches.integers(0, len(self.pool), n)]

    def noise(self, n):
        """What G makes n points of."""
        if self.kind == "normal":
            return self.chance.standard_normal((n, self.size))
        return self.chance.uniform(-1.0, 1.0, (n, self.size))

    def share(self, n):
        """Shares 0 ... 1 of the way."""
        return self.between.uniform(0.0, 1.0, (n, 1))


class Game:
    """G, D, the rules and the draws."""

    def __init__(self, rules, sizes_G, sizes_D, theta_G, theta_D, us, draws):
        self.rules, self.loss, self.draws = rules, LOSSES[rules.loss], draws
        self.G = Mlp(sizes_G, rules.activation, theta_G)
        self.D = Mlp(sizes_D, rules.activation, theta_D, us if rules.spectral else None)

    def move_d(self):
        """One update of D; its loss before it."""
        n, rules, loss, D = self.rules.batch, self.rules, self.loss, self.D
        x, y = self.draws.real(n), self.G(self.draws.noise(n))
        D.normalise(iterate=True)
        Z = D(np.concatenate([x, y]))
        r, f = Z[:n], Z[n:]
        L = float(loss.real(r, rules.target).sum() + loss.fake(f).sum()) / n
        D.backward(np.concatenate([loss.d_real(r, rules.target), loss.d_fake(f)]) / n)
        if rules.loss == "wgan_gp":
            L += rules.penalty * self.add_penalty(x, y)
        D.step(rules, rules.rates[1])
        if rules.loss == "wgan":
            np.clip(D.theta, -rules.clip, rules.clip, out=D.theta)
            D.normalise(iterate=False)
        return L

    def add_penalty(self, x, y):
        """P between the real points x and the generated y; lambda times its gradient joins D's."""
        learned = self.D.grad.copy()
        P = self.D.penalise(y + self.draws.share(len(x)) * (x - y))
        self.D.grad[:] = learned + self.rules.penalty * self.D.grad
        return P

    def move_g(self):
        """One update of G through D; its loss before it."""
        n = self.rules.batch
        f = self.D(self.G(self.draws.noise(n)))
        self.G.backward(self.D.backward(self.loss.d_fool(f) / n, learn=False))
        self.G.step(self.rules, self.rules.rates[0])
        return float(self.loss.fool(f).sum()) / n
