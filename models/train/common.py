"""What the training scripts share: the loop, pictures moved at random, and the record of how weights came about.

Loss of a picture x with label y; z and t are the logits of the network and of its teacher (where there is one), temperature T:

    L = -log softmax(z)[y]                                                       without a teacher
    L = T^2 KL(softmax(t / T) || softmax(z / T))                                 with one

Source: G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", arXiv:1503.02531, 2015, section 2; teacher
and network see the same moved picture: L. Beyer et al., "Knowledge distillation: a good teacher is patient and
consistent", CVPR 2022. The learning rate rises and falls once: L. Smith, "Super-convergence", arXiv:1708.07120, 2017.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.data.vision import data_folder, dataset
from core.rng import generator
from models.catalogue import MODELS
from models.storage import FOLDER, restore, stored

ROOT = Path(__file__).resolve().parents[2]
TEMPERATURE = 2.0


@dataclass(frozen=True)
class Recipe:
    """How long and how fast. `shift` is how many pixels a picture may be moved, `flip` whether it may be mirrored.

    The rate's rise and fall takes `planned` epochs (0: all of them). A run that is shorter than planned lets the rate down to 0 in its
    last `cooldown` epochs.
    """

    epochs: int
    rate: float
    batch: int = 64
    weight_decay: float = 5e-4
    shift: int = 0
    flip: bool = False
    bf16: bool = False
    seed: int = 0
    planned: int = 0
    cooldown: int = 0

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        """SGD with Nesterov momentum 0.9; no weight decay on biases and batch-norm."""
        matrices = [p for p in module.parameters() if p.ndim > 1]
        vectors = [p for p in module.parameters() if p.ndim == 1]
        groups = [{"params": matrices, "weight_decay": self.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        return torch.optim.SGD(groups, self.rate, momentum=0.9, nesterov=True)

    def words(self) -> str:
        """The optimizer as the manifest names it."""
        parts = [
            f"SGD, Nesterov momentum 0.9, weight decay {self.weight_decay:g}, batch {self.batch}",
            f"one cycle up to rate {self.rate:g}"
            + f" planned for {self.planned} epochs and let down to 0 in the last {self.cooldown}" * bool(self.planned),
            *[f"pictures moved by up to {self.shift} pixels"] * bool(self.shift),
            *["pictures mirrored at random"] * self.flip,
            *["forward pass in bfloat16"] * self.bf16,
        ]
        return ", ".join(parts)


def moved(x: Tensor, recipe: Recipe, g: torch.Generator) -> Tensor:
    """Every picture of (N, C, H, W) shifted by up to `shift` pixels (zeros come in), and mirrored half of the time."""
    N, _, H, W = x.shape
    s = recipe.shift
    if s:
        dy, dx = torch.randint(2 * s + 1, (2, N, 1, 1), generator=g)
        rows, columns = dy + torch.arange(H).view(1, H, 1), dx + torch.arange(W).view(1, 1, W)
        x = F.pad(x, (s, s, s, s)).permute(0, 2, 3, 1)[torch.arange(N).view(N, 1, 1), rows, columns].permute(0, 3, 1, 2)
    if recipe.flip:
        mirrored = torch.rand(N, 1, 1, 1, generator=g) < 0.5
        x = torch.where(mirrored, x.flip(3), x)
    return x.contiguous(memory_format=torch.channels_last)


def loss_of(z: Tensor, y: Tensor, t: Tensor | None) -> Tensor:
    """L, the mean over the batch."""
    if t is None:
        return F.cross_entropy(z, y)
    T = TEMPERATURE
    return T**2 * F.kl_div((z / T).log_softmax(1), (t / T).log_softmax(1), reduction="batchmean", log_target=True)


def fit(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    recipe: Recipe,
    *,
    teacher: Callable[[Tensor], Tensor] | None = None,
) -> nn.Module:
    """Train the module in place on normalised pictures x (N, C, H, W) with labels y (N,); in eval mode when it returns."""
    module = module.to(memory_format=torch.channels_last)
    optimizer = recipe.optimizer(module)
    per_epoch = -(-len(x) // recipe.batch)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, (recipe.planned or recipe.epochs) * per_epoch, pct_start=0.2, cycle_momentum=False
    )
    steps = recipe.epochs * per_epoch
    order, moves = generator(recipe.seed, "batches"), generator(recipe.seed, "moves")
    for epoch in range(1, recipe.epochs + 1):
        started, total = time.perf_counter(), 0.0
        module.train()
        for rows in torch.randperm(len(x), generator=order).split(recipe.batch):
            batch = moved(x[rows], recipe, moves)
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bf16):
                t = None if teacher is None else teacher(batch).float()
                z = module(batch).float()
            L = loss_of(z, y[rows], t)
            optimizer.zero_grad()
            L.backward()
            optimizer.step()
            cycle.step()
            steps -= 1
            let_down(optimizer, steps, recipe.cooldown * per_epoch)
            total += L.item() * len(rows)
        print(f"epoch {epoch:3} of {recipe.epochs}: loss {total / len(x):.4f}, {time.perf_counter() - started:.0f} s", flush=True)  # fmt: skip
    return module.eval()


def let_down(optimizer: torch.optim.Optimizer, left: int, cooldown: int) -> None:
    """In the last `cooldown` steps the rate is multiplied by (1 + cos(pi (1 - left / cooldown))) / 2, which falls from 1 to 0."""
    if left < cooldown:
        for group in optimizer.param_groups:
            group["lr"] *= (1 + math.cos(math.pi * (1 - left / cooldown))) / 2


@torch.no_grad()
def accuracy(module: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of pictures whose largest logit is that of their label, in float32."""
    right = sum(
        int((module(batch).argmax(1) == labels).sum()) for batch, labels in zip(x.split(500), y.split(500), strict=True)
    )
    return right / len(x)


