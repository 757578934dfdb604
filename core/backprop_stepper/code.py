"""The state on screen as a script that needs only NumPy and torch: the chain rule line by line, then torch's own answer.

How an operation and its derivative are written comes from core/formula/source.py. The scripts print "name = number" for every
number that `numbers` in __init__.py gives to the page.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence

from core.formula import Graph, Node
from core.formula.source import ERF, HELPERS, in_numpy, in_torch, slope

TAKEN = {*HELPERS, "np", "math", "torch", "F", "print", "float", "max", "abs", "range", "values", "ours", "loss", "L"}


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
# First the chain rule by hand in NumPy's float64, then the same graph in PyTorch. Needs numpy and torch.

# %%
{ERF if "math.erf(" in forward + backward else ""}import numpy as np
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
with np.errstate(over="ignore"):  # what is too large for a float64 on the way is inf, as in Python and in torch
    L, gradients = ours(**{{name: np.float64(value) for name, value in values.items()}})
print(f"L = {{float(L)!r}}")
for name, g in gradients.items():
    print(f"dL/d{{name}} = {{float(g)!r}}")

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
    if node.id in graph.fixed:
        return f"{node.value!r}  # set by hand: cut from its inputs"
    return in_numpy(node, [names[i] for i in node.inputs])


def _torch(node: Node, names: Mapping[int, str], graph: Graph) -> str:
    if node.id in graph.fixed:
        return f"torch.tensor({node.value!r}, dtype=torch.float64, requires_grad=True)  # set by hand"
    return in_torch(node, [names[i] for i in node.inputs])


def _gradient(node: Node, names: Mapping[int, str], graph: Graph) -> str:
    """dL/d(node) as the sum over its uses of upstream times local."""
    if node.id == graph.loss.id:
        return "1.0"
    reached = [graph.nodes[user] for user in graph.rules if graph.nodes[user].grad is not None]
    uses = [(user, which) for user in reached for which, i in enumerate(user.inputs) if i == node.id]
    return " + ".join(f"g_{names[user.id]} * ({_slope(user, which, names)})" for user, which in uses) or "0.0"


def _slope(node: Node, which: int, names: Mapping[int, str]) -> str:
    return slope(node, which, [names[i] for i in node.inputs], names[node.id])
