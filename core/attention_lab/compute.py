"""Operations on a trained transformer, and what each does to its loss and to its answers.

    switching off   z_h = 0 for a head; effect = loss without it - loss, over other examples, in nats for each answer
    pruning         the head whose absence costs least goes first, then the next with that one gone
    forcing         a head's weights are replaced by given ones
    patching        effect = (D(patched) - D(other)) / (D(first) - D(other)),  D = logit of the first run's answer - logit of the other's:
                    0 if the patched run answers as before, 1 if it answers as the first run

All in float64. Sources: P. Michel, O. Levy, G. Neubig, "Are sixteen heads really better than one?", NeurIPS 2019; E. Voita et al., ACL
2019; J. Vig et al., "Causal mediation analysis", NeurIPS 2020; K. Meng et al., "Locating and editing factual associations in GPT",
NeurIPS 2022, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.attention.layout import Arranged, arrange, in_place, words
from core.attention.shipped import COURSES, Shipped, in_float64, shipped
from core.attention.tasks import IGNORED, Sample, Task
from core.attention.tracing import Trace, kinds, trace
from core.attention.training import accuracy_of, loss_of
from core.attention_lab.spec import AttentionLabSpec
from core.errors import ExplainerError
from core.rng import generator
from models.attention import Watch
from models.transformer import Transformer

TESTED, TESTED_WINDOWS = 50, 3  # examples that an operation is measured on; windows of a text
Place = tuple[str, int, int]


@dataclass(frozen=True, eq=False)
class Subject:
    """The transformer of a task, a sequence for it, and other examples to measure on."""

    spec: AttentionLabSpec
    ship: Shipped
    task: Task
    model: Transformer
    arranged: Arranged
    tests: Arranged

    @property
    def layers(self) -> list[tuple[str, int]]:
        """Every attention layer, in order of computing: its kind and its number."""
        shape = self.model.shape
        if shape.kind != "both":
            return [(shape.kind, k) for k in range(shape.layers)]
        return [("encoder", k) for k in range(shape.layers)] + [
            (kind, k) for k in range(shape.layers) for kind in ("decoder", "cross")
        ]

    @property
    def places(self) -> list[Place]:
        """Every head."""
        return [(*layer, head) for layer in self.layers for head in range(self.model.shape.heads)]

    @property
    def asked(self) -> np.ndarray:
        """The rows that have to answer."""
        return np.flatnonzero(self.arranged.targets[0].numpy() != IGNORED)

    @property
    def row(self) -> int:
        """The answer that is followed: the one in the Spec, else the first; in a text the last, which has most to look back on."""
        number = self.spec.row.partition(":")[0]
        chosen = int(number) if number.isascii() and number.isdecimal() else -1
        return chosen if chosen in self.asked else int(self.asked[0 if self.task.scored else -1])

    @property
    def off(self) -> tuple[Place, ...]:
        """The heads that are switched off; names that are no head of this transformer are left out."""
        names = {named(place): place for place in self.places}
        return tuple(dict.fromkeys(names[n] for n in (p.strip() for p in self.spec.off.split(",")) if n in names))

    @property
    def place(self) -> Place:
        """The head whose weights are forced: the one in the Spec, else the first of the layer that answers last."""
        names = {named(place): place for place in self.places}
        return names.get(self.spec.place, (kinds(self.model)[-1], self.model.shape.layers - 1, 0))


def named(place: Place) -> str:
    """ "decoder 2.1" for layer 1, head 0."""
    return f"{place[0]} {place[1] + 1}.{place[2] + 1}"


def subject(spec: AttentionLabSpec) -> Subject:
    """Who is operated on.

    Raises:
        ExplainerError: the typed tokens do not fit the task.
    """
    ship = shipped(spec.task)
    task = ship.course.about()
    sample = task.solve(task.encode(spec.text.strip() or task.example))
    arranged = arrange(task, ship.course.kind, sample)
    return Subject(spec, ship, task, in_float64(spec.task), arranged, _tests(spec.task))


@lru_cache(maxsize=len(COURSES))
def _tests(task: str) -> Arranged:
    course = shipped(task).course
    return next(course.batches("operated", TESTED if course.about().scored else TESTED_WINDOWS))


@torch.no_grad()
def run(who: Subject, arranged: Arranged, off: Sequence[Place] = (), force: dict | None = None) -> Trace:
    """One pass with heads switched off and rows forced."""
    return trace(who.model, arranged.inputs, ablate=off, force=force)


def marks(seen: Trace, arranged: Arranged) -> tuple[float, float]:
    """Loss (nats) and share of right answers."""
    return float(loss_of(seen.logits, arranged.targets)), accuracy_of(seen.logits, arranged.targets)


# Switching off


@dataclass(frozen=True, eq=False)
class Ablation:
    """`loss` and `accuracy` (layer, head) with each head off beside those that are off already; `before` with only these."""

    loss: np.ndarray
    accuracy: np.ndarray
    before: tuple[float, float]
    whole: tuple[float, float]


def ablation(who: Subject) -> Ablation:
    """Every head switched off in turn, on top of what the visitor has switched off."""
    return _ablation(who.spec.task, who.off)


@lru_cache(maxsize=64)
def _ablation(task: str, off: tuple[Place, ...]) -> Ablation:
    who = subject(AttentionLabSpec(task=task))
    found = [marks(run(who, who.tests, (*off, place)), who.tests) for place in who.places]
    loss, accuracy = np.array(found).T.reshape(2, len(who.layers), -1)
    return Ablation(loss, accuracy, marks(run(who, who.tests, off), who.tests), marks(run(who, who.tests), who.tests))


@dataclass(frozen=True)
class Pruned:
    """The order in which heads go, and loss and accuracy after each; the first entry is the whole model."""

    order: tuple[Place, ...]
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]


@lru_cache(maxsize=len(COURSES))
def pruning(task: str) -> Pruned:
    """Greedy: always the head whose absence costs least."""
    who = subject(AttentionLabSpec(task=task))
    gone: list[Place] = []
    kept = [marks(run(who, who.tests), who.tests)]
    while len(gone) < len(who.places):
        tried = {place: marks(run(who, who.tests, (*gone, place)), who.tests) for place in who.places if place not in gone}  # fmt: skip
        best = min(tried, key=lambda place: tried[place][0])
        gone.append(best)
        kept.append(tried[best])
    loss, accuracy = zip(*kept, strict=True)
    return Pruned(tuple(gone), loss, accuracy)


# Forcing


@dataclass(frozen=True, eq=False)
class Forced:
    """The head's own map and the forced one, the right answers' probabilities before and after, and the tokens said."""

    own: np.ndarray
    forced: np.ndarray
    before: np.ndarray
    after: np.ndarray
    said_before: list[str]
    said_after: list[str]
    marks_before: tuple[float, float]
    marks_after: tuple[float, float]


def forcing(who: Subject) -> Forced:
    """The chosen head with the chosen pattern, on the sequence (its row alone, if asked) and, all rows, on the other examples."""
    own, tests = run(who, who.arranged), run(who, who.tests)
    pattern = pattern_of(who, own, who.arranged)[0]
    if who.spec.only:
        rows = torch.arange(len(pattern)) != _query(who)
        pattern = torch.where(rows[:, None], torch.nan, pattern)
    there = run(who, who.arranged, force={who.place: pattern})
    elsewhere = run(who, who.tests, force={who.place: pattern_of(who, tests, who.tests)})
    kind, layer, head = who.place
    asked = who.asked
    right = who.arranged.targets[0][asked]
    p = [seen.logits[0, asked].softmax(-1) for seen in (own, there)]
    sure = [values.gather(1, right[:, None])[:, 0].numpy() for values in p]
    said = [words(who.task, values.argmax(-1)) for values in p]
    shown = [seen.maps[kind].weights[0, layer, head].numpy() for seen in (own, there)]
    return Forced(*shown, *sure, *said, marks(tests, who.tests), marks(elsewhere, who.tests))


def _query(who: Subject) -> int:
    """The row of the head's map that is forced: that of the followed answer, or the first where the map has other rows."""
    return who.row if who.place[0] != "encoder" or who.model.shape.kind == "encoder" else 0


