"""Sequences with a known right answer, drawn at random: what a memory has to keep, and for how long.

    copy      letters, then blanks, then say the letters again                   S. Hochreiter, J. Schmidhuber 1997; A. Graves et al. 2014
    recall    a letter, then distractors, then name the first letter
    adding    numbers in 0..1, two of them marked: the sum of the two            Hochreiter & Schmidhuber 1997, experiment 4
    parity    bits: is the number of ones so far odd?
    dyck      brackets: how deep are we?                                         the Dyck language; counting: F. Gers, J. Schmidhuber 2001
    order     X or Y at two places among distractors: which came first?          Hochreiter & Schmidhuber 1997, experiment 6a
    reber     strings of the embedded Reber grammar: which letter can follow?    A. Reber 1967; Hochreiter & Schmidhuber 1997, experiment 1

A task draws inputs; its `rule` then says from the inputs alone what is right at every step, so a typed sequence has a right answer too.
Symbols are one-hot. Targets are class numbers, IGNORE where nothing is asked; the adding problem's are numbers, NaN where nothing is
asked. The latent is what a perfect memory would hold at each step.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Float, Int, Shaped
from torch import Generator, Tensor
from torch.nn import functional as F

from core.errors import ExplainerError

IGNORE = -100  # torch's own mark for a target that does not count
LONGEST = 300  # steps
CLOSE = 0.04  # an answer to the adding problem that is nearer than this counts as right, as in the paper

Inputs = Float[Tensor, "batch time feature"]
Tokens = Int[Tensor, "batch time"]
Targets = Shaped[Tensor, "batch time"]
Latent = Float[Tensor, "batch time"]


@dataclass(frozen=True)
class Task(ABC):
    """`answers` are the words for the classes (none: a number is asked), `latent` says what the latent counts.

    `delayed` says whether a delay can be asked for; `shortest` is the least length.
    """

    title: str
    symbols: str
    answers: tuple[str, ...]
    latent: str
    delayed: bool
    shortest: int

    @property
    def features(self) -> int:
        """Numbers that come in at each step."""
        return len(self.symbols)

    @property
    def outputs(self) -> int:
        """Numbers that go out at each step: a score for each class, or the sum."""
        return len(self.answers) or 1

    def sample(
        self, batch: int, length: int, generator: Generator, delay: int | None = None
    ) -> tuple[Inputs, Targets, Latent]:
        """Draw `batch` sequences of `length` steps; `delay` is the number of steps between what is to be kept and its use.

        Raises:
            ExplainerError: a length or a delay that the task cannot have.
        """
        if not self.shortest <= length <= LONGEST:
            raise ExplainerError(
                f"{self.title}: {length} steps are outside {self.shortest} to {LONGEST}; try {max(20, self.shortest)}"
            )
        if batch < 1:
            raise ExplainerError(f"{self.title}: {batch} sequences cannot be drawn; try 32")
        if delay is not None and not (self.delayed and 0 <= delay <= length - self.shortest):
            most = f"0 to {length - self.shortest}" if self.delayed else "none: this task has no delay of its own"
            raise ExplainerError(
                f"{self.title}: a delay of {delay} steps in {length} is not possible; allowed is {most}"
            )
        inputs = self.draw(batch, length, generator, delay)
        return inputs, *self.rule(inputs)

    @abstractmethod
    def draw(self, batch: int, length: int, generator: Generator, delay: int | None) -> Inputs:
        """Random inputs."""

    @abstractmethod
    def rule(self, inputs: Inputs) -> tuple[Targets, Latent]:
        """What is right at every step, and what a perfect memory holds there."""

    def right(self, inputs: Inputs, outputs: Float[Tensor, "batch time output"]) -> Float[Tensor, "batch time"]:
        """1 where the answer follows the rule, 0 where it does not, NaN where nothing is asked."""
        targets, _ = self.rule(inputs)
        found = (outputs.argmax(-1) == targets).to(outputs.dtype)
        return torch.where(targets == IGNORE, torch.nan, found)

    def loss(self, outputs: Float[Tensor, "batch time output"], targets: Targets) -> Float[Tensor, ""]:
        """Mean cross-entropy in nats over the steps that are asked."""
        return F.cross_entropy(outputs.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)

    def encode(self, text: str) -> Inputs:
        """A typed sequence as a batch of one; blanks between the symbols do not count.

        Raises:
            ExplainerError: it is empty, too long, or holds other symbols.
        """
        letters = re.sub(r"\s", "", text)
        if unknown := next((k for k in letters if k not in self.symbols), ""):
            raise ExplainerError(f"{self.title}: {unknown!r} is no symbol of this task; use {' '.join(self.symbols)}")
        _check_length(self.title, len(letters), " ".join(self.symbols))
        return self.one_hot(torch.tensor([[self.symbols.index(k) for k in letters]]))

    def words(self, inputs: Float[Tensor, "time feature"]) -> list[str]:
        """The symbol at each step."""
        return [self.symbols[k] for k in inputs.argmax(-1)]

    def one_hot(self, tokens: Tokens) -> Inputs:
        return F.one_hot(tokens, self.features).float()


def _check_length(title: str, count: int, allowed: str) -> None:
    if not 1 <= count <= LONGEST:
        raise ExplainerError(f"{title}: the sequence has {count} steps; type 1 to {LONGEST} of {allowed}")


def _draw(low: int, high: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Whole numbers from low to high, both included."""
    return torch.randint(low, high + 1, shape, generator=generator)


