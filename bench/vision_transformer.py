"""A vision transformer watched against its plain forward pass, and the page's pictures. `python -m bench.vision_transformer`

Watched means: the attention of all heads and the tokens after every block are kept. Both run in turns on the same pictures; the ratio
of the medians is printed. A network of the size of ViT-B/16 with random weights is timed too, unless `--small` asks to leave it out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from core.plots.encode import encode
from core.rng import generator
from core.vision_transformer import SPEC, about, look, pictures, questions, view_of
from core.vision_transformer.compute import watched
from core.vision_transformer.scene import network, scene_of, variant_of
from models.vit import ViT, init_vit

ROUNDS = 40
LIMITS = {"watched": 3.0, "page": 0.300}  # a ratio, and seconds


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@torch.no_grad()
def compared(name: str, net: ViT, x: Tensor, rounds: int = ROUNDS) -> None:
    """Print the ratio of a watched pass to a plain one, and that both give the same logits."""
    assert torch.equal(torch.from_numpy(watched(net, x).logits), net(x)[0])
    pairs = [(timed(lambda: watched(net, x)), timed(lambda: net(x))) for _ in range(rounds)]
    ours, plain = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{name}: watched {1e3 * ours:.2f} ms, plain forward {1e3 * plain:.2f} ms, ratio {ours / plain:.2f}, limit {LIMITS['watched']}")  # fmt: skip


def page() -> None:
    """Another picture: the pass, the sentence, the maps, the lens and the questions, as JSON."""

    def drawn(spec: SPEC) -> None:
        view = view_of(spec)
        about(view)
        json.dumps([encode(figure) for figure in (*pictures(view).values(), *look(view).figures.values())])
        questions(view)

    for data, grid in (("digits", "4"), ("shapes", "8")):
        spec = SPEC(data=data, grid=grid)
        drawn(spec)  # loads the weights
        times = [timed(lambda k=k, spec=spec: drawn(replace(spec, picture=k))) for k in range(1, 20)]
        print(f"page, {data}, another picture: {1e3 * statistics.median(times):.0f} ms, limit {1e3 * LIMITS['page']:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="without the network of 86 million weights")
    torch.set_num_threads(1)
    for data, grid in (("digits", "4"), ("digits", "2"), ("shapes", "8")):
        spec = SPEC(data=data, grid=grid)
        compared(f"{data}, {grid} x {grid} patches", network(variant_of(spec)), scene_of(spec).inputs())
    page()
    if not parser.parse_args().small:
        large = ViT(size=224, patch=16, channels=3, classes=1000, d=768, layers=12, heads=12, hidden=3072)
        g = generator(0, "bench")
        compared("ViT-B/16, 14 x 14 patches", init_vit(large, g).eval(), torch.randn(1, 3, 224, 224, generator=g), 5)