def pattern_of(who: Subject, own: Trace, arranged: Arranged) -> Float[Tensor, "batch query key"]:
    """The weights that the head has to use, for each sequence of a batch; rows that the pattern does not know stay NaN, the head's own."""
    kind, layer, head = who.place
    scores = own.maps[kind].scores[:, layer, head]
    seen = (scores > -torch.inf).double()
    n, m = seen.shape[1:]
    i = torch.arange(n)
    if who.spec.pattern == "uniform":
        return seen / seen.sum(-1, keepdim=True)
    if who.spec.pattern == "truth":
        if not who.task.scored:
            raise ExplainerError("nobody knows where a language model ought to look; choose another pattern")
        if kind != own.main:
            raise ExplainerError(
                "the truth is known for the map of the answers alone; choose another head, or another pattern"
            )
        truth = arranged.truth.double()
        return truth / truth.sum(-1, keepdim=True)  # 0 / 0 = NaN: no answer, no pattern
    at = {"self": i, "before": i - 1, "first": 0 * i}[who.spec.pattern].clamp(0, m - 1)
    return torch.nn.functional.one_hot(at, m).double().expand(len(seen), -1, -1)


# Patching


@dataclass(frozen=True, eq=False)
class Patching:
    """Effects of putting one state of the first run into the other: by residual state and token, and by head."""

    stacks: dict[str, tuple[list[str], np.ndarray]]  # stack -> (names of its states, effect (state, token))
    heads: np.ndarray  # (layer, head)
    other: Arranged
    answers: tuple[str, str]
    differences: tuple[float, float]  # D of the first run and of the other