class Copy(Task):
    """n letters of a to d, blanks, then n cues: at each cue the next letter is asked. length = 2n + delay."""

    def draw(self, batch: int, length: int, generator: Generator, delay: int | None) -> Inputs:
        n = max(1, length // 4) if delay is None else (length - delay) // 2
        tokens = torch.full((batch, length), 4)
        tokens[:, :n] = _draw(0, 3, (batch, n), generator)
        tokens[:, length - n :] = 5
        return self.one_hot(tokens)

    def rule(self, inputs: Inputs) -> tuple[Targets, Latent]:
        """The k-th cue asks for the k-th letter; the latent counts the letters that are still to be said."""
        tokens = inputs.argmax(-1)
        letter, cue = tokens < 4, tokens == 5
        kept, asked = letter.cumsum(1), cue.cumsum(1)
        order = (
            torch.where(letter, torch.arange(tokens.shape[1]), tokens.shape[1]).sort(1).values
        )  # where the letters stand
        place = order.gather(1, (asked - 1).clamp(min=0)).clamp(max=tokens.shape[1] - 1)
        known = cue & (asked <= kept)
        return torch.where(known, tokens.gather(1, place), IGNORE), (kept - asked).clamp(min=0).float()


class Recall(Task):
    """One letter of a to d, distractors x, y, z, and a cue at the end that asks for the first letter. length = 2 + delay."""

    def draw(self, batch: int, length: int, generator: Generator, delay: int | None) -> Inputs:
        n = length - 2 if delay is None else delay
        tokens = _draw(4, 6, (batch, length), generator)
        tokens[:, length - 2 - n] = _draw(0, 3, (batch,), generator)
        tokens[:, -1] = 7
        return self.one_hot(tokens)

    def rule(self, inputs: Inputs) -> tuple[Targets, Latent]:
        """Every cue asks for the first letter; the latent is its number, 1 to 4, and 0 before it has come."""
        tokens = inputs.argmax(-1)
        letter = tokens < 4
        first = letter & (letter.cumsum(1) == 1)
        held = (first * (tokens + 1)).cumsum(1)
        return torch.where((tokens == 7) & (held > 0), held - 1, IGNORE), held.float()


class Adding(Task):
    """A number in 0..1 and a mark at each step; the sum of the two marked numbers is asked at the end.

    The first mark is among the first ten steps (or the first half), the second between it and the middle; a delay moves the middle so
    that at least so many unmarked numbers come last.
    """

    @property
    def features(self) -> int:
        return 2

    def draw(self, batch: int, length: int, generator: Generator, delay: int | None) -> Inputs:
        middle = max(2, length // 2) if delay is None else length - delay
        first = _draw(0, min(10, middle // 2) - 1, (batch,), generator)
        second = first + 1 + (torch.rand(batch, generator=generator) * (middle - 1 - first)).long()
        marks = F.one_hot(first, length) + F.one_hot(second, length)
        return torch.stack([torch.rand(batch, length, generator=generator), marks.float()], -1)

    def rule(self, inputs: Inputs) -> tuple[Targets, Latent]:
        """The latent is the sum of the marked numbers so far."""
        total = (inputs[..., 0] * inputs[..., 1]).cumsum(1)
        targets = torch.full_like(total, torch.nan)
        targets[:, -1] = total[:, -1]
        return targets, total

    def right(self, inputs: Inputs, outputs: Float[Tensor, "batch time output"]) -> Float[Tensor, "batch time"]:
        """Whether the sum is less than 0.04 away."""
        targets, _ = self.rule(inputs)
        near = ((outputs[..., 0] - targets).abs() < CLOSE).to(outputs.dtype)
        return torch.where(targets.isnan(), torch.nan, near)

    def loss(self, outputs: Float[Tensor, "batch time output"], targets: Targets) -> Float[Tensor, ""]:
        """Mean squared error over the steps that are asked."""
        asked = ~targets.isnan()
        return F.mse_loss(outputs[..., 0][asked], targets[asked])

    def encode(self, text: str) -> Inputs:
        """Numbers in 0..1 with blanks between them, a star after each that is marked: 0.3 0.5* 0.2 0.9*."""
        parts = re.split(r"[\s,;]+", text.strip())
        _check_length(self.title, len(parts) if parts != [""] else 0, "numbers such as 0.3 0.5* 0.9*")
        found = [re.fullmatch(r"(1(?:\.0*)?|0?\.\d{1,9}|0)(\*?)", part) for part in parts]
        if None in found:
            bad = parts[found.index(None)]
            raise ExplainerError(
                f"{self.title}: {bad[:20]!r} is no number from 0 to 1, with a star if it is marked; try 0.3 0.5* 0.9*"
            )
        return torch.tensor([[[float(m[1]), float(bool(m[2]))] for m in found]])

    def words(self, inputs: Float[Tensor, "time feature"]) -> list[str]:
        return [f"{x:.2f}" + "*" * bool(mark) for x, mark in inputs.tolist()]


class Parity(Task):
    """Bits; asked at every step. The delay is the number of blanks after each bit."""

    def draw(self, batch: int, length: int, generator: Generator, delay: int | None) -> Inputs:
        bits = _draw(0, 1, (batch, length), generator)
        blank = torch.arange(length) % ((delay or 0) + 1) != 0
        return self.one_hot(torch.where(blank, 2, bits))

    def rule(self, inputs: Inputs) -> tuple[Targets, Latent]:
        """Class 1 where the number of ones so far is odd; the latent is the same as a number."""
        odd = inputs[..., 1].cumsum(1).long() % 2
        return odd, odd.float()


class Dyck(Task):
    """Opening and closing brackets whose depth stays within 0..5; asked at every step. The delay is the number of blanks after each bracket."""

    def draw(self, batch: int, length: int, generator: Generator, delay: int | None) -> Inputs:
        deepest, stride = self.outputs - 1, (delay or 0) + 1
        tokens, depth = torch.full((batch, length), 2), torch.zeros(batch, dtype=torch.long)
        up = torch.rand(batch, length, generator=generator) < 0.5
        for t in range(0, length, stride):
            rise = (up[:, t] | (depth == 0)) & (depth < deepest)
            tokens[:, t] = torch.where(rise, 0, 1)
            depth = torch.where(rise, depth + 1, depth - 1)
        return self.one_hot(tokens)

    def rule(self, inputs: Inputs) -> tuple[Targets, Latent]:
        """The depth after each symbol. A typed sequence may leave 0..5: the count then stays at the end that it has reached."""
        step, depth, depths = inputs[..., 0] - inputs[..., 1], inputs.new_zeros(len(inputs)), []
        for move in step.unbind(1):
            depth = (depth + move).clamp(0, self.outputs - 1)
            depths.append(depth)
        latent = torch.stack(depths, 1)
        return latent.long(), latent


class Order(Task):
    """X or Y at two places among distractors, then a cue: which pair, in which order? The delay comes between the second and the cue."""

    def draw(self, batch: int, length: int, generator: Generator, delay: int | None) -> Inputs:
        end = length - 1 - (max(1, (length - 1) // 4) if delay is None else delay)  # the marks come before this step
        first = (torch.rand(batch, generator=generator) * (end // 2)).long()
        second = end // 2 + (torch.rand(batch, generator=generator) * (end - end // 2)).long()
        tokens, rows = _draw(2, 5, (batch, length), generator), torch.arange(batch)
        for place in (first, second):
            tokens[rows, place] = _draw(0, 1, (batch,), generator)
        tokens[:, -1] = 6
        return self.one_hot(tokens)

    def rule(self, inputs: Inputs) -> tuple[Targets, Latent]:
        """At a cue after two marks or more: XX, XY, YX or YY of the first two. The latent is the first mark: X 1, Y −1, none yet 0."""
        tokens = inputs.argmax(-1)
        mark = tokens < 2
        count = mark.cumsum(1)
        first = ((mark & (count == 1)) * (tokens + 1)).cumsum(1)
        second = ((mark & (count == 2)) * (tokens + 1)).cumsum(1)
        asked = (tokens == 6) & (count >= 2)
        latent = torch.where(first > 0, 3 - 2 * first, 0)
        return torch.where(asked, 2 * (first - 1) + second - 1, IGNORE), latent.float()


def _embedded() -> tuple[Tensor, Tensor]:
    """The embedded Reber grammar as an automaton: the next state for (state, letter), -1 where the letter is not allowed; and each state's branch.

    Inner nodes 0 to 5, by the letters that leave them: 0 T1 P2, 1 S1 X3, 2 T2 V4, 3 X2 S5, 4 P3 V5, and E from 5.
    """
    inner = {
        (0, "T"): 1,
        (0, "P"): 2,
        (1, "S"): 1,
        (1, "X"): 3,
        (2, "T"): 2,
        (2, "V"): 4,
        (3, "X"): 2,
        (3, "S"): 5,
        (4, "P"): 3,
        (4, "V"): 5,
    }
    following, branch = torch.full((20, 7), -1), torch.zeros(20)
    following[0, "BTPSXVE".index("B")] = 1
    for letter, sign, first in (
        ("T", 1.0, 2),
        ("P", -1.0, 11),
    ):  # of each branch: before the inner B, six nodes, the repeat, the last E
        node = first + 1
        ways = {
            (1, letter): first,
            (first, "B"): node,
            (node + 5, "E"): node + 6,
            (node + 6, letter): node + 7,
            (node + 7, "E"): 0,
        }
        for (state, read), to in {**ways, **{(node + k, read): node + to for (k, read), to in inner.items()}}.items():
            following[state, "BTPSXVE".index(read)] = to
        branch[first : node + 8] = sign
    return following, branch


class Reber(Task):
    """Strings of the embedded grammar one after the other, B (T or P) B ... E (the same) E, cut at the length; the next letter is asked."""

    def draw(self, batch: int, length: int, generator: Generator, delay: int | None) -> Inputs:
        coins = _draw(0, 1, (batch, length), generator)
        state, tokens = torch.zeros(batch, dtype=torch.long), []
        for coin in coins.unbind(1):
            allowed = (FOLLOWING[state] >= 0).long()
            one, other = (
                allowed.argmax(1),
                6 - allowed.flip(1).argmax(1),
            )  # the first and the last of at most two letters
            tokens.append(torch.where(coin == 0, one, other))
            state = FOLLOWING[state, tokens[-1]]
        return self.one_hot(torch.stack(tokens, 1))

    def rule(self, inputs: Inputs) -> tuple[Targets, Latent]:
        """Targets are the letters that came next (none for the last). The latent is the outer branch: T 1, P −1, outside 0."""
        tokens = inputs.argmax(-1)
        targets = torch.full_like(tokens, IGNORE)
        targets[:, :-1] = tokens[:, 1:]
        states = self.states(inputs)
        return targets, torch.where(states >= 0, BRANCH[states], 0.0)

    def right(self, inputs: Inputs, outputs: Float[Tensor, "batch time output"]) -> Float[Tensor, "batch time"]:
        """Whether the most probable letter is one that the grammar allows next; NaN after a string has left the grammar."""
        allowed = self.allowed(inputs)
        best = outputs.argmax(-1, keepdim=True)
        found = allowed.gather(-1, best)[..., 0].to(outputs.dtype)
        return torch.where(allowed.any(-1), found, torch.nan)

    def allowed(self, inputs: Inputs) -> Shaped[Tensor, "batch time feature"]:
        """Which letters may come next after each step; none once a letter was not allowed."""
        states = self.states(inputs)[..., None]
        return (FOLLOWING[states[..., 0]] >= 0) & (states >= 0)

    def states(self, inputs: Inputs) -> Int[Tensor, "batch time"]:
        """The automaton's state after each letter, -1 once a letter was not allowed."""
        state, found = torch.zeros(len(inputs), dtype=torch.long), []
        for token in inputs.argmax(-1).unbind(1):
            state = torch.where(state >= 0, FOLLOWING[state, token], -1)
            found.append(state)
        return torch.stack(found, 1)


FOLLOWING, BRANCH = _embedded()
_DEPTHS = tuple(f"depth {k}" for k in range(6))
TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "copy": Copy("Copy", "abcd·?", tuple("abcd"), "letters still to say", True, 2),
        "recall": Recall("First-token recall", "abcdxyz?", tuple("abcd"), "number of the first letter", True, 2),
        "adding": Adding("Adding problem", "", (), "sum of the marked numbers so far", True, 2),
        "parity": Parity("Parity", "01·", ("even", "odd"), "parity of the ones so far", True, 1),
        "dyck": Dyck("Bracket depth", "()·", _DEPTHS, "depth", True, 1),
        "order": Order("Temporal order", "XYabcd?", ("XX", "XY", "YX", "YY"), "first mark (X 1, Y −1)", True, 4),
        "reber": Reber("Embedded Reber grammar", "BTPSXVE", tuple("BTPSXVE"), "outer branch (T 1, P −1)", False, 1),
    }
)
