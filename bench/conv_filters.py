"""Feature maps of a whole network, and the pictures of a layer change, each against the bare forward pass in the same run.

Prints for the CIFAR network: all maps of one picture, and the ratio to model(x) alone; and the time in which the page's pictures are
made anew when only the layer changes (the model and its maps are cached by then).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import torch

from core.conv_filters import SPEC, pictures
from core.conv_filters.compute import see
from core.convolution.maps import feature_maps
from core.plots.encode import encode
from models import MODELS, load

NETWORK = "resnet20-cifar10"
REPEATS = 15
LIMITS = {"maps": 0.100, "page": 0.150}  # seconds


def best(work: Callable[[], object]) -> float:
    """The shortest of some runs, in seconds: what the work costs on a machine that does nothing else."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def maps() -> None:
    """All maps of one picture against the forward pass alone."""
    net = load(NETWORK)
    x = torch.zeros(1, *MODELS[NETWORK].input_shape)
    with torch.no_grad():
        bare = best(lambda: net(x))
    found = best(lambda: feature_maps(net, x))
    print(
        f"{NETWORK}: all feature maps {1e3 * found:.1f} ms, bare forward {1e3 * bare:.1f} ms, ratio {found / bare:.2f}, limit {1e3 * LIMITS['maps']:.0f} ms"
    )


def page() -> None:
    """The page's pictures for two layers in turn, as JSON, with cached model and maps."""
    layers = ["stage1.0.relu1", "stage2.0.relu1"]
    specs = [SPEC(network=NETWORK, layer=layer) for layer in layers]
    for spec in specs:
        pictures(spec)  # fills the caches
    see(specs[0])

    def change() -> None:
        for spec in specs:
            json.dumps([encode(figure) for figure in pictures(spec).values()])

    both = best(change) / len(specs)
    net, x = load(NETWORK).double(), torch.zeros(1, *MODELS[NETWORK].input_shape, dtype=torch.float64)
    with torch.no_grad():
        bare = best(lambda: net(x))
    print(
        f"layer change, pictures and JSON: {1e3 * both:.1f} ms, bare forward in float64 {1e3 * bare:.1f} ms, ratio {both / bare:.2f}, limit {1e3 * LIMITS['page']:.0f} ms"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    maps()
    page()
