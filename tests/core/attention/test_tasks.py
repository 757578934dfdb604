"""Every task: answers and alignment against a solution written another way, typed tokens, and the forms for three kinds of model."""

from __future__ import annotations

from datetime import date, datetime

import pytest
import torch

from core.attention.layout import arrange, in_place, shape_for
from core.attention.tasks import IGNORED, TASKS, Sample
from core.errors import ExplainerError
from core.rng import generator


def drawn(name: str, batch: int = 20, seed: int = 0) -> tuple[list[tuple[str, ...]], Sample]:
    task = TASKS[name]
    sample = task.sample(batch, task.length, generator(seed, "test"))
    return [tuple(task.vocabulary[t] for t in row) for row in sample.tokens.tolist()], sample


def said(name: str, sample: Sample) -> list[list[str]]:
    return [TASKS[name].decode(row) for row in sample.targets]


SOLVED = {
    "copy": lambda x: list(x),
    "reverse": lambda x: list(x)[::-1],
    "sort": lambda x: sorted(x),
    "addition": lambda x: list(str(sum(map(int, "".join(x[:-1]).split("+")))).zfill(3)),
    "dates": lambda x: list(date.fromisoformat("".join(x)).strftime("%d %B %Y").ljust(17)),
    "undates": lambda x: list(datetime.strptime("".join(x).strip(), "%d %B %Y").date().isoformat()),
    "majority": lambda x: ["01"[x.count("1") > x.count("0")]] + [""] * 11,
}


@pytest.mark.parametrize("name", SOLVED)
def test_answers(name: str):
    rows, sample = drawn(name)
    assert said(name, sample) == [SOLVED[name](row) for row in rows]


@pytest.mark.parametrize("name", ["copy", "reverse", "sort", "lookup", "induction", "brackets"])
def test_the_right_token_stands_where_the_alignment_points(name: str):
    _, (x, y, truth) = drawn(name)
    b, i, j = truth.nonzero(as_tuple=True)
    assert torch.equal(x[b, j], y[b, i])
    assert torch.equal(truth.any(-1), y != IGNORED)


def test_lookup_by_a_dictionary():
    rows, sample = drawn("lookup")
    for row, answers in zip(rows, said("lookup", sample), strict=True):
        known = dict(zip(row[0:8:2], row[1:8:2], strict=True))
        assert len(known) == 4
        assert answers == [""] * 8 + [known[k] for k in row[8:]]
    assert any(r[8:] != r[0:8:2] for r in rows)  # questions come in another order


def test_typed_lookups():
    task = TASKS["lookup"]
    again = task.solve(task.encode("a1a2bac"))  # the last pair counts; b and c were never told
    assert task.decode(again.targets[0]) == ["", "", "", "", "", "2", ""]
    assert again.alignment[0].nonzero().tolist() == [[5, 3]]


def test_brackets_by_a_stack():
    rows, sample = drawn("brackets")
    for row, answers, truth in zip(rows, said("brackets", sample), sample.alignment, strict=True):
        stack = []
        for t, token in enumerate(row):
            if token == ".":
                assert answers[t] == row[stack[-1]]
                assert truth[t].nonzero().tolist() == [[stack.pop()]]
            else:
                stack.append(t)
        assert not stack
    assert len({"".join(r) for r in rows}) > 15


def test_induction_looks_at_what_came_next():
    rows, sample = drawn("induction")
    lengths = set()
    for row, answers, truth in zip(rows, said("induction", sample), sample.alignment, strict=True):
        (m,) = (m for m in range(5, 11) if row[-m:] == row[-2 * m : -m])
        lengths.add(m)
        assert answers == [""] * (20 - m) + list(row[-m + 1 :]) + [""]
        for t in range(20 - m, 19):
            assert truth[t].nonzero().tolist() == [[t - m + 1]]
    assert len(lengths) > 3  # counting back is no help


def test_addition_and_dates_align_with_their_own_digits():
    _, sample = drawn("addition")
    assert sample.alignment[3].int().tolist() == [[1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0]]
    task = TASKS["dates"]
    x, y, truth = task.solve(task.encode("2026-11-20"))
    assert "".join(task.decode(y[0])) == "20 November 2026 "
    for i in (0, 1, 12, 13, 14, 15):
        (j,) = truth[0, i].nonzero().flatten().tolist()
        assert x[0, j] == y[0, i]
    assert all(truth[0, i].nonzero().flatten().tolist() == [5, 6] for i in range(3, 11))
    assert not truth[0, [2, 11, 16]].any()


