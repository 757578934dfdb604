"""Autograd records what Python does: a loop may be as long as the data say."""

import torch

NUMBER = 6

x = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)  # record what is done with x
h, n, turns = x, NUMBER, 0
while n != 1:  # plain Python: each turn adds nodes to the graph
    h, n = (torch.sin(h), n // 2) if n % 2 == 0 else (h * 1.5, 3 * n + 1)
    turns += 1
y = h**2
y.backward()


def nodes_of(root):
    """The recorded operations, each before those that it came from."""
    nodes, edges, stack = [root], [], [root]
    while stack:
        node = stack.pop()
        for before, _ in node.next_functions:
            if before is not None:
                if before not in nodes:
                    nodes.append(before)
                    stack.append(before)
                edges.append((nodes.index(before), nodes.index(node)))
    return nodes, edges


nodes, edges = nodes_of(y.grad_fn)
with torch.no_grad():  # nothing is recorded here
    silent = (x**2).requires_grad

result = {
    "turns of the loop": float(turns),
    "nodes in the graph": float(len(nodes)),
    "y": y.item(),
    "dy/dx": x.grad.item(),
    "recorded under no_grad": float(silent),
}
