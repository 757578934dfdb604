"""A race of core.training.networks as a script that needs only torch and numpy (scikit-learn where the data are its own).

torch's nn, autograd, optimizers and schedulers, one racer after the other; for every racer it prints "name = number" of the training
loss, test loss and test score at the end, medians over the seeds. What torch lacks is written out: Lion, Muon without torch's
rounding to bfloat16, adaptive clipping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.training.exported import LION, scheduler, scheduler_lines
from core.training.networks import NetworkSpec
from core.training.optimizers import Racer

CLASSES = {
    "sgd": "SGD", "momentum": "SGD", "nesterov": "SGD", "adagrad": "Adagrad", "rmsprop": "RMSprop", "adadelta": "Adadelta", "adam": "Adam",
    "amsgrad": "Adam", "adamw": "AdamW", "nadam": "NAdam", "radam": "RAdam", "adamax": "Adamax", "rprop": "Rprop",
}  # fmt: skip
ALWAYS = {"momentum": ("momentum",), "nesterov": ("momentum", "nesterov"), "amsgrad": ("amsgrad",), "lion": ("betas",)}
DRAWS: Mapping[str, str] = {
    "moons": """y = np.arange(384) % 2
a = g.uniform(0.0, np.pi, 384)
X = np.where(y == 0, (np.cos(a), np.sin(a)), (1 - np.cos(a), 0.5 - np.sin(a))).T
X = X + g.normal(0.0, 0.15, X.shape)""",
    "spirals": """y = np.arange(384) % 2
r = g.uniform(0.1, 1.0, 384)
phi = 3 * np.pi * r + np.pi * y
X = np.stack([r * np.cos(phi), r * np.sin(phi)], axis=1)
X = X + g.normal(0.0, 0.03, X.shape)""",
    "digits": """X, y = sklearn.datasets.load_digits(return_X_y=True)
shuffled = g.permutation(len(y))
rows = np.concatenate([shuffled[y[shuffled] == digit][:60] for digit in range(10)])
X, y = X[rows], y[rows].astype(np.int64)""",
    "diabetes": "X, y = sklearn.datasets.load_diabetes(return_X_y=True, scaled=False)",
}
MUON = '''
def newton_schulz(G):
    """About U V^T of G = U S V^T (Jordan et al. 2024); torch.optim.Muon does the same, rounded to bfloat16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    X = G.T if G.shape[0] > G.shape[1] else G
    X = X / X.norm().clamp(min=1e-7)
    for _ in range(5):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X.T if G.shape[0] > G.shape[1] else X


class Muon(torch.optim.AdamW):
    """Matrices by Muon, its step scaled to AdamW's size (Liu et al. 2025); biases by AdamW at the same rate."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.1, betas=(0.9, 0.999), eps=1e-8):
        params = list(params)
        self.matrices, self.b = [p for p in params if p.ndim == 2], {}
        self.momentum = momentum
        super().__init__([p for p in params if p.ndim == 1], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self):
        super().step()
        eta, lam, mu = self.param_groups[0]["lr"], self.param_groups[0]["weight_decay"], self.momentum
        for W in self.matrices:
            b = self.b[W] = self.b.get(W, torch.zeros_like(W)).lerp(W.grad, 1 - mu)
            step = 0.2 * math.sqrt(max(W.shape)) * newton_schulz(W.grad.lerp(b, mu))
            W.mul_(1 - eta * lam).sub_(eta * step)

    def zero_grad(self):
        super().zero_grad()
        for W in self.matrices:
            W.grad = None

'''
ADAPTIVE = '''
@torch.no_grad()
def clip_adaptively(net, limit):
    """Brock et al. 2021, eq. 3: no unit's gradient longer than `limit` times its weights, its bias among them."""
    for layer in net:
        if isinstance(layer, torch.nn.Linear):
            g = torch.cat([layer.weight.grad, layer.bias.grad[:, None]], 1).norm(dim=1, keepdim=True)
            w = torch.cat([layer.weight, layer.bias[:, None]], 1).norm(dim=1, keepdim=True)
            share = (limit * w.clamp(min=1e-3) / g.clamp(min=1e-6)).clamp(max=1)
            layer.weight.grad.mul_(share)
            layer.bias.grad.mul_(share[:, 0])

