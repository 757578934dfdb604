"""The state on screen as a script that needs only torch: the chain rule line by line, then torch's own answer.

How an operation's derivative is written comes from the table in operations.py; how its value is written stands here. The
scripts print "name = number" for every number that `numbers` in __init__.py gives to the page.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence

from core.backprop_stepper.graph import Graph, Node
from core.backprop_stepper.operations import OPERATIONS

IMPORTS = ("cos", "erf", "exp", "log", "log1p", "pi", "sin", "sqrt", "tanh")
HELPERS = {
    "sigmoid": "def sigmoid(a):\n    return 1 / (1 + exp(-a)) if a >= 0 else exp(a) / (1 + exp(a))\n",
    "softmax": "def softmax(z):\n    e = [exp(a - max(z)) for a in z]\n    return [a / sum(e) for a in e]\n",
    "cross_entropy": "def cross_entropy(z, k):\n    return max(z) - z[k] + log(sum(exp(a - max(z)) for a in z))\n",
}
TAKEN = {
    *IMPORTS,
    *HELPERS,
    "torch",
    "print",
    "float",
    "max",
    "min",
    "abs",
    "sum",
    "range",
    "values",
    "ours",
    "loss",
    "L",
    "F",
}

VALUES: Mapping[str, str] = {
    "add": "{a} + {b}", "sub": "{a} - {b}", "mul": "{a} * {b}", "div": "{a} / {b}", "pow": "{a} ** {b}", "neg": "-{a}",
    "exp": "exp({a})", "log": "log({a})", "tanh": "tanh({a})", "sigmoid": "sigmoid({a})", "relu": "max({a}, 0.0)",
    "leaky_relu": "{a} if {a} > 0 else 0.01 * {a}", "gelu": "{a} * (1 + erf({a} / sqrt(2))) / 2",
    "softplus": "{a} if {a} > 20 else log1p(exp({a}))", "sin": "sin({a})", "cos": "cos({a})", "sqrt": "sqrt({a})",
    "abs": "abs({a})", "max": "max({a}, {b})", "min": "min({a}, {b})",
}  # fmt: skip
TORCH: Mapping[str, str] = {
    **{name: VALUES[name] for name in ("add", "sub", "mul", "div", "pow", "neg", "abs")},
    **{name: f"torch.{name}({{a}})" for name in ("exp", "log", "tanh", "sigmoid", "relu", "sin", "cos", "sqrt")},
    **{name: f"F.{name}({{a}})" for name in ("leaky_relu", "gelu", "softplus")},
    "max": "torch.maximum({a}, {b})", "min": "torch.minimum({a}, {b})",
}  # fmt: skip
SLOPES: Mapping[str, tuple[str, ...]] = {  # where the table's text, as Python, would overflow or divide by 0 before the end
    "div": ("1/b", "-a/b/b"), "pow": ("b*a**(b - 1) if b else 0.0", "out*log(a)"),
    "gelu": ("(1 + erf(a/sqrt(2)))/2 + a*exp(-a*a/2)/sqrt(2*pi)",), "softplus": ("1 if a > 20 else sigmoid(a)",),
}  # fmt: skip


def script(graph: Graph) -> str:
    """The graph, with the values that it has now, as a script."""
    names = _names(graph.nodes)
    leaves = [names[leaf.id] for leaf in graph.leaves.values()]
    operations = [node for node in graph.nodes if node.op != "leaf"]
    values = "\n".join(f"    {names[leaf.id]!r}: {leaf.value!r}," for leaf in graph.leaves.values())
    forward = "\n".join(f"    {names[n.id]} = {_value(n, names, graph)}" for n in operations)
    backward = "\n".join(
        f"    g_{names[n.id]} = {_gradient(n, names, graph)}" for n in reversed(graph.nodes) if graph.needs_grad[n.id]
    )
    in_torch = "\n".join(f"    {names[n.id]} = {_torch(n, names, graph)}" for n in operations)
    shown = "\n".join(f"#     {line}" for line in graph.formula.strip().splitlines())
    last = names[graph.loss.id]
    helpers = "".join(f"{text}\n\n" for name, text in HELPERS.items() if f"{name}(" in forward + backward)
    return f"""# %% [markdown]
# # Backpropagation, one line an operation
#
{shown}
#
# First the chain rule by hand in plain Python, then the same graph in PyTorch. Needs torch only.

# %%
from math import {", ".join(IMPORTS)}

import torch
import torch.nn.functional as F

values = {{
{values}
}}


