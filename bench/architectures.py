"""Counting by formula against counting by hooks, and what a block diagram costs.

    python -m bench.architectures

Hooks, as the usual summary tools work: the module is built on the device "meta" (no memory for weights), every layer gets a forward
hook, a picture without content goes through, and the hooks add up. The formula needs neither module nor pass. Every round does both in turn on
the same network and checks that they agree; printed: median and spread (lowest to highest). The formula's cache is emptied before each round.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.architectures import draw
from core.architectures.blocks import Chain
from core.architectures.compute import CLASSES, SMALL, drawing, plan
from core.architectures.count import Shape, count
from core.architectures.module import module
from core.architectures.spec import ArchitecturesSpec
from core.architectures.zoo import NETS
from core.plots.encode import figure_json

ROUNDS = 9


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def told(name: str, values: list[float], unit: str) -> None:
    print(f"  {name:<34} {statistics.median(values):9.3g} ({min(values):.3g} to {max(values):.3g}) {unit}", flush=True)


def by_formula(net: Chain, shape: Shape) -> tuple[int, int]:
    count.cache_clear()
    found = count(net, shape)
    return found.parameters, found.macs


def built(net: Chain, shape: Shape) -> nn.Module:
    with torch.device("meta"):
        return module(net, shape).eval()


def by_hooks(net: nn.Module, shape: Shape) -> tuple[int, int]:
    macs, handles = [], []

    def see(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            macs.append(output.numel() * layer.weight[0].numel())

    for layer in net.modules():
        handles.append(layer.register_forward_hook(see))
    net(torch.empty(1, *shape, device="meta"))
    for handle in handles:
        handle.remove()
    return sum(p.numel() for p in net.parameters()), sum(macs)


def counting(title: str, net: Chain, shape: Shape) -> None:
    """Milliseconds of both, and the ratio."""
    rounds = []
    for _ in range(ROUNDS + 1):
        formula, ours = seconds(lambda: by_formula(net, shape))
        building, layers = seconds(lambda: built(net, shape))
        hooks, theirs = seconds(lambda layers=layers: by_hooks(layers, shape))
        assert ours == theirs, (title, ours, theirs)
        rounds.append((formula, hooks, building))
    rounds = rounds[1:]
    print(title)
    told("formula", [1e3 * f for f, _, _ in rounds], "ms")
    told("hooks, module already built", [1e3 * h for _, h, _ in rounds], "ms")
    told("building the module", [1e3 * b for _, _, b in rounds], "ms")
    told("hooks / formula", [h / f for f, h, _ in rounds], "times")
    told("(building + hooks) / formula", [(h + b) / f for f, h, b in rounds], "times")


def pictures() -> None:
    """Milliseconds and size of the diagram."""
    for net, scale in (("resnet", "small"), ("densenet", "full")):
        spec = ArchitecturesSpec(net=net, scale=scale)
        made = [seconds(lambda spec=spec: _drawn(spec)) for _ in range(ROUNDS)]
        print(f"block diagram of {net}, {scale}: {made[0][1] / 1e3:.1f} kB")
        told("layout, figure, JSON", [1e3 * s for s, _ in made], "ms")


def _drawn(spec: ArchitecturesSpec) -> int:
    found = plan(spec)
    return len(figure_json(draw.blocks(drawing(spec), found.count, "kind", "", found.title)))


def main() -> None:
    """Print the report."""
    torch.set_num_threads(1)
    for name in ("lenet", "resnet", "googlenet", "efficientnet"):
        counting(f"small {NETS[name].title}", NETS[name].small(CLASSES), SMALL)
    for name in ("vgg", "resnet", "densenet", "efficientnet"):
        counting(NETS[name].published, NETS[name].full(), NETS[name].input)
    pictures()


if __name__ == "__main__":
    main()
