"""The page's numbers as a script that needs only torch and numpy: torch's activations, autograd's slopes, torch's training."""

from __future__ import annotations

from core.activations.compute import BATCH, POINTS
from core.activations.spec import ActivationsSpec, chosen, logits_of, looked_at

TORCH = {
    "step": "lambda z: torch.heaviside(z.detach(), torch.ones_like(z)) + 0.0 * z",
    "linear": "lambda z: 1.0 * z",
    "sigmoid": "torch.sigmoid",
    "tanh": "torch.tanh",
    "relu": "F.relu",
    "leaky_relu": "lambda z: F.leaky_relu(z, {a!r})",
    "prelu": "lambda z: F.leaky_relu(z, {a!r})  # PReLU with this slope",
    "elu": "lambda z: F.elu(z, {a!r})",
    "selu": "F.selu",
    "gelu": "F.gelu",
    "silu": "F.silu",
    "mish": "F.mish",
    "softplus": "lambda z: F.softplus(z, threshold=800.0)",
    "hardswish": "F.hardswish",
}
DATA = {
    "moons": '''    X = np.column_stack([np.cos(t) + y - 0.5, np.sin(t) * (1.0 - 2.0 * y) + 0.5 * y - 0.25])
    X = 1.3 * (X + 0.12 * g.normal(size=X.shape))''',
    "circle": '''    r = np.where(y == 1.0, g.uniform(0.0, 0.8, N), g.uniform(1.3, 2.1, N))
    X = r[:, None] * np.column_stack([np.cos(2.0 * t), np.sin(2.0 * t)])''',
    "xor": '''    X = g.uniform(0.15, 2.0, (N, 2)) * g.choice([-1.0, 1.0], (N, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(float)''',
}  # fmt: skip


def script(spec: ActivationsSpec) -> str:
    """Values and slopes at z, softmax and, where the lens trains nets, the same training by torch."""
    shown = chosen(spec)
    lines = "\n".join(f"    {one.title!r}: {_entry(TORCH[one.name].format(a=one.parameter))}" for one in shown)
    return f"""# %% [markdown]
# # Activations at z = {spec.z:g}
# Needs torch and numpy. Slopes are autograd's.

# %%
import hashlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)  # with tensors this small a second thread only costs time

ACTIVATIONS = {{
{lines}
}}
for name, f in ACTIVATIONS.items():
    z = torch.tensor({spec.z!r}, dtype=torch.float64, requires_grad=True)
    a = f(z)
    a.backward()
    print(f"{{name}} at z = {{a.item()!r}}")
    print(f"{{name}} slope at z = {{z.grad.item()!r}}")

# %%
logits = torch.tensor({logits_of(spec)!r}, dtype=torch.float64)
for k, p in enumerate(torch.softmax(logits / {spec.temperature!r}, -1)):
    print(f"softmax p{{k + 1}} = {{p.item()!r}}")
{_training(spec)}"""


def _entry(text: str) -> str:
    call, _, comment = text.partition("  # ")
    return f"{call},  # {comment}" if comment else f"{call},"


def _training(spec: ActivationsSpec) -> str:
    if spec.lens not in ("net", "race"):
        return ""
    names = [looked_at(spec).title] if spec.lens == "net" else [one.title for one in chosen(spec)]
    return f'''
# %% [markdown]
# ## The same net, points, first weights and batches for every activation

# %%
N, batch, depth, width, steps, rate, seed = {POINTS}, {BATCH}, {spec.depth}, {spec.width}, {spec.steps}, {spec.rate!r}, {spec.seed}


def generator(*purpose):
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


def points():
    g = generator("points", "{spec.data}")
    y = np.tile([0.0, 1.0], N // 2)
    t = g.uniform(0.0, np.pi, N)
{DATA[spec.data]}
    return torch.tensor(X), torch.tensor(y)


def initial():
    g = generator("weights")
    net = []
    for n, m in zip([2, *[width] * (depth - 1)], [width] * depth):
        net += [{spec.gain!r} / np.sqrt(n) * g.normal(size=(n, m)), np.zeros(m)]
    net += [g.normal(size=(width, 1)) / np.sqrt(width), np.zeros(1)]
    return [torch.tensor(part, requires_grad=True) for part in net]


def loss(net, f, X, y):
    for W, b in zip(net[:-2:2], net[1:-2:2]):
        X = f(X @ W + b)
    return F.binary_cross_entropy_with_logits((X @ net[-2] + net[-1])[:, 0], y)


X, y = points()
g = generator("batches")
order = np.concatenate([g.permutation(N) for _ in range(-(-steps * batch // N))]).reshape(-1, batch)[:steps]
for name in {names!r}:
    net = initial()
    for rows in order:
        gradient = torch.autograd.grad(loss(net, ACTIVATIONS[name], X[rows], y[rows]), net)
        with torch.no_grad():
            for part, slope in zip(net, gradient):
                part -= rate * slope
    print(f"{{name}} final loss = {{loss(net, ACTIVATIONS[name], X, y).item()!r}}")
'''
