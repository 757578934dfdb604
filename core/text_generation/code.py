"""The run as a script: torch and NumPy; the shipped weights are written into it, other nets are trained by it."""

from __future__ import annotations

import base64

from core.data.corpora import HELD_OUT, SENTENCES_SCRIPT
from core.data.ngrams import CHUNKS, COUNTED, ORDERS, WARM
from core.text_generation.compute import (
    FOLDER,
    SHIPPED,
    corpus_of,
    is_shipped,
    quick_steps,
    readable,
    resolved,
)
from core.text_generation.spec import TextGenerationSpec


def script(spec: TextGenerationSpec) -> str:
    """The model, its text, its bits and those of the n-grams; prints the numbers that the page opens with."""
    from models.charnet import BATCH, CLIP, EMBEDDING

    spec, _ = resolved(spec)
    corpus = corpus_of(spec)
    net = _shipped() if is_shipped(spec) else _training(spec, BATCH, CLIP)
    return f"""# %% [markdown]
# # A character model that writes
#
# {corpus.title}. Needs torch and numpy.

# %%
import hashlib
import math
import sys

import numpy as np
import torch

PROMPT, LENGTH, DRAW = {readable(spec.prompt, corpus)[0]!r}, {spec.length}, {spec.draw}
TEMPERATURE, TOP_K, TOP_P = {spec.temperature!r}, {spec.top_k}, {spec.top_p!r}
torch.set_num_threads(1)


def entropy(seed, *purpose):
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


# %% [markdown]
# ## The text

# %%
{_text(spec)}
place = {{sign: k for k, sign in enumerate(signs)}}
codes = np.array([place[sign] for sign in text])
border = round((1 - {HELD_OUT}) * len(codes))
V = len(signs)


# %% [markdown]
# ## The net

# %%
class CharNet(torch.nn.Module):
    def __init__(self, width, layers):
        super().__init__()
        self.embed = torch.nn.Embedding(V, {EMBEDDING}, dtype=torch.float64)
        self.cell = torch.nn.{ {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[spec.cell] }({EMBEDDING}, width, layers, batch_first=True, dtype=torch.float64)
        self.readout = torch.nn.Linear(width, V, dtype=torch.float64)

    def forward(self, codes):
        return self.readout(self.cell(self.embed(codes))[0])


net = CharNet({spec.width}, {spec.layers})
{net}


# %% [markdown]
# ## Writing: temperature, top k, top p

# %%
def shaped(z):
    e = np.exp((z - z.max()) / TEMPERATURE)
    q = e / e.sum()
    order = np.argsort(-q, kind="stable")
    if TOP_K:
        q[order[TOP_K:]] = 0.0
        q /= q.sum()
    if TOP_P < 1:
        before = np.cumsum(q[order]) - q[order]
        q[order[before >= TOP_P]] = 0.0
        q /= q.sum()
    return q


def drawn(q, u):
    order = np.argsort(-q, kind="stable")
    return int(order[min(np.searchsorted(np.cumsum(q[order]), u, side="right"), np.count_nonzero(q) - 1)])


g = np.random.default_rng(entropy(DRAW, "writing"))
written, state, surprise = [place[sign] for sign in PROMPT], None, []
with torch.no_grad():
    for t in range(len(PROMPT) + LENGTH - 1):
        h, state = net.cell(net.embed(torch.tensor([[written[t]]])), state)
        z = net.readout(h)[0, 0].numpy()
        if t >= len(PROMPT) - 1:
            written.append(drawn(shaped(z), g.random()))
        log_p = z - z.max() - np.log(np.exp(z - z.max()).sum())
        surprise.append(-log_p[written[t + 1]] / math.log(2))
print("".join(signs[c] for c in written), file=sys.stderr)

# %% [markdown]
# ## Bits per character on the held-out end, of the net and of n-grams

# %%
test = codes[border:]
size = min({WARM + COUNTED}, len(test))
warm = min({WARM}, size // 3)
starts = np.unique(np.linspace(0, len(test) - size, {CHUNKS}).astype(int))
chunks = test[starts[:, None] + np.arange(size)]
with torch.no_grad():
    log_p = torch.log_softmax(net(torch.from_numpy(chunks[:, :-1])), 2).numpy()
told = np.take_along_axis(log_p, chunks[:, 1:, None], axis=2)[:, warm - 1 :]
print("bits =", float(-told.mean() / math.log(2)))

seen, total, kinds = {{}}, {{}}, {{}}
known = codes[:border].tolist()
for n in range(1, {ORDERS[-1]} + 1):
    for k in range(len(known) - n + 1):
        gram = tuple(known[k : k + n])
        u = (n, *gram[:-1])
        if gram not in seen:
            seen[gram] = 0
            kinds[u] = kinds.get(u, 0) + 1
        seen[gram] += 1
        total[u] = total.get(u, 0) + 1
for order in range(1, {ORDERS[-1]} + 1):
    cost = []
    for chunk in chunks.tolist():
        for j in range(warm, size):
            p = 1 / V
            for n in range(1, order + 1):
                u = (n, *chunk[j - n + 1 : j])
                if u in total:
                    p = (seen.get((*u[1:], chunk[j]), 0) + kinds[u] * p) / (total[u] + kinds[u])
            cost.append(-math.log2(p))
    print(f"bits {{order}}-gram =", float(np.mean(cost)))
print("mean surprise =", float(np.mean(surprise)))
print("checksum =", float(np.arange(1, len(written) + 1) @ np.array(written)))
"""


