"""Tasks whose right alignment is known: for every answer, which tokens it must be read from.

A task draws tokens (batch, token), targets (batch, answer) and the alignment (batch, answer, token): True where the token holds what
the answer needs. A target of IGNORED (-100, torch's own mark) is not asked for, and its row of the alignment is empty.

    copy       a b c -> a b c                       sort       c a b -> a b c
    reverse    a b c -> c b a                       lookup     a 1 b 2 ? b a -> 2 1 at b and a
    addition   2 7 + 4 5 = -> 0 7 2                 dates      2026-11-20 -> 20 November 2026, and undates back again
    induction  x a b c a b c -> the next token, where it has been said before, seen from the left only
    majority   ? 0 1 1 -> 1 at the ?                brackets   ( [ . . -> [ ( : which bracket does each dot close?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from core.errors import ExplainerError

IGNORED = -100
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip
LETTERS, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
FIRST_DAY, DAYS = date(1900, 1, 1), 73_049  # to the last day of 2099
Words = tuple[str, ...]


class Sample(NamedTuple):
    """Tokens, what the model should say, and where it should look."""

    tokens: Int[Tensor, "batch token"]
    targets: Int[Tensor, "batch answer"]
    alignment: Bool[Tensor, "batch answer token"]


Draw = Callable[[int, int, torch.Generator], Sample]


@dataclass(frozen=True)
class Task:
    """One task. Token and target i are `vocabulary[i]`, on screen too.

    `aligned`: answer i belongs to token i; else the answers are a sequence of their own. `leftward`: all that an answer needs stands
    left of it, or is the token itself. `solve` gives the sample of typed tokens. `scored`: the right alignment is known. `unseen` draws
    what no training has seen, for a task whose examples come to an end.
    """

    name: str
    title: str
    vocabulary: Words
    length: int
    shortest: int
    longest: int
    draw: Draw
    solve: Callable[[Int[Tensor, "batch token"]], Sample]
    help: str
    aligned: bool = True
    leftward: bool = False
    example: str = ""
    scored: bool = True
    unseen: Draw | None = None

    def sample(self, batch: int, length: int, generator: torch.Generator) -> Sample:
        """`batch` sequences of about `length` tokens: the nearest length below that the task can have.

        Raises:
            ExplainerError: the length is outside what the task allows.
        """
        if not self.shortest <= length <= self.longest:
            raise ExplainerError(
                f"length {length} is outside {self.shortest} to {self.longest} of the task {self.title!r}; try {self.length}"
            )
        return self.draw(batch, length, generator)

    def encode(self, text: str) -> Int[Tensor, "1 token"]:
        """Typed tokens as numbers; spaces between single characters may be left out. A space that is a token itself fills up short texts.

        Raises:
            ExplainerError: a token is not in the vocabulary, or there are too few or too many.
        """
        words = self._parts(text.strip())
        if unknown := [w for w in words if w not in self.vocabulary]:
            raise ExplainerError(
                f"{unknown[0][:20]!r} is no token of this task; use {' '.join(self.vocabulary)}; for example {self.example}"
            )
        if not self.shortest <= len(words) <= self.longest:
            raise ExplainerError(
                f"{len(words)} tokens are outside {self.shortest} to {self.longest}; for example {self.example}"
            )
        return torch.tensor([[self.vocabulary.index(w) for w in words]])

    def _parts(self, text: str) -> list[str]:
        if " " in self.vocabulary:
            return list(text.ljust(self.shortest))
        return text.split() if " " in text else list(text)

    def decode(self, tokens: Int[Tensor, " token"]) -> list[str]:
        """Numbers as words; nothing is shown for what is not asked for."""
        return ["" if t == IGNORED else self.vocabulary[t] for t in tokens.tolist()]


def _integers(high: int, shape: tuple[int, ...], g: torch.Generator) -> Tensor:
    return torch.randint(high, shape, generator=g)


def _distinct(high: int, batch: int, count: int, g: torch.Generator) -> Tensor:
    """(batch, count) numbers below `high`, none twice in a row of the batch."""
    return torch.rand(batch, high, generator=g).argsort(1)[:, :count]


def _one_hot(index: Tensor, size: int) -> Tensor:
    """(batch, answer) places -> (batch, answer, size), no place for -1."""
    return index[..., None] == torch.arange(size)


# Copy, reverse, sort


def _copied(x: Tensor) -> Sample:
    T = x.shape[1]
    return Sample(x, x, torch.eye(T, dtype=torch.bool).repeat(len(x), 1, 1))


def _reversed(x: Tensor) -> Sample:
    T = x.shape[1]
    return Sample(x, x.flip(1), torch.eye(T, dtype=torch.bool).flip(1).repeat(len(x), 1, 1))


def _sorted(x: Tensor) -> Sample:
    """Where a value stands twice, both places are right."""
    y = x.sort(1).values
    return Sample(x, y, y[:, :, None] == x[:, None, :])


# Lookup: pairs of key and value, then keys to look up


def _draw_lookup(batch: int, length: int, g: torch.Generator) -> Sample:
    pairs = length // 3
    keys, values = _distinct(PAIRS, batch, pairs, g), PAIRS + _integers(10, (batch, pairs), g)
    asked = keys.gather(1, torch.rand(batch, pairs, generator=g).argsort(1))
    return _looked_up(torch.cat([torch.stack([keys, values], 2).flatten(1), asked], 1))


def _looked_up(x: Tensor) -> Sample:
    """A letter with a digit behind it is a pair, any other letter a question: its last pair before it has the answer."""
    T = x.shape[1]
    is_value = x >= PAIRS
    in_pair = is_value.roll(-1, 1) & ~is_value  # a key with its value behind it
    in_pair[:, -1] = False
    asked = ~is_value & ~in_pair
    place = torch.arange(T)
    fits = asked[:, :, None] & in_pair[:, None, :] & (x[:, :, None] == x[:, None, :]) & (place < place[:, None])
    at = torch.where(fits.any(2), T - 1 - fits.flip(2).int().argmax(2) + 1, -1)  # the last fitting pair's value
    return _pointing(x, at)


def _pointing(x: Tensor, at: Tensor) -> Sample:
    """Each answer is the token that its place `at` points to; none where that is -1."""
    targets = torch.where(at >= 0, x.gather(1, at.clamp(min=0)), IGNORED)
    return Sample(x, targets, _one_hot(at, x.shape[1]))


PAIRS = 8  # keys a to h


# Addition


def _draw_addition(batch: int, length: int, g: torch.Generator) -> Sample:
    n = (length - 2) // 2
    digits = _integers(10, (batch, 2, n), g)
    plus, equals = (torch.full((batch, 1), DIGITS_AND_SIGNS.index(sign)) for sign in "+=")
    return _added(torch.cat([digits[:, 0], plus, digits[:, 1], equals], 1))


def _added(x: Tensor) -> Sample:
    """The answer has one digit more; each is read from the two digits of its place, the first, a mere carry, from the highest two."""
    B, T = x.shape
    n = (T - 2) // 2
    signs = ((x[:, n] == 10) & (x[:, -1] == 11)).all()
    if T % 2 or not signs or ((x > 9).sum(1) > 2).any():
        raise ExplainerError("an addition has two numbers of equally many digits, as in 27+45=")
    weights = 10 ** torch.arange(n - 1, -1, -1)
    total = (x[:, :n] * weights).sum(1) + (x[:, n + 1 : -1] * weights).sum(1)
    answer = total[:, None] // 10 ** torch.arange(n, -1, -1) % 10
    place = (torch.arange(n + 1) - 1).clamp(min=0)
    both = _one_hot(place[None], T) | _one_hot(place[None] + n + 1, T)
    return Sample(x, answer, both.repeat(B, 1, 1))


DIGITS_AND_SIGNS = DIGITS + "+="


# Induction


def _draw_induction(batch: int, length: int, g: torch.Generator) -> Sample:
    """Letters, of which the last m are those m before them; m is another one in each sequence, so that counting back is no help."""
    others = _integers(len(LETTERS), (batch, length), g)
    letters = torch.cat([_distinct(len(LETTERS), batch, len(LETTERS), g), others], 1)
    m = length // 4 + _integers(length // 2 - length // 4 + 1, (batch, 1), g)
    t = torch.arange(length)
    return _continued(letters.gather(1, t - m * (t >= length - m)))


def _continued(x: Tensor) -> Sample:
    """At a token that stood there before, and is followed by the same as then: what stands behind its last place."""
    T = x.shape[1]
    t = torch.arange(T)
    before = (x[:, :, None] == x[:, None, :]) & (t < t[:, None])
    at = T - before.flip(2).int().argmax(2)  # one behind the last such place
    asked = before.any(2) & (x.roll(-1, 1) == x.gather(1, at.clamp(max=T - 1))) & (t < T - 1)
    if not asked.any(1).all():
        raise ExplainerError("induction needs a part that is said twice, as in abkxmqkxmq")
    return _pointing(x, torch.where(asked, at, -1))


# Dates


def _draw_dates(batch: int, length: int, g: torch.Generator) -> Sample:
    days = _integers(DAYS, (batch,), g).tolist()
    iso = [(FIRST_DAY + timedelta(d)).isoformat() for d in days]
    return _written_out(torch.tensor([[DATE_CHARACTERS.index(c) for c in text] for text in iso]))


def _written_out(x: Tensor) -> Sample:
    """20 November 2026 from 2026-11-20: day, month and year each from their own characters; short months end in blanks."""
    rows, places = [], []
    for tokens in x.tolist():
        text = "".join(DATE_CHARACTERS[t] for t in tokens)
        try:
            when = date.fromisoformat(text)
        except ValueError:
            raise ExplainerError(f"{text!r} is no date; write year-month-day, as in 2026-11-20") from None
        month = MONTHS[when.month - 1]
        written = f"{when.day:02} {month} {when.year:04}"
        rows.append([DATE_CHARACTERS.index(c) for c in written.ljust(WRITTEN)])
        ends = [[8], [9], [], *([[5, 6]] * len(month)), [], [0], [1], [2], [3]]
        places.append(ends + [[]] * (WRITTEN - len(ends)))
    alignment = torch.tensor([[[j in place for j in range(x.shape[1])] for place in row] for row in places])
    return Sample(x, torch.tensor(rows), alignment)


def _draw_undates(batch: int, length: int, g: torch.Generator) -> Sample:
    return _turned(_draw_dates(batch, length, g))


def _turned(sample: Sample) -> Sample:
    """The same translation the other way round: who is read from whom is transposed."""
    return Sample(sample.targets, sample.tokens, sample.alignment.transpose(1, 2))


def _read_back(x: Tensor) -> Sample:
    """2026-11-20 from 20 November 2026, which ends in blanks: every letter of the month holds both of its digits."""
    iso = [_iso("".join(DATE_CHARACTERS[t] for t in tokens)) for tokens in x.tolist()]
    return _turned(_written_out(torch.tensor([[DATE_CHARACTERS.index(c) for c in text] for text in iso])))


def _iso(written: str) -> str:
    """20 November 2026 as 2026-11-20."""
    parts = written.split()
    if len(parts) != 3 or parts[1] not in MONTHS or written != " ".join(parts).ljust(WRITTEN):
        raise ExplainerError(f"{written.strip()!r} is no date; write day, month and year, as in 20 November 2026")
    return f"{parts[2]}-{MONTHS.index(parts[1]) + 1:02}-{parts[0]}"


WRITTEN = len("20 September 2026")
DATE_CHARACTERS = tuple(sorted({*DIGITS, "-", " ", *"".join(MONTHS)}))


# Majority and brackets


def _draw_majority(batch: int, length: int, g: torch.Generator) -> Sample:
    bits = _integers(2, (batch, (length - 1) // 2 * 2 + 1 if length % 2 else length - 1), g)
    return _counted(torch.cat([torch.full((batch, 1), 2), bits], 1))


def _counted(x: Tensor) -> Sample:
    """The first token asks which of 0 and 1 is more frequent (0 if they are equal); every other token counts alike."""
    targets = torch.full_like(x, IGNORED)
    if (x[:, 0] != 2).any() or (x[:, 1:] == 2).any():
        raise ExplainerError("a majority begins with ? and goes on with 0 and 1, as in ?01101")
    targets[:, 0] = (2 * x[:, 1:].sum(1) > x.shape[1] - 1).long()
    alignment = torch.zeros(*x.shape, x.shape[1], dtype=torch.bool)
    alignment[:, 0, 1:] = True
    return Sample(x, targets, alignment)


def _draw_brackets(batch: int, length: int, g: torch.Generator) -> Sample:
    """Walks that never go below 0 and end there: a step up is a random opening bracket, a step down the dot."""
    T = length // 2 * 2
    x = torch.full((batch, T), CLOSES)
    kinds, coins = _integers(CLOSES, (batch, T), g), torch.rand(batch, T, generator=g)
    depth = torch.zeros(batch, dtype=torch.long)
    for t in range(T):
        opens = ((coins[:, t] < 0.5) | (depth == 0)) & (depth < T - t)
        x[:, t] = torch.where(opens, kinds[:, t], CLOSES)
        depth += torch.where(opens, 1, -1)
    return _closed(x)


def _closed(x: Tensor) -> Sample:
    """A dot closes the last bracket that is still open."""
    at = torch.full_like(x, -1)
    for row, tokens in enumerate(x.tolist()):
        still_open: list[int] = []
        for t, token in enumerate(tokens):
            if token != CLOSES:
                still_open.append(t)
            elif still_open:
                at[row, t] = still_open.pop()
            else:
                raise ExplainerError(f"the dot at place {t} closes nothing; open a bracket before it, as in ([..{{.")
    return _pointing(x, at)


CLOSES = 3  # the dot


def _over(vocabulary: int, solve: Callable[[Tensor], Sample]) -> Draw:
    """Tokens drawn evenly, then solved."""
    return lambda batch, length, g: solve(_integers(vocabulary, (batch, length), g))


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.name: task
        for task in (
            Task("copy", "Copy", tuple(DIGITS), 10, 2, 64, _over(10, _copied), _copied, "Say every token again", example="3141592653"),
            Task("reverse", "Reverse", tuple(DIGITS), 10, 2, 64, _over(10, _reversed), _reversed, "Say the tokens from the last to the first", example="3141592653"),
            Task("sort", "Sort", tuple(DIGITS), 10, 2, 64, _over(10, _sorted), _sorted, "Say the digits from the smallest to the largest", example="3141592653"),
            Task("lookup", "Look up", (*LETTERS[:PAIRS], *DIGITS), 12, 3, 26, _draw_lookup, _looked_up, "Letters with their digits, then letters alone: say their digits", leftward=True, example="a3f7c1h0fcah"),
            Task("addition", "Addition", tuple(DIGITS_AND_SIGNS), 6, 4, 14, _draw_addition, _added, "Add two numbers, digit by digit", aligned=False, example="27+45="),
            Task("induction", "Induction", tuple(LETTERS), 20, 4, 128, _draw_induction, _continued, "A part of a random sequence is said twice: what comes next, the second time?", leftward=True, example="wvkxmqbzoafkxmqbzoaf"),
            Task("dates", "Dates", DATE_CHARACTERS, 10, 10, 10, _draw_dates, _written_out, "2026-11-20 becomes 20 November 2026", aligned=False, example="2026-11-20"),
            Task("undates", "Dates, backwards", DATE_CHARACTERS, WRITTEN, WRITTEN, WRITTEN, _draw_undates, _read_back, "20 November 2026 becomes 2026-11-20", aligned=False, example="20 November 2026"),
            Task("majority", "Majority", ("0", "1", "?"), 12, 2, 64, _draw_majority, _counted, "Are there more ones than zeros?", example="?01101110010"),
            Task("brackets", "Brackets", ("(", "[", "{", "."), 12, 2, 64, _draw_brackets, _closed, "Each dot closes a bracket: which?", leftward=True, example="([.{..([..(."),
        )
    }
)  # fmt: skip
