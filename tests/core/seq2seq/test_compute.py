"""The page's numbers recomputed one example and one token at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.seq2seq import look, numbers, questions, table, top
from core.seq2seq.compute import (
    beam_of,
    bottleneck,
    by_place,
    course_of,
    forced_place,
    forced_run,
    lengths_of,
    run_of,
)
from core.seq2seq.compute import (
    tests_of as examples_of,
)
from core.seq2seq.lenses import ranks_of
from core.seq2seq.shipped import model_of
from core.seq2seq.spec import Seq2SeqSpec
from core.seq2seq.training import train
from models.seq2seq import own_tokens, true_tokens


@pytest.mark.parametrize("attention", ["none", "bahdanau", "luong"])
def test_an_answer_s_numbers_are_those_of_the_model_step_by_step(attention: str) -> None:
    spec = Seq2SeqSpec(attention=attention, source="3141592", lens="force")
    run, net = run_of(spec), model_of("reverse", attention)
    with torch.no_grad():
        h, s = net.encode(torch.tensor([[3, 1, 4, 1, 5, 9, 2]]))
        y, total = torch.tensor([net.begin]), 0.0
        for i in range(7):
            z, s, alpha = net.step(y, s, h)
            y = z.argmax(1)
            total += torch.log_softmax(z, 1)[0, y].item()
            assert run.said[i] == y.item()
            np.testing.assert_allclose(run.alpha[i], alpha[0], atol=1e-12)
    assert run.log_p == pytest.approx(total, rel=1e-10)
    assert run.right == sum(a == b for a, b in zip(run.words(run.said), "2951413", strict=True))
    assert "".join(run.words(run.y)) == "2951413"
    if run.attends:
        bits = [-sum(a * np.log2(a) for a in row if a > 0) for row in run.alpha]
        assert run.entropy == pytest.approx(np.mean(bits))
        assert run.score == np.mean([6 - i == row.argmax() for i, row in enumerate(run.alpha)])
    else:
        assert np.isnan(run.score)
        assert "32 numbers" not in top(run)["look"].alt
        assert "64 numbers" in top(run)["look"].alt


def test_the_bottleneck_is_counted_one_example_at_a_time() -> None:
    found, at = bottleneck("reverse"), lengths_of("reverse")
    assert at == list(range(2, 21, 2))
    for n in (4, 14):
        x, y, _ = examples_of("reverse", n)
        with torch.no_grad():
            said = torch.cat([model_of("reverse", "none").unroll(row[None], n, own_tokens)[1] for row in x[:100]])
        k = at.index(n)
        assert found["none"][k, 0] == (said == y).double().mean().item()
        assert found["none"][k, 1] == np.mean([torch.equal(a, b) for a, b in zip(said, y, strict=True)])


def test_attention_carries_what_one_vector_cannot() -> None:
    """The claim of the page, on the shipped models."""
    found, at = bottleneck("reverse"), lengths_of("reverse")
    k = at.index(12)
    assert found["luong"][k, 1] > 0.9
    assert found["none"][k, 1] < 0.5
    forced, free = by_place("reverse", "none")
    assert forced[0] == free[0]
    assert forced.mean() > free.mean()


def test_by_place_hears_the_truth_or_itself() -> None:
    forced, free = by_place("reverse", "bahdanau")
    x, y, _ = examples_of("reverse", 10)
    net = model_of("reverse", "bahdanau")
    with torch.no_grad():
        z, _, _ = net.unroll(x, 10, true_tokens(y))
        _, said, _ = net.unroll(x, 10, own_tokens)
    for i in range(10):
        assert forced[i] == (z[:, i].argmax(1) == y[:, i]).double().mean()
        assert free[i] == (said[:, i] == y[:, i]).double().mean()


def test_a_forced_token_changes_nothing_before_it() -> None:
    spec = Seq2SeqSpec(attention="none", lens="force", place=4, token="7")
    assert forced_place(spec) == (3, 7)
    free, forced = run_of(spec), forced_run(spec)
    assert forced.said[3] == 7
    np.testing.assert_allclose(forced.p[:4], free.p[:4], atol=1e-14)
    assert not np.allclose(forced.p[4], free.p[4])
    asked = {q.slug.split(".")[0]: q for q in questions(spec, free)}
    assert asked["forced"].answer == (forced.said != free.said)[4:].sum()
    spec = Seq2SeqSpec(place=17)
    assert forced_place(spec)[0] == 11, "the last place of a shorter answer"
    assert forced_place(spec)[1] != run_of(spec).y[11]


def test_questions_are_answered_by_the_model() -> None:
    spec = Seq2SeqSpec()
    run = run_of(spec)
    asked = {q.slug.split(".")[0]: q for q in questions(spec, run)}
    assert asked["looks"].answer == run.alpha[11].argmax() + 1
    assert asked["length"].answer == 100 * bottleneck("reverse")["none"][lengths_of("reverse").index(8), 1]
    assert asked["alone"].answer == pytest.approx(100 * by_place("reverse", "luong")[1].mean())


def test_the_tree_ranks_its_beginnings() -> None:
    nodes = beam_of(Seq2SeqSpec(attention="none", lens="beam", width=3))
    ranks = ranks_of(nodes)
    for place in range(12):
        here = [k for k, node in enumerate(nodes) if node.place == place]
        assert [ranks[k] for k in here] == [0, 1, 2]
        assert [nodes[k].log_p for k in here] == sorted((nodes[k].log_p for k in here), reverse=True)


@pytest.mark.parametrize("lens", ["film", "exposure", "beam", "training"])
@pytest.mark.parametrize("attention", ["none", "luong"])
def test_every_lens_opens(lens: str, attention: str) -> None:
    spec = Seq2SeqSpec(attention=attention, lens=lens, source="12")
    seen = look(spec, run_of(spec))
    assert seen.sentences
    assert numbers(spec)


def test_one_s_own_training_is_shown_as_it_goes() -> None:
    spec = Seq2SeqSpec(lens="training", hidden=4, steps=50, task="copy")
    film = []
    for snapshot in train(course_of(spec)):
        film.append(snapshot)
        if len(film) == 3:
            break
    seen = look(spec, run_of(spec), film)
    assert len(seen.steps) == len(seen.figures["film"].frames) == 3
    assert film[0].arrays["course"] == repr(course_of(spec))


def test_the_table_has_a_row_for_each_token() -> None:
    lines = table(Seq2SeqSpec(source="1234")).splitlines()
    assert lines[0] == "place,said,right,probability,alpha 1 1,alpha 2 2,alpha 3 3,alpha 4 4"
    assert len(lines) == 5
