"""A transformer that goes on with a text: what it writes by several rules, and how it stands against counting.

Temperature, top-k and top-p are those of core/attention/decoding.py. The bits of a written text are the mean of -log2 p of its
characters under the model itself, at temperature 1; those of a model are measured on a part of the text that it never saw, on the same
characters as the n-grams (core/data/ngrams.py). A text ends where the window ends that the model has learned to read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from core.attention.decoding import Choose, Next, continued, filtered, likeliest
from core.attention.language import WINDOW, corpus_of, language, text_of
from core.attention.shipped import COURSES, in_float64, shipped
from core.attention.tasks import Task
from core.attention.training import Course, train
from core.attention_lab.spec import AttentionLabSpec
from core.contracts import Snapshot
from core.data.corpora import own
from core.data.ngrams import ngram_bits
from core.data.shelf import Shelf
from core.rng import generator
from models.transformer import Transformer

NAME = "text"
OWN: Shelf[str] = Shelf(lambda content: own(content).text)
SOME_K, SOME_P = 5, 0.9  # where the visitor cuts nothing off
SAMPLE, SAMPLE_TEMPERATURE, SAMPLE_START = 90, 0.7, "The "
BATCH = 16


@dataclass(frozen=True)
class Rule:
    """How a character is chosen; at temperature 0 it is the likeliest."""

    name: str
    temperature: float
    top_k: int = 0
    top_p: float = 1.0


@dataclass(frozen=True)
class Written:
    """What a rule wrote, its bits per character, and the share of its characters that the model found likeliest."""

    rule: str
    text: str
    bits: float
    likeliest: float


def rules(spec: AttentionLabSpec) -> list[Rule]:
    """Greedy, then the visitor's temperature with more and more cut off."""
    T, k, p = spec.temperature, spec.top_k or SOME_K, spec.top_p if spec.top_p < 1 else SOME_P
    return [
        Rule("greedy", 0.0),
        Rule(f"temperature {T:g}", T),
        Rule(f"temperature {T:g}, top-k {k}", T, k),
        Rule(f"temperature {T:g}, top-p {p:g}", T, 0, p),
        Rule(f"temperature {T:g}, top-k {k}, top-p {p:g}", T, k, p),
    ]


def choosing(asked: Sequence[Rule], seed: int) -> Choose:
    """Row r is chosen by rule r; every rule draws by random numbers of its own."""
    drawn = [generator(seed, "written", rule.name) for rule in asked]

    def choose(logits: Tensor) -> Tensor:
        tokens = likeliest(logits)
        for r, rule in enumerate(asked):
            if rule.temperature:
                p = filtered(logits[r], rule.temperature, rule.top_k, rule.top_p)
                tokens[r] = torch.multinomial(p, 1, generator=drawn[r])[0]
        return tokens

    return choose


def written_by(model: Transformer, task: Task, prompt: Int[Tensor, "1 token"], asked: Sequence[Rule], seed: int, steps: int = WINDOW) -> list[Written]:  # fmt: skip
    """What each rule writes after the prompt, until the window is full or `steps` are done."""
    steps = min(steps, max(1, WINDOW - prompt.shape[1]))
    found = list(continued(model, prompt.expand(len(asked), -1), steps, choose=choosing(asked, seed)))
    tokens = found[-1].tokens[:, prompt.shape[1] :]
    log_p = torch.stack([step.logits for step in found], 1).log_softmax(-1)
    told = -log_p.gather(2, tokens[..., None])[..., 0].mean(1) / math.log(2)
    best = (log_p.argmax(2) == tokens).double().mean(1)
    return [Written(rule.name, text_of(task, row), float(b), float(s)) for rule, row, b, s in zip(asked, tokens, told, best, strict=True)]  # fmt: skip


def written_texts(spec: AttentionLabSpec) -> list[Written]:
    """The shipped model goes on with the text of the page, or with its example."""
    return written_by(in_float64(NAME), language(), prompt_of(spec.text.strip()), rules(spec), spec.seed)


def going_on(model: Transformer, prompt: Int[Tensor, "1 token"], temperature: float) -> Next:
    """The model as a function from what was written behind the prompt to log-probabilities of what follows."""

    @torch.no_grad()
    def after(tokens: Int[Tensor, "beam length"]) -> Tensor:
        logits = model(torch.cat([prompt.expand(len(tokens), -1), tokens], 1))[:, -1]
        return torch.log_softmax(logits / temperature, -1)

    return after


# Learning


def course_of(spec: AttentionLabSpec) -> Course:
    """What the visitor's own transformer learns: Python's help pages, or a text that was brought and is still here."""
    text = (OWN.get(spec.own) or "") if spec.corpus == "own" else ""
    return Course(NAME, "decoder", spec.depth, 4, spec.width, spec.positions, length=WINDOW, steps=spec.steps, batch=BATCH, seed=spec.seed, text=text)  # fmt: skip


def lessons(course: Course, spec: AttentionLabSpec) -> Iterator[Snapshot]:
    """The training, with what the model writes at every snapshot (codes), and the settings that it belongs to."""
    model = course.model()
    start = "".join(c for c in SAMPLE_START if c in course.about().vocabulary) or course.about().vocabulary[-1]
    prompt = torch.tensor([[course.about().vocabulary.index(c) for c in start]])
    rule, asked = Rule("sample", SAMPLE_TEMPERATURE), np.array(learned_part(spec))
    for snapshot in train(course, model):
        sample = written_by(model, course.about(), prompt, [rule], 0, SAMPLE)[0].text
        yield replace(snapshot, arrays={**snapshot.arrays, "sample": np.array(start + sample), "asked": asked})


def trainer(spec: AttentionLabSpec):
    """`lessons` with the text in its hands, for a job in another process."""
    return partial(lessons, course_of(spec))


def learned_part(spec: AttentionLabSpec) -> str:
    """What the training depends on."""
    return repr([getattr(spec, name) for name in ("corpus", "own", "steps", "depth", "width", "positions", "seed")])


@dataclass(frozen=True, eq=False)
class Run:
    """Bits per character on the kept part against the step."""

    steps: np.ndarray
    bits: np.ndarray


def shipped_run() -> Run:
    """The training of the model that ships."""
    film = shipped(NAME).film
    return Run(film.steps, film.metrics["bits"])


@lru_cache(maxsize=8)
def grams_of(text: str) -> dict[int, float]:
    """Order -> bits per character of counting on the same text; an empty one is Python's help pages."""
    return ngram_bits(corpus_of(text))


def prompt_of(text: str) -> Int[Tensor, "1 token"]:
    """What the shipped model goes on with: a text, or its example.

    Raises:
        ExplainerError: the text is longer than the model's window, or holds a character that it does not know.
    """
    task = language()
    return task.encode(text or task.example)


def parameters(course: Course = COURSES[NAME]) -> int:
    """Weights of a course's model."""
    return sum(p.numel() for p in course.model().parameters())
