"""Every task's inputs and right answers against a checker that reads the words one by one."""

from __future__ import annotations

import math
import re

import pytest
import torch
from torch.nn import functional as F

from core.errors import ExplainerError
from core.recurrent import IGNORE, TASKS
from core.rng import generator


def draw(name: str, length: int = 14, delay: int | None = None, batch: int = 40):
    inputs, targets, latent = TASKS[name].sample(batch, length, generator(0, name), delay)
    assert inputs.shape == (batch, length, TASKS[name].features)
    assert targets.shape == latent.shape == (batch, length)
    return inputs, targets, latent, [TASKS[name].words(row) for row in inputs]


@pytest.mark.parametrize("delay", [None, 0, 4, 12])
def test_copy(delay: int | None) -> None:
    _, targets, latent, words = draw("copy", 14, delay)
    n = 3 if delay is None else (14 - delay) // 2
    for row, target, held in zip(words, targets.tolist(), latent.tolist(), strict=True):
        assert row[n:-n] == ["·"] * (14 - 2 * n)
        assert row[-n:] == ["?"] * n
        assert ["abcd"[k] for k in target[-n:]] == row[:n]
        assert target[:-n] == [IGNORE] * (14 - n)
        assert held == [*range(1, n + 1), *[n] * (14 - 2 * n), *reversed(range(n))]


@pytest.mark.parametrize("delay", [None, 0, 5])
def test_recall(delay: int | None) -> None:
    _, targets, latent, words = draw("recall", 14, delay)
    place = 14 - 2 - (12 if delay is None else delay)
    for row, target, held in zip(words, targets.tolist(), latent.tolist(), strict=True):
        assert row[place] in "abcd"
        assert all(k in "xyz" for k in row[:place] + row[place + 1 : -1])
        assert row[-1] == "?"
        assert target == [IGNORE] * 13 + ["abcd".index(row[place])]
        assert held == [0] * place + ["abcd".index(row[place]) + 1] * (14 - place)


@pytest.mark.parametrize("delay", [None, 0, 6, 12])
def test_adding(delay: int | None) -> None:
    inputs, targets, latent, _ = draw("adding", 14, delay)
    middle = 7 if delay is None else 14 - delay
    for row, target, held in zip(inputs.tolist(), targets.tolist(), latent.tolist(), strict=True):
        marked = [t for t, (_, mark) in enumerate(row) if mark]
        assert len(marked) == 2
        assert marked[-1] < middle
        assert all(0 <= x <= 1 and mark in (0, 1) for x, mark in row)
        assert all(math.isnan(y) for y in target[:-1])
        assert target[-1] == pytest.approx(row[marked[0]][0] + row[marked[1]][0], abs=1e-6)
        assert held == pytest.approx([sum(x for x, mark in row[: t + 1] if mark) for t in range(14)], abs=1e-6)


@pytest.mark.parametrize("delay", [None, 0, 3])
def test_parity(delay: int | None) -> None:
    _, targets, latent, words = draw("parity", 14, delay)
    for row, target, held in zip(words, targets.tolist(), latent.tolist(), strict=True):
        assert all((k == "·") == bool(t % ((delay or 0) + 1)) for t, k in enumerate(row))
        assert target == [row[: t + 1].count("1") % 2 for t in range(14)] == held


@pytest.mark.parametrize("delay", [None, 2])
def test_dyck(delay: int | None) -> None:
    _, targets, latent, words = draw("dyck", 30, delay)
    for row, target, held in zip(words, targets.tolist(), latent.tolist(), strict=True):
        assert all((k == "·") == bool(t % ((delay or 0) + 1)) for t, k in enumerate(row))
        depths = [row[: t + 1].count("(") - row[: t + 1].count(")") for t in range(30)]
        assert target == depths == held
        assert all(0 <= depth <= 5 for depth in depths)
    assert latent.max() == (5 if delay is None else latent.max())


@pytest.mark.parametrize("delay", [None, 0, 5, 10])
def test_order(delay: int | None) -> None:
    _, targets, latent, words = draw("order", 14, delay)
    for row, target, held in zip(words, targets.tolist(), latent.tolist(), strict=True):
        marks = [t for t, k in enumerate(row) if k in "XY"]
        assert len(marks) == 2
        assert row[-1] == "?"
        assert 13 - marks[1] - 1 >= (3 if delay is None else delay)
        assert target == [IGNORE] * 13 + [("XX", "XY", "YX", "YY").index(row[marks[0]] + row[marks[1]])]
        assert held == [0 if t < marks[0] else 1 if row[marks[0]] == "X" else -1 for t in range(14)]


def inner_is_reber(text: str) -> bool:
    """The grammar once more, as a regular expression of its two ways through."""
    loop = r"(T*VPX)*T*V(V|PS)"  # from node 2 to the end; PX leads back to node 2
    return re.fullmatch(rf"B(TS*X(S|X{loop})|P{loop})E", text) is not None


