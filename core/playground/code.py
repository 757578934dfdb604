"""The run on screen as a script that needs only torch and numpy, and prints the page's numbers.

The points are drawn by the very source of this page's generators; torch, its autograd and its optimizers do the rest.
"""

from __future__ import annotations

import inspect
import textwrap

from core.playground import network, typed
from core.playground.compute import run_of
from core.playground.datasets import OWN, SOURCES, columns, features
from core.playground.points import decode
from core.playground.problem import Problem
from core.playground.spec import TYPED, PlaygroundSpec, events, feature_names, hidden_layers
from core.playground.training import BOUND, PATIENCE, SHORT_RUN, SOLVED, index

TORCH = {
    "tanh": "torch.tanh", "relu": "torch.relu", "sigmoid": "torch.sigmoid", "linear": "lambda z: z", "leaky_relu": "torch.nn.functional.leaky_relu",
    "elu": "torch.nn.functional.elu", "gelu": 'lambda z: torch.nn.functional.gelu(z, approximate="tanh")', "silu": "torch.nn.functional.silu",
    "softplus": "torch.nn.functional.softplus", "sine": "torch.sin",
}  # fmt: skip
DRAWS = {
    "uniform": "g.uniform(-0.5, 0.5, i * o)",
    "xavier": "g.uniform(-1, 1, i * o) * np.sqrt(6 / (i + o))",
    "he": "g.standard_normal(i * o) * np.sqrt(2 / i)",
    "zero": "np.zeros(i * o)",
}
FACTORS = {
    "step": "0.5 ** math.floor(epoch / {p})",
    "exponential": "0.5 ** (epoch / {p})",
    "cosine": "0.5 * (1 + math.cos(math.pi * min(epoch / {p}, 1)))",
    "warm_up": "min(1.0, epoch / {p} + 1e-3)",
}


def script(spec: PlaygroundSpec) -> str:
    """The run as a script."""
    run = run_of(spec)
    about, names = run.about, feature_names(spec)
    sizes = about.net.sizes.tolist()
    activations = ", ".join(TORCH[layer.activation] for layer in hidden_layers(spec))
    return f"""# %% [markdown]
# # Playground: {spec.data}, layers {sizes}
#
# The run on screen with torch and its autograd: the same points, first weights and order. Needs torch and numpy.

# %%
import hashlib
import math

import numpy as np
import torch

torch.set_num_threads(1)
SEED, EPOCHS, BATCHES, BATCH = {spec.seed}, {spec.epochs}, {spec.batches}, {about.batch}


def generator(*purpose):
    \"\"\"Random numbers for one purpose of this run.\"\"\"
    digest = hashlib.sha256("\\0".join((str(SEED), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %% [markdown]
# ## Points and features

# %%
{_points(spec)}
shuffled = g.permutation(len(X))
X, y, TRAIN = X[shuffled], y[shuffled], {about.train}


{_source(columns)}

{_source(features)}

{_own(spec)}F = torch.from_numpy(features({list(names)!r}, X{", own" if OWN in names else ""}))
{_targets(about)}

# %% [markdown]
# ## The net

# %%
SIZES, ACTIVATIONS = {sizes!r}, [{activations}]
{_net(spec, about)}


def losses(Z, Y):
    \"\"\"The loss at each point.\"\"\"
    return {_loss(about)}


# %% [markdown]
# ## Training

# %%
parameters = [p for p in everything if p.requires_grad]
optimizer = {_optimizer(spec, about)}
order, drops = generator("order"), generator("dropout")
per_epoch = math.ceil(TRAIN / BATCH)
total, t, rate, lowest, since, running = EPOCHS * per_epoch + BATCHES, 0, {spec.rate!r}, math.inf, 0, True
{_changes(spec, about)}
while t < total and running:
    rows = torch.from_numpy(order.permutation(TRAIN))
    {_mask(about)}
    for k in range(min(per_epoch, total - t)):
        chosen = rows[k * BATCH : (k + 1) * BATCH]
        optimizer.zero_grad()
        loss = losses(logits(F[chosen]{_training(about)}), Y[chosen]).mean(){_penalty(about)}
        loss.backward()
        epoch = t / per_epoch
        optimizer.param_groups[0]["lr"] = rate * {FACTORS.get(spec.schedule, "1").format(p=spec.period)}{_decay(about)}
        optimizer.step()
        t += 1{_change_now(spec)}
        if k + 1 == min(per_epoch, total - t + k + 1) or total <= {SHORT_RUN}:  # the page looks at the net here
            with torch.no_grad():
                error = losses(logits(F), Y)
            train_loss, test_loss = error[:TRAIN].mean().item(), error[TRAIN:].mean().item()
            since = 0 if test_loss < lowest else since + 1
            lowest = min(lowest, test_loss)
            if not (train_loss <= {BOUND!r} and all(torch.isfinite(p).all() for p in everything)){_stop(spec)}:
                running = False
                break

# %%
with torch.no_grad():
    Z = logits(F)
    error = losses(Z, Y)
print(f"updates = {{t}}")
{_report(spec, about, run.reason)}
"""


