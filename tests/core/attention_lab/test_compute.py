"""Operations by hand: heads off, pruning, forced rows, patches, filters, and beam search against all texts there are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from core import attention_lab as page
from core.attention.decoding import beam_search, draw_one, filtered
from core.attention.shipped import in_float64
from core.attention.training import loss_of
from core.attention_lab import SPEC, subject
from core.attention_lab.compute import (
    Patch,
    ablation,
    forcing,
    marks,
    named,
    other_sequence,
    patching,
    pattern_of,
    pruning,
    run,
)
from core.attention_lab.questions import questions
from core.attention_lab.writing import following, guesses, writes, writing
from core.errors import ExplainerError
from core.rng import generator

# Switching off


def without(task: str, layer: int, head: int) -> float:
    """Loss with the columns of the output matrix that a head writes through set to 0."""
    import copy

    who = subject(SPEC(task=task))
    model = copy.deepcopy(in_float64(task))
    d = model.shape.d // model.shape.heads
    model.stack.blocks[layer].attention.out.weight.data[:, head * d : (head + 1) * d] = 0
    with torch.no_grad():
        return float(loss_of(model(who.tests.inputs), who.tests.targets))


def test_effects_by_the_output_matrix():
    found = ablation(subject(SPEC(task="lookup")))
    for layer, head in itertools.product(range(2), range(2)):
        assert found.loss[layer, head] == pytest.approx(without("lookup", layer, head), rel=1e-9)
    assert found.before == found.whole
    two = ablation(subject(SPEC(task="lookup", off="decoder 1.1")))
    assert two.before[0] == pytest.approx(found.loss[0, 0])
    assert two.loss[0, 0] == pytest.approx(found.loss[0, 0])
    assert two.whole == found.whole


def test_pruning_takes_the_cheapest_each_time():
    who, found = subject(SPEC(task="lookup")), pruning("lookup")
    assert sorted(found.order) == sorted(who.places)
    gone = []
    for k, place in enumerate(found.order):
        losses = {p: marks(run(who, who.tests, (*gone, p)), who.tests)[0] for p in who.places if p not in gone}
        assert place == min(losses, key=losses.get)
        assert found.loss[k + 1] == pytest.approx(losses[place])
        gone.append(place)
    assert found.accuracy[0] == 1
    assert found.accuracy[-1] < 0.5


def test_the_induction_transformer_needs_both_layers():
    """A second layer that looks at what followed needs a first that says what came before."""
    first = ", ".join(f"decoder 1.{h}" for h in range(1, 5))
    second = first.replace(" 1.", " 2.")
    assert ablation(subject(SPEC())).whole[1] > 0.97
    for off in (first, second):
        assert ablation(subject(SPEC(off=off))).before[1] < 0.5


def test_clicks_switch_heads():
    spec = SPEC(task="dates")
    who = subject(spec)
    assert [named(p) for p in who.places] == ["encoder 1.1", "encoder 1.2", "decoder 1.1", "decoder 1.2", "cross 1.1", "cross 1.2"]  # fmt: skip
    assert page.switched(spec, (2, 1)) == {"off": "cross 1.2"}
    both = SPEC(task="dates", off="cross 1.2, encoder 1.1")
    assert page.switched(both, (2, 1)) == {"off": "encoder 1.1"}
    assert page.switched(spec, None) == {}
    assert subject(SPEC(task="dates", off="cross 9.9, nonsense,,")).off == ()


# Forcing


def test_forced_rows():
    whole = forcing(subject(SPEC(task="reverse", lens="force")))
    np.testing.assert_allclose(whole.forced, 0.1)
    assert whole.marks_after[1] < whole.marks_before[1] == 1
    one = forcing(subject(SPEC(task="reverse", lens="force", only=True, row="4: 5")))
    np.testing.assert_allclose(one.forced[4], 0.1)
    rest = np.arange(10) != 4
    np.testing.assert_allclose(one.forced[rest], one.own[rest])
    np.testing.assert_allclose(one.after[rest], one.before[rest])  # one layer: the other answers never see it
    assert one.after[4] != pytest.approx(one.before[4])


@pytest.mark.parametrize("pattern", ["uniform", "self", "before", "first", "truth"])
def test_patterns(pattern: str):
    who = subject(SPEC(task="lookup", pattern=pattern))
    own = run(who, who.arranged)
    rows = pattern_of(who, own, who.arranged)[0]
    if pattern == "truth":
        truth = who.arranged.truth[0]
        assert torch.equal(rows[truth.any(1)] > 0, truth[truth.any(1)])
        assert rows[~truth.any(1)].isnan().all()
        with pytest.raises(ExplainerError, match="truth is known for the map of the answers"):
            forcing(subject(SPEC(task="dates", pattern="truth", place="encoder 1.1")))
        return
    torch.testing.assert_close(rows.sum(1), torch.ones(12, dtype=torch.float64))
    at = {"self": 5, "before": 4, "first": 0}
    if pattern == "uniform":
        torch.testing.assert_close(rows[5, :6], torch.full((6,), 1 / 6, dtype=torch.float64))
        assert (rows[5, 6:] == 0).all()
    else:
        assert rows[5].argmax() == at[pattern]


# Patching


@pytest.mark.parametrize("task", ["lookup", "dates", "addition"])
def test_patching_everything_is_the_first_run_and_nothing_the_other(task: str):
    who = subject(SPEC(task=task))
    found = patching(who)
    first, second = run(who, who.arranged), run(who, found.other)
    names, effect = found.stacks[next(reversed(found.stacks))]
    assert effect[-1, who.row] == pytest.approx(1)  # the last state at the row decides alone
    others = np.arange(effect.shape[1]) != who.row
    np.testing.assert_allclose(effect[-1, others], 0, atol=1e-12)
    a, b = (int(x.targets[0, who.row]) for x in (who.arranged, found.other))
    for seen, D in zip((first, second), found.differences, strict=True):
        assert float(seen.logits[0, who.row, a] - seen.logits[0, who.row, b]) == pytest.approx(D)
    assert found.differences[0] > 0 > found.differences[1]
    assert len(names) == len(effect)


def test_one_patch_by_hand():
    """The embedding of one token exchanged is the model on the sequence with that token exchanged."""
    who = subject(SPEC(task="reverse"))
    found = patching(who)
    tokens = found.other.inputs.clone()
    tokens[0, 9] = who.arranged.inputs[0, 9]
    a, b = (int(x.targets[0, who.row]) for x in (who.arranged, found.other))
    with torch.no_grad():
        y = who.model(tokens)[0, who.row]
    D = found.differences
    assert found.stacks["encoder"][1][0, 9] == pytest.approx(float((y[a] - y[b] - D[1]) / (D[0] - D[1])))


def test_a_head_patched_by_itself_changes_nothing():
    who = subject(SPEC(task="reverse"))
    seen = run(who, who.arranged)
    with torch.no_grad():
        y = who.model(who.arranged.inputs, watch=Patch(place=("encoder", 0, 1), z=seen.maps["encoder"].z[0, 0, 1]))
    torch.testing.assert_close(y, seen.logits)


def test_other_sequences():
    who = subject(SPEC(task="reverse"))
    found = [other_sequence(who, 3, n) for n in range(3)]
    assert len({tuple(f.inputs[0].tolist()) for f in found}) == 3
    assert all(f.targets[0, 3] != who.arranged.targets[0, 3] for f in found)


# Writing


def test_filters_by_hand():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0], dtype=torch.float64)
    p = logits.softmax(0)
    torch.testing.assert_close(filtered(logits), p)
    torch.testing.assert_close(filtered(logits, 2.0), (logits / 2).softmax(0))
    torch.testing.assert_close(filtered(logits, top_k=2), torch.tensor([p[0], p[1], 0, 0]) / (p[0] + p[1]))
    assert filtered(logits, top_k=1).tolist() == [1, 0, 0, 0]
    assert filtered(logits, top_p=0.05).tolist() == [1, 0, 0, 0]  # always the first
    assert (filtered(logits, top_p=float(p[0]) + 0.01) > 0).tolist() == [True, True, False, False]
    assert (filtered(logits, top_p=float(p[0]) - 0.01) > 0).tolist() == [True, False, False, False]
    both = filtered(logits, top_k=3, top_p=0.9)
    q = p[:3] / p[:3].sum()
    assert (both > 0).tolist() == [True, True, bool(q[0] + q[1] < 0.9), False]
    torch.testing.assert_close(filtered(logits.flip(0)[None], top_k=2)[0], filtered(logits, top_k=2).flip(0))


def chain(seed: int, V: int):
    """Log-probabilities that depend on the whole beginning."""
    table = torch.randn(5, 4, V, generator=generator(seed, "test"), dtype=torch.float64)

    def following(tokens):
        sums = (tokens * torch.arange(1, tokens.shape[1] + 1)).sum(1) % 4 if tokens.shape[1] else torch.zeros(len(tokens), dtype=torch.long)  # fmt: skip
        return table[tokens.shape[1], sums].log_softmax(-1)

    return following


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_of_all_texts(seed: int):
    V, length = 3, 4
    after = chain(seed, V)

    def score(text: tuple[int, ...]) -> float:
        return float(sum(after(torch.tensor([text[:k]], dtype=torch.long).reshape(1, k))[0, text[k]] for k in range(length)))  # fmt: skip

    every = {text: score(text) for text in itertools.product(range(V), repeat=length)}
    ranked = sorted(every, key=every.get, reverse=True)
    wide = beam_search(after, length, V**length)[-1]
    assert [tuple(t) for t in wide.tokens.tolist()] == ranked
    np.testing.assert_allclose(wide.scores, [every[t] for t in ranked])
    scores = [float(beam_search(after, length, b)[-1].scores[0]) for b in (1, 27)]
    assert scores[0] <= scores[1] + 1e-12
    greedy = ()
    for _ in range(length):
        greedy += (int(after(torch.tensor([greedy], dtype=torch.long).reshape(1, len(greedy)))[0].argmax()),)
    assert tuple(beam_search(after, length, 1)[-1].tokens[0].tolist()) == greedy
    steps = beam_search(after, length, 4)
    for before, step in itertools.pairwise(steps):
        assert torch.equal(step.tokens[:, :-1], before.tokens[step.parents])


def test_drawn_texts_follow_the_probabilities():
    after = chain(0, 3)
    g = generator(1, "test")
    first = torch.stack([draw_one(after, 2, g) for _ in range(500)])[:, 0]
    p = after(torch.zeros(1, 0, dtype=torch.long))[0].exp()
    np.testing.assert_allclose(torch.bincount(first, minlength=3) / 500, p, atol=0.09)
    assert len({tuple(draw_one(after, 4, g, top_k=1).tolist()) for _ in range(5)}) == 1


def test_the_decoder_writes_the_right_date():
    who = subject(SPEC(task="dates", lens="write"))
    w = writing(who)
    assert writes(who)
    assert w.texts["greedy"][0] == w.right == "20␣November␣2026␣"
    logits = run(who, who.arranged).logits[0, who.row]
    plain, kept = guesses(who)
    np.testing.assert_allclose(plain, logits.softmax(-1), atol=1e-12)
    np.testing.assert_allclose(kept, plain, atol=1e-12)
    np.testing.assert_allclose(following(who)(torch.zeros(1, 0, dtype=torch.long))[0].exp(), plain, atol=1e-12)
    total = sum(run(who, who.arranged).logits[0].log_softmax(-1)[k, t] for k, t in enumerate(who.arranged.targets[0]))
    assert w.texts["right answer"][1] == pytest.approx(float(total))
    empty = torch.zeros(1, 0, dtype=torch.long)
    np.testing.assert_allclose(following(who)(empty)[0].exp().sum(), 1)
    assert not writes(subject(SPEC(task="reverse")))
    alone = page.look(subject(SPEC(task="reverse", lens="write", temperature=3.0, top_k=2)))
    assert "answers all places at once" in alone.sentences[1]
    shown = alone.figures["next"].data
    logits = run(who := subject(SPEC(task="reverse")), who.arranged).logits[0, who.row]
    np.testing.assert_allclose(shown[0]["y"], 100 * np.sort((logits / 3).softmax(-1))[::-1])
    assert (shown[1]["y"] > 0).sum() == 2


def test_pictures_and_questions():
    who = subject(SPEC(task="lookup"))
    figures = page.figures(SPEC(task="lookup"))
    found = ablation(who)
    np.testing.assert_allclose(figures["effects"].data[0]["z"], found.loss - found.before[0], atol=1e-6)
    np.testing.assert_allclose(figures["pruning"].data[0]["y"], 100 * np.array(pruning("lookup").accuracy))
    worst, free = questions(who)
    assert worst.answer == named(who.places[int(found.loss.argmax())])
    assert free.answer == sum(a > 0.99 for a in pruning("lookup").accuracy[1:])
