"""The run as a script that needs only NumPy, and scikit-learn for the digits."""

from __future__ import annotations

from core.home.data import TEST_SHARE
from core.home.spec import HomeSpec

_SCRIPT = '''# %% [markdown]
# # A net written from scratch in NumPy learns to read digits
# Needs numpy, and scikit-learn for its 1,797 real handwritten digits (8 x 8 pixels, nothing is downloaded).

# %%
import hashlib

import numpy as np
from sklearn.datasets import load_digits

hidden, rate, momentum, batch, epochs, seed = {hidden}, {rate!r}, {momentum!r}, {batch}, {epochs}, {seed}


def generator(*purpose):
    """Random numbers for one purpose: the same seed gives the same weights, order and test digits."""
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %% [markdown]
# ## The digits: a quarter of each kind is kept for the test

# %%
digits = load_digits()
X, y = digits.images.reshape(-1, 64) / 16, digits.target
shuffled = generator("split").permutation(len(y))
by_digit = [shuffled[y[shuffled] == k] for k in range(10)]
test = np.sort(np.concatenate([rows[: round({share} * len(rows))] for rows in by_digit]))
train = np.sort(np.concatenate([rows[round({share} * len(rows)) :] for rows in by_digit]))

# %% [markdown]
# ## The net, forward and backward

# %%
g = generator("weights")
W1, b1 = g.normal(0.0, np.sqrt(2 / 64), (64, hidden)), np.zeros(hidden)
W2, b2 = g.normal(0.0, np.sqrt(2 / hidden), (hidden, 10)), np.zeros(10)
net = [W1, b1, W2, b2]


def forward(net, X):
    W1, b1, W2, b2 = net
    A = X @ W1 + b1
    H = np.maximum(A, 0)
    Z = H @ W2 + b2
    Z = Z - Z.max(axis=1, keepdims=True)
    log_P = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    return A, H, log_P


def backward(net, X, y):
    A, H, log_P = forward(net, X)
    dZ = (np.exp(log_P) - np.eye(10)[y]) / len(y)
    dA = (dZ @ net[2].T) * (A > 0)
    return [X.T @ dA, dA.sum(axis=0), H.T @ dZ, dZ.sum(axis=0)]


def loss(net, rows):
    return float(-forward(net, X[rows])[2][np.arange(len(rows)), y[rows]].mean())


def accuracy(net, rows):
    return float(np.mean(forward(net, X[rows])[2].argmax(axis=1) == y[rows]))


# %% [markdown]
# ## Learning: v <- momentum v + gradient, W <- W - rate v

# %%
order = generator("batches")
v = [np.zeros_like(W) for W in net]
for epoch in range(epochs):
    rows = order.permutation(train)
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        v = [momentum * v_ + g_ for v_, g_ in zip(v, backward(net, X[some], y[some]))]
        net = [W - rate * v_ for W, v_ in zip(net, v)]

print("train_loss =", loss(net, train))
print("test_loss =", loss(net, test))
print("train_accuracy =", accuracy(net, train))
print("test_accuracy =", accuracy(net, test))
'''


def script(spec: HomeSpec) -> str:
    """The run of `spec`, standing alone; it prints the page's final losses and accuracies."""
    return _SCRIPT.format(**spec.as_dict(), share=TEST_SHARE)