def test_dates_backwards_are_read_from_the_other_side():
    """Every digit of the month from the whole name, every other digit from its own character; a short text is filled up."""
    task = TASKS["undates"]
    x, y, truth = task.solve(task.encode("07 March 1984"))
    assert x.shape == (1, 17)
    assert "".join(task.decode(y[0])) == "1984-03-07"
    at = [truth[0, i].nonzero().flatten().tolist() for i in range(10)]
    assert at == [[9], [10], [11], [12], [], [3, 4, 5, 6, 7], [3, 4, 5, 6, 7], [], [0], [1]]


def test_a_value_that_stands_twice_may_be_read_from_both_places():
    task = TASKS["sort"]
    assert task.solve(task.encode("313")).alignment[0].int().tolist() == [[0, 1, 0], [1, 0, 1], [1, 0, 1]]


@pytest.mark.parametrize("name", TASKS)
def test_examples_lengths_and_seeds(name: str):
    task = TASKS[name]
    shown = task.solve(task.encode(task.example))
    assert shown.tokens.shape[1] == task.length
    for length in (task.shortest, task.length, task.longest):
        x, y, truth = task.sample(3, length, generator(0, "test"))
        assert len(x) == 3
        assert 1 <= x.shape[1] <= length
        assert truth.shape == (3, y.shape[1], x.shape[1])
        assert x.max() < len(task.vocabulary)
        again = task.solve(x)
        assert torch.equal(again.targets, y)
        assert torch.equal(again.alignment, truth)
    first, second = (task.sample(4, task.length, generator(1, "test")).tokens for _ in range(2))
    assert torch.equal(first, second)
    for bad in (task.shortest - 1, task.longest + 1):
        with pytest.raises(ExplainerError, match="outside"):
            task.sample(1, bad, generator(0, "test"))


BAD = [
    ("reverse", "12x4", "'x' is no token"), ("reverse", "1", "1 tokens are outside"), ("addition", "12+345=", "equally many digits"),
    ("addition", "1234", "equally many"), ("induction", "abcdef", "said twice"), ("induction", "abcdae", "said twice"),
    ("dates", "2026-13-20", "no date"), ("undates", "31 June 2026", "no date"), ("undates", "20 Nov 2026", "no date"), ("undates", "2026", "no date"), ("majority", "0110", "begins with"), ("brackets", "(..(", "closes nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "words"), BAD)
def test_typed_tokens_that_do_not_fit(name: str, text: str, words: str):
    task = TASKS[name]
    with pytest.raises(ExplainerError, match=words):
        task.solve(task.encode(text))


def test_tokens_may_be_parted_by_spaces():
    task = TASKS["reverse"]
    assert torch.equal(task.encode(" 1 2 3 "), task.encode("123"))


@pytest.mark.parametrize("kind", ["encoder", "decoder", "both"])
@pytest.mark.parametrize("name", TASKS)
def test_the_same_task_for_three_kinds(name: str, kind: str):
    """Whatever the form: the asked answers come in order, and the truth points at the same tokens."""
    task = TASKS[name]
    sample = task.sample(5, task.length, generator(2, "test"))
    a = arrange(task, kind, sample)
    asked, wanted = a.targets != IGNORED, sample.targets != IGNORED
    assert torch.equal(a.targets[asked], sample.targets[wanted])
    assert torch.equal(a.truth.any(-1), asked & a.truth.any(-1))
    _, _, keys = a.truth.nonzero(as_tuple=True)
    assert torch.equal(keys, sample.alignment.nonzero(as_tuple=True)[2])
    assert torch.equal(a.keys[:, : sample.tokens.shape[1]], sample.tokens)
    assert a.truth.shape == (5, a.queries.shape[1], a.keys.shape[1])
    shape = shape_for(task, kind, task.length)
    assert max(a.queries.max(), a.keys.max()) < shape.vocabulary
    assert a.queries.shape[1] <= shape.length
    if kind == "decoder":  # nothing that is asked for stands where it may be seen
        assert not (a.truth & ~torch.ones_like(a.truth).tril()).any()
    if not in_place(task, kind) and kind != "encoder":
        first = sample.tokens.shape[1] if kind == "decoder" else 0
        assert (a.queries[:, first] == len(task.vocabulary)).all()
        shifted = a.queries[:, first + 1 :]
        known = sample.targets[:, :-1] != IGNORED
        assert torch.equal(shifted[known], sample.targets[:, :-1][known])
