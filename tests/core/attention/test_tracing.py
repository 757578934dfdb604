"""A trace says what the model did, and what it would do with heads ablated and rows forced."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.attention import attention, causal, drawn, local, padding, trace
from core.errors import ExplainerError
from core.rng import generator
from models.attention import Watch
from models.transformer import Shape, Transformer, transformer

KINDS = ("encoder", "decoder", "both")


def net(kind: str = "encoder", **about) -> Transformer:
    return transformer(Shape(7, 5, kind, 2, 2, 16, **about), generator(0, "test")).double().eval()


def given(kind: str) -> Tensor | tuple[Tensor, Tensor]:
    x = torch.randint(7, (3, 6), generator=generator(1, "test"))
    return (x, x[:, :4]) if kind == "both" else x


@pytest.mark.parametrize("kind", KINDS)
def test_watching_changes_nothing(kind: str):
    model, tokens = net(kind), given(kind)
    seen = trace(model, tokens)
    assert torch.equal(seen.logits, model(tokens))
    assert seen.weights.shape == (3, 2, 2, 4 if kind == "both" else 6, 6)
    torch.testing.assert_close(seen.weights.sum(-1), torch.ones_like(seen.weights[..., 0]))
    if kind == "decoder":
        assert (seen.weights[..., ~causal(6)] == 0).all()
    for maps in seen.maps.values():
        torch.testing.assert_close(maps.scores.softmax(-1), maps.weights)
        torch.testing.assert_close(maps.weights @ maps.v, maps.z)


def test_what_was_seen_is_what_the_formula_says():
    """Queries and keys by hand from the residual stream, weights and heads by `attention`, the next state by the output matrix."""
    model, tokens = net(), given("encoder")
    seen = trace(model, tokens)
    block = model.stack.blocks[1]
    x = seen.streams["encoder.0.feed"]
    y = block.norm_attention(x)
    q, k, v = (block.attention.split(f(y)) for f in (block.attention.query, block.attention.key, block.attention.value))
    found = attention(q, k, v)
    for ours, by_hand in ((seen.q, q), (seen.k, k), (seen.v, v), (seen.scores, found.scores), (seen.weights, found.weights), (seen.maps["encoder"].z, found.output)):  # fmt: skip
        torch.testing.assert_close(ours[:, 1], by_hand, rtol=1e-10, atol=1e-12)
    after = x + block.attention.out(found.output.transpose(1, 2).flatten(2))
    torch.testing.assert_close(seen.streams["encoder.1.self"], after)
    units = torch.relu(block.feed.first(block.norm_feed(after)))
    torch.testing.assert_close(seen.hidden["encoder", 1], units)
    torch.testing.assert_close(seen.streams["encoder.1.feed"], after + block.feed.second(units))
    torch.testing.assert_close(seen.residual[:, 3], after.norm(dim=-1))
    assert seen.residual.shape == (3, 5, 6)


def test_one_sequence_without_a_batch():
    model, tokens = net(), given("encoder")
    alone = trace(model, tokens[0])
    assert alone.weights.shape == (2, 2, 6, 6)
    torch.testing.assert_close(alone.weights, trace(model, tokens).weights[0])


@pytest.mark.parametrize("kind", KINDS)
def test_an_ablated_head_is_one_whose_columns_of_the_output_matrix_are_zero(kind: str):
    model, tokens = net(kind), given(kind)
    place = ("cross", 1, 0) if kind == "both" else (1, 0)
    found = trace(model, tokens, ablate=[place]).logits
    block = model.stack.blocks[1]
    (block.cross if kind == "both" else block.attention).out.weight.data[:, :8] = 0
    torch.testing.assert_close(found, model(tokens))


def test_a_forced_row_and_a_forced_pattern():
    model, tokens = net(), given("encoder")
    plain = trace(model, tokens)
    pattern = torch.eye(6, dtype=torch.float64).flip(0)
    forced = trace(model, tokens, force={(0, 1): pattern})
    assert torch.equal(forced.weights[:, 0, 1], pattern.expand(3, -1, -1))
    assert torch.equal(forced.weights[:, 0, 0], plain.weights[:, 0, 0])
    torch.testing.assert_close(forced.maps["encoder"].z[:, 0, 1], plain.v[:, 0, 1].flip(1))
    row = torch.full((6, 6), torch.nan)
    row[2] = torch.tensor([1.0, 0, 0, 0, 0, 0])
    one = trace(model, tokens, force={(0, 1): row}).weights[:, 0, 1]
    assert torch.equal(one[:, 2], row[2].double().expand(3, -1))
    keep = [0, 1, 3, 4, 5]
    assert torch.equal(one[:, keep], plain.weights[:, 0, 1, keep])
    same = trace(model, tokens, force={(0, 1): plain.weights[0, 0, 1]}).logits[0]
    torch.testing.assert_close(same, plain.logits[0])


@pytest.mark.parametrize("place", [(2, 0), (0, 2), (-1, 0), ("cross", 0, 0)])
def test_a_head_that_does_not_exist(place):
    with pytest.raises(ExplainerError, match="layers 0 to 1, heads 0 to 1"):
        trace(net(), given("encoder"), ablate=[place])


def test_forced_weights_of_another_shape():
    with pytest.raises(ExplainerError, match=r"\(2, 2\), the head's are \(6, 6\)"):
        trace(net(), given("encoder"), force={(0, 0): torch.eye(2)})


def test_mask_and_temperature_reach_every_head():
    model, tokens = net(), given("encoder")
    seen = trace(model, tokens, mask=local(6, 1), temperature=2.0)
    assert (seen.weights[..., ~local(6, 1)] == 0).all()
    torch.testing.assert_close(seen.logits, model(tokens, local(6, 1), temperature=2.0))
    free = trace(model, tokens)
    torch.testing.assert_close((free.q[:, 0] @ free.k[:, 0].mT / 8**0.5 / 2).masked_fill(~local(6, 1), -torch.inf), seen.scores[:, 0])  # fmt: skip


def test_padding_is_as_if_it_were_not_there():
    """Without positions that count from the end, padded tokens change nothing for those before them."""
    model, tokens = net(), given("encoder")
    tokens = tokens.clamp(max=5)
    tokens[:, 4:] = 6
    padded = trace(model, tokens, mask=padding(tokens, 6))
    torch.testing.assert_close(padded.logits[:, :4], model(tokens[:, :4]))


def test_gradients_pass_through_a_trace():
    model, tokens = net(), given("encoder")
    x = model.embedding(tokens).detach().requires_grad_()
    seen: list[Tensor] = []

    class Keep(Watch):
        def weights(self, kind, layer, q, k, v, scores, weights):
            seen.append(weights)
            return weights

    y = model.read(x, watch=Keep())
    slopes = torch.autograd.grad(y[0, 0, 0], [x, *seen])
    assert all(g.isfinite().all() and g.abs().sum() > 0 for g in slopes)


def test_masks():
    assert causal(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert local(3, 0).tolist() == torch.eye(3).bool().tolist()
    assert local(4, 1)[0].tolist() == [True, True, False, False]
    assert padding(torch.tensor([[1, 9, 9]]), 9).tolist() == [[[True, False, False]]]
    mask = drawn(2, 3, "0-1,1-2,7-7")
    assert mask.tolist() == [[True, False, True], [True, True, False]]
    for bad in ("1", "a-b", "1-2;3", "1--2", "٣-1"):
        with pytest.raises(ExplainerError, match="no cell of a mask"):
            drawn(4, 4, bad)
