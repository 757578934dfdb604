"""Forward and backward of a 60-node scalar graph: this engine against torch.autograd doing the same graph scalar by scalar.

    python -m bench.backprop

Both compute in float64, one thread, alternating in one process; the medians of all rounds are compared. torch is made for large
tensors, and pays some microseconds for each scalar: the ratio says what a scalar graph costs, not which library is faster.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from core.backprop_stepper import Graph, parse
from core.backprop_stepper.update import loss_contour
from core.formula.checks import torch_functions

ROUNDS = 300
FORMULA = "h = " + " + ".join(f"v{k}*tanh(w{k}*x)" for k in range(9)) + "; (h - y)**2 / 2"


def sixty_nodes() -> Graph:
    """A net with one input and nine tanh units."""
    values = {f"{letter}{k}": 0.1 * (k + 1) for letter in "vw" for k in range(9)}
    return parse(FORMULA, {**values, "x": 1.0, "y": 2.0})


def ours(graph: Graph) -> None:
    """Forward and backward, every value and every gradient."""
    graph.forward()
    graph.backward()


def rival(graph: Graph) -> None:
    """The same in torch: leaves that ask for a gradient, one call an operation, backward to the leaves."""
    tensors: list[torch.Tensor] = []
    for node in graph.nodes:
        if node.inputs:
            tensors.append(torch_functions()[node.op](*[tensors[i] for i in node.inputs]))
        else:
            tensors.append(torch.tensor(node.value, dtype=torch.float64, requires_grad=node.op == "leaf"))
    tensors[-1].backward()


def milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)


def told(name: str, times: list[float]) -> str:
    low, _, high = statistics.quantiles(times, n=4)
    return f"{name:<40} median {statistics.median(times):7.3f} ms   quartiles {low:.3f} to {high:.3f} ms"


def main() -> None:
    torch.set_num_threads(1)
    graph = sixty_nodes()
    runs: dict[str, Callable[[], object]] = {
        "ours: forward + backward": lambda: ours(graph),
        "torch.autograd, scalar by scalar": lambda: rival(graph),
        "ours: parse, forward, backward": lambda: ours(sixty_nodes()),
        "ours: loss contour, 41 x 41": lambda: loss_contour(graph, "w0", "v0"),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            times[name].append(milliseconds(run))
    print(f"{len(graph.nodes)} nodes, {ROUNDS} rounds")
    for name, found in times.items():
        print(told(name, found))
    own, torchs, *_ = (statistics.median(found) for found in times.values())
    print(f"ratio: torch.autograd takes {torchs / own:.1f} times as long for this graph of scalars")


if __name__ == "__main__":
    main()
