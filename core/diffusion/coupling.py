r"""RealNVP: an invertible net whose density is exact (Dinh, Sohl-Dickstein, Bengio, ICLR 2017, equations 7 and 8).

Layer l leaves coordinate c = l mod 2 as it is and moves the other one, d = 1 - c, by two numbers that a small net reads off x_c:

    y_c = x_c,   y_d = x_d exp(u) + r,   u = 2 tanh(o_1 / 2),  r = o_2,  o = net_l(x_c)
    log p(x) = log N(z; 0, I) + sum of u over all layers,  z the last y             L = -mean log p(x)

Backward through a layer, from dz = dL/dy and dL/d(sum u) = -1/n:  dx_d = dy_d exp(u),  dr = dy_d,  du = dy_d x_d exp(u) - 1/n,
do_1 = du (1 - u^2 / 4), and net_l passes its part on to x_c. The inverse is x_d = (y_d - r) exp(-u), layer by layer.
"""

from __future__ import annotations

import numpy as np

from core.diffusion.nets import backward, forward, layers_of

Array = np.ndarray
DEPTH = 8


def coupling_sizes(width: int) -> list[int]:
    """Units of each layer's net."""
    return [1, width, 2]


def couplings(theta: Array, sizes: list[int]) -> list[list[tuple[Array, Array]]]:
    """The nets of all layers; theta holds them one after another."""
    return [layers_of(part, sizes) for part in theta.reshape(DEPTH, -1)]


def reading(net: list[tuple[Array, Array]], kept: Array):
    """u and r (n,) that the net reads off the kept coordinate (n,), and what backward needs."""
    out, seen = forward(net, kept[:, None])
    return 2.0 * np.tanh(0.5 * out[:, 0]), out[:, 1], seen


def to_noise(theta: Array, sizes: list[int], x: Array) -> tuple[list[Array], Array]:
    """The points after every layer, x first and z last, each (n, 2), and sum u (n,)."""
    ways, total = [x], np.zeros(len(x))
    for k, net in enumerate(couplings(theta, sizes)):
        c, y = k % 2, ways[-1].copy()
        u, r, _ = reading(net, y[:, c])
        y[:, 1 - c] = y[:, 1 - c] * np.exp(u) + r
        ways.append(y)
        total = total + u
    return ways, total


def to_data(theta: Array, sizes: list[int], z: Array) -> list[Array]:
    """The points after every inverse layer, z first and x last."""
    ways = [z]
    for k, net in reversed(list(enumerate(couplings(theta, sizes)))):
        c, x = k % 2, ways[-1].copy()
        u, r, _ = reading(net, x[:, c])
        x[:, 1 - c] = (x[:, 1 - c] - r) * np.exp(-u)
        ways.append(x)
    return ways


def log_likelihood(theta: Array, sizes: list[int], x: Array) -> Array:
    """log p(x) of every row."""
    ways, total = to_noise(theta, sizes, x)
    return total - 0.5 * (ways[-1] ** 2).sum(1) - np.log(2 * np.pi)


def coupling_loss(theta: Array, sizes: list[int], x: Array) -> tuple[float, Array]:
    """L and its gradient."""
    n, y, walked, total = len(x), x, [], 0.0
    nets = couplings(theta, sizes)
    for k, net in enumerate(nets):
        c, d = k % 2, 1 - k % 2
        u, r, seen = reading(net, y[:, c])
        grown = y[:, d] * np.exp(u)
        walked.append((u, grown, seen))
        y = np.column_stack([y[:, 0], grown + r] if c == 0 else [grown + r, y[:, 1]])
        total += u.sum()
    L = (0.5 * (y * y).sum() - total) / n + np.log(2 * np.pi)
    dy, pieces = y / n, []
    for k in reversed(range(DEPTH)):
        c, d, (u, grown, seen) = k % 2, 1 - k % 2, walked[k]
        du = dy[:, d] * grown - 1.0 / n
        g, dx = backward(nets[k], seen, np.column_stack([du * (1.0 - 0.25 * u * u), dy[:, d]]))
        pieces = [*g, *pieces]
        moved = dy[:, d] * np.exp(u)
        kept = dy[:, c] + dx[:, 0]
        dy = np.column_stack([kept, moved] if c == 0 else [moved, kept])
    return float(L), np.concatenate(pieces)
