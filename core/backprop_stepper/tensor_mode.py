"""The page's matrix level from its Spec: the run, its pictures, the numbers that must be right, and the run as a script."""

from __future__ import annotations

import numpy as np

from core.backprop_stepper.diagnostics import FLAT, health, saturated, spread
from core.backprop_stepper.spec import StepperSpec
from core.backprop_stepper.tensor import Jacobian, TensorRun, jacobian, jacobian_names, run, steps
from core.backprop_stepper.tensor_figures import (
    HISTOGRAM_HEIGHT,
    JACOBIAN_HEIGHT,
    OUTER_HEIGHT,
    STAGES_HEIGHT,
    gradient_histogram,
    jacobian_figure,
    outer_film,
    stage_film,
)
from core.contracts import Figure, Step
from core.plots.words import short

__all__ = [
    "HISTOGRAM_HEIGHT",
    "JACOBIAN_HEIGHT",
    "OUTER_HEIGHT",
    "STAGES_HEIGHT",
    "diagnosis",
    "example_steps",
    "figures",
    "jacobian_of",
    "numbers",
    "run_of",
    "script",
    "steps",
]


def run_of(spec: StepperSpec) -> TensorRun:
    """The net and its mini-batch, after forward and backward."""
    return run(spec.batch, spec.inputs, spec.hidden, spec.outputs, spec.activation, spec.loss, spec.seed)


def figures(spec: StepperSpec) -> dict[str, Figure]:
    """The matrices of each stage, the mean of outer products, one Jacobian."""
    net = run_of(spec)
    return {
        "stages": stage_film(net),
        "outer": outer_film(net, int(spec.layer)),
        "jacobian": jacobian_figure(net, _which(spec), _example(spec)),
        "histogram": gradient_histogram(spread(net)),
    }


def jacobian_of(spec: StepperSpec) -> Jacobian:
    """The Jacobian that the Spec names; that of the loss where this net has no such one."""
    return jacobian(run_of(spec), _which(spec), _example(spec))


def _which(spec: StepperSpec) -> str:
    return spec.jacobian if spec.jacobian in jacobian_names(spec.loss) else "l/Z2"


def _example(spec: StepperSpec) -> int:
    return min(spec.example, spec.batch) - 1


def diagnosis(spec: StepperSpec) -> tuple[str, list[dict[str, str]]]:
    """A sentence on the activations, and the sizes of weights, gradients and steps, one row a matrix."""
    net = run_of(spec)
    sentence = f"**{saturated(net):.0%}** of the activations A1 are saturated: their slope is below {FLAT:g}, so next to no gradient passes them."
    rows = [
        {
            "weights": row.name,
            "std of weights": short(row.data),
            "std of gradient": short(row.grad),
            "gradient : data": short(row.grad_to_data),
            f"update : data at α = {spec.rate:g}": short(row.update_to_data),
        }
        for row in health(net, spec.rate)
    ]
    return sentence, rows


def example_steps(net: TensorRun) -> list[Step]:
    """The stops of the batch-averaging film."""
    return [Step(f"example {n} of {len(net.X)}") for n in range(1, len(net.X) + 1)]


def numbers(spec: StepperSpec) -> dict[str, float]:
    """The loss and every entry of every weight's gradient."""
    net = run_of(spec)
    entries = {
        f"d{name}{list(at)}": float(g)
        for name in ("W1", "b1", "W2", "b2")
        for at, g in np.ndenumerate(net.gradients[name])
    }
    return {"L": float(net.L), **entries}


FORWARD = {"tanh": "np.tanh(Z1)", "relu": "np.maximum(Z1, 0)", "sigmoid": "1 / (1 + np.exp(-Z1))"}
SLOPE = {"tanh": "(1 - A1**2)", "relu": "(Z1 > 0)", "sigmoid": "(A1 * (1 - A1))"}
LOSS = {
    "cross_entropy": """P = np.exp(Z2) / np.exp(Z2).sum(axis=1, keepdims=True)
L = -np.mean(np.sum(Y * np.log(P), axis=1))
dZ2 = (P - Y) / len(X)""",
    "mse": """L = np.mean((Z2 - Y) ** 2)
dZ2 = 2 * (Z2 - Y) / Z2.size""",
}
TORCH_LOSS = {"cross_entropy": "F.cross_entropy(z2, torch.tensor(Y))", "mse": "F.mse_loss(z2, torch.tensor(Y))"}


def script(spec: StepperSpec) -> str:
    """The same forward and backward pass with NumPy, checked against torch; needs only these two."""
    net = run_of(spec)
    data = "\n".join(
        f"{name} = np.array({getattr(net, name).tolist()!r})" for name in ("X", "Y", "W1", "b1", "W2", "b2")
    )
    return f"""# %% [markdown]
# # Backpropagation with matrices: two layers, one mini-batch
#
# Forward and backward in NumPy, then the same by torch.autograd. Needs numpy and torch.

# %%
import numpy as np
import torch
import torch.nn.functional as F

{data}

# %%
# forward
Z1 = X @ W1 + b1
A1 = {FORWARD[spec.activation]}
Z2 = A1 @ W2 + b2
{LOSS[spec.loss]}

# backward: every gradient has the shape of what it belongs to
dW2 = A1.T @ dZ2
db2 = dZ2.sum(axis=0)
dA1 = dZ2 @ W2.T
dZ1 = dA1 * {SLOPE[spec.activation]}
dW1 = X.T @ dZ1
db1 = dZ1.sum(axis=0)

# %%
print(f"L = {{float(L)!r}}")
for name, g in {{"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}}.items():
    for at, entry in np.ndenumerate(g):
        print(f"{{name}}{{list(at)}} = {{float(entry)!r}}")

# %%
w1, b_1, w2, b_2 = (torch.tensor(a, requires_grad=True) for a in (W1, b1, W2, b2))
z2 = torch.{spec.activation}(torch.tensor(X) @ w1 + b_1) @ w2 + b_2
{TORCH_LOSS[spec.loss]}.backward()
for ours, theirs in ((dW1, w1), (db1, b_1), (dW2, w2), (db2, b_2)):
    assert np.allclose(ours, theirs.grad.numpy(), rtol=0, atol=1e-12)
print("equal to torch.autograd within 1e-12")
"""
