"""The nets: torch's RNN, LSTM or GRU over the window and a linear layer on the last hidden state, trained in float64.

    h_t = cell(x_t, h_{t−1}),    answer = W h_L + b,    loss = mean (answer − target)²

All weights start uniform in ±1/√units, each cell from its own draw; Adam, gradients cut to norm 1, windows in batches of 32 in a new order every epoch, the
same for all cells. The weights of the epoch with the lowest validation loss are kept. `train` is a generator, one Snapshot an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from itertools import islice
from typing import Any

import numpy as np

from core.contracts import Snapshot
from core.forecasting.compute import (
    Model,
    Problem,
    Study,
    anchored,
    core_of,
    net_part,
    problem,
    problem_of,
    study,
    targets,
)
from core.forecasting.series import Series, resolved, series
from core.forecasting.spec import CELLS, ForecastingSpec, cells_of
from core.rng import numpy_generator

BATCH, CLIP = 32, 1.0
AT_ONCE = 0.3  # seconds that the nets may train while the page opens
COST = {"rnn": 1.1e-3, "lstm": 2.4e-3, "gru": 2.3e-3}  # seconds of a step with a window of 24 and few units
Arrays = Mapping[str, np.ndarray]


def net(cell: str, columns: int, units: int, answers: int, seed: int) -> Any:
    """The untrained net in float64: torch modules `cell` and `head`."""
    import torch

    kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    made = torch.nn.ModuleDict(
        {
            "cell": kind(columns, units, batch_first=True, dtype=torch.float64),
            "head": torch.nn.Linear(units, answers, dtype=torch.float64),
        }
    )
    g = numpy_generator(seed, "weights", cell)
    with torch.no_grad():
        for p in made.parameters():
            p.copy_(torch.from_numpy(g.uniform(-1, 1, tuple(p.shape)) / np.sqrt(units)))
    return made


def answer(made: Any, x: Any) -> Any:
    """(N, L, d) -> (N, answers), both torch tensors."""
    return made["head"](made["cell"](x)[0][:, -1])


def as_model(made: Any) -> Model:
    """The net as a function of arrays."""
    import torch

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return answer(made, torch.from_numpy(np.ascontiguousarray(x))).numpy()

    return predict


def train_on(found: Series, spec: ForecastingSpec) -> Iterator[Snapshot]:
    """Train the Spec's nets on a series; a Snapshot before the first step and after every epoch.

    Metrics: each net's training and validation loss. Arrays: the kept weights "lstm cell.weight_ih_l0" and so on, and the epoch they are from.
    """
    yield from learn(problem(core_of(spec), found))


def learn(p: Problem) -> Iterator[Snapshot]:
    """Train the nets on the windows of a problem, all on the same batches."""
    import torch

    spec, cells = p.spec, cells_of(p.spec)
    seen, goal = (torch.from_numpy(a) for a in (anchored(p.x, spec)[0], targets(p)))
    nets = {cell: net(cell, seen.shape[2], spec.units, goal.shape[1], spec.seed) for cell in cells}
    optimizers = {cell: torch.optim.Adam(made.parameters(), lr=spec.rate) for cell, made in nets.items()}
    parts = {name: torch.from_numpy(rows) for name, rows in zip(("training", "validation"), p.parts, strict=False)}
    lowest, kept = dict.fromkeys(cells, float("inf")), {"spec": np.array(net_part(spec).to_json())}

    def report(epoch: int) -> Snapshot:
        metrics = {}
        for cell, made in nets.items():
            with torch.no_grad():
                losses = {n: float(((answer(made, seen[r]) - goal[r]) ** 2).mean()) for n, r in parts.items()}
            metrics |= {f"{cell} {name}": value for name, value in losses.items()}
            if losses["validation"] < lowest[cell]:
                lowest[cell] = losses["validation"]
                kept.update({f"{cell} {n}": w.detach().numpy().copy() for n, w in made.named_parameters()})
                kept[f"{cell} epoch"] = np.array(epoch)
        return Snapshot(epoch, spec.epochs, metrics, dict(kept))

    yield report(0)
    g = numpy_generator(spec.seed, "batches")
    for epoch in range(1, spec.epochs + 1):
        order = g.permutation(p.parts.train)
        for cell, made in nets.items():
            for start in range(0, len(order), BATCH):
                rows = torch.from_numpy(order[start : start + BATCH])
                optimizers[cell].zero_grad()
                ((answer(made, seen[rows]) - goal[rows]) ** 2).mean().backward()
                torch.nn.utils.clip_grad_norm_(made.parameters(), CLIP)
                optimizers[cell].step()
        yield report(epoch)


def trained(arrays: Arrays, p: Problem) -> dict[str, Model]:
    """The nets of a Snapshot's arrays, as functions."""
    import torch

    out = {}
    for cell in CELLS:
        found = {
            n.removeprefix(f"{cell} "): w
            for n, w in arrays.items()
            if n.startswith(f"{cell} ") and n != f"{cell} epoch"
        }
        if found:
            made = net(cell, p.x.shape[2], len(found["head.weight"][0]), len(found["head.weight"]), 0)
            made.load_state_dict({n: torch.from_numpy(np.array(w)) for n, w in found.items()})
            out[cell] = as_model(made)
    return out


def trainer(spec: ForecastingSpec) -> Any:
    """`train_on` with the resolved Spec's series in its hands, for a job in another process."""
    return partial(train_on, series(spec))


def belongs(arrays: Arrays, spec: ForecastingSpec) -> bool:
    """Whether a Snapshot's nets are those that the Spec asks for."""
    return str(arrays["spec"]) == net_part(spec).to_json()


def quick_epochs(p: Problem) -> int:
    """So many epochs of the Spec's nets take about `AT_ONCE` seconds on one quiet core."""
    spec = p.spec
    steps = -(-len(p.parts.train) // BATCH)
    each = steps * sum(COST[cell] for cell in cells_of(spec)) * max(spec.window / 24, 0.3) * (1 + spec.units / 60)
    return max(1, min(spec.epochs, int(AT_ONCE / each)))


def run_quickly(p: Problem, epochs: int) -> tuple[Snapshot, dict[str, list[float]]]:
    """The Snapshot after so many epochs, and every metric up to it."""
    said = list(islice(learn(p), epochs + 1))
    return said[-1], {name: [s.metrics[name] for s in said] for name in said[-1].metrics}


@lru_cache(maxsize=16)
def _quick(spec: ForecastingSpec) -> tuple[Snapshot, dict[str, list[float]]]:
    p = problem_of(spec)
    return run_quickly(p, quick_epochs(p))


def quick(spec: ForecastingSpec) -> tuple[Snapshot, dict[str, list[float]]]:
    """The first epochs of a resolved Spec's nets, computed while the page opens, and their curves."""
    return _quick(net_part(spec))


def study_of(spec: ForecastingSpec, snapshot: Snapshot) -> Study:
    """Everybody's forecasts with the nets of a Snapshot."""
    p = replace(problem_of(spec), spec=spec)
    return study(p, trained(snapshot.arrays, p), snapshot.step)


@lru_cache(maxsize=8)
def _whole(spec: ForecastingSpec) -> Snapshot:
    *_, last = learn(problem_of(spec))
    return last


def numbers(spec: ForecastingSpec) -> dict[str, float]:
    """What the script prints: every model's measures on the test part after all epochs."""
    spec, _ = resolved(spec)
    run = study_of(spec, _whole(net_part(spec)))
    return {
        f"{model} {name}": value
        for model, found in run.scores.items()
        for name, value in found.items()
        if np.isfinite(value)
    }
