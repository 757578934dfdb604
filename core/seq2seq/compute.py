"""What a trained encoder-decoder says to a source, where it looks, and how that depends on length, teacher and luck.

    log p(answer) = sum_i log softmax(logits_i)[y_i]        alignment score = share of answers whose largest alpha_ij is right
    entropy of alpha_i = -sum_j alpha_ij log2 alpha_ij      in bits: 0 where it looks at one token, log2 T where at all alike

A token's alignment is right if the token holds what the answer needs: known, because the tasks are made so. Everything is computed in
float64 from weights stored in float16.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from core.attention import Sample
from core.rng import generator
from core.seq2seq.decoding import Node, answer_of, beam, finals, own_but
from core.seq2seq.shipped import model_of
from core.seq2seq.spec import Seq2SeqSpec
from core.seq2seq.tasks import LENGTHS, TRANSLATIONS, Translation
from core.seq2seq.training import EXAMPLE, Course, score
from models.seq2seq import KINDS, Say, Seq2Seq, own_tokens, true_tokens

MEASURED = 100  # examples for each length


@dataclass(frozen=True, eq=False)
class Run:
    """One answer: what was `said` to source `x` where `y` is right, p of every token at every place, where it looked, the encoder's states."""

    about: Translation
    x: Int[np.ndarray, "T"]
    y: Int[np.ndarray, "n"]
    truth: Bool[np.ndarray, "n T"]
    said: Int[np.ndarray, "n"]
    p: Float[np.ndarray, "n V"]
    alpha: Float[np.ndarray, "n T"]
    h: Float[np.ndarray, "T states"]

    @property
    def right(self) -> int:
        """How many tokens are right."""
        return int((self.said == self.y).sum())

    @property
    def log_p(self) -> float:
        """log p of what was said, in nats."""
        return float(np.log(self.p[np.arange(len(self.said)), self.said]).sum())

    @property
    def attends(self) -> bool:
        """Whether the model has attention."""
        return bool(self.alpha.any())

    @property
    def score(self) -> float:
        """The alignment score; NaN without attention."""
        return score(self.alpha, self.truth) if self.attends else float("nan")

    @property
    def entropy(self) -> float:
        """Mean entropy of the rows of alpha in bits."""
        return float(-(self.alpha * np.log2(np.where(self.alpha > 0, self.alpha, 1.0))).sum(axis=1).mean())

    def source_words(self) -> list[str]:
        """The source's tokens."""
        return [self.about.source[t] for t in self.x]

    def words(self, tokens: Int[np.ndarray, "n"]) -> list[str]:
        """An answer's tokens."""
        return [self.about.target[t] for t in tokens]


def sample_of(spec: Seq2SeqSpec) -> Sample:
    """The source on screen and its right answer.

    Raises:
        ExplainerError: the typed source does not belong to the task.
    """
    about = TRANSLATIONS[spec.task]
    return about.read(spec.source or about.example)


@torch.no_grad()
def said_to(spec: Seq2SeqSpec, say: Say = own_tokens) -> Run:
    """The model's answer to the source on screen."""
    model, (x, y, truth) = model_of(spec.task, spec.attention), sample_of(spec)
    logits, said, alpha = model.unroll(x, y.shape[1], say)
    h, _ = model.encode(x)
    p = torch.softmax(logits, 2)
    arrays = (t[0].numpy() for t in (x, y, truth, said, p, alpha, h))
    return Run(TRANSLATIONS[spec.task], *arrays)


def run_of(spec: Seq2SeqSpec) -> Run:
    """The greedy answer."""
    return said_to(spec)


def forced_place(spec: Seq2SeqSpec) -> tuple[int, int]:
    """Where (from 0) which token is forced: the one asked for, else the one after the right one."""
    about, (_, y, _) = TRANSLATIONS[spec.task], sample_of(spec)
    place = min(spec.place, y.shape[1]) - 1
    if spec.token in about.target:
        return place, about.target.index(spec.token)
    return place, (int(y[0, place]) + 1) % len(about.target)


