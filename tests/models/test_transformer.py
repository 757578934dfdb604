"""The transformer against torch's own modules in float64, its positions against the papers, its cache against no cache."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import ExplainerError
from core.rng import generator
from models.attention import Attended, MultiHeadAttention, attention, causal
from models.positions import alibi, alibi_slopes, frequencies, rotate, sinusoidal
from models.transformer import KINDS, NORMS, Block, Shape, Transformer, init_transformer, transformer

G = generator(0, "test")


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=G, dtype=torch.float64)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


# Attention


BAND = torch.ones(5, 7, dtype=torch.bool).tril(1)
MASKS = {"none": None, "band": BAND, "batch": torch.rand(2, 1, 5, 7, generator=G) < 0.7, "added": noise(5, 7)}


@pytest.mark.parametrize("mask", MASKS)
def test_attention_is_torch_s(mask: str):
    q, k, v = noise(2, 3, 5, 4), noise(2, 3, 7, 4), noise(2, 3, 7, 6)
    found = attention(q, k, v, MASKS[mask])
    close(found.output, F.scaled_dot_product_attention(q, k, v, attn_mask=MASKS[mask]))
    close(found.weights.sum(-1), torch.ones(2, 3, 5, dtype=torch.float64))
    close(found.scores.softmax(-1), found.weights)
    if mask == "band":
        assert (found.weights[..., ~BAND] == 0).all()
        assert (found.scores[..., ~BAND] == -math.inf).all()


def test_a_query_that_may_look_nowhere_reads_nothing():
    q, k, v = (noise(3, 4).requires_grad_() for _ in range(3))
    mask = torch.tensor([[True, True, False], [False, False, False], [True, False, False]])
    for given in (mask, torch.zeros(3, 3, dtype=torch.float64).masked_fill(~mask, -math.inf)):
        found = attention(q, k, v, given)
        close(found.output, F.scaled_dot_product_attention(q, k, v, attn_mask=given))
        assert (found.weights[1] == 0).all()
        assert (found.output[1] == 0).all()
        grads = torch.autograd.grad(found.output.sum(), (q, k, v))
        assert all(g.isfinite().all() for g in grads)
        assert (grads[0][1] == 0).all()
    assert torch.equal(attention(q, k, v, mask).weights[2], torch.tensor([1.0, 0, 0], dtype=torch.float64))


def test_temperature_divides_the_scores():
    q, k, v = noise(4, 6), noise(5, 6), noise(5, 2)
    bias = noise(4, 5)
    close(attention(q, k, v, bias, 0.5).weights, ((q @ k.T / 6**0.5 + bias) / 0.5).softmax(-1))
    hard = attention(q, k, v, temperature=1e-4)
    assert torch.equal(hard.weights.argmax(-1), (q @ k.T).argmax(-1))
    assert hard.weights.max(-1).values.min() > 0.999
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(ExplainerError, match="not above 0"):
            attention(q, k, v, temperature=bad)
    assert isinstance(hard, Attended)


def torch_attention(ours: MultiHeadAttention, d: int) -> nn.MultiheadAttention:
    theirs = nn.MultiheadAttention(d, ours.h, batch_first=True, dtype=torch.float64)
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([p.weight.data for p in parts])
    theirs.in_proj_bias.data = torch.cat([p.bias.data for p in parts])
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    return theirs


def started(module: nn.Module) -> nn.Module:
    """First weights of a generator, with biases and norms that do something."""
    init_transformer(module, generator(1, "test"))
    for p in module.parameters():
        if p.ndim == 1:
            p.data += 0.3 * torch.randn(p.shape, generator=G)
    return module.double().eval()


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_heads_are_torch_s(heads: int):
    ours = started(MultiHeadAttention(16, heads))
    theirs = torch_attention(ours, 16)
    x, m = noise(2, 5, 16), noise(2, 7, 16)
    for memory, mask in ((x, None), (x, causal(5)), (m, BAND)):
        expected, weights = theirs(
            x, memory, memory, attn_mask=None if mask is None else ~mask, average_attn_weights=False
        )
        close(ours(x, None if memory is x else memory, mask), expected)
        q, k, v = (ours.split(f(y)) for f, y in ((ours.query, x), (ours.key, memory), (ours.value, memory)))
        close(attention(q, k, v, mask).weights, weights)


def test_a_mask_for_each_of_a_batch():
    ours, x = started(MultiHeadAttention(8, 2)), noise(3, 4, 8)
    masks = torch.rand(3, 4, 4, generator=G) < 0.6
    masks[:, :, 0] = True
    close(ours(x, None, masks), torch.stack([ours(a, None, b) for a, b in zip(x, masks, strict=True)]))


# The block


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_encoder_s_block_is_torch_s(norm: str, activation: str):
    ours = started(Block(16, 4, 24, norm=norm, activation=activation))
    theirs = nn.TransformerEncoderLayer(16, 4, 24, 0.0, activation, batch_first=True, norm_first=norm == "pre").double()
    theirs.self_attn = torch_attention(ours.attention, 16)
    copied(
        ours,
        theirs,
        {"feed.first": "linear1", "feed.second": "linear2", "norm_attention": "norm1", "norm_feed": "norm2"},
    )
    x = noise(2, 5, 16)
    close(ours(x), theirs(x))
    close(ours(x, causal(5)), theirs(x, ~causal(5)))


@pytest.mark.parametrize("norm", NORMS)
def test_the_decoder_s_block_is_torch_s(norm: str):
    ours = started(Block(16, 2, 24, norm=norm, cross=True, kind="decoder"))
    theirs = nn.TransformerDecoderLayer(16, 2, 24, 0.0, batch_first=True, norm_first=norm == "pre").double()
    theirs.self_attn, theirs.multihead_attn = torch_attention(ours.attention, 16), torch_attention(ours.cross, 16)
    copied(ours, theirs, {"feed.first": "linear1", "feed.second": "linear2", "norm_attention": "norm1", "norm_cross": "norm2", "norm_feed": "norm3"})  # fmt: skip
    x, memory = noise(2, 5, 16), noise(2, 7, 16)
    close(ours(x, causal(5), memory, BAND), theirs(x, memory, ~causal(5), ~BAND))


def copied(ours: nn.Module, theirs: nn.Module, names: dict[str, str]) -> None:
    for mine, other in names.items():
        theirs.get_submodule(other).load_state_dict(ours.get_submodule(mine).state_dict())


def test_weights_counted_by_hand():
    d, layers, V, C = 32, 2, 11, 10
    block = 4 * (d * d + d) + (d * 4 * d + 4 * d) + (4 * d * d + d) + 2 * 2 * d
    for kind in ("encoder", "decoder"):
        net = transformer(Shape(V, C, kind, layers, 4, d), G)
        assert sum(p.numel() for p in net.parameters()) == V * d + layers * block + 2 * d + d * C + C
    both = transformer(Shape(V, C, "both", layers, 4, d, norm="post", positions="learned", length=9), G)
    cross = 4 * (d * d + d) + 2 * d
    assert (
        sum(p.numel() for p in both.parameters()) == 2 * (V + 9) * d + 2 * layers * block + layers * cross + d * C + C
    )


# Positions


def test_sinusoids_are_the_paper_s():
    table = sinusoidal(6, 8, start=3)
    assert table.shape == (6, 8)
    for t in range(6):
        for i in range(4):
            angle = (t + 3) / 10000 ** (2 * i / 8)
            assert table[t, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-15)
            assert table[t, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-15)
    assert sinusoidal(3, 5).shape == (3, 5)


def test_rope_is_the_paper_s_matrix_and_knows_distances_alone():
    d, x, y = 8, noise(8), noise(8)
    w = frequencies(d)
    for t in (0, 1, 7):
        R = torch.zeros(d, d, dtype=torch.float64)
        for i in range(d // 2):
            c, s = math.cos(t * w[i]), math.sin(t * w[i])
            R[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
        close(rotate(x[None], t)[0], R @ x)
    q, k = rotate(x.expand(20, d)), rotate(y.expand(20, d))
    products = q @ k.T
    for distance in (0, 3, 11):
        close(products.diagonal(distance), products[0, distance].expand(20 - distance))
    close(q.norm(dim=-1), x.norm().expand(20))
    assert (products[0] - products[0, 0]).abs().max() > 0.1


def test_alibi_s_slopes_are_the_paper_s():
    close(alibi_slopes(8), 2.0 ** -torch.arange(1, 9, dtype=torch.float64))
    close(alibi_slopes(1), torch.tensor([2.0**-8], dtype=torch.float64))
    close(alibi_slopes(6), torch.tensor([2.0**-(e) for e in (2, 4, 6, 8, 1, 3)], dtype=torch.float64))
    bias = alibi(2, 3, 5)
    assert bias[:, -1].tolist() == [
        [-4 / 16, -3 / 16, -2 / 16, -1 / 16, 0],
        [-4 / 256, -3 / 256, -2 / 256, -1 / 256, 0],
    ]


@pytest.mark.parametrize("mask", [None, causal(4), noise(4, 4)])
def test_alibi_in_a_head(mask: Tensor | None):
    ours, x = started(MultiHeadAttention(8, 2, positions="alibi")), noise(4, 8)
    q, k, v = (ours.split(f(x)) for f in (ours.query, ours.key, ours.value))
    scores = q @ k.mT / 2 + alibi(2, 4)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    z = scores.softmax(-1) @ v
    close(ours(x, None, mask), ours.out(z.transpose(0, 1).flatten(1)))


@pytest.mark.parametrize("positions", ["none", "sinusoidal", "learned", "rope", "alibi"])
def test_who_notices_the_order(positions: str):
    """Without positions, an encoder's answers move with their tokens; with any, they do not."""
    net = transformer(Shape(9, positions=positions, length=8), generator(3, "test")).double()
    x, order = torch.arange(8), torch.randperm(8, generator=generator(4, "test"))
    moved = (net(x)[order] - net(x[order])).abs().max()
    assert moved < 1e-12 if positions == "none" else moved > 1e-3