def _text(spec: TextGenerationSpec) -> str:
    if spec.corpus == "own":
        corpus = corpus_of(spec)
        return f"text = {corpus.text!r}\nsigns = {corpus.signs!r}"
    if spec.corpus == "sentences":
        return SENTENCES_SCRIPT
    return """from pydoc_data.topics import topics  # part of Python

signs = "\\n" + "".join(map(chr, range(32, 127)))
text = "".join(sign for sign in "\\n".join(topics[name] for name in sorted(topics)) if sign in signs)"""


def _shipped() -> str:
    from models.storage import read

    return f'''# Trained weights: a safetensors file (length, JSON with names, shapes and places, numbers in float16), written as text.
import base64
import json

content = base64.b64decode(
    "{base64.b64encode(read(SHIPPED, FOLDER)).decode()}"
)
length = int.from_bytes(content[:8], "little")
state = {{}}
for name, about in json.loads(content[8 : 8 + length]).items():
    if name != "__metadata__":
        first, last = (8 + length + at for at in about["data_offsets"])
        numbers = np.frombuffer(content[first:last], np.float16).astype(np.float64)
        state[name] = torch.from_numpy(numbers.reshape(about["shape"]))
net.load_state_dict(state)'''


def _training(spec: TextGenerationSpec, batch: int, clip: float) -> str:
    return f"""# The page opens after this many steps; the button there goes on to {spec.steps}.
STEPS, RATE, WINDOW, SEED = {quick_steps(spec)}, {spec.rate!r}, {spec.window}, {spec.seed}
g = torch.Generator().manual_seed(entropy(SEED, "weights", {spec.cell!r}))
with torch.no_grad():
    for p in net.parameters():
        p.copy_((2 * torch.rand(p.shape, generator=g, dtype=p.dtype) - 1) * (1 / math.sqrt({spec.width})))
g = torch.Generator().manual_seed(entropy(SEED, "windows"))
train, optimizer = torch.from_numpy(codes[:border]), torch.optim.Adam(net.parameters(), lr=RATE)
window = min(WINDOW, len(train) - 2)
for step in range(STEPS):
    starts = torch.randint(len(train) - window, ({batch},), generator=g)
    rows = train[starts[:, None] + torch.arange(window + 1)]
    loss = torch.nn.functional.cross_entropy(net(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), {clip})
    optimizer.step()"""