class Patch(Watch):
    """Puts values of another run in: `streams` name -> (token, d) for a batch in which item t gets token t alone; heads whole."""

    def __init__(
        self, name: str = "", x: Tensor | None = None, place: Place | None = None, z: Tensor | None = None
    ) -> None:
        self.name, self.x, self.place, self.z = name, x, place, z

    def stream(self, name: str, x: Tensor) -> Tensor:
        if name != self.name:
            return x
        own = torch.eye(len(x), dtype=torch.bool)[..., None]
        return torch.where(own, self.x, x)

    def heads(self, kind: str, layer: int, z: Tensor) -> Tensor:
        if self.place is None or (kind, layer) != self.place[:2]:
            return z
        z = z.clone()
        z[:, self.place[2]] = self.z
        return z


def patching(who: Subject) -> Patching:
    """Every state at every token, and every head, one at a time."""
    return _patching(who.spec.task, who.spec.text, who.row, who.spec.other)


@lru_cache(maxsize=32)
@torch.no_grad()
def _patching(task: str, text: str, row: int, number: int) -> Patching:
    who = subject(AttentionLabSpec(task=task, text=text))
    other = other_sequence(who, row, number)
    first, second = run(who, who.arranged), run(who, other)
    a, b = int(who.arranged.targets[0, row]), int(other.targets[0, row])
    D = [float(seen.logits[0, row, a] - seen.logits[0, row, b]) for seen in (first, second)]

    def effect(watch: Watch, copies: int) -> np.ndarray:
        inputs = other.inputs
        many = tuple(t.expand(copies, -1) for t in inputs) if isinstance(inputs, tuple) else inputs.expand(copies, -1)
        y = who.model(many, watch=watch)[:, row]
        return ((y[:, a] - y[:, b] - D[1]) / (D[0] - D[1])).numpy()

    stacks: dict[str, tuple[list[str], list[np.ndarray]]] = {}
    for name, x in first.streams.items():
        stack, _, state = name.partition(".")
        names, values = stacks.setdefault(stack, ([], []))
        names.append(state)
        values.append(effect(Patch(name, x[0]), x.shape[1]))
    heads = [effect(Patch(place=p, z=first.maps[p[0]].z[0, p[1], p[2]]), 1)[0] for p in who.places]
    said = tuple(words(who.task, torch.tensor([a, b])))
    return Patching({k: (n, np.stack(v)) for k, (n, v) in stacks.items()}, np.reshape(heads, (len(who.layers), -1)), other, said, (D[0], D[1]))  # fmt: skip


def other_sequence(who: Subject, row: int, number: int) -> Arranged:
    """A drawn sequence of the same length whose answer at `row` is another one, and is asked for.

    Raises:
        ExplainerError: none was found.
    """
    g = generator(number, "other sequence", who.task.name)
    n = (
        who.arranged.keys.shape[1]
        if in_place(who.task, who.ship.course.kind) or who.model.shape.kind == "both"
        else None
    )
    length = n or who.task.solve(who.task.encode(who.spec.text.strip() or who.task.example)).tokens.shape[1]
    if length < who.task.shortest or length > who.task.longest:
        raise ExplainerError(
            f"there are no other sequences of {length} tokens; type the task's own length, {who.task.length}"
        )
    for _ in range(50):
        sample: Sample = who.task.sample(1, length, g)
        found = arrange(who.task, who.ship.course.kind, sample)
        same = found.targets.shape == who.arranged.targets.shape
        if same and found.targets[0, row] not in (IGNORED, int(who.arranged.targets[0, row])):
            return found
    raise ExplainerError("no other sequence has another answer at this place; choose another answer")
