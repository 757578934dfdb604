"""The film of a stack of 50 layers against torch with hooks, and the page. `python -m bench.initialisation`

Both train the same 50 tanh layers of 32 units on the same 96 points in float64 from the same weights, and keep for 25 of the steps of
every layer: mean squares of weighted sums and activations, the gradient's size by x and by W, update : data, saturated and dead units, and
two histograms. The rival is what one would write: an nn.Sequential of Linear and Tanh, a forward hook and a full backward hook on
every module, torch.optim.SGD, torch.histc. The hooks return at once at the steps that are not kept. One thread, in turns, and the same losses.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from core.initialisation import SPEC, about, look, pictures
from core.initialisation.compute import BINS, FLAT, LOWEST, shown_at, start, train
from core.initialisation.points import points
from core.plots.encode import encode

ROUNDS = 5
LIMIT = 0.300  # seconds for the page after a slider has moved


class Hooked:
    """The rival: a module for each part of a layer, watched by hooks."""

    def __init__(self, spec: SPEC) -> None:
        self.spec, theta = spec, [torch.from_numpy(part.copy()) for part in start(spec)]
        self.X, self.y = (torch.from_numpy(part) for part in points(spec.data, spec.width, spec.seed))
        self.X.requires_grad_()  # ours goes down to the input too
        parts: list[nn.Module] = []
        for _ in range(spec.depth):
            parts += [nn.Linear(spec.width, spec.width, dtype=torch.float64), nn.Tanh()]
        self.net = nn.Sequential(*parts, nn.Linear(spec.width, 1, dtype=torch.float64))
        self.linear = [part for part in self.net if isinstance(part, nn.Linear)]
        with torch.no_grad():
            for k, part in enumerate(self.linear):
                part.weight.copy_(theta[2 * k].T)
                part.bias.copy_(theta[2 * k + 1])
        self.watching, self.seen = False, {}
        for k, part in enumerate(self.net):
            part.register_forward_hook(lambda module, given, out, k=k: self.forward_hook(k, module, out))
            part.register_full_backward_hook(lambda module, given, out, k=k: self.backward_hook(k, module, out[0]))

    def forward_hook(self, k: int, module: nn.Module, out: torch.Tensor) -> None:
        if not self.watching:
            return
        out = out.detach()
        self.seen[f"mean square {k}"] = (out**2).mean()
        if isinstance(module, nn.Tanh):
            flat = 1 - out**2 < FLAT
            self.seen[f"saturated {k}"], self.seen[f"dead {k}"] = flat.double().mean(), flat.all(0).double().mean()
            self.seen[f"histogram {k}"] = torch.histc(out, BINS, -1.0, 1.0)

    def backward_hook(self, k: int, module: nn.Module, g: torch.Tensor) -> None:
        if self.watching and isinstance(module, nn.Tanh):
            self.seen[f"gradient {k}"] = (g**2).mean().sqrt()
            logs = g.abs().clamp_min(10.0**LOWEST).log10()
            self.seen[f"histogram of the gradient {k}"] = torch.histc(logs, BINS, LOWEST, 1.0)

    def film(self) -> tuple[list[float], list[dict[str, torch.Tensor]]]:
        """Losses of all steps, and what was seen at those that are kept."""
        optimizer, criterion = torch.optim.SGD(self.net.parameters(), lr=self.spec.rate), nn.BCEWithLogitsLoss()
        shown, losses, frames = set(shown_at(self.spec.steps).tolist()), [], []
        for step in range(self.spec.steps + 1):
            self.watching, self.seen = step in shown, {}
            optimizer.zero_grad()
            loss = criterion(self.net(self.X)[:, 0], self.y)
            loss.backward()
            losses.append(loss.item())
            if self.watching:
                for k, part in enumerate(self.linear[:-1]):
                    size = part.weight.grad.norm()
                    self.seen[f"norm {k}"], self.seen[f"ratio {k}"] = size, self.spec.rate * size / part.weight.norm()
                frames.append(self.seen)
            optimizer.step()
        return losses, frames


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def films(spec: SPEC) -> None:
    """Both films in turns."""
    *_, last = train(spec)
    losses, frames = Hooked(spec).film()
    np.testing.assert_allclose(last.arrays["losses"][0], losses, rtol=1e-9)
    np.testing.assert_allclose(last.arrays["g"][0, -1, 1], frames[-1]["gradient 1"].item(), rtol=1e-6)
    ours, rivals = [], []
    for _ in range(ROUNDS):
        rivals.append(seconds(Hooked(spec).film))
        ours.append(seconds(lambda: list(train(spec))))
    ratios = [rival / own for rival, own in zip(rivals, ours, strict=True)]
    print(
        f"film of {spec.depth} layers of {spec.width} units, {spec.steps} steps: ours {statistics.median(ours):.2f} s, torch with hooks "
        f"{statistics.median(rivals):.2f} s, ratio x {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    )


def page() -> None:
    """A slider moved to where it was not yet: sentence, pictures and the open look, as JSON."""

    def drawn(spec: SPEC) -> None:
        about(spec)
        json.dumps([encode(figure) for figure in (*pictures(spec).values(), *look(spec).figures.values())])

    for lens in ("film", "isometry", "phase"):
        base = SPEC(scheme="lecun_normal", lens=lens)
        drawn(base)
        times = [seconds(lambda k=k, base=base: drawn(replace(base, seed=k))) for k in range(1, 8)]
        limit = f"limit {1e3 * LIMIT:.0f} ms" if lens != "film" else f"with its training of {base.steps} steps"
        print(f"page, {lens}, another seed: {1e3 * statistics.median(times):.0f} ms, {limit}")


def main() -> None:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        films(SPEC(scheme="lecun_normal", depth=50, steps=48, rate=0.01))
        films(SPEC(scheme="lecun_normal", depth=50, steps=48, rate=0.01, width=64))
        page()


if __name__ == "__main__":
    main()
