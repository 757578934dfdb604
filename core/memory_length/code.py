"""The gradients on screen as a script that needs only torch and numpy: the same first weights, and one backward through autograd's graph."""

from __future__ import annotations

from core.memory_length.compute import KINDS, RECALL, sequences
from core.memory_length.spec import MemoryLengthSpec


def script(spec: MemoryLengthSpec) -> str:
    """The three cells at their first weights on the sequences on screen."""
    inputs, _ = sequences(spec)
    drawn = ["".join(RECALL.words(row)) for row in inputs]
    return f'''# %% [markdown]
# # Gradients through time in three cells
#
# The first weights and the sequences on screen; the gradients come from one backward through autograd's graph. Needs torch and numpy.

# %%
import hashlib
import math

import torch

T, HIDDEN, WEIGHTS, GAIN, FORGET_BIAS, SEED = {spec.length}, {spec.hidden}, {spec.weights!r}, {spec.gain!r}, {spec.forget_bias!r}, {spec.seed}
SYMBOLS = {RECALL.symbols!r}  # the first letter must be recalled at the question mark
DRAWN = {drawn!r}
tokens = torch.tensor([[SYMBOLS.index(letter) for letter in row] for row in DRAWN])
X = torch.nn.functional.one_hot(tokens, len(SYMBOLS)).double()
letters = tokens[:, 0]


# %%
def generator(seed, *purpose):
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def first_weights(kind):
    """Cell and readout with the first weights on screen."""
    cell = {{"rnn": torch.nn.RNNCell, "gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}}[kind](len(SYMBOLS), HIDDEN)
    readout, g = torch.nn.Linear(HIDDEN, 4), generator(SEED, "weights", kind)
    cell, readout = cell.double(), readout.double()
    with torch.no_grad():
        for name, p in [*cell.named_parameters(), *readout.named_parameters()]:
            if WEIGHTS == "uniform":
                p.uniform_(-1 / math.sqrt(HIDDEN), 1 / math.sqrt(HIDDEN), generator=g)
            elif name == "weight_hh":
                for block in p.split(HIDDEN):
                    torch.nn.init.orthogonal_(block, generator=g)
            elif p.ndim == 2:
                for block in p.split(HIDDEN) if name == "weight_ih" else (p,):
                    torch.nn.init.xavier_uniform_(block, generator=g)
            else:
                p.zero_()
            if name == "weight_hh":
                p.mul_(GAIN)
            if kind == "lstm" and name in ("bias_ih", "bias_hh"):
                p[HIDDEN : 2 * HIDDEN] = FORGET_BIAS if name == "bias_ih" else 0.0
    return cell, readout


# %%
for kind in {KINDS!r}:
    cell, readout = first_weights(kind)
    zero = torch.zeros(len(X), HIDDEN, dtype=torch.float64)
    state, hs, cs = (zero, zero) if kind == "lstm" else zero, [], []
    for t in range(T):
        state = cell(X[:, t], state)
        h, *c = state if kind == "lstm" else (state,)
        hs.append(h)
        cs += c
    loss = torch.nn.functional.cross_entropy(readout(hs[-1]), letters, reduction="sum")
    found = torch.autograd.grad(loss, hs + cs)
    for t in dict.fromkeys((1, (T + 1) // 2, T)):
        print(f"{{kind}} dL/dh at step {{t}} = {{found[t - 1].norm(dim=1).mean().item()!r}}")
        if cs:
            print(f"{{kind}} dL/dc at step {{t}} = {{found[T + t - 1].norm(dim=1).mean().item()!r}}")
    print(f"{{kind}} largest singular value of U = {{torch.linalg.matrix_norm(cell.weight_hh.detach(), 2).item()!r}}")
'''
