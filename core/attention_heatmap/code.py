"""The selected head as a script: what enters it, its trained matrices, and the same numbers by the paper's formula."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from core.attention_heatmap.compute import Reading, anatomy, bias_of, block_of, inputs_of, read
from core.attention_heatmap.lenses import chosen
from core.attention_heatmap.spec import AttentionHeatmapSpec
from core.convolution.exported import READER, packed
from models.attention import NOT_ALLOWED
from models.llama import SharedHeads

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
    return f"""# %% [markdown]
# # Attention: {chosen(found)}
#
# {found.task.title}. {_tokens(found)} The numbers that the head needs are in the script (base64); it needs torch and numpy.

{READER}
# %%
ROW, TEMPERATURE = {found.row}, {found.spec.temperature!r}
{_inputs(found) if hasattr(found.model.stack, "blocks") else _ready(found)}
allowed = torch.tensor([[c == "1" for c in row] for row in {_allowed(found)!r}])

# %% [markdown]
# ## softmax(q kᵀ / √d) v

# %%
{_bias(found)}
scores = (q @ k.T / q.shape[1] ** 0.5 + bias).masked_fill(~allowed, -torch.inf) / TEMPERATURE
weights = torch.softmax(scores, -1).nan_to_num(0.0)  # a row that may look nowhere has no weights
z = weights @ v
mask = (torch.zeros_like(scores) + bias).masked_fill(~allowed, -torch.inf)
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


def _bias(found: Reading) -> str:
    """The line that makes what is added to the scores."""
    bias = bias_of(found)
    if bias is None:
        return "bias = 0.0"
    i, j = (f"torch.arange({n}, dtype=torch.float64)" for n in bias.shape)
    return f"bias = {float(bias[1, 0])!r} * ({i}[:, None] - {j}).abs()  # ALiBi: the head's slope times the distance"


def _tokens(found: Reading) -> str:
    """The tokens in a comment, at most a line of them."""
    return f"Tokens: {' '.join(found.columns)}."[:400].replace("\n", " ")


def _inputs(found: Reading) -> str:
    """What enters the head and its matrices, and the lines that make queries, keys and values of them."""
    x, memory = inputs_of(found)
    itself = memory is x
    shape = found.model.shape
    turned = (
        ROTATE.replace("10000.0", repr(float(getattr(shape, "base", 10000.0))))
        if shape.positions == "rope" and itself
        else ""
    )
    given = f"memory = {'x' if itself else f'numbers({packed(memory.numpy())})'}  # what is looked at: {'the same' if itself else 'the output of the encoder'}"
    return f"""x = numbers({packed(x.numpy())})  # what looks: one vector a token
{given}
{_matrices(found)}

# %% [markdown]
# ## Queries, keys, values

# %%
q, k, v = x @ W_q.T + b_q, memory @ W_k.T + b_k, memory @ W_v.T + b_v
{turned}"""


def _ready(found: Reading) -> str:
    """Queries, keys and values of a model whose layers are another program's."""
    parts = anatomy(found)
    return "\n".join(f"{name} = numbers({packed(getattr(parts, name))})" for name in ("q", "k", "v"))


def _matrices(found: Reading) -> str:
    """W and b of query, key and value: the rows of the selected head."""
    block = block_of(found)
    attention = block.cross if found.kind == "cross" else block.attention
    return "\n".join(_slice(letter, layer, attention.h, found.head) for letter, layer in (("q", attention.query), ("k", attention.key), ("v", attention.value)))  # fmt: skip


def _slice(letter: str, layer: nn.Linear, heads: int, head: int) -> str:
    """The rows of one head; a layer without a bias adds 0."""
    W = layer.of_head(head) if isinstance(layer, SharedHeads) else layer.weight.chunk(heads)[head]
    b = torch.zeros(len(W)) if layer.bias is None else layer.bias.chunk(heads)[head]
    return f"W_{letter}, b_{letter} = numbers({packed(W.numpy())}), numbers({packed(b.numpy())})"


def _allowed(found: Reading) -> list[str]:
    """One text of 0 and 1 for each row: where the selected head may look."""
    scores = found.maps.scores[0, found.layer, found.head].numpy()
    return ["".join("01"[int(s != NOT_ALLOWED)] for s in row) for row in np.asarray(scores)]
