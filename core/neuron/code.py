"""The run on screen as a script that needs only torch and numpy; the delta rule's correction is autograd's gradient there."""

from __future__ import annotations

from core.neuron.compute import chosen, run_of
from core.neuron.spec import NeuronSpec

CORRECTIONS = {
    "perceptron": "rate * y if y * z <= 0 else 0.0",
    "averaged": "rate * y if y * z <= 0 else 0.0",
    "mira": "y * max(0.0, 1.0 - y * z) / float(x @ x)",
}
GRADIENT = '''
def correction(w, x, y):
    """Minus the gradient of (z - y)^2 / 2, times the rate: torch finds it."""
    w = torch.tensor(w, requires_grad=True)
    loss = (w @ torch.tensor(x) - y) ** 2 / 2
    return -rate * torch.autograd.grad(loss, w)[0].numpy()
'''
TORCH = {
    "step": "torch.heaviside(z, torch.ones_like(z))",
    "linear": "z",
    "sigmoid": "torch.sigmoid(z)",
    "tanh": "torch.tanh(z)",
    "relu": "torch.relu(z)",
}


def script(spec: NeuronSpec) -> str:
    """The points and the lessons, standing alone; it prints the page's numbers."""
    run = run_of(spec)
    rows = "\n".join(f"    ({x1!r}, {x2!r}, {y})," for x1, x2, y in run.points)
    head = f'''# %% [markdown]
# # One neuron: {len(run.points)} points, the rule "{spec.rule}"
# Needs torch and numpy. Classes are +1 and -1; every input gets a third component 1, whose weight is the bias.

# %%
import hashlib

import numpy as np
import torch

torch.set_num_threads(1)

rate, passes, shuffle, seed = {spec.rate!r}, {spec.passes}, {spec.shuffle}, {spec.seed}
points = [
{rows}
]
X = np.array([(x1, x2, 1.0) for x1, x2, _ in points])
Y = np.array([float(y) for _, _, y in points])
'''
    lessons = _by_hand(spec) if spec.rule == "hand" else _lessons(spec)
    return f"""{head}{lessons}

# %%
z = torch.tensor(float(w @ X[{chosen(spec, run)}]), dtype=torch.float64)
print("w1 =", float(w[0]))
print("w2 =", float(w[1]))
print("b =", float(w[2]))
print("points shown =", shown)
print("mistakes =", mistakes)
print("share on the right side =", float((Y * (X @ w) > 0).mean()))
print("weighted sum of the selected point =", z.item())
print("output of the selected point =", {TORCH[spec.activation]}.item())
"""


def _by_hand(spec: NeuronSpec) -> str:
    return f"""
# %%
w = np.array([{spec.w1!r}, {spec.w2!r}, {spec.b!r}])
shown = mistakes = 0
"""


def _lessons(spec: NeuronSpec) -> str:
    rule = GRADIENT if spec.rule == "delta" else f"""
def correction(w, x, y):
    z = float(w @ x)
    return ({CORRECTIONS[spec.rule]}) * x
"""  # fmt: skip
    answer = "\nw = np.mean(history, axis=0)  # the average of all weights answers" if spec.rule == "averaged" else ""
    return f"""
# %%{rule}

digest = hashlib.sha256(f"{{seed}}\\0order".encode()).digest()
generator = np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)
w, shown, mistakes, history = np.zeros(3), 0, 0, []
for _ in range(passes):
    rows = np.arange(len(Y))
    moved = False
    for i in generator.permutation(rows) if shuffle else rows:
        mistakes += int(Y[i] * (w @ X[i]) <= 0)
        change = correction(w, X[i], Y[i])
        moved = moved or bool(change.any())
        w = w + change
        shown += 1
        history.append(w)
        if np.abs(w).max() > 1e6:
            break
    if not moved or np.abs(w).max() > 1e6:
        break
{answer}
"""