def _source(function: object) -> str:
    return textwrap.dedent(inspect.getsource(inspect.unwrap(function)))


def _points(spec: PlaygroundSpec) -> str:
    if spec.data in SOURCES:
        draw = inspect.unwrap(SOURCES[spec.data].draw)
        return f'{_source(draw)}\n\ng = generator("data")\nX, y = {draw.__name__}(g, {spec.count}, {spec.noise / 100!r}, {spec.classes})'
    if spec.data in TYPED:
        return _typed(spec)
    X, y = decode(spec.points, spec.regression)
    return f'g = generator("data")\nX = np.array({X.tolist()!r})\ny = np.array({y.tolist()!r})'


def _typed(spec: PlaygroundSpec) -> str:
    scale = typed.size(spec.formula)
    y = "(values > 0).astype(int)" if spec.data == "border" else f"np.clip(values / {scale!r}, -1.0, 1.0)"
    return f"""{typed.source(spec.formula, "f")}


g = generator("data")
X = g.uniform(-6, 6, ({spec.count}, 2))
seen = np.clip(X + {spec.noise / 100!r} * g.uniform(-6, 6, ({spec.count}, 2)), -6, 6)
values = f(seen[:, 0], seen[:, 1])
known = np.isfinite(values)  # points at which the formula has no value are left out
X, values = X[known], values[known]
y = {y}"""


def _own(spec: PlaygroundSpec) -> str:
    return f"{typed.source(spec.own, 'own')}\n\n\n" if OWN in feature_names(spec) else ""


def _net(spec: PlaygroundSpec, about: Problem) -> str:
    """First weights, and the function from features to the output before its activation."""
    if about.net.norms.any():
        return _normalised_net(spec, about)
    bias = 0.1 if spec.start == "uniform" and spec.bias else 0.0
    return f"""g, W, b = generator("weights"), [], []
for i, o in zip(SIZES, SIZES[1:]):
    W.append(torch.from_numpy(({DRAWS[spec.start]}).reshape(i, o)).requires_grad_())
    b.append(torch.full((o,), {bias}, dtype=torch.float64, requires_grad={spec.bias}))
everything = [p for pair in zip(W, b) for p in pair]


def logits(F, mask=None):
    A, unit = F, 0
    for w, c, f in zip(W, b, ACTIVATIONS):
        A = f(A @ w + c)
        if mask is not None:
            A, unit = A * mask[:, unit : unit + len(c)], unit + len(c)
    return A @ W[-1] + b[-1]"""


def _normalised_net(spec: PlaygroundSpec, about: Problem) -> str:
    bias = 0.1 if spec.start == "uniform" and spec.bias else 0.0
    return f"""NORMALISED = {[bool(norm) for norm in about.net.norms]!r}
g, W, b, norms, everything = generator("weights"), [], [], [], []
for i, o, norm in zip(SIZES, SIZES[1:], NORMALISED):
    W.append(torch.from_numpy(({DRAWS[spec.start]}).reshape(i, o)).requires_grad_())
    b.append(torch.full((o,), 0.0 if norm else {bias}, dtype=torch.float64, requires_grad={spec.bias}))
    gamma, mean, variance = torch.tensor([[1.0], [0.0], [1.0]], dtype=torch.float64).repeat(1, o)  # the last two run along
    norms.append((gamma.requires_grad_(), mean, variance) if norm else ())
    everything += [W[-1], *norms[-1], b[-1]]


def normalised(Z, beta, gamma, mean, variance, training):
    if len(Z) > 1 or not training:
        return torch.nn.functional.batch_norm(Z, mean, variance, gamma, beta, training, {network.FOLLOW}, {network.EPS})
    mean.lerp_(Z[0].detach(), {network.FOLLOW})  # a single row is its own mean
    return (Z - Z) * gamma + beta


def logits(F, mask=None, training=False):
    A, unit = F, 0
    for w, c, norm, f in zip(W, b, norms, ACTIVATIONS):
        A = f(normalised(A @ w, c, *norm, training) if norm else A @ w + c)
        if mask is not None:
            A, unit = A * mask[:, unit : unit + len(c)], unit + len(c)
    return A @ W[-1] + b[-1]"""


def _training(about: Problem) -> str:
    """What `logits` is told in training on top of the points."""
    mask = "" if about.rules.keep == 1 else ", mask[k * BATCH : (k + 1) * BATCH]"
    return mask + (", training=True" if about.net.norms.any() else "")