'''


def race_script(rules: NetworkSpec, labels: Sequence[str], title: str) -> str:
    """The race under a heading; `labels` are the racers' names."""
    racers = "\n".join(
        f"    {label!r}: lambda p: {_optimizer(racer)}," for label, racer in zip(labels, rules.racers, strict=True)
    )
    names = {racer.name for racer in rules.racers}
    net, _ = rules.set_up()
    regression = net.task == "regression"
    own, make, advance = _schedules(rules, labels)
    needs = "import sklearn.datasets\n" if "sklearn" in DRAWS[rules.data] else ""
    return f"""# %% [markdown]
# # {title}
#
# The race on screen with torch alone, one racer after the other. Needs torch and numpy{" (scikit-learn holds the data)" if needs else ""}.
# (Where a rate is so high that the loss leaps about, the last bit of every step is magnified: there only the first digits may agree.)

# %%
import hashlib
import itertools
import math

import numpy as np
{needs}import torch

SEED, SEEDS, STEPS, BATCH = {rules.seed}, {rules.seeds}, {rules.steps}, {rules.batch}
SIZES, GAIN = {net.sizes}, {2.0 if rules.activation == "relu" else 1.0}
torch.set_num_threads(1)


def generator(seed, *purpose):
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %%
# The data: a third of each group is kept for the test; columns have mean 0 and deviation 1 over the training part.
g = generator(SEED, "data", {rules.data!r})
{DRAWS[rules.data]}
group = {"np.argsort(np.argsort(y, kind='stable'), kind='stable') * 10 // len(y)" if regression else "y"}
shuffled = generator(SEED, "split").permutation(len(y))
parts = [shuffled[group[shuffled] == k] for k in range(group.max() + 1)]
test = np.sort(np.concatenate([rows[: round(len(rows) / 3)] for rows in parts]))
train = np.sort(np.concatenate([rows[round(len(rows) / 3) :] for rows in parts]))


def standardise(X):
    mean, deviation = X[train].mean(0), X[train].std(0)
    return (X - mean) / np.where(deviation > 0.0, deviation, np.inf)


X = torch.from_numpy(standardise(X))
y = torch.from_numpy({"standardise(y[:, None])" if regression else "y"})
criterion = torch.nn.{"MSELoss" if regression else "CrossEntropyLoss"}()
N = len(train)


def score(Z, y):
    {"return (1 - criterion(Z, y) / y.var(correction=0)).item()" if regression else "return (Z.argmax(1) == y).double().mean().item()"}


def new_net(seed):
    \"\"\"W ~ N(0, gain / inputs), b = 0.\"\"\"
    g, layers = generator(seed, "weights"), []
    for into, out in itertools.pairwise(SIZES):
        layers += [torch.nn.Linear(into, out, dtype=torch.float64), torch.nn.{"ReLU" if rules.activation == "relu" else "Tanh"}()]
        layers[-2].weight.data = torch.from_numpy(g.normal(0.0, math.sqrt(GAIN / into), (out, into)))
        layers[-2].bias.data.zero_()
    return torch.nn.Sequential(*layers[:-1])


def batches(seed):
    g = generator(seed, "batches")
    while True:
        order = g.permutation(N)
        for begin in range(0, N, BATCH):
            yield train[order[begin : begin + BATCH]] if BATCH < N else train

{LION if "lion" in names else ""}{MUON if "muon" in names else ""}{ADAPTIVE if rules.clip == "adaptive" else ""}
RACERS = {{
{racers}
}}
{own}

# %%
def race(name, seed):
    \"\"\"Training loss, test loss and test score at the end, and the step at which the racer left the race, or 0.\"\"\"
    net, order, left = new_net(seed), batches(seed), 0
    optimizer = RACERS[name](net.parameters()){make}
    for t, rows in zip(range(STEPS), order):
        before = [p.detach().clone() for p in net.parameters()]
        optimizer.zero_grad()
        loss = criterion(net(X[rows]), y[rows])
        loss.backward(){_clipping(rules)}
        optimizer.step(){advance}
        if not all((p.abs() <= 1e6).all() for p in net.parameters()):
            left = t + 1  # did not finish: it stands at its last good place
            for p, good in zip(net.parameters(), before):
                p.data = good
            break
    with torch.no_grad():
        Z, Z_test = net(X[train]), net(X[test])
        return criterion(Z, y[train]).item(), criterion(Z_test, y[test]).item(), score(Z_test, y[test]), left


# %%
for name in RACERS:
    runs = np.array([race(name, SEED + k) for k in range(SEEDS)])
    for what, value in zip(("train_loss", "test_loss", "test_score"), np.median(runs, axis=0)):
        print(f"{{what}} {{name}} = {{float(value)!r}}")
    if runs[:, 3].any():
        print(f"{{name}} did not finish under {{int((runs[:, 3] > 0).sum())}} of {{SEEDS}} seeds")
"""


def _optimizer(racer: Racer) -> str:
    """The call that makes it; what equals torch's default is left out."""
    defaults, always = racer.optimizer.defaults, ALWAYS.get(racer.name, ())
    given = {key: value for key, value in racer.settings if key in always or value != defaults[key]}
    words = ", ".join(f"{key}={value!r}" for key, value in {"lr": racer.lr, **given}.items())
    own = {"lion": "Lion", "muon": "Muon"}
    return f"{own.get(racer.name) or f'torch.optim.{CLASSES[racer.name]}'}(p, {words})"


def _clipping(rules: NetworkSpec) -> str:
    if rules.clip == "none":
        return ""
    if rules.clip == "adaptive":
        return f"\n        clip_adaptively(net, {rules.threshold!r})"
    return f"\n        torch.nn.utils.clip_grad_{rules.clip}_(net.parameters(), {rules.threshold!r})"


def _schedules(rules: NetworkSpec, labels: Sequence[str]) -> tuple[str, str, str]:
    """The table of schedulers, where racers have their own; the line that makes one, and the one that moves it on."""
    if not isinstance(rules.schedule, tuple):
        return "", *scheduler_lines(rules.schedule, rules.steps)
    pairs = list(zip(labels, rules.schedule, strict=True))
    lines = "\n".join(f"    {label!r}: lambda optimizer: {scheduler(each, rules.steps)}," for label, each in pairs)
    watching = [label for label, each in pairs if each.watches]
    return (
        f"SCHEDULES = {{\n{lines}\n}}\n",
        "\n    schedule = SCHEDULES[name](optimizer)",
        f"\n        schedule.step(*([loss.item()] if name in {watching} else []))"
        if watching
        else "\n        schedule.step()",
    )
