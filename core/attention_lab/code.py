"""The lab as a script: the whole transformer in sixty lines, its trained weights, and the loss with every head switched off in turn.

Where the cache is open it is another one: a decoder that writes with and without it, and counts while it computes.
"""

from __future__ import annotations

from core.attention.shipped import shipped
from core.attention_lab.caching import shape_of
from core.attention_lab.compute import named, subject
from core.attention_lab.spec import AttentionLabSpec
from core.convolution.exported import READER, packed

TURNED = '''
def rotate(x):
    """RoPE: each pair of neighbouring columns is turned by the position times 10000^(-2i/d)."""
    t = angles(x.shape[1], x.shape[2])
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * t.cos() - b * t.sin(), a * t.sin() + b * t.cos()], -1).flatten(2)
'''
STACKS = {
    "encoder": 'z = stack("stack", "encoder", embed("embedding", queries))',
    "decoder": 'z = stack("stack", "decoder", embed("embedding", queries), causal=True)',
    "both": 'memory = stack("encoder", "encoder", embed("source", keys))\n    z = stack("stack", "decoder", embed("embedding", queries), memory, causal=True)',
}


def script(spec: AttentionLabSpec) -> str:
    """It needs torch and numpy and prints, for the sequence on screen, the loss with each head off; or what a cache saves."""
    return _cache(spec) if spec.lens == "cache" else _heads_off(spec)


def _cache(spec: AttentionLabSpec) -> str:
    shape = shape_of(spec)
    return f"""# %% [markdown]
# # A decoder writes with and without a cache
#
# It counts what it multiplies. Its weights are drawn, and positions are left out: neither changes the cost. Needs torch.

# %%
import time

import torch
from torch import nn

LAYERS, HEADS, D, SIGNS, STEPS = {shape.layers}, {shape.heads}, {shape.d}, {shape.vocabulary}, {spec.written}
torch.set_num_threads(1)
g = torch.Generator().manual_seed(0)


def drawn(rows, columns):
    return torch.randn(rows, columns, generator=g) / rows**0.5


layers = [[drawn(*size) for size in [(D, D)] * 4 + [(D, 4 * D), (4 * D, D)]] for _ in range(LAYERS)]
embedding, output = drawn(SIGNS, D), drawn(D, SIGNS)
tokens = torch.randint(SIGNS, (STEPS,), generator=g)
multiplied = 0


def times(a, b):
    global multiplied
    multiplied += a.numel() * b.shape[-1]
    return a @ b


def norm(x):
    return nn.functional.layer_norm(x, x.shape[-1:])


# %%
def step(new, cache):
    \"\"\"Logits after the tokens `new`, which stand behind those in the cache (layer -> keys and values).\"\"\"
    x = embedding[new]
    for layer, (W_q, W_k, W_v, W_o, W_1, W_2) in enumerate(layers):
        y = norm(x)
        q, k, v = (times(y, W).unflatten(1, (HEADS, -1)).transpose(0, 1) for W in (W_q, W_k, W_v))
        if layer in cache:
            k, v = torch.cat([cache[layer][0], k], 1), torch.cat([cache[layer][1], v], 1)
        cache[layer] = k, v
        back = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool).tril(k.shape[1] - q.shape[1])
        weights = (times(q, k.mT) / (D // HEADS) ** 0.5).masked_fill(~back, -torch.inf).softmax(-1)
        x = x + times(times(weights, v).transpose(0, 1).flatten(1), W_o)
        x = x + times(times(norm(x), W_1).relu(), W_2)
    return times(norm(x), output)[-1]


# %%
def write(cached):
    global multiplied
    multiplied, started, cache, logits = 0, time.perf_counter(), {{}}, []
    for t in range(1, STEPS + 1):
        logits.append(step(tokens[t - 1 : t], cache) if cached else step(tokens[:t], {{}}))
    print("with a cache:" if cached else "everything anew:", f"{{1e3 * (time.perf_counter() - started):.1f}} ms")
    return torch.stack(logits), multiplied, cache


anew, count, _ = write(cached=False)
kept, fewer, cache = write(cached=True)
assert torch.allclose(anew, kept, atol=1e-4)
print("multiply-adds anew =", count)
print("multiply-adds cached =", fewer)
print("bytes in the cache =", sum(k.nbytes + v.nbytes for k, v in cache.values()))
"""


def _heads_off(spec: AttentionLabSpec) -> str:
    who = subject(spec)
    shape, a = who.model.shape, who.arranged
    stored = "\n".join(
        f"    {name!r}: {packed(values.numpy())}," for name, values in shipped(spec.task).model.state_dict().items()
    )
    rope = shape.positions == "rope"
    return f"""# %% [markdown]
# # A transformer with its heads switched off, one at a time
#
# Task: {who.task.title.lower()}. The trained weights are in the script (base64); it needs torch and numpy.

{READER}
# %%
LAYERS, HEADS = {shape.layers}, {shape.heads}
queries = torch.tensor({a.queries[0].tolist()})
keys = torch.tensor({a.keys[0].tolist()})
targets = torch.tensor({a.targets[0].tolist()})  # -100: not asked
off = {[tuple(place) for place in who.off]!r}  # (kind, layer, head)
W = {{
{stored}
}}
W = {{name: numbers(value) for name, value in W.items()}}


# %%
def linear(name, x):
    return x @ W[name + ".weight"].T + W[name + ".bias"]


def norm(name, x):
    return nn.functional.layer_norm(x, x.shape[-1:], W[name + ".weight"], W[name + ".bias"])


def angles(n, d):
    return torch.arange(n, dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)


def embed(name, tokens):
    x = W[name + ".tokens.weight"][tokens]
    t = angles(*x.shape)
    return x + torch.stack([t.sin(), t.cos()], -1).flatten(1) if {shape.positions == "sinusoidal"} else x

{TURNED if rope else ""}
def attend(name, place, x, memory, gone, causal=False, itself=True):
    q, k, v = (linear(f"{{name}}.{{part}}", y).unflatten(1, (HEADS, -1)).transpose(0, 1) for part, y in (("query", x), ("key", memory), ("value", memory)))
    {"if itself:" if rope else ""}{
        '''
        q, k = rotate(q), rotate(k)'''
        if rope
        else ""
    }
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if causal:
        scores = scores.masked_fill(~torch.ones(scores.shape[1:], dtype=torch.bool).tril(), -torch.inf)
    z = scores.softmax(-1) @ v
    for head in range(HEADS):
        if (*place, head) in gone:
            z[head] = 0
    return linear(name + ".out", z.transpose(0, 1).flatten(1))


def loss(gone):
    def stack(name, kind, x, memory=None, causal=False):
        for k in range(LAYERS):
            block = f"{{name}}.blocks.{{k}}"
            y = norm(block + ".norm_attention", x)
            x = x + attend(block + ".attention", (kind, k), y, y, gone, causal)
            if memory is not None:
                x = x + attend(block + ".cross", ("cross", k), norm(block + ".norm_cross", x), memory, gone, itself=False)
            x = x + linear(block + ".feed.second", linear(block + ".feed.first", norm(block + ".norm_feed", x)).relu())
        return norm(name + ".norm", x)

    {STACKS[shape.kind]}
    return nn.functional.cross_entropy(linear("head", z), targets).item()


# %%
print("loss =", loss(off))
for name, place in {[(named(place), tuple(place)) for place in who.places]!r}:
    print(f"loss without {{name}} =", loss([*off, place]))
"""