def _targets(about: Problem) -> str:
    if about.k > 2:
        return f"Y = torch.eye({about.k}, dtype=torch.float64)[torch.from_numpy(y)]"
    shift = "2.0 * y - 1.0" if about.k == 2 and about.rules.loss != network.CROSS_ENTROPY else "1.0 * y"
    return f"Y = torch.from_numpy({shift})[:, None]"


def _loss(about: Problem) -> str:
    if about.k > 2:
        return "-(Y * torch.log_softmax(Z, 1)).sum(1)"
    if about.rules.loss == network.CROSS_ENTROPY:
        return "torch.nn.functional.binary_cross_entropy_with_logits(Z, Y, reduction='none').sum(1)"
    p = "torch.tanh(Z)" if about.k else "Z"
    return {
        network.SQUARED: f"0.5 * (({p} - Y) ** 2).sum(1)",
        network.ABSOLUTE: f"({p} - Y).abs().sum(1)",
        network.HINGE: "torch.relu(1 - Y * Z).sum(1)",
    }[about.rules.loss]


def _optimizer(spec: PlaygroundSpec, about: Problem) -> str:
    beta1, beta2 = about.rules.beta1, about.rules.beta2
    more = {
        "sgd": "SGD(parameters, lr=1.0)",
        "momentum": f"SGD(parameters, lr=1.0, momentum={beta1!r})",
        "nesterov": f"SGD(parameters, lr=1.0, momentum={beta1!r}, nesterov={beta1 > 0})",
        "adagrad": "Adagrad(parameters, lr=1.0)",
        "rmsprop": f"RMSprop(parameters, lr=1.0, alpha={beta2!r})",
        "adam": f"Adam(parameters, lr=1.0, betas=({beta1!r}, {beta2!r}))",
    }[spec.optimizer]
    return f"torch.optim.{more}"


def _mask(about: Problem) -> str:
    if about.rules.keep == 1.0:
        return "mask = None"
    hidden, keep = int(about.net.sizes[1:-1].sum()), about.rules.keep
    return f"mask = torch.from_numpy((drops.random((TRAIN, {hidden})) < {keep!r}) / {keep!r})"


def _penalty(about: Problem) -> str:
    terms = {network.L1: "sum(w.abs().sum() for w in W)", network.L2: "0.5 * sum((w * w).sum() for w in W)"}
    term = terms.get(about.rules.penalty)
    return f" + {about.rules.strength!r} * {term}" if term else ""


def _decay(about: Problem) -> str:
    if about.rules.penalty != network.DECOUPLED:
        return ""
    return f"""
        with torch.no_grad():
            for w in W:
                w.mul_(1 - optimizer.param_groups[0]["lr"] * {about.rules.strength!r})"""


def _changes(spec: PlaygroundSpec, about: Problem) -> str:
    if not events(spec):
        return ""
    changes = [(e.step, index(about.net, e.place) if e.place else -1, e.value) for e in events(spec)]
    return f"""CHANGES = {changes!r}  # after so many updates: the place in all parameters (-1: the rate), and its new value


def change(rate):
    with torch.no_grad():
        theta = torch.cat([p.flatten() for p in everything])
        for step, place, value in CHANGES:
            if step == t and place >= 0:
                theta[place] = value
            elif step == t:
                rate = value
        for p, piece in zip(everything, theta.split([p.numel() for p in everything])):
            p.copy_(piece.view_as(p))
    return rate


rate = change(rate)"""


def _change_now(spec: PlaygroundSpec) -> str:
    return "\n        rate = change(rate)" if events(spec) else ""


def _stop(spec: PlaygroundSpec) -> str:
    return {"none": "", "solved": f" or train_loss < {SOLVED!r}", "patience": f" or since >= {PATIENCE}"}[spec.stop]


def _report(spec: PlaygroundSpec, about: Problem, reason: str) -> str:
    if reason == "diverged":
        return 'print("The loss passed a million or became no number: the run diverged.")'
    lines = [
        'for name, part in (("train", slice(0, TRAIN)), ("test", slice(TRAIN, None))):',
        '    print(f"{name} loss = {error[part].mean().item()!r}")',
    ]
    if about.k == 0:
        lines.append(
            '    print(f"{name} R2 = {1 - ((y[part] - Z[part, 0].numpy()) ** 2).sum() / ((y[part] - y[part].mean()) ** 2).sum()!r}".replace("np.float64(", "").replace(")", ""))'
        )
    else:
        right = "Z[part].argmax(1).numpy()" if about.k > 2 else "(Z[part, 0].numpy() > 0)"
        lines.append(f'    print(f"{{name}} accuracy = {{float(({right} == y[part]).mean())!r}}")')
    return "\n".join(lines)
