"""The comparison on screen as a script that needs only torch and numpy (scikit-learn holds the digits).

Gradients come from autograd, steps from torch.optim, the norms from torch's own mean and variance; all seeds lie along the first axis of
each tensor, one variant after the other. It prints "name = number" for every number that `numbers` gives to the page.
"""

from __future__ import annotations

from core.regularisation.compute import affordable, plan_of, quantile
from core.regularisation.datasets import CLASSES, TEST, VALIDATION
from core.regularisation.spec import RegularisationSpec

DRAWS = {
    "moons": """y = np.arange(COUNT) % 2
    a = g.uniform(0.0, np.pi, COUNT)
    X = np.where(y == 0, (np.cos(a), np.sin(a)), (1 - np.cos(a), 0.5 - np.sin(a))).T
    X = X + g.normal(0.0, 0.25, X.shape)""",
    "rings": """y = np.arange(COUNT) % 2
    a, u = g.uniform(0.0, 2 * np.pi, COUNT), g.random(COUNT)
    r = np.where(y == 0, 0.6 * np.sqrt(u), 0.8 + 0.6 * u)
    X = np.stack([r * np.cos(a), r * np.sin(a)], axis=1) + g.normal(0.0, 0.15, (COUNT, 2))""",
    "digits": """X, y = sklearn.datasets.load_digits(return_X_y=True)
    rows = g.permutation(len(y))[:COUNT]
    X, y = (X[rows] - 8.0) / 8.0, y[rows].astype(np.int64)""",
}
OPTIMIZERS = {"sgd": "SGD(p, lr=RATE)", "momentum": "SGD(p, lr=RATE, momentum=0.9)", "adam": "Adam(p, lr=RATE)"}