def forced_run(spec: Seq2SeqSpec) -> Run:
    """The answer with one token forced."""
    return said_to(spec, own_but(*forced_place(spec)))


def beam_of(spec: Seq2SeqSpec) -> list[Node]:
    """The beam's beginnings."""
    x, y, _ = sample_of(spec)
    return beam(model_of(spec.task, spec.attention), x, y.shape[1], spec.width)


def lengths_of(task: str) -> list[int]:
    """The lengths at which the bottleneck is measured."""
    low, high = LENGTHS[task]
    return list(range(low, high + 1, 2))


def tests_of(task: str, length: int) -> Sample:
    """The examples on which a length is measured."""
    return TRANSLATIONS[task].sample(MEASURED, length, generator(0, "bottleneck", task, str(length)))


@torch.no_grad()
def accuracies(model: Seq2Seq, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Share of right tokens and of whole right answers in free use."""
    _, said, _ = model.unroll(x, y.shape[1], own_tokens)
    return float((said == y).double().mean()), float((said == y).all(1).double().mean())


@lru_cache(maxsize=8)
def bottleneck(task: str) -> dict[str, Float[np.ndarray, "lengths 2"]]:
    """Kind -> accuracy by token and of whole answers, at each of `lengths_of(task)`."""
    tests = [tests_of(task, n) for n in lengths_of(task)]
    return {kind: np.array([accuracies(model_of(task, kind), x, y) for x, y, _ in tests]) for kind in KINDS}


@lru_cache(maxsize=16)
def by_place(task: str, kind: str) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Accuracy at each place while the truth is heard, and in free use."""
    x, y, _ = tests_of(task, EXAMPLE[task])
    return by_place_of(model_of(task, kind), x, y)


@torch.no_grad()
def by_place_of(model: Seq2Seq, x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The same for a model and its examples."""
    heard, _, _ = model.unroll(x, y.shape[1], true_tokens(y))
    _, said, _ = model.unroll(x, y.shape[1], own_tokens)
    return tuple((tokens == y).double().mean(0).numpy() for tokens in (heard.argmax(2), said))


def course_of(spec: Seq2SeqSpec) -> Course:
    """The visitor's own training."""
    return Course(spec.task, spec.attention, spec.hidden, spec.ratio, spec.steps, spec.rate, seed=spec.seed)


def numbers(spec: Seq2SeqSpec) -> dict[str, float]:
    """What the script prints: the answer on screen, then what the open lens shows."""
    run = run_of(spec)
    out = {"right tokens": float(run.right), "log p of the answer": run.log_p}
    out |= {f"p of token {i + 1}": float(run.p[i, t]) for i, t in enumerate(run.said)}
    if run.attends:
        out |= {"alignment score": run.score, "entropy": run.entropy}
    return out | _lens_numbers(spec)


def _lens_numbers(spec: Seq2SeqSpec) -> dict[str, float]:
    if spec.lens == "bottleneck":
        return {
            f"{what} {kind} at {n}": float(values[k, part])
            for kind, values in bottleneck(spec.task).items()
            for k, n in enumerate(lengths_of(spec.task))
            for part, what in enumerate(("tokens", "whole"))
        }
    if spec.lens == "exposure":
        forced, free = by_place(spec.task, spec.attention)
        return {
            f"{what} at place {i + 1}": float(v)
            for what, values in (("forced", forced), ("free", free))
            for i, v in enumerate(values)
        }
    if spec.lens == "force":
        run = forced_run(spec)
        return {f"after force, p of the right token {i + 1}": float(run.p[i, t]) for i, t in enumerate(run.y)}
    if spec.lens == "beam":
        nodes = beam_of(spec)
        return {f"beam {k + 1}": nodes[at].log_p for k, at in enumerate(finals(nodes))}
    return {}


def answers(nodes: list[Node]) -> list[tuple[list[int], float]]:
    """The beam's answers with their log p, the best first."""
    return [(answer_of(nodes, at), nodes[at].log_p) for at in finals(nodes)]
