"""The net behind HTTP: a FastAPI service written for it, tried without a network; and a queue in front of one server.

The service's source is run in a module of its own, and requests are handed to its ASGI interface directly, so what is timed is everything
but the network. The queue is simulated: requests come at random (exponential gaps), one server takes up to B of those that wait, and a batch
of n takes s(n). s(n) is measured on this machine and read off between the measured sizes by straight lines. A batch starts when the server
is free and B requests are there, or the first of them has waited w. For B = 1, w = 0 and constant s the mean wait is that of M/D/1
(F. Pollaczek, 1930; A. Khinchine, 1932):

    W = ρ s / (2 (1 − ρ)),     ρ = arrivals per second · s < 1
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import types
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float

from core.compression.deploy import call, microseconds, module_of
from core.compression.nets import Array, Net, digits, logits, softmax
from core.compression.spec import CompressionSpec
from core.compression.study import base_of
from core.rng import numpy_generator

T = TypeVar("T")

SIZES = (1, 2, 4, 8, 16, 32, 64)
ASKED = 200  # requests of the trial
REQUESTS = 4000  # of the simulation
LOADS = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.5, 3.0, 6.0, 12.0)  # of what a server without batches can do

Service = Callable[[int], float]


def app_source(net: Net) -> str:
    """A FastAPI service for the net; digits.safetensors lies beside it."""
    lines = ",\n    ".join(f"torch.nn.{part}" for part in module_of(net))
    return f'''"""Reads handwritten digits. Start it with: uvicorn serve:app"""

from pathlib import Path

import torch
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from safetensors.torch import load_file

net = torch.nn.Sequential(
    {lines},
)
net.load_state_dict(load_file(Path(__file__).with_name("digits.safetensors")))
net.eval()
app = FastAPI(title="Digits")


class Digits(BaseModel):
    """One row for each digit: 64 numbers from 0 (paper) to 1 (ink), row by row."""

    pixels: list[list[float]]


@app.get("/health")
async def health():
    return {{"status": "ok"}}


@app.post("/predict")
async def predict(sent: Digits):
    if not 1 <= len(sent.pixels) <= 256 or any(len(row) != 64 for row in sent.pixels):
        raise HTTPException(422, "send 1 to 256 rows of 64 numbers each")
    with torch.inference_mode():  # takes less than the switch to another thread would
        p = net(torch.tensor(sent.pixels)).softmax(1)
    return {{"digits": p.argmax(1).tolist(), "probabilities": p.tolist()}}
'''


def started(net: Net) -> Any:
    """The service's ASGI app, from its source and its weights."""
    import safetensors.torch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "serve.py"
        safetensors.torch.save_file(module_of(net).state_dict(), path.with_name("digits.safetensors"))
        module = types.ModuleType("glassnet_served")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module  # pydantic looks annotations up there
        try:
            exec(compile(app_source(net), "serve.py", "exec"), module.__dict__)
        finally:
            del sys.modules[module.__name__]
    return module.app