def script(spec: RegularisationSpec) -> str:
    """All variants and seeds on screen, with torch's autograd and optimizers."""
    plan = affordable(plan_of(spec))
    compared = {one.name: dict(one.kinds) for one in plan.variants}
    needs = "import sklearn.datasets\n" if plan.data == "digits" else ""
    return f'''# %% [markdown]
# # Regularised nets beside a plain one
#
# The same points, first weights and batches for every kind, {plan.seeds} seeds at a time. Needs torch and numpy{" (scikit-learn holds the digits)" if needs else ""}.

# %%
import hashlib

import numpy as np
{needs}import torch

SEED, SEEDS, STEPS, RATE = {plan.seed}, {plan.seeds}, {plan.steps}, {plan.rate!r}
POINTS, FLIPS, CLASSES, BATCH = {plan.points}, {plan.flips!r}, {CLASSES[plan.data]}, {min(plan.batch, plan.points)}
COUNT, EPS = POINTS + {VALIDATION + TEST}, 1e-5
SIZES = {plan.net.sizes}
VARIANTS = {compared!r}
LOOKS = {plan.looks.tolist()}
torch.set_num_threads(1)


def generators(purpose):
    """One for each seed."""
    digests = [hashlib.sha256("\\0".join((str(SEED + k), *purpose)).encode()).digest() for k in range(SEEDS)]
    return [np.random.default_rng(int.from_bytes(d[:8], "big") >> 1) for d in digests]


def tensor(rows):
    return torch.from_numpy(np.stack(rows))


# %%
# The points: a share of the training labels is changed to another class; validation and test labels are right.
def points(g):
    {DRAWS[plan.data]}
    flipped = np.zeros(POINTS, int)
    flipped[g.permutation(POINTS)[: round(FLIPS * POINTS)]] = 1
    y = y.copy()
    y[:POINTS] += flipped * g.integers(1, CLASSES, POINTS)
    return X, np.eye(CLASSES)[y % CLASSES]


X, Y = map(tensor, zip(*map(points, generators(["data", {plan.data!r}]))))
ends = (0, POINTS, POINTS + {VALIDATION}, COUNT)
train, validation, test = ((X[:, a:b], Y[:, a:b]) for a, b in zip(ends, ends[1:]))


# %%
def first_weights():
    """He's first weights; b = 0, gamma = 1."""
    gs, layers = generators(["weights"]), []
    for k, (i, o) in enumerate(zip(SIZES, SIZES[1:])):
        gain = 2.0 if k < len(SIZES) - 2 else 1.0
        W = tensor([g.standard_normal((i, o)) * np.sqrt(gain / i) for g in gs])
        b, gamma = torch.zeros(SEEDS, 1, o, dtype=W.dtype), torch.ones(SEEDS, 1, o, dtype=W.dtype)
        layers.append([p.requires_grad_() for p in (W, b, gamma)])
    return layers


def forward(layers, X, kinds, running, training=False, masks=()):
    A = X
    for k, (W, b, gamma) in enumerate(layers[:-1]):
        Z = A @ W
        if "batch" in kinds:
            mean, variance = running[k]
            if training:
                mean, variance = Z.mean(1, keepdim=True), Z.var(1, unbiased=False, keepdim=True)
                for old, new in zip(running[k], (mean, Z.var(1, unbiased=True, keepdim=True))):
                    old.lerp_(new.detach(), 0.1)
            Z = (Z - mean) / (variance + EPS).sqrt() * gamma
        if "layer" in kinds:
            Z = torch.nn.functional.layer_norm(Z, Z.shape[-1:], eps=EPS) * gamma
        A = (Z + b).relu()
        if masks:
            A = A * masks[k] / (1.0 - kinds["dropout"])
    return A @ layers[-1][0] + layers[-1][1]


def losses(U, Y):
    """Cross-entropy of every seed, (SEEDS,)."""
    return -(Y * U.log_softmax(-1)).sum(-1).mean(-1)


@torch.no_grad()
def measure(layers, part, kinds, running):
    U = forward(layers, part[0], kinds, running)
    return losses(U, part[1]), (U.argmax(-1) == part[1].argmax(-1)).double().mean(-1)


# %%
def changed(X, Y, kinds, g):
    """The batch under input noise, label smoothing and mixup."""
    if "noise" in kinds:
        X = X + kinds["noise"] * tensor([g_k.standard_normal(X.shape[1:]) for g_k in g["noise"]])
    if "smoothing" in kinds:
        Y = (1.0 - kinds["smoothing"]) * Y + kinds["smoothing"] / CLASSES
    if "mixup" in kinds:
        other = tensor([g_k.permutation(X.shape[1]) for g_k in g["partners"]])
        s = tensor([g_k.beta(kinds["mixup"], kinds["mixup"], (1, 1)) for g_k in g["mixup"]])
        X, Y = (s * part + (1.0 - s) * part[torch.arange(SEEDS)[:, None], other] for part in (X, Y))
    return X, Y


def trained(kinds):
    layers = first_weights()
    p = [q for layer in layers for q in layer]
    weights = [layer[0] for layer in layers]
    running = [[torch.zeros_like(b), torch.ones_like(b)] for _, b, _ in layers[:-1]]
    optimizer = torch.optim.{OPTIMIZERS[plan.optimizer]}
    g = {{name: generators([name]) for name in ("batches", "dropout", "noise", "partners", "mixup")}}
    seeds, runs = torch.arange(SEEDS)[:, None], torch.ones(SEEDS, dtype=torch.bool)
    kept, at = [*p, *(q for pair in running for q in pair)], POINTS
    lowest, waited = torch.full((SEEDS,), torch.inf, dtype=X.dtype), torch.zeros(SEEDS)
    best = [q.detach().clone() for q in kept]
    for t in range(STEPS + 1):
        if t:
            if at + BATCH > POINTS:
                order, at = tensor([g_k.permutation(POINTS) for g_k in g["batches"]]), 0
            rows, at = order[:, at : at + BATCH], at + BATCH
            before = [] if runs.all() else [q.detach().clone() for q in kept]
            x, y = changed(train[0][seeds, rows], train[1][seeds, rows], kinds, g)
            masks = []
            if "dropout" in kinds:
                masks = [tensor([g_k.random((BATCH, n)) for g_k in g["dropout"]]) >= kinds["dropout"] for n in SIZES[1:-1]]
            L = losses(forward(layers, x, kinds, running, True, masks), y).sum()
            L = L + kinds.get("l1", 0.0) * sum(W.abs().sum() for W in weights)
            L = L + kinds.get("l2", 0.0) / 2 * sum((W * W).sum() for W in weights)
            optimizer.zero_grad()
            L.backward()
            with torch.no_grad():
                for W in weights:
                    W.mul_(1.0 - RATE * kinds.get("decay", 0.0))
                optimizer.step()
                if "max_norm" in kinds:
                    for W in weights[:-1]:
                        W.mul_((kinds["max_norm"] / W.norm(dim=1, keepdim=True)).clamp(max=1.0))
                for q, old in zip(kept, before):
                    q[~runs] = old[~runs]  # those that have stopped
        if "early" in kinds and t in LOOKS:
            with torch.no_grad():
                value = measure(layers, validation, kinds, running)[0]
                better = value < lowest
                lowest, waited = torch.where(better, value, lowest), torch.where(better, 0, waited + 1)
                done = runs & ((waited >= kinds["early"]) | (t == STEPS))
                for q, best_q in zip(kept, best):
                    best_q[better] = q[better]
                    q[done] = best_q[done]
                runs &= ~done
    return [measure(layers, part, kinds, running) for part in (train, validation, test)]


# %%
plain = None
for name, kinds in VARIANTS.items():
    (loss, _), (validation_loss, _), (test_loss, test_accuracy) = trained(kinds)
    print(f"{{name}}, training loss = {{loss.mean().item()!r}}")
    print(f"{{name}}, validation loss = {{validation_loss.mean().item()!r}}")
    print(f"{{name}}, test loss = {{test_loss.mean().item()!r}}")
    print(f"{{name}}, test accuracy = {{test_accuracy.mean().item()!r}}")
    if plain is None:
        plain = test_loss
        continue
    d = test_loss - plain  # seed by seed
    half = {quantile(plan.seeds)!r} * d.std() / SEEDS**0.5  # Student's interval, 95 %
    print(f"{{name}} minus Plain, test loss, mean = {{d.mean().item()!r}}")
    print(f"{{name}} minus Plain, test loss, low end = {{(d.mean() - half).item()!r}}")
    print(f"{{name}} minus Plain, test loss, high end = {{(d.mean() + half).item()!r}}")
'''
