"""The selected head as a script: what enters it, its trained matrices, and the same numbers by the paper's formula."""

from __future__ import annotations

import numpy as np
from torch import nn

from core.attention.shipped import in_float64
from core.attention_heatmap.compute import Reading, block_of, inputs_of, read
from core.attention_heatmap.lenses import chosen
from core.attention_heatmap.spec import AttentionHeatmapSpec
from core.convolution.exported import READER, packed
from models.attention import NOT_ALLOWED

ROTATE = '''

def rotate(x):
    """RoPE: each pair of neighbouring columns is turned by the position times 10000^(-2i/d)."""
    t = torch.arange(len(x), dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(0, x.shape[1], 2, dtype=torch.float64) / x.shape[1])
    a, b = x[:, 0::2], x[:, 1::2]
    return torch.stack([a * t.cos() - b * t.sin(), a * t.sin() + b * t.cos()], -1).flatten(1)


q, k = rotate(q), rotate(k)
'''


def script(spec: AttentionHeatmapSpec) -> str:
    """It needs torch and numpy, recomputes the selected head's map and prints the page's numbers."""
    found = read(spec)
    x, memory = inputs_of(found)
    itself = memory is x
    about = in_float64(spec.task).shape
    turned = ROTATE if about.positions == "rope" and itself else ""
    given = f"memory = {'x' if itself else f'numbers({packed(memory.numpy())})'}  # what is looked at: {'the same' if itself else 'the output of the encoder'}"
    return f"""# %% [markdown]
# # Attention: {chosen(found)}
#
# Task: {found.task.title.lower()}. Tokens: {" ".join(found.columns)}. The head's input and trained matrices are in the script (base64); it needs torch and numpy.

{READER}
# %%
ROW, TEMPERATURE = {found.row}, {spec.temperature!r}
x = numbers({packed(x.numpy())})  # what looks: one vector a token
{given}
{_matrices(found)}
allowed = torch.tensor([[c == "1" for c in row] for row in {_allowed(found)!r}])

# %% [markdown]
# ## Queries, keys, values

# %%
q, k, v = x @ W_q.T + b_q, memory @ W_k.T + b_k, memory @ W_v.T + b_v
{turned}
# %% [markdown]
# ## softmax(q kᵀ / √d) v

# %%
scores = (q @ k.T / q.shape[1] ** 0.5).masked_fill(~allowed, -torch.inf) / TEMPERATURE
weights = torch.softmax(scores, -1).nan_to_num(0.0)  # a row that may look nowhere has no weights
z = weights @ v
mask = torch.zeros_like(scores).masked_fill(~allowed, -torch.inf)
if TEMPERATURE == 1 and allowed.any(1).all():  # torch's own
    assert torch.allclose(z, nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))

row = weights[ROW]
for j, score in enumerate(scores[ROW].tolist()):
    if np.isfinite(score):
        print(f"score {{j}} = {{score!r}}")
for j, weight in enumerate(row.tolist()):
    print(f"weight {{j}} = {{weight!r}}")
print("entropy =", -torch.special.xlogy(row, row).sum().item() / np.log(2))
print("output norm =", z[ROW].norm().item())
"""


def _matrices(found: Reading) -> str:
    """W and b of query, key and value: the rows of the selected head."""
    block = block_of(in_float64(found.spec.task), found)
    attention = block.cross if found.kind == "cross" else block.attention
    return "\n".join(_slice(letter, layer, attention.h, found.head) for letter, layer in (("q", attention.query), ("k", attention.key), ("v", attention.value)))  # fmt: skip


def _slice(letter: str, layer: nn.Linear, heads: int, head: int) -> str:
    W, b = (p.chunk(heads)[head].numpy() for p in (layer.weight, layer.bias))
    return f"W_{letter}, b_{letter} = numbers({packed(W)}), numbers({packed(b)})"


def _allowed(found: Reading) -> list[str]:
    """One text of 0 and 1 for each row: where the selected head may look."""
    scores = found.maps.scores[0, found.layer, found.head].numpy()
    return ["".join("01"[int(s != NOT_ALLOWED)] for s in row) for row in np.asarray(scores)]
