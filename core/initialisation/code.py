"""The page's numbers as a script that needs only torch and numpy: torch's layers, autograd's gradients, torch's training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.initialisation import isometry, phase, symmetry
from core.initialisation.compute import measured, starts, trained
from core.initialisation.points import POINTS
from core.initialisation.schemes import SCHEMES
from core.initialisation.spec import SUITED, InitialisationSpec, repaired

TORCH = {
    "tanh": "torch.tanh", "relu": "torch.relu", "sigmoid": "torch.sigmoid", "linear": "lambda z: 1.0 * z", "leaky_relu": "F.leaky_relu",
    "selu": "F.selu", "gelu": "F.gelu", "silu": "F.silu",
}  # fmt: skip
VARIANCE = {
    "zero": "0.0", "constant": "0.0", "normal": "sigma**2", "uniform": "sigma**2 / 3", "xavier_normal": "2 / (n + m)", "xavier_uniform": "2 / (n + m)",
    "he_normal": "2 / n", "he_uniform": "2 / n", "lecun_normal": "1 / n", "linear_default": "1 / (3 * n)", "orthogonal": "1 / max(n, m)", "lsuv": "1 / max(n, m)",
}  # fmt: skip
DATA = {
    "xor": """    size, sign = g.uniform(0.2, 2.0, (N, 2)), g.choice([-1.0, 1.0], N)
    P = size * np.column_stack([sign, sign * (1 - 2 * y)])""",
    "rings": """    r, phi = 0.6 + 0.9 * y + g.normal(0.0, 0.12, N), g.uniform(0.0, 2 * np.pi, N)
    P = r[:, None] * np.column_stack([np.cos(phi), np.sin(phi)])""",
}
LIFTED = """
    P = (P - P.mean(0)) / P.std(0)
    X = P @ orthogonal(2, width, g) * np.sqrt(width / 2)"""
NOISE = """    X = g.normal(size=(N, width))
    X = X / np.sqrt((X**2).mean())"""


def layers_of(spec: InitialisationSpec) -> list[int]:
    """The layers whose numbers are printed: the first, the middle, the last."""
    return sorted({1, (spec.depth + 1) // 2, spec.depth})


def numbers(spec: InitialisationSpec) -> dict[str, float]:
    """What the script prints: loss, signal and gradient before training, then what the open lens computes."""
    flow, _, _ = measured(spec)
    out = {"loss": flow.loss}
    for k in layers_of(spec):
        out[f"mean square of z, layer {k}"] = float(flow.q[k - 1])
        out[f"gradient by x, layer {k}"] = float(flow.g[k])
        out[f"norm of the gradient by W, layer {k}"] = float(flow.dW[k - 1])
    return out | dict(_lens_numbers(spec))


def _lens_numbers(spec: InitialisationSpec) -> Iterator[tuple[str, float]]:
    if spec.lens == "isometry":
        values = isometry.singular(spec)[-1]
        yield "largest singular value", float(values[0])
        yield "root mean square of the singular values", float(np.sqrt((values**2).mean()))
    elif spec.lens == "symmetry":
        for name, one in symmetry.lessons(spec).items():
            yield f"{name}: loss at the end", float(one.losses[-1])
            yield f"{name}: kinds of units", float(one.different[0])
    elif spec.lens == "phase":
        if (here := phase.place(spec)) is not None:
            yield "q*", phase.fixed_point(*here)
            yield "chi_1", phase.chi(*here)
    else:
        film = trained(spec)
        for name, end in zip(film.names, film.ends, strict=True):
            yield f"{name}: loss after {spec.steps} steps", float(end)


def script(spec: InitialisationSpec) -> str:
    """Signal and gradient by torch, then the open lens."""
    return f'''# %% [markdown]
# # First weights: {repaired(spec).depth} layers of {spec.width} units
# Needs torch and numpy. The gradients are autograd's.

# %%
import hashlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)  # with tensors this small a second thread only costs time
torch.set_default_dtype(torch.float64)

N, width, data, seed, rate, steps = {POINTS}, {spec.width}, "{spec.data}", {spec.seed}, {spec.rate!r}, {spec.steps}
f = {TORCH[spec.activation]}


def generator(*purpose):
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


def orthogonal(n, m, g):
    Q, R = np.linalg.qr(g.normal(size=(max(n, m), min(n, m))))
    Q = Q * np.sign(np.diag(R))
    return Q if n >= m else Q.T


def points(width):
    g = generator("points", data)
    y = np.tile([0.0, 1.0], N // 2)
{NOISE if spec.data == "noise" else DATA[spec.data] + LIFTED}
    return torch.tensor(X), torch.tensor(y)


# %% [markdown]
# ## First weights

# %%
VARIANCE = {{
{_table(spec)}
}}


def draw(scheme, n, m, sigma, g):
    deviation = np.sqrt(VARIANCE[scheme](n, m, sigma))
    if scheme in ("zero", "constant"):
        return np.full((n, m), sigma if scheme == "constant" else 0.0)
    if scheme in ("orthogonal", "lsuv"):
        return orthogonal(n, m, g)
    if scheme in ("uniform", "xavier_uniform", "he_uniform", "linear_default"):
        return np.sqrt(3.0) * deviation * g.uniform(-1.0, 1.0, (n, m))
    return deviation * g.normal(size=(n, m))


def start(X, scheme, sigma, scale, bias, depth, width, norm, residual):
    g, theta = generator("weights"), []
    x = X
    for _ in range(depth):
        W = draw(scheme, width, width, sigma, g)
        if scheme == "lsuv":
            W = W / np.std(x.numpy() @ W)
        theta += [torch.tensor(scale * W), torch.tensor(bias * g.normal(size=width))]
        x = layer(x, *theta[-2:], norm, residual)[1]
    readout = draw(scheme if scheme in ("zero", "constant") else "lecun_normal", width, 1, sigma, g)
    return [part.requires_grad_() for part in (*theta, torch.tensor(readout), torch.zeros(1))]


# %% [markdown]
# ## The stack

# %%
def layer(x, W, b, norm, residual):
    z = n = x @ W + b
    if norm == "batch":
        n = F.batch_norm(z, None, None, training=True)
    if norm == "layer":
        n = F.layer_norm(z, z.shape[1:])
    return z, x + f(n) if residual else f(n)


def loss_of(theta, X, y, norm, residual):
    sums, xs = [], [X]
    for W, b in zip(theta[:-2:2], theta[1:-2:2]):
        z, x = layer(xs[-1], W, b, norm, residual)
        sums.append(z)
        xs.append(x)
    logit = (xs[-1] @ theta[-2] + theta[-1])[:, 0]
    return F.binary_cross_entropy_with_logits(logit, y), sums, xs


def train(theta, X, y, norm, residual):
    for _ in range(steps):
        loss = loss_of(theta, X, y, norm, residual)[0]
        if not loss.item() < 1e6:
            return float("nan"), theta
        gradient = torch.autograd.grad(loss, theta)
        theta = [(part - rate * d).detach().requires_grad_() for part, d in zip(theta, gradient)]
    loss = loss_of(theta, X, y, norm, residual)[0].item()
    return loss if loss < 1e6 else float("nan"), theta


X, y = points(width)
stack = {_settings(repaired(spec))}
theta = start(X, **stack)
loss, sums, xs = loss_of(theta, X, y, stack["norm"], stack["residual"])
by_x = torch.autograd.grad(loss, xs[1:], retain_graph=True)
by_W = torch.autograd.grad(loss, theta[:-2:2], retain_graph=True)
print(f"loss = {{loss.item()!r}}")
for k in {layers_of(spec)}:
    print(f"mean square of z, layer {{k}} = {{(sums[k - 1] ** 2).mean().item()!r}}")
    print(f"gradient by x, layer {{k}} = {{(by_x[k - 1] ** 2).mean().sqrt().item()!r}}")
    print(f"norm of the gradient by W, layer {{k}} = {{by_W[k - 1].norm().item()!r}}")
{_lens(spec)}'''


def _table(spec: InitialisationSpec) -> str:
    """The schemes that the script draws from."""
    used = {one.scheme for one in starts(spec).values()} | {
        repaired(spec).scheme,
        SUITED[spec.activation],
        "lecun_normal",
        "zero",
        "constant",
    }
    return "\n".join(f'    "{name}": lambda n, m, sigma: {VARIANCE[name]},' for name in SCHEMES if name in used)


def _settings(spec: InitialisationSpec) -> str:
    """The keyword arguments of the script's `start`."""
    names = ("scheme", "sigma", "scale", "bias", "depth", "width", "norm", "residual")
    return "{" + ", ".join(f'"{name}": {getattr(spec, name)!r}' for name in names) + "}"