# The whole


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rope", "alibi"])
@pytest.mark.parametrize("kind", ["decoder", "both"])
def test_a_cache_changes_nothing(kind: str, positions: str):
    net = transformer(Shape(7, kind=kind, positions=positions, length=9), generator(5, "test")).double().eval()
    source, x = (torch.randint(7, (2, n), generator=G) for n in (5, 9))
    whole = net((source, x) if kind == "both" else x)
    cache, parts = {}, []
    for part in (x[:, :4], x[:, 4:5], x[:, 5:]):
        parts.append(net((source, part) if kind == "both" else part, cache=cache))
    close(torch.cat(parts, 1), whole)


@pytest.mark.parametrize("kind", ["decoder", "both"])
def test_a_decoder_does_not_look_ahead(kind: str):
    net = transformer(Shape(7, kind=kind), generator(6, "test")).eval()
    source, x = torch.arange(5), torch.arange(7)
    other = x.clone()
    other[4] = 0
    a, b = (net((source, y) if kind == "both" else y) for y in (x, other))
    assert torch.equal(a[:4], b[:4])
    assert not torch.equal(a[4:], b[4:])


@pytest.mark.parametrize("kind", KINDS)
def test_every_activation_is_its_own(kind: str):
    from models.surgery import ACTIVATIONS

    net, calls = Transformer(Shape(5, kind=kind, activation="gelu")), []
    found = [m for m in net.modules() if isinstance(m, ACTIVATIONS)]
    for m in found:
        m.register_forward_hook(lambda layer, _, __: calls.append(id(layer)))
    x = torch.arange(5)
    net((x, x) if kind == "both" else x)
    assert sorted(calls) == sorted(map(id, found))
    assert len(set(calls)) == len(calls)


def test_the_same_generator_gives_the_same_weights():
    nets = [transformer(Shape(5), generator(8, "test")) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*(n.parameters() for n in nets), strict=True))


BAD = [
    (lambda: Transformer(Shape(5, kind="rnn")), "choose encoder, decoder or both"),
    (lambda: Transformer(Shape(5, positions="polar")), "choose none, sinusoidal"),
    (lambda: Transformer(Shape(5, d=30, heads=4)), "cannot be shared out among 4 heads"),
    (lambda: Transformer(Shape(5, d=12, heads=4, positions="rope")), "even width"),
    (lambda: Transformer(Shape(5, norm="middle")), "choose pre or post"),
    (lambda: Transformer(Shape(5, activation="step")), "choose relu or gelu"),
    (lambda: Transformer(Shape(5, positions="learned", length=3))(torch.arange(4)), "the 3 learned positions"),
]


@pytest.mark.parametrize("k", range(len(BAD)))
def test_what_cannot_be_is_refused(k: int):
    build, words = BAD[k]
    with pytest.raises(ExplainerError, match=words):
        build()
