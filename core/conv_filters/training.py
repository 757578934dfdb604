"""A small convolutional network learns, and every snapshot keeps its filters and its maps of one test picture.

    logits = network(x),    L = -1/N sum_n log softmax(logits_n)[y_n],    theta <- Adam(theta, dL/dtheta; eta)

The network is models.SmallCNN: 2 to 4 blocks of convolution, batch-norm if wanted, ReLU and pooling. Snapshots come before the
first step, then close together and later farther apart, for filters change most at the start: after the steps
round(T (k / K)^2), k = 1 .. K. Optimizer: D. P. Kingma, J. Ba, ICLR 2015.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.contracts import Snapshot
from core.conv_filters.lessons import Lesson, lesson
from core.conv_filters.spec import ConvFiltersSpec
from core.convolution.maps import evaluating, feature_maps
from core.rng import generator
from models import SmallCNN
from models.blocks import init_weights

SNAPSHOTS = 30
BATCH = 32


def untrained(spec: ConvFiltersSpec, about: Lesson) -> SmallCNN:
    """The network that the visitor has put together, with its first weights."""
    net = SmallCNN(
        channels=about.train.shape[1], classes=len(about.classes), blocks=spec.blocks, width=spec.width,
        kernel=spec.kernel, batch_norm=spec.batch_norm, pool=spec.pool,
    )  # fmt: skip
    return init_weights(net, generator(spec.seed, "weights"))


def train(spec: ConvFiltersSpec) -> Iterator[Snapshot]:
    """Learn, and report: before the first step and at most SNAPSHOTS times after it.

    A run whose loss is no finite number any more ends there; its last snapshot has the metric `diverged` = 1.

    Raises:
        ExplainerError: the data set cannot be had.
    """
    about = lesson(spec.lesson)
    net = untrained(spec, about).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=spec.rate)
    X, y = torch.from_numpy(about.train), torch.from_numpy(about.train_labels)
    total = spec.epochs * -(-len(X) // BATCH)
    shown = {round(total * (k / SNAPSHOTS) ** 2) for k in range(1, SNAPSHOTS + 1)}
    yield report(net, about, spec, 0, total)
    for step, rows in enumerate(batches(spec, len(X)), start=1):
        loss = F.cross_entropy(net(X[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in shown or not torch.isfinite(loss):
            yield report(net, about, spec, step, total)
            if not torch.isfinite(loss):
                return


def batches(spec: ConvFiltersSpec, count: int) -> Iterator[Tensor]:
    """The rows of each step: every epoch all of them once, in a new order."""
    g = generator(spec.seed, "batches")
    for _ in range(spec.epochs):
        yield from torch.randperm(count, generator=g).split(BATCH)


def report(net: nn.Module, about: Lesson, spec: ConvFiltersSpec, step: int, total: int) -> Snapshot:
    """What the network knows after `step` steps: accuracy and loss on the test pictures, its filters, its maps of one picture."""
    with evaluating(net), torch.no_grad():
        logits = net(torch.from_numpy(about.test))
    labels = torch.from_numpy(about.test_labels)
    probe = about.probe(spec.probe)
    maps = {n: m[0] for n, m in feature_maps(net, about.test[probe : probe + 1]).items() if "relu" in n}
    loss = float(F.cross_entropy(logits, labels))
    metrics = {
        "epoch": spec.epochs * step / total,
        "test_loss": loss,
        "test_accuracy": float((logits.argmax(1) == labels).double().mean()),
        "silent_maps": float(sum((m == 0).all(axis=(1, 2)).sum() for m in maps.values())),
        "diverged": float(not np.isfinite(loss)),
    }
    arrays = {
        "filters": next(m for m in net.modules() if isinstance(m, nn.Conv2d)).weight.detach().numpy().copy(),
        "picture": about.test[probe],
        "answer": torch.softmax(logits[probe], 0).numpy(),
        **{f"maps {name.removeprefix('features.')}": values for name, values in maps.items()},
    }
    return Snapshot(step, total, metrics, arrays)
