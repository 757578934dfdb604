"""The state on screen as a script: the encodings written out with torch, RoPE's property, ALiBi's slopes, the shuffle test."""

from __future__ import annotations

import inspect
from functools import lru_cache

import numpy as np

from core.convolution.exported import READER, packed
from core.positions import by_hand
from core.positions.compute import likeness, pair_of, query_and_key, scores, shuffled, spread, table, waves
from core.positions.lenses import key_of
from core.positions.spec import PositionsSpec
from models import positions
from models.positions import alibi_slopes
from models.predecessor import PART, Predecessor
from models.storage import read, restore

FUNCTIONS = (positions.frequencies, positions.angles, positions.sinusoidal, positions.rotate, positions.alibi_slopes)
HEADS = 4


def script(spec: PositionsSpec) -> str:
    """It needs torch and numpy, and prints the page's numbers; the weights of the chosen decoder are in it."""
    q, k = query_and_key(spec, spec.d)
    query, key = key_of(spec)
    weights = restore(Predecessor(spec.kind), read(spec.kind, PART)).transformer.state_dict()
    stored = "\n".join(f"    {name!r}: {packed(values.numpy())}," for name, values in weights.items())
    own = shuffled(spec.kind, spec.seed)
    functions = (
        "\n\n\n".join(inspect.getsource(f).strip() for f in (*FUNCTIONS, by_hand.logits))
        .replace(": Tensor", "")
        .replace(" -> Tensor", "")
    )
    return f"""# %% [markdown]
# # Positions: sinusoidal, RoPE, ALiBi, and a decoder whose words are shuffled
#
# Needs torch and numpy.

{READER}import math

BASE = {positions.BASE!r}

# %%
{functions}


# %%
T, d, base, query, key = {spec.length}, {spec.d}, {spec.base!r}, {query}, {key}
w = frequencies(d, base)
print("frequency =", w[{pair_of(spec)}].item())
print("wavelength =", (2 * math.pi / w[{pair_of(spec)}]).item())
p = sinusoidal(T, d, base=base)
print("sine at the query =", p[query, {2 * pair_of(spec)}].item())
unit = p / p.norm(dim=1, keepdim=True)
print("likeness of query and key =", (unit[query] @ unit[key]).item())

# %%
# One query and one key at every pair of positions.
q, k = numbers({packed(q.numpy())}), numbers({packed(k.numpy())})
turned = rotate(q.expand(T, d), base=base) @ rotate(k.expand(T, d), base=base).T / d**0.5
added = (q + p) @ (k + p).T / d**0.5
print("RoPE's score at query and key =", turned[query, key].item())
print("score with sines added =", added[query, key].item())
print("spread with sines added =", max((added.diagonal(-n).max() - added.diagonal(-n).min()).item() for n in range(T)))
print("RoPE depends on the distance alone =", int(max((turned.diagonal(-n).max() - turned.diagonal(-n).min()).item() for n in range(T)) < 1e-9))
m = alibi_slopes({spec.heads})
print("first slope =", m[0].item())
print("last slope =", m[-1].item())

# %%
# The trained decoder: the last token's answer before and after all earlier tokens are shuffled.
stored = {{
{stored}
}}
weights = {{name: numbers(values) for name, values in stored.items()}}
tokens = torch.tensor({own.tokens.tolist()})
moved = torch.cat([tokens[{own.order.tolist()}], tokens[-1:]])
before, after = (logits(weights, t, {spec.kind!r}, {HEADS})[-1].softmax(0) for t in (tokens, moved))
print("largest probability as written =", before.max().item())
print("largest probability shuffled =", after.max().item())
"""


@lru_cache(maxsize=16)
def numbers(spec: PositionsSpec) -> dict[str, float]:
    """What the script prints, from the page's own tables and decoder."""
    query, key = key_of(spec)
    sines = PositionsSpec(**{**spec.as_dict(), "kind": "sinusoidal"})
    w, i, m = waves(spec), pair_of(spec), alibi_slopes(int(spec.heads)).numpy()
    turned, added, own = scores("rope", spec), scores("sinusoidal", spec), shuffled(spec.kind, spec.seed)
    return {
        "frequency": float(w[i]),
        "wavelength": float(2 * np.pi / w[i]),
        "sine at the query": float(table(sines)[query, 2 * i]),
        "likeness of query and key": float(likeness(sines)[query, key]),
        "RoPE's score at query and key": float(turned[query, key]),
        "score with sines added": float(added[query, key]),
        "spread with sines added": spread(added),
        "RoPE depends on the distance alone": float(spread(turned) < 1e-9),
        "first slope": float(m[0]),
        "last slope": float(m[-1]),
        "largest probability as written": float(own.before.max()),
        "largest probability shuffled": float(own.after.max()),
    }
