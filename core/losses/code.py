"""The page's numbers as a script that needs only torch and numpy: torch's losses, autograd's slopes, the same descent."""

from __future__ import annotations

from core.formula import leaf_names, parse
from core.formula.source import in_torch
from core.losses.compute import (
    CLASS_LOSSES,
    LINE_LOSSES,
    SPEED,
    chances_of,
    class_data,
    distributions,
    line_data,
    prediction,
    target,
)
from core.losses.spec import OWN, TUNABLE, LossesSpec, chosen
from core.training.losses import LOSSES

TORCH = {
    "mse": 'F.mse_loss(p, y, reduction="none")',
    "mae": 'F.l1_loss(p, y, reduction="none")',
    "huber": 'F.huber_loss(p, y, reduction="none", delta={a!r})',
    "bce": 'F.binary_cross_entropy(p, y, reduction="none")',
    "hinge": "torch.relu(1 - (2 * y - 1) * p)",
    "focal": "-(y * (1 - p) ** {a!r} * torch.log(p) + (1 - y) * p ** {a!r} * torch.log(1 - p))",
    "label_smoothing": "cross_entropy(p, (1 - {a!r}) * y + {a!r} / 2)",
    "cross_entropy": "cross_entropy(p, y)",
    "kl": "cross_entropy(p, y) - cross_entropy(y, y)",
}


def script(spec: LossesSpec) -> str:
    """Values and slopes at the prediction and the open lens, standing alone."""
    names = list(dict.fromkeys([*(one.name for one in chosen(spec)), *_fitted(spec)]))
    lines = "\n".join(f"    {LOSSES[n].title!r}: lambda p, y: {_call(spec, n)}," for n in names)
    own = _own(spec.formula) if spec.formula.strip() else ""
    shown = [one.title for one in chosen(spec)] + [OWN] * bool(own)
    score = "torch.sigmoid(p) if name != 'Hinge' else p" if spec.family == "score" else "p"
    return f"""# %% [markdown]
# # Losses at the prediction {prediction(spec):g}, target {target(spec):g}
# Needs torch and numpy. Slopes are autograd's.

# %%
import math

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)  # with tensors this small a second thread only costs time


def cross_entropy(p, y):
    return -(torch.special.xlogy(y, p) + torch.special.xlogy(1 - y, 1 - p))

{own}
LOSSES = {{
{lines}{
        f'''
    {OWN!r}: own,'''
        if own
        else ""
    }
}}
for name in {shown!r}:
    p = torch.tensor({prediction(spec)!r}, dtype=torch.float64, requires_grad=True)
    value = LOSSES[name]({score}, torch.tensor({target(spec)!r}, dtype=torch.float64))
    value.backward()
    print(f"{{name}} value = {{value.item()!r}}")
    print(f"{{name}} slope = {{p.grad.item()!r}}")
{_lens(spec)}"""


def _fitted(spec: LossesSpec) -> tuple[str, ...]:
    return {"outlier": LINE_LOSSES, "label": CLASS_LOSSES}.get(spec.lens, ())


def _call(spec: LossesSpec, name: str) -> str:
    return TORCH[name].format(a=getattr(spec, TUNABLE[name])) if name in TUNABLE else TORCH[name]


def _own(formula: str) -> str:
    """The typed formula as a function of tensors, one line for each operation."""
    graph = parse(formula, dict.fromkeys(leaf_names(formula), 0.5))
    names = {node.id: node.label if node.op == "leaf" else f"v{node.id}" for node in graph.nodes}
    lines = [f"    {names[n.id]} = {in_torch(n, [names[i] for i in n.inputs])}" for n in graph.nodes if n.op != "leaf"]
    body = "\n".join(lines)
    return f'''
def own(p, y):
    """{formula.strip()}"""
{body}
    return {names[graph.nodes[-1].id]} + 0.0 * p

'''


def _lens(spec: LossesSpec) -> str:
    if spec.lens == "information":
        y, p = distributions(spec)
        return f"""
# %%
y = torch.tensor({y.tolist()!r}, dtype=torch.float64)
p = torch.tensor({p.tolist()!r}, dtype=torch.float64)
print("H(y) =", -torch.special.xlogy(y, y).sum().item())
print("H(y, p) =", -torch.special.xlogy(y, p).sum().item())
print("KL(y || p) =", (torch.special.xlogy(y, y) - torch.special.xlogy(y, p)).sum().item())
"""
    if spec.lens == "log":
        return f"""
# %%
chances = torch.tensor({chances_of(spec)!r}, dtype=torch.float64)
print("mean log loss =", -torch.log(chances).mean().item())
print("geometric mean probability =", torch.exp(torch.log(chances).mean()).item())
"""
    return _descent(spec)


def _descent(spec: LossesSpec) -> str:
    """Gradient descent with a rate that falls along half a cosine."""
    x, y = line_data(spec) if spec.lens == "outlier" else class_data(spec)
    own = bool(spec.formula.strip()) and spec.lens == "outlier"
    titles = [LOSSES[name].title for name in _fitted(spec)] + [OWN] * own
    through = "p" if spec.lens == "outlier" else "p if name == 'Hinge' else torch.sigmoid(p)"
    rate = spec.rate * (1.0 if spec.lens == "outlier" else SPEED)
    return f"""
# %% [markdown]
# ## The same gradient descent under every loss

# %%
x = torch.tensor({x.tolist()!r}, dtype=torch.float64)
y = torch.tensor({y.tolist()!r}, dtype=torch.float64)
steps = {spec.steps}
for name in {titles!r}:
    w, b = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizer = torch.optim.SGD([w, b], lr={rate!r})
    for t in range(steps):
        optimizer.param_groups[0]["lr"] = {rate!r} * (1 + math.cos(math.pi * t / steps)) / 2
        optimizer.zero_grad()
        p = w * x + b
        LOSSES[name]({through}, y).mean().backward()
        optimizer.step()
    print(f"{{name}} w = {{w.item()!r}}")
    print(f"{{name}} b = {{b.item()!r}}")
"""