def test_reber() -> None:
    _, targets, latent, words = draw("reber", 60)
    for row, target, held in zip(words, targets.tolist(), latent.tolist(), strict=True):
        text = "".join(row)
        assert ["BTPSXVE"[k] for k in target[:-1]] == row[1:]
        assert target[-1] == IGNORE
        at = 0
        while found := re.match(r"B([TP])(B[STXVP]+E)\1E", text[at:]):
            assert inner_is_reber(found[2]), found[2]
            sign = 1 if found[1] == "T" else -1
            assert held[at : at + len(found[0])] == [0, *[sign] * (len(found[0]) - 2), 0]
            at += len(found[0])
        assert at > 0 or len(text) == 60
        assert text[at] == "B" if at < 60 else True


def test_reber_says_which_letters_may_follow() -> None:
    task = TASKS["reber"]
    allowed = task.allowed(task.encode("BTBTSXSETEBX"))[0]
    found = [
        "".join(sorted(letter for letter, yes in zip(task.symbols, row, strict=True) if yes))
        for row in allowed.tolist()
    ]
    assert found == ["PT", "B", "PT", "SX", "SX", "SX", "E", "T", "E", "B", "PT", ""]


# Answers


@pytest.mark.parametrize("name", TASKS)
def test_a_perfect_answer_is_right_and_costs_nothing_and_a_wrong_one_is_not(name: str) -> None:
    task = TASKS[name]
    inputs, targets, _, _ = draw(name)
    if name == "adding":
        perfect, wrong = targets[..., None], targets[..., None] + 0.05
    else:
        perfect = 1e3 * F.one_hot(targets.clamp(min=0), task.outputs).float()
        wrong = -perfect
    right, missed = task.right(inputs, perfect), task.right(inputs, wrong)
    asked = ~right.isnan()
    if name == "reber":
        assert asked.all()  # the rule also says what may follow the last letter
        asked[:, -1] = False
    assert asked.any()
    assert (right[asked] == 1).all()
    assert (missed[asked] == 0).all() or name == "reber"  # another letter may be allowed too
    assert task.loss(perfect, targets) < 1e-6
    assert task.loss(wrong, targets) > 1e-3


def test_the_loss_is_the_mean_over_the_steps_that_are_asked() -> None:
    task = TASKS["recall"]
    _, targets, _, _ = draw("recall", 6, batch=3)
    outputs = torch.randn(3, 6, 4, generator=generator(0, "y"))
    wanted = -torch.stack([outputs[k, -1].log_softmax(-1)[targets[k, -1]] for k in range(3)]).mean()
    assert task.loss(outputs, targets).item() == pytest.approx(wanted.item(), rel=1e-6)


def test_the_same_generator_gives_the_same_sequences() -> None:
    for name, task in TASKS.items():
        for one, other in zip(
            task.sample(3, 12, generator(5, name)), task.sample(3, 12, generator(5, name)), strict=True
        ):
            torch.testing.assert_close(one, other, equal_nan=True)


@pytest.mark.parametrize("name", TASKS)
def test_words_can_be_typed_again(name: str) -> None:
    task = TASKS[name]
    inputs, *_ = task.sample(1, 12, generator(0, name))
    again = task.encode(" ".join(task.words(inputs[0])))
    torch.testing.assert_close(again, inputs, rtol=0.0, atol=0.006)


def test_typed_brackets_beyond_the_ends_stay_at_the_ends() -> None:
    task = TASKS["dyck"]
    assert task.rule(task.encode(") ( ) )"))[1].tolist() == [[0, 1, 0, 0]]
    assert task.rule(task.encode("((((((("))[1].tolist() == [[1, 2, 3, 4, 5, 5, 5]]


def test_typed_cues_without_a_letter_ask_for_nothing() -> None:
    assert (TASKS["recall"].rule(TASKS["recall"].encode("xx?"))[0] == IGNORE).all()
    assert TASKS["copy"].rule(TASKS["copy"].encode("a?c??"))[0].tolist() == [[IGNORE, 0, IGNORE, 2, IGNORE]]
    assert (TASKS["copy"].rule(TASKS["copy"].encode("?a?"))[0] == IGNORE).all()
    assert (TASKS["order"].rule(TASKS["order"].encode("X??"))[0] == IGNORE).all()


# Refusals


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("text", ["", "   ", "a" * 10_000, "ü", "(" * 301, "0.5 " * 400, "2", "0.5**", "é·"])
def test_a_sequence_that_cannot_be_read_is_refused(name: str, text: str) -> None:
    with pytest.raises(ExplainerError, match=rf"^{TASKS[name].title}"):
        TASKS[name].encode(text)


@pytest.mark.parametrize(("length", "delay", "batch", "words"), [(1, None, 3, "1 steps"), (301, None, 3, "301 steps"), (10, -1, 3, "delay of -1"), (10, 9, 3, "delay of 9"), (10, None, 0, "0 sequences")])  # fmt: skip
def test_lengths_and_delays_have_limits(length: int, delay: int | None, batch: int, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        TASKS["recall"].sample(batch, length, generator(0), delay)


def test_a_task_without_a_delay_says_so() -> None:
    with pytest.raises(ExplainerError, match="no delay of its own"):
        TASKS["reber"].sample(1, 10, generator(0), 2)