def _lens(spec: InitialisationSpec) -> str:
    if spec.lens in ("isometry", "symmetry", "phase"):
        return {"isometry": _isometry, "symmetry": _symmetry, "phase": _phase}[spec.lens](spec)
    return _training(spec)


def _training(spec: InitialisationSpec) -> str:
    stacks = "\n".join(f"    {name!r}: {_settings(one)}," for name, one in starts(spec).items())
    return f"""
# %% [markdown]
# ## Training

# %%
STACKS = {{
{stacks}
}}
for name, stack in STACKS.items():
    loss, _ = train(start(X, **stack), X, y, stack["norm"], stack["residual"])
    print(f"{{name}}: loss after {{steps}} steps = {{loss!r}}")
"""


def _isometry(spec: InitialisationSpec) -> str:
    held = """
z, s = xs[0] @ theta[0] + theta[1], []
for z in sums:  # the statistics of the norm are held
    s.append((z.mean(0), (z.var(0, unbiased=False) + 1e-5).sqrt()))""" if repaired(spec).norm == "batch" else ""  # fmt: skip
    body = (
        "n = (z - s[k][0].detach()) / s[k][1].detach()"
        if held
        else "n = F.layer_norm(z, z.shape[-1:])"
        if repaired(spec).norm == "layer"
        else "n = z"
    )
    return f"""
# %% [markdown]
# ## The Jacobian of the whole stack at the first point

# %%{held}


def stack_of_one(x):
    for k, (W, b) in enumerate(zip(theta[:-2:2], theta[1:-2:2])):
        z = x @ W + b
        {body}
        x = x + f(n) if stack["residual"] else f(n)
    return x


values = torch.linalg.svdvals(torch.autograd.functional.jacobian(stack_of_one, X[0]))
print(f"largest singular value = {{values[0].item()!r}}")
print(f"root mean square of the singular values = {{(values ** 2).mean().sqrt().item()!r}}")
"""


