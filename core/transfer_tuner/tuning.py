"""One run of transfer learning: a trained body, a new head, and a loop that says after each epoch how it stands.

    L(θ) = 1/Σ w_{y_n} Σ_n w_{y_n} [ (1 − ε) (−log p_n[y_n]) + ε/K Σ_k −log p_n[k] ],     p = softmax(head(body(x)))

ε label smoothing, w_k = N / (K N_k) with class weights, else 1. What learns is decided by the strategy:

    probe     θ = head; the features body(x) are computed once and kept
    partial   θ = head and the last blocks of the body
    full      θ = all
    scratch   θ = all, from first weights

The rate of block b of B (the head is block B) is η ρ δ^(B − 1 − b), with ρ the body's share and δ the step from block to block
(J. Howard, S. Ruder, ULMFiT, ACL 2018, section 3.2). Batch-norm statistics are frozen or follow the batches. Everything random
belongs to an epoch: batches and dropout masks of epoch t come from generators of (seed, purpose, t), and whatever else a run
remembers is a function of its curve. So the weights, the optimizer's moments and the curve are all of a checkpoint, and a run
that goes on from one goes on bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from core.contracts import Snapshot
from core.data.image_sets import split
from core.data.images import ImageSet
from core.data.squares import squares
from core.errors import ExplainerError
from core.rng import generator
from core.training.schedules import Plateau, Schedule, by_period
from core.transfer_tuner.spec import PRECISION_OF_AUTO, TuneSpec
from core.transfer_tuner.watch import PHASES, Watch, sample
from models.tuned import BACKBONES, NORMS, Tuned, tuned

CHUNK = 32  # pictures in one forward pass without gradients
LARGEST = 64_000_000  # bytes of a checkpoint that is sent along
PLATEAU_PATIENCE, PLATEAU_FACTOR, STEPS_DOWN = 3, 0.3, 3
CURVES = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "rate", "diverged")

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Task:
    """Equal squares of bytes, and which of them are for training and for validation (rows of the picture set)."""

    pictures: UInt8[np.ndarray, "N size size 3"]
    labels: Int[np.ndarray, "N"]
    classes: tuple[str, ...]
    train: Int[np.ndarray, "_"]
    val: Int[np.ndarray, "_"]


def task(spec: TuneSpec, image_set: ImageSet) -> Task:
    """The pictures as the backbone takes them, split by class and seed.

    Raises:
        ExplainerError: fewer than two classes, or a class with fewer than two pictures.
    """
    counts = np.bincount(image_set.labels, minlength=len(image_set.classes))
    if len(counts) < 2:
        raise ExplainerError(f"{len(counts)} class was given, a classifier needs two or more; add a folder of pictures")
    if counts.min() < 2:
        few = image_set.classes[int(counts.argmin())]
        raise ExplainerError(
            f"the class {few!r} has {counts.min()} picture, needed are two: one to learn from, one to test"
        )
    train, val = split(image_set.labels, (1 - spec.share, spec.share), spec.seed)
    pictures = squares(image_set.images, BACKBONES[spec.backbone].input_shape[1])
    return Task(pictures, image_set.labels, image_set.classes, train, val)


def device() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dtype_of(spec: TuneSpec) -> torch.dtype:
    """float64 for "double", float32 else."""
    chosen = PRECISION_OF_AUTO.get(spec.backbone, "single") if spec.precision == "auto" else spec.precision
    return torch.float64 if chosen == "double" else torch.float32


def casting(spec: TuneSpec) -> Any:
    """Mixed precision, where it is wanted and there is a GPU."""
    mixed = spec.precision == "mixed" and device().type == "cuda"
    return torch.autocast("cuda", torch.bfloat16) if mixed else nullcontext()


def network(spec: TuneSpec, classes: int) -> Tuned:
    """The network before its first step.

    Raises:
        ExplainerError: the backbone's weights cannot be had.
    """
    net = tuned(
        spec.backbone, classes, depth=spec.depth, dropout=spec.dropout, seed=spec.seed, scratch=spec.strategy == "scratch"
    )  # fmt: skip
    return net.to(device(), dtype_of(spec))


def tensor(pictures: UInt8[np.ndarray, "N size size 3"], spec: TuneSpec) -> Tensor:
    """Bytes as what the backbone takes: (N, 3, size, size), normalised."""
    whole = torch.from_numpy(np.array(pictures)).to(device()).permute(0, 3, 1, 2)
    return BACKBONES[spec.backbone].normalise(whole.to(dtype_of(spec)) / 255)


def extracted(net: Tuned, pictures: UInt8[np.ndarray, "N size size 3"], spec: TuneSpec) -> Iterator[Tensor]:
    """The features (n, D) of the pictures, chunk by chunk."""
    net.eval()
    for start in range(0, len(pictures), CHUNK):
        with torch.no_grad(), casting(spec):
            found = net.body(tensor(pictures[start : start + CHUNK], spec))
        yield found.to(dtype_of(spec))


def chunks(count: int) -> int:
    """How many forward passes `count` pictures take."""
    return -(-count // CHUNK)


def learns(spec: TuneSpec, net: Tuned, name: str) -> bool:
    """Whether the strategy lets this weight change."""
    first = {"probe": len(net.blocks), "partial": len(net.blocks) - spec.blocks}.get(spec.strategy, 0)
    return net.block(name) >= first


def rate_of(spec: TuneSpec, net: Tuned, name: str) -> float:
    """The share of η that this weight learns with."""
    back = len(net.blocks) - net.block(name)  # 0 for the head
    if back == 0:
        return 1.0
    return (1.0 if spec.strategy == "scratch" else spec.body_rate) * spec.block_decay ** (back - 1)


def class_weights(labels: Int[np.ndarray, "n"], K: int) -> Float[np.ndarray, "K"]:
    """w_k = N / (K N_k)."""
    return len(labels) / (K * np.maximum(np.bincount(labels, minlength=K), 1))


def schedule(spec: TuneSpec, steps: int) -> Float[np.ndarray, "steps"]:
    """The share of the rate at each step; ones for the plateau, which watches the run."""
    if spec.schedule == "plateau":
        return np.ones(steps)
    chosen = by_period("step", max(1, steps // STEPS_DOWN), PLATEAU_FACTOR) if spec.schedule == "step" else Schedule(spec.schedule)  # fmt: skip
    return chosen.rates(np.ones(1), steps)[:, 0]


def plateau_share(losses: Float[np.ndarray, "epochs"]) -> float:
    """The share of the rate after these validation losses."""
    watcher = Plateau(np.ones(1), PLATEAU_FACTOR, PLATEAU_PATIENCE, 1e-4, 0, 1e-4)
    for loss in losses:
        watcher.observe(np.array([loss]))
    return float(watcher.lr[0])


def best_epoch(accuracy: Sequence[float] | np.ndarray, loss: Sequence[float] | np.ndarray) -> int:
    """The epoch with the highest validation accuracy; among equals the one with the lowest loss. A loss that is no number comes last."""
    loss = np.nan_to_num(np.asarray(loss, float), nan=np.inf)
    return int(np.lexsort((loss, -np.asarray(accuracy, float)))[0])


class Learner:
    """The network of a run with its optimizer, its inputs and its curve."""

    def __init__(self, spec: TuneSpec, data: Task, net: Tuned, inputs: Tensor | None = None) -> None:
        self.spec, self.data, self.net = spec, data, net
        self.inputs = inputs  # the features of all pictures, when they are fixed
        self.labels = torch.from_numpy(data.labels).to(device())
        for name, p in net.named_parameters():
            p.requires_grad_(learns(spec, net, name))
        self.names = [name for name, p in net.named_parameters() if p.requires_grad]
        self.blocks = [net.block(name) for name in self.names]
        self.parameters = dict(net.named_parameters())
        self.optimizer = self._optimizer()
        self.steps = -(-len(data.train) // spec.batch)  # in an epoch
        self.shares = schedule(spec, spec.epochs * self.steps)
        weights = class_weights(data.labels[data.train], len(data.classes)) if spec.weighted else None
        self.weights = None if weights is None else torch.from_numpy(weights).to(device(), dtype_of(spec))
        self.curve: dict[str, list[float]] = {name: [] for name in CURVES}
        self.norms: list[list[float]] = []  # of the gradient, one row an epoch, one column a block
        self.kept: dict[str, np.ndarray] = {}  # the best weights so far
        self.shapes: dict[str, tuple[int, ...]] = {}  # of the tensors in the loop, from an epoch's first batch
        self.sample = sample(len(data.val))
        self.seen = np.empty((0, 0), np.float16)  # features of the sampled validation pictures after the newest epoch
        self.latest = (math.nan, math.nan)  # loss before the newest step, and the head's rate

    def _optimizer(self) -> torch.optim.Optimizer:
        spec = self.spec
        groups = [{"params": [self.parameters[name]], "share": rate_of(spec, self.net, name)} for name in self.names]
        if spec.optimizer == "sgd":
            return torch.optim.SGD(groups, lr=spec.rate, momentum=0.9, weight_decay=spec.decay)
        kind = torch.optim.AdamW if spec.optimizer == "adamw" else torch.optim.Adam
        return kind(groups, lr=spec.rate, weight_decay=spec.decay, foreach=False)

    # What is computed

    @property
    def epoch(self) -> int:
        """How many epochs are over."""
        return max(0, len(self.curve["epoch"]) - 1)

    def batch(self, rows: np.ndarray) -> Tensor:
        """What the model takes for these pictures."""
        return tensor(self.data.pictures[rows], self.spec) if self.inputs is None else self.inputs[rows]

    def criterion(self, logits: Tensor, y: Tensor) -> Tensor:
        """L."""
        return F.cross_entropy(logits, y, weight=self.weights, label_smoothing=self.spec.smoothing)

    def train_mode(self) -> None:
        """Training, but batch-norm as the policy says: frozen blocks and frozen statistics stay as they are."""
        self.net.train()
        for name, layer in self.net.named_modules():
            if isinstance(layer, NORMS) and not (self.moves(name)):
                layer.eval()

    def moves(self, layer: str) -> bool:
        """Whether the statistics of a normalising layer follow the batches."""
        spec = self.spec
        own = spec.strategy == "scratch" or (spec.norms == "batch" and spec.strategy != "probe")
        return own and learns(spec, self.net, f"{layer}.weight")

    def features(self, x: Tensor) -> Tensor:
        """What the head takes (n, D)."""
        return self.net.body(x) if self.inputs is None else x

    def passes(self, rows: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
        """Features and logits, chunk by chunk, in eval mode."""
        self.net.eval()
        for k in range(0, len(rows), CHUNK):
            with torch.no_grad(), casting(self.spec):
                found = self.features(self.batch(rows[k : k + CHUNK]))
                logits = self.net.head(found)
            yield found, logits

    def logits(self, rows: np.ndarray) -> Tensor:
        """(n, K), in eval mode."""
        return torch.cat([logits for _, logits in self.passes(rows)]).to(dtype_of(self.spec))

    def measured(self, rows: np.ndarray) -> tuple[float, float]:
        """Plain cross-entropy and accuracy on these pictures."""
        return self.scored(self.logits(rows), rows)

    def scored(self, logits: Tensor, rows: np.ndarray) -> tuple[float, float]:
        """The same from logits that are known."""
        y = self.labels[rows]
        return float(F.cross_entropy(logits, y)), float((logits.argmax(1) == y).double().mean())

    def validated(self) -> tuple[float, float]:
        """The same on the validation pictures; the features of the sampled ones are kept."""
        parts = list(self.passes(self.data.val))
        places = torch.from_numpy(self.sample).to(device())
        found = torch.cat([features for features, _ in parts])[places]
        self.seen = found.detach().half().cpu().numpy()
        return self.scored(torch.cat([logits for _, logits in parts]).to(dtype_of(self.spec)), self.data.val)

    def share(self) -> float:
        """The share of the rates at the next step that the validation losses leave."""
        return plateau_share(np.array(self.curve["val_loss"])) if self.spec.schedule == "plateau" else 1.0

    def learn(self) -> Iterator[tuple[float, float]]:
        """One epoch, step by step: the loss before each step, and the head's rate."""
        for phase in self.phases():
            if phase == "done":
                yield self.latest

    def phases(self) -> Iterator[str]:
        """One epoch, announcing each part of the loop (PHASES) before it runs, and "done" after each step."""
        seed, epoch = self.spec.seed, self.epoch
        order = torch.randperm(len(self.data.train), generator=generator(seed, "batches", str(epoch)))
        self.net.draw_from(generator(seed, "dropout", str(epoch)))
        left, seen = self.share(), np.zeros(3)  # loss, right answers, pictures
        norms = np.zeros(len(self.net.blocks) + 1)
        self.train_mode()
        for k, chosen in enumerate(order.split(self.spec.batch)):
            yield "load"
            rows = self.data.train[chosen.numpy()]
            x, y = self.batch(rows), self.labels[rows]
            yield "forward"
            with casting(self.spec):
                features = self.features(x)
                logits = self.net.head(features)
            yield "loss"
            with casting(self.spec):
                loss = self.criterion(logits, y)
            value = loss.item()
            yield "backward"
            self.optimizer.zero_grad()
            loss.backward()
            yield "norms"
            norms += self.gradient_norms()
            yield "step"
            share = left * self.shares[min(epoch * self.steps + k, len(self.shares) - 1)]
            for group in self.optimizer.param_groups:
                group["lr"] = self.spec.rate * share * group["share"]
            self.optimizer.step()
            seen += (value * len(rows), float((logits.argmax(1) == y).sum()), len(rows))
            self.latest = (value, self.spec.rate * share)
            if k == 0:
                passing = {"x": x, "y": y, "features": features, "logits": logits, "loss": loss}
                learning = sum(self.parameters[name].numel() for name in self.names)
                self.shapes.update({"gradient": (learning,)} | {name: tuple(t.shape) for name, t in passing.items()})
            yield "done"
        yield "validate"
        self._note(seen[0] / seen[2], seen[1] / seen[2], self.spec.rate * share, norms / self.steps)

    def gradient_norms(self) -> np.ndarray:
        """|dL/dθ_b| of each block, 0 where it is frozen; the last is the head's."""
        each = torch.stack([torch.linalg.vector_norm(self.parameters[name].grad) for name in self.names])
        squares = each.double().square().cpu().numpy()
        return np.sqrt(np.bincount(self.blocks, squares, len(self.net.blocks) + 1))

    def begin(self) -> None:
        """Note how the untrained head does: point 0 of the curve."""
        self._note(*self.measured(self.data.train), self.spec.rate * self.shares[0], np.zeros(len(self.net.blocks) + 1))

    def _note(self, loss: float, accuracy: float, rate: float, norms: np.ndarray) -> None:
        val_loss, val_accuracy = self.validated()
        values = (
            len(self.curve["epoch"]), loss, accuracy, val_loss, val_accuracy, rate, float(not np.isfinite(loss + val_loss))
        )  # fmt: skip
        for name, value in zip(CURVES, values, strict=True):
            self.curve[name].append(float(value))
        self.norms.append([float(v) for v in norms])
        if self.best_epoch() == self.epoch:
            self.kept = self.weights_now()

    def best_epoch(self) -> int:
        """The epoch whose weights are worth keeping."""
        return best_epoch(self.curve["val_accuracy"], self.curve["val_loss"])

    def lowest_epoch(self) -> int:
        """The epoch with the lowest validation loss, which patience counts from."""
        losses = np.array(self.curve["val_loss"])
        return int(np.where(np.isnan(losses), np.inf, losses).argmin())

    def over(self) -> bool:
        """Whether the run has come to its end: all epochs, patience at its end, or no finite loss."""
        tired = self.spec.patience and self.epoch - self.lowest_epoch() >= self.spec.patience
        return self.epoch >= self.spec.epochs or bool(tired) or self.curve["diverged"][-1] == 1.0

    # What is remembered

    def weights_now(self) -> dict[str, np.ndarray]:
        """All that differs, or may differ, from the body as it was: weights that learn, and statistics that move."""
        kept = {name: p for name, p in self.net.state_dict().items() if self._changes(name)}
        return {name: value.detach().cpu().numpy().copy() for name, value in kept.items()}

    def _changes(self, name: str) -> bool:
        return learns(self.spec, self.net, name)

    def checkpoint(self) -> dict[str, np.ndarray]:
        """Weights, moments, curve and best weights, as plain arrays; empty if that is more than may be sent."""
        moments = {
            f"optimizer/{name}/{key}": np.asarray(torch.as_tensor(value).cpu().numpy()).copy()
            for name in self.names
            for key, value in self.optimizer.state.get(self.parameters[name], {}).items()
            if value is not None
        }
        found = {
            **{f"weights/{name}": value for name, value in self.weights_now().items()},
            **({f"best/{name}": value for name, value in self.kept.items()} if self.spec.best else {}),
            **moments,
            **self.told(),
        }
        return found if sum(value.nbytes for value in found.values()) <= LARGEST else self.told()

    def told(self) -> dict[str, np.ndarray]:
        """The curve and the gradient norms, one row an epoch."""
        return {**{f"curve/{name}": np.array(v) for name, v in self.curve.items()}, "gradients": np.array(self.norms)}

    def restore(self, start: Arrays) -> None:
        """Go on from a checkpoint; moments are taken over where the same weights learn by the same optimizer."""
        self._load(start, "weights/")
        for name in self.names:
            state = {
                key.rpartition("/")[2]: torch.from_numpy(np.array(value)).to(device())
                for key, value in start.items()
                if key.startswith(f"optimizer/{name}/")
            }
            if state and ("momentum_buffer" in state) == (self.spec.optimizer == "sgd"):
                self.optimizer.state[self.parameters[name]] = state
        self.curve = {name: [float(v) for v in start[f"curve/{name}"]] for name in CURVES}
        self.norms = [[float(v) for v in row] for row in start["gradients"]]
        self.kept = {k.removeprefix("best/"): np.array(v) for k, v in start.items() if k.startswith("best/")}
        if not self.kept.keys() >= self.weights_now().keys():
            self.kept = self.weights_now()

    def _load(self, arrays: Arrays, prefix: str) -> None:
        own = self.net.state_dict()
        for key, value in arrays.items():
            name = key.removeprefix(prefix)
            if key.startswith(prefix) and name in own and own[name].shape == value.shape:
                own[name].copy_(torch.from_numpy(np.array(value)))

    def finish(self) -> None:
        """Back to the best weights, if that is wanted."""
        if self.spec.best:
            self._load(self.kept, "")


