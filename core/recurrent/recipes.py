"""A race of recurrent nets on one task, from first weights to last: everything that their training depends on, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.contracts import Snapshot
from core.recurrent.cells import CELLS, width_for
from core.recurrent.learning import Batches, train
from core.recurrent.networks import Net, blank, network
from core.recurrent.tasks import TASKS
from core.rng import generator

CONTENT = {
    "copy": 8,
    "recall": 2,
    "adding": 10,
    "parity": 12,
    "dyck": 20,
    "order": 9,
    "reber": 30,
}  # steps without any delay
DELAYS = {
    "copy": 4,
    "recall": 16,
    "adding": 8,
    "parity": 0,
    "dyck": 0,
    "order": 8,
    "reber": 0,
}  # that a first look takes
SPACED = ("parity", "dyck")  # the delay stands between all symbols, not once
MOST_SPACED = 120  # steps of those
TESTED = 128  # sequences that an accuracy is measured on


@dataclass(frozen=True)
class Recipe:
    """`same` says what the nets have in common: their "width" (hidden units), or about the "parameters" of an LSTM of that width."""

    task: str
    delay: int = 0
    cells: tuple[str, ...] = ("rnn", "gru", "lstm")
    hidden: int = 16
    same: str = "width"
    layers: int = 1
    bidirectional: bool = False
    weights: str = "uniform"
    forget_bias: float | None = None
    gain: float = 1.0
    steps: int = 1000
    batch: int = 64
    rate: float = 0.01
    clip: float | None = 1.0
    seed: int = 0

    @property
    def length(self) -> int:
        """Steps of a sequence."""
        content = CONTENT[self.task]
        if self.task in SPACED:
            return max(min(content * (self.delay + 1), MOST_SPACED), self.delay + 1)
        return content + (self.delay if TASKS[self.task].delayed else 0)

    def hidden_of(self, kind: str) -> int:
        """Hidden units of a net of this kind."""
        features = TASKS[self.task].features
        if self.same == "width":
            return self.hidden
        return width_for(kind, features, CELLS["lstm"].parameters(features, self.hidden))

    def shape_of(self, kind: str) -> dict[str, int | bool | str]:
        """What `blank` and `network` need to know, but for the generator. Peepholes come in one layer and one direction."""
        task, plain = TASKS[self.task], kind == "peephole"
        return {
            "kind": kind, "features": task.features, "hidden": self.hidden_of(kind), "outputs": task.outputs,
            "layers": 1 if plain else self.layers, "bidirectional": False if plain else self.bidirectional,
        }  # fmt: skip


def sample(recipe: Recipe, count: int, g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Sequences of the recipe's task, length and delay: inputs, targets, latent."""
    task = TASKS[recipe.task]
    return task.sample(count, recipe.length, g, recipe.delay if task.delayed else None)


def first_nets(recipe: Recipe) -> dict[str, Net]:
    """The nets before training; each kind's first weights are its own draw."""
    return {
        kind: network(
            **recipe.shape_of(kind), generator=generator(recipe.seed, "weights", kind), weights=recipe.weights, forget_bias=recipe.forget_bias, gain=recipe.gain,
        )
        for kind in recipe.cells
    }  # fmt: skip


def empty_net(recipe: Recipe, kind: str) -> Net:
    """A net of the right shape, to load weights into."""
    return blank(**recipe.shape_of(kind))


def batches(recipe: Recipe) -> Batches:
    """Inputs and targets of every step, drawn anew each time."""
    g = generator(recipe.seed, "batches")
    while True:
        inputs, targets, _ = sample(recipe, recipe.batch, g)
        yield inputs, targets


def held_out(recipe: Recipe) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets and latent that no net was trained on."""
    return sample(recipe, TESTED, generator(recipe.seed, "test"))


@torch.no_grad()
def accuracy(recipe: Recipe, net: Net, inputs: Float[Tensor, "batch time feature"]) -> float:
    """Share of the answers that follow the task's rule."""
    return float(TASKS[recipe.task].right(inputs, net(inputs)).nanmean())


def run(recipe: Recipe, every: int | None = None) -> Iterator[Snapshot]:
    """Train all nets on the same batches; see `learning.train`. Metrics score.<kind>: accuracy on the test set."""
    inputs, _, _ = held_out(recipe)
    return train(
        first_nets(recipe),
        batches(recipe),
        TASKS[recipe.task].loss,
        recipe.steps,
        rate=recipe.rate,
        clip=recipe.clip,
        every=every or max(1, recipe.steps // 50),
        score=lambda net: accuracy(recipe, net, inputs),
    )