def _symmetry(spec: InitialisationSpec) -> str:
    own = symmetry.small(spec)
    return f'''
# %% [markdown]
# ## Four starts

# %%
def kinds(W):
    found = []
    for w in W.T:
        if not any((w - other).abs().max() <= {symmetry.SAME!r} for other in found):
            found.append(w)
    return len(found)


steps, stack = {own.steps}, {_settings(own)}
X, y = points(stack["width"])
schemes = {{"zero": "zero", "constant": "constant", "grain": "constant", "random": "{SUITED[spec.activation]}"}}
for name, scheme in schemes.items():
    theta = start(X, **(stack | {{"scheme": scheme, "bias": 0.0}}))
    if name == "grain":
        g = generator("grain")
        theta = [(part.detach() + {symmetry.GRAIN!r} * torch.tensor(g.normal(size=part.shape))).requires_grad_() for part in theta]
    loss, theta = train(theta, X, y, stack["norm"], stack["residual"])
    print(f"{{name}}: loss at the end = {{loss!r}}")
    print(f"{{name}}: kinds of units = {{float(kinds(theta[0]))!r}}")
'''


def _phase(spec: InitialisationSpec) -> str:
    here = phase.place(spec)
    if here is None:
        return ""
    return f'''
# %% [markdown]
# ## Where the signal settles, and the gradient's factor (infinite width, tanh)

# %%
def mean(h):
    """E h(u), u normal, by the trapezoid rule, which is exact to the last digits for smooth h."""
    u = torch.linspace(-12.0, 12.0, 24001)
    return (h(u) * torch.exp(-u**2 / 2)).sum().item() * (u[1] - u[0]).item() / (2 * np.pi) ** 0.5


w, b = {here[0]!r}, {here[1]!r}
low, high = max(b**2, 1e-16), w**2 + b**2
for _ in range(100):
    q = (low * high) ** 0.5
    low, high = (q, high) if w**2 * mean(lambda u: torch.tanh(q**0.5 * u) ** 2) + b**2 > q else (low, q)
q = 0.0 if b == 0 and w <= 1 else (low * high) ** 0.5
print(f"q* = {{q!r}}")
print(f"chi_1 = {{w**2 * mean(lambda u: torch.cosh(q**0.5 * u) ** -4)!r}}")
'''