async def request(app: Any, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and answer of one request; without a body it is a GET."""
    content = b"" if body is None else json.dumps(body).encode()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET" if body is None else "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(m.get("body", b"") for m in sent[1:]))


@dataclass(frozen=True, eq=False)
class Trial:
    """What the service answered: how many of the asked digits as the page does, the largest difference of a probability, the
    status of a bad request, and the milliseconds that each request took."""

    same: int
    apart: float
    refused: int
    milliseconds: Float[Array, " n"]


def trial(spec: CompressionSpec) -> Trial:
    """Start the service and ask it about test digits, one at a time."""
    return _trial(spec.architecture, spec.width, spec.seed)


@lru_cache(maxsize=8)
def _trial(architecture: str, width: int, seed: int) -> Trial:
    data, _, net = base_of(CompressionSpec(architecture=architecture, width=width, seed=seed))
    X = data.X_test[:ASKED]
    return run(_ask(started(net), X, softmax(logits(net, X))))


def run(work: Coroutine[Any, Any, T]) -> T:
    """What the coroutine gives, in a thread of its own: the caller's may be running a loop already."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, work).result()


async def _ask(app: Any, X: Array, P: Array) -> Trial:
    await request(app, "/health")
    await request(app, "/predict", {"pixels": X[:1].tolist()})  # the first request sets things up
    same, apart, times = 0, 0.0, []
    for x, p in zip(X, P, strict=True):
        start = time.perf_counter()
        status, answer = await request(app, "/predict", {"pixels": [x.tolist()]})
        times.append(1e3 * (time.perf_counter() - start))
        same += status == 200 and answer["digits"] == [int(p.argmax())]
        apart = max(apart, float(np.abs(np.array(answer["probabilities"][0]) - p).max()))
    refused, _ = await request(app, "/predict", {"pixels": [[0.0] * 63]})
    return Trial(same, apart, refused, np.array(times))


def service_times(spec: CompressionSpec) -> dict[int, float]:
    """Batch size -> median seconds of the net in torch, measured."""
    return _service_times(spec.architecture, spec.width, spec.seed)


@lru_cache(maxsize=8)
def _service_times(architecture: str, width: int, seed: int) -> dict[int, float]:
    _, _, net = base_of(CompressionSpec(architecture=architecture, width=width, seed=seed))
    module, X = module_of(net), torch.from_numpy(digits(seed).X[: SIZES[-1]]).float()
    return {n: 1e-6 * float(np.median(microseconds(call(module, X[:n]), 60))) for n in SIZES}


def between(times: dict[int, float]) -> Service:
    """s(n) by straight lines between the measured sizes."""
    return lambda n: float(np.interp(n, list(times), list(times.values())))


def queue(arrivals: Float[Array, " n"], service: Service, most: int, wait: float) -> tuple[Float[Array, " n"], list[int]]:  # fmt: skip
    """How long each request takes from arrival (sorted, in seconds) to answer, and the sizes of the batches."""
    done, sizes = np.empty(len(arrivals)), []
    cost = [service(n) for n in range(1, most + 1)]
    first, free = 0, 0.0
    while first < len(arrivals):
        full = arrivals[first + most - 1] if first + most <= len(arrivals) else np.inf
        start = max(free, min(full, arrivals[first] + wait))
        n = min(most, int(np.searchsorted(arrivals, start, side="right")) - first)
        free = start + cost[n - 1]
        done[first : first + n] = free
        sizes.append(n)
        first += n
    return done - arrivals, sizes


def arrivals(rate: float, seed: int) -> Float[Array, " n"]:
    """REQUESTS times of arrival at `rate` a second: the same luck at every rate."""
    return np.cumsum(numpy_generator(seed, "arrivals").exponential(1.0, REQUESTS)) / rate


@dataclass(frozen=True, eq=False)
class Load:
    """At one rate of arrivals: percentiles 50, 95 and 99 of the time to an answer in seconds, answers a second, mean batch."""

    rate: float
    percentiles: tuple[float, float, float]
    throughput: float
    batch: float


def loads(service: Service, most: int, wait: float, seed: int) -> list[Load]:
    """The queue at every load of LOADS; `wait` in units of s(1)."""
    found = []
    for load in LOADS:
        rate = load / service(1)
        at = arrivals(rate, seed)
        took, sizes = queue(at, service, most, wait * service(1))
        p50, p95, p99 = np.percentile(took, (50, 95, 99)).tolist()
        found.append(Load(rate, (p50, p95, p99), len(at) / float((at + took).max()), float(np.mean(sizes))))
    return found


def mean_wait(rate: float, s: float) -> float:
    """Pollaczek and Khinchine's mean wait before service, M/D/1."""
    rho = rate * s
    return rho * s / (2.0 * (1.0 - rho))


def steady(found: Sequence[Load]) -> float:
    """The highest simulated rate of which at least 95 % is answered as it comes: beyond, the queue grows."""
    kept = [one.rate for one in found if one.throughput >= 0.95 * one.rate]
    return max(kept, default=0.0)
