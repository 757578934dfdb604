"""All attribution methods on one picture of the small network, against the bare forward pass.

    python -m bench.attribution

The target is 2 seconds for all of them together. Every round makes each map anew (no cache), one torch thread; medians. Process time
is given too: on a busy machine the clock counts the other processes.
"""

from __future__ import annotations

import statistics
import time

import torch

from core.attribution import METHODS, attribute
from core.saliency.scene import blank, inputs, network, scene_of
from core.saliency.spec import SMALL, SaliencySpec

ROUNDS, TARGET = 5, 2.0


def once(name: str, method: str) -> tuple[float, float]:
    """Seconds by the clock and of this process, for one map; without a method, for the forward pass."""
    scene = scene_of(SaliencySpec(network=name))
    net, x, b = network(name), inputs(scene), blank(scene, "grey")
    clock, process = time.perf_counter(), time.process_time()
    if method:
        attribute(net, x, 0, method, baseline=b)
    else:
        with torch.no_grad():
            net(torch.as_tensor(x))
    return time.perf_counter() - clock, time.process_time() - process


def main() -> None:
    torch.set_num_threads(1)
    for name in SMALL:
        found = {m: [once(name, m) for _ in range(ROUNDS + 1)][1:] for m in ("", *METHODS)}
        clock, process = ({m: statistics.median(t[k] for t in times) for m, times in found.items()} for k in (0, 1))
        print(f"{name}: bare forward {1000 * clock['']:.2f} ms")
        for m, about in METHODS.items():
            print(f"  {about.title:<22} {1000 * clock[m]:8.1f} ms   {clock[m] / clock['']:7.0f} forward passes")
        total, own = sum(clock[m] for m in METHODS), sum(process[m] for m in METHODS)
        verdict = "within" if own <= TARGET else "over"
        print(
            f"  all {len(METHODS)}: {total:.2f} s by the clock, {own:.2f} s of process time, {verdict} the target of {TARGET:g} s"
        )


if __name__ == "__main__":
    main()
