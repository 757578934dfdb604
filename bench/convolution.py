"""The four ways to convolve against torch.nn.functional, and what a moved control of the page costs.

    python -m bench.convolution

Every round runs all methods in turn on the same float64 picture and kernel, with one thread; printed: median and spread
(lowest to highest) of each method's time and of its ratio to torch's in the same round. Rerun: from the move of the seed slider
(random kernel, so nothing is cached) to the end of the script, over the websocket as a browser speaks it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from threadpoolctl import threadpool_limits

from bench.pages import ROOT, Session, served
from core.convolution import convolve, gradients
from core.convolution.convolve import METHODS

ROUNDS, MOVES, WARM_UP = 9, 30, 5
CASES = {
    "one picture of the page: 1 x 16 x 16, kernel 3": ((1, 16, 16), (1, 1, 3, 3), {"padding": 1}),
    "a layer: 8 x 32 x 32, 16 filters of 3 x 3": ((8, 32, 32), (16, 8, 3, 3), {"padding": 1}),
    "a large kernel: 1 x 128 x 128, 31 x 31": ((1, 128, 128), (1, 1, 31, 31), {}),
    "transposed: 8 x 16 x 16, stride 2": ((8, 16, 16), (8, 8, 4, 4), {"transposed": True, "stride": 2, "padding": 1}),
}
PAGES = {
    "as it opens": "",
    "16 x 16, padded": "&conv_arithmetic.picture=photo&conv_arithmetic.size=16&conv_arithmetic.padding=1",
}


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def told(name: str, values: list[float], unit: str) -> None:
    print(f"  {name:<28} {statistics.median(values):9.3g} ({min(values):.3g} to {max(values):.3g}) {unit}", flush=True)


def methods() -> None:
    """Milliseconds of each method, and its ratio to torch."""
    rng = np.random.default_rng(0)
    for title, (image, kernel, settings) in CASES.items():
        x, w = rng.normal(size=image), rng.normal(size=kernel)
        rounds = [_round(x, w, settings) for _ in range(ROUNDS + 1)]
        print(title)
        for name in METHODS:
            told(name, [1e3 * row[name] for row in rounds[1:]], "ms")
            told(f"{name} / torch", [row[name] / row["torch"] for row in rounds[1:]], "times torch")
        _backward(x, w, settings)


def _round(x: np.ndarray, w: np.ndarray, settings: dict) -> dict[str, float]:
    return {name: seconds(lambda name=name: convolve(x, w, method=name, **settings)) for name in METHODS}


def _backward(x: np.ndarray, w: np.ndarray, settings: dict) -> None:
    y = convolve(x, w, method="torch", **settings)
    rounds = [
        (seconds(lambda: gradients(y, x, w, **settings)), seconds(lambda: _autograd(y, x, w, settings)))
        for _ in range(ROUNDS + 1)
    ]
    told("backward / torch's", [ours / rival for ours, rival in rounds[1:]], "times torch (forward and backward)")


def _autograd(y: np.ndarray, x: np.ndarray, w: np.ndarray, settings: dict) -> None:
    a, b = (torch.tensor(array, requires_grad=True) for array in (x, w))
    about = {name: value for name, value in settings.items() if name != "transposed"}
    layer = torch.nn.functional.conv_transpose2d if settings.get("transposed") else torch.nn.functional.conv2d
    torch.autograd.grad(layer(a[None], b, **about)[0], (a, b), torch.from_numpy(y))


class SeedSlider(Session):
    """A tab on the page that moves the seed."""

    def _ended(self, message: ForwardMsg) -> bool:
        if message.WhichOneof("type") == "delta" and message.delta.new_element.WhichOneof("type") == "slider":
            slider = message.delta.new_element.slider
            self.slider = slider.id if slider.label == "Seed" else self.slider
        return super()._ended(message)


async def reruns(url: str, query: str) -> list[float]:
    """Milliseconds of each move."""
    tab = SeedSlider(url, "conv-arithmetic")
    tab.query = f"conv_arithmetic.kernel=random{query}"
    await tab.open()
    taken = []
    for k in range(MOVES + WARM_UP):
        taken.append(1e3 * await tab.rerun(float(k + 1)))
        await asyncio.sleep(0.05)
    await tab.socket.close()
    return taken[WARM_UP:]


def main() -> None:
    """Print the report."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        methods()
    with served(ROOT / "app.py", 8618) as (url, _, _):
        print("rerun of the page after a moved control (wanted: within 150 ms)")
        for name, query in PAGES.items():
            told(name, asyncio.run(reruns(url, query)), "ms")


if __name__ == "__main__":
    main()