def tensors(
    name: str, data: str, folder: Path | None, *, each_class: int | None = None, tested: int | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For this model: normalised training pictures and labels, normalised test pictures and labels of a data set.

    With `each_class`, the first so many training pictures of each class; with `tested`, the first so many test pictures.
    """
    known, test = (dataset(data, part, folder=folder) for part in ("train", "test"))
    rows = np.sort(np.concatenate([np.flatnonzero(known.labels == k)[:each_class] for k in range(len(known.classes))]))
    x, x_test = (torch.from_numpy(v) for v in (known.fractions()[rows], test.fractions()[:tested]))
    y, y_test = (torch.from_numpy(v) for v in (known.labels[rows], test.labels[:tested]))
    return MODELS[name].normalise(x), y, MODELS[name].normalise(x_test), y_test


def train(
    name: str,
    arrays: tuple[Tensor, Tensor, Tensor, Tensor],
    recipe: Recipe,
    script: str,
    data: str,
    *,
    teacher: Callable[[Tensor], Tensor] | None = None,
    owes: str | None = None,
) -> float:
    """Train the named network from its first weights and publish it; returns the test accuracy."""
    x, y, x_test, y_test = arrays
    started = time.perf_counter()
    module = fit(MODELS[name].build(recipe.seed), x, y, recipe, teacher=teacher)
    facts = {
        "data": data,
        "pictures": len(x),
        "epochs": recipe.epochs,
        "seed": recipe.seed,
        "optimizer": recipe.words(),
        "teacher": owes,
        "seconds": round(time.perf_counter() - started),
    }
    return publish(name, module, x_test, y_test, facts, script)


def publish(name: str, module: nn.Module, x_test: Tensor, y_test: Tensor, facts: dict[str, Any], script: str) -> float:
    """Write the weights and their record; returns the test accuracy, measured on the weights as they are stored."""
    content = stored(module)
    path = FOLDER / f"{name}.safetensors"
    path.write_bytes(content)
    again = restore(MODELS[name].build(), content).eval()
    measured = accuracy(again, x_test, y_test)
    record = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "stored_as": "float16; loaded into float32; test_accuracy is measured on these weights",
        "parameters": sum(p.numel() for p in again.parameters()),
        **facts,
        "test_pictures": len(x_test),
        "test_accuracy": round(measured, 4),
        "torch": torch.__version__.split("+")[0],
        "script": script,
        "script_sha256": hashlib.sha256((ROOT / script).read_bytes()).hexdigest(),
    }
    manifest = FOLDER / "manifest.json"
    records = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    ordered = {key: (records | {name: record})[key] for key in MODELS if key in records or key == name}
    manifest.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{name}: test accuracy {measured:.4f} on {len(x_test):,} pictures, {len(content):,} bytes", flush=True)
    return measured


def asked(description: str, recipe: Recipe) -> tuple[Path | None, Recipe]:
    """The folder of --data (default: GLASSNET_DATA), and the recipe with the epochs of --epochs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--data", type=Path, default=data_folder(), help="folder with the data sets; default: GLASSNET_DATA"
    )
    parser.add_argument("--epochs", type=int, default=recipe.epochs, help=f"default: {recipe.epochs}, as shipped")
    given = parser.parse_args()
    torch.set_num_threads(1)  # two on a busy machine are slower than one
    return given.data, replace(recipe, epochs=given.epochs)