def learner(spec: TuneSpec, data: Task, features: Tensor | None = None) -> Iterator[Learner | int]:
    """Make the network; of a probe, compute the features, and tell the number of the chunk that is done. The last is the Learner.

    A probe whose `features` (N, D) of all pictures are known takes them as they are.
    """
    net = network(spec, len(data.classes))
    if spec.strategy != "probe":
        yield Learner(spec, data, net)
        return
    parts = []
    for done, part in enumerate(extracted(net, data.pictures, spec) if features is None else (), start=1):
        parts.append(part)
        yield done
    yield Learner(spec, data, net, torch.cat(parts) if features is None else features)


def tune(
    spec: TuneSpec,
    image_set: ImageSet,
    start: Arrays | None = None,
    features: Tensor | None = None,
    watch: Watch | None = None,
) -> Iterator[Snapshot]:
    """Train, and report: while features are computed, after each step of a network that learns as a whole, after each epoch, at the end.

    Snapshots of an epoch carry its curve and a checkpoint (`arrays`), from which another run can go on: `start`. The last one
    has the metrics of the final weights (the best epoch's, if they are restored), and these weights: "weights/<name>". `features`
    are those of all pictures, where a probe need not compute them again. A `watch` is filled: then snapshots also tell the seconds and
    shapes of the loop, the last one the film of the features, and "phase" says which part of a slow loop begins.

    Raises:
        ExplainerError: the backbone cannot be had, or the pictures cannot be split.
    """
    data = task(spec, image_set)
    before = chunks(len(data.labels)) if spec.strategy == "probe" else 0
    total = before + spec.epochs * -(-len(data.train) // spec.batch) + 1
    for made in learner(spec, data, features):
        if isinstance(made, int):
            yield Snapshot(made, total)
    run = made
    if start is None:
        run.begin()
        yield _epoch_told(run, before, total, watch)
    else:
        run.restore(start)
    while not run.over():
        yield from _within(run, before, total, watch)
        yield _epoch_told(run, before, total, watch)
    yield _end(run, total, watch)


def _within(run: Learner, before: int, total: int, watch: Watch | None) -> Iterator[Snapshot]:
    """One epoch: what is said after each step of a network that learns as a whole, and which part begins where parts are slow."""
    done = before + run.epoch * run.steps
    for phase in run.phases() if watch is None else watch.timed(run.phases(), run.shapes):
        metrics = {}
        if phase == "done":
            done += 1
            if run.inputs is None:
                metrics = dict(zip(("batch_loss", "batch_rate"), run.latest, strict=True))
        elif watch is not None and watch.due():
            metrics = {"phase": float(PHASES.index(phase))}
        if metrics:
            yield Snapshot(done, total, metrics)


def _epoch_told(run: Learner, before: int, total: int, watch: Watch | None) -> Snapshot:
    metrics = {name: values[-1] for name, values in run.curve.items()}
    arrays = run.checkpoint()
    if watch is not None:
        watch.look(run.epoch, run.seen)
        arrays |= watch.told()
    return Snapshot(before + run.epoch * run.steps, total, metrics, arrays)


def _end(run: Learner, total: int, watch: Watch | None) -> Snapshot:
    """The metrics of the weights that stay, and those weights; what was watched."""
    run.finish()
    train, val = run.logits(run.data.train), run.logits(run.data.val)
    y = {"train": run.labels[run.data.train], "val": run.labels[run.data.val]}
    metrics = {}
    for part, logits in (("train", train), ("val", val)):
        metrics[f"{part}_loss"] = float(F.cross_entropy(logits, y[part]))
        metrics[f"{part}_accuracy"] = float((logits.argmax(1) == y[part]).double().mean())
    metrics |= {
        "epoch": float(run.best_epoch() if run.spec.best else run.epoch),
        "epochs_run": float(run.epoch),
        "diverged": run.curve["diverged"][-1],
        "parameters": float(sum(p.numel() for p in run.parameters.values())),
        "trainable": float(sum(run.parameters[name].numel() for name in run.names)),
    }
    weights = {f"weights/{name}": value for name, value in run.weights_now().items()}
    arrays = {**weights, **run.told(), "logits_train": train.cpu().numpy(), "logits_val": val.cpu().numpy()}
    if watch is not None:
        arrays |= {**watch.told(), **watch.film(run.data.labels[run.data.val[run.sample]])}
    return Snapshot(total, total, metrics, arrays)


def rebuilt(spec: TuneSpec, classes: int, weights: Arrays) -> Tuned:
    """The network with the weights of a last snapshot ("weights/<name>"), in eval mode."""
    net = network(spec, classes)
    own = net.state_dict()
    for key, value in weights.items():
        if key.startswith("weights/"):
            own[key.removeprefix("weights/")].copy_(torch.from_numpy(np.array(value)))
    return net.eval()