{helpers}def ours({", ".join(leaves)}):
    \"\"\"The loss and its gradient by every leaf.\"\"\"
    # forward
{forward or "    pass"}
    # backward: g_v is dL/dv; where v was used more than once, the contributions are added
{backward}
    return {last}, {{{", ".join(f"{label!r}: g_{names[leaf.id]}" for label, leaf in graph.leaves.items())}}}


def loss({", ".join(leaves)}):
    \"\"\"The same graph, built by torch.\"\"\"
{in_torch or "    pass"}
    return {last}


# %%
L, gradients = ours(**values)
print(f"L = {{L!r}}")
for name, g in gradients.items():
    print(f"dL/d{{name}} = {{g!r}}")

# %%
tensors = {{name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in values.items()}}
by_torch = torch.autograd.grad(loss(**tensors), list(tensors.values()), allow_unused=True) if tensors else []
for (name, g), t in zip(gradients.items(), by_torch):
    theirs = 0.0 if t is None else t.item()
    print(f"{{name}}: {{g:+.12f}} by hand, {{theirs:+.12f}} by torch")
    assert abs(g - theirs) <= 1e-9 * max(1.0, abs(g))
"""


def _names(nodes: Sequence[Node]) -> dict[int, str]:
    """Node id -> its name in the script: leaves keep theirs unless Python, the script or another leaf needs it."""
    names = {node.id: node.label if node.op == "leaf" else f"v{node.id}" for node in nodes}
    for node in nodes:
        while node.op == "leaf" and (_reserved(names[node.id]) or list(names.values()).count(names[node.id]) > 1):
            names[node.id] = f"leaf_{names[node.id]}"
    return names


def _reserved(name: str) -> bool:
    return name in TAKEN or keyword.issoftkeyword(name) or re.fullmatch(r"v\d+|g_.*|__debug__", name) is not None


def _value(node: Node, names: Mapping[int, str], graph: Graph) -> str:
    inputs = [names[i] for i in node.inputs]
    if node.id in graph.fixed:
        return f"{node.value!r}  # set by hand: cut from its inputs"
    if node.op == "const":
        return repr(node.value)
    if node.op == "softmax_cross_entropy":
        return f"cross_entropy([{', '.join(inputs)}], {node.params[0]})"
    if node.op == "mse":
        return " + ".join(
            f"({p} - {y}) ** 2 / {len(inputs) // 2}" for p, y in zip(inputs[::2], inputs[1::2], strict=True)
        )
    return VALUES[node.op].format(**dict(zip("ab", inputs, strict=False)))


def _torch(node: Node, names: Mapping[int, str], graph: Graph) -> str:
    inputs = [names[i] for i in node.inputs]
    if node.id in graph.fixed:
        return f"torch.tensor({node.value!r}, dtype=torch.float64, requires_grad=True)  # set by hand"
    if node.op == "const":
        return f"torch.tensor({node.value!r}, dtype=torch.float64)"
    if node.op == "softmax_cross_entropy":
        return f"F.cross_entropy(torch.stack([{', '.join(inputs)}]), torch.tensor({node.params[0]}))"
    if node.op == "mse":
        return f"F.mse_loss(torch.stack([{', '.join(inputs[::2])}]), torch.stack([{', '.join(inputs[1::2])}]))"
    return TORCH[node.op].format(**dict(zip("ab", inputs, strict=False)))


def _gradient(node: Node, names: Mapping[int, str], graph: Graph) -> str:
    """dL/d(node) as the sum over its uses of upstream times local."""
    if node.id == graph.loss.id:
        return "1.0"
    reached = [graph.nodes[user] for user in graph.rules if graph.nodes[user].grad is not None]
    uses = [(user, which) for user in reached for which, i in enumerate(user.inputs) if i == node.id]
    return " + ".join(f"g_{names[user.id]} * ({_slope(user, which, names)})" for user, which in uses) or "0.0"


def _slope(node: Node, which: int, names: Mapping[int, str]) -> str:
    """d(node)/d(its input number `which`) in the script's names."""
    inputs = [names[i] for i in node.inputs]
    if node.op == "softmax_cross_entropy":
        return f"softmax([{', '.join(inputs)}])[{which}] - {int(which == node.params[0])}"
    if node.op == "mse":
        first = which - which % 2
        return f"{'-' if which % 2 else ''}2 * ({inputs[first]} - {inputs[first + 1]}) / {len(inputs) // 2}"
    words = {**dict(zip("ab", inputs, strict=False)), "out": names[node.id]}
    slopes = SLOPES.get(node.op, OPERATIONS[node.op].slopes)
    return re.sub(r"\b(a|b|out)\b", lambda found: words[found.group()], slopes[which])
