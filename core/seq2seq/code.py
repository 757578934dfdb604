"""The answer on screen as a script: the trained weights, the model as its papers write it, and the same numbers."""

from __future__ import annotations

import inspect
import textwrap

import torch

from core.convolution.exported import READER, packed
from core.seq2seq import decoding
from core.seq2seq.compute import accuracies, by_place_of, forced_place, lengths_of, sample_of, tests_of
from core.seq2seq.shipped import model_of
from core.seq2seq.spec import Seq2SeqSpec
from core.seq2seq.training import EXAMPLE, score
from models import seq2seq as models

LAYERS = (models.Bahdanau, models.Luong, models.context, models.Seq2Seq, models.Seq2SeqBahdanau, models.Seq2SeqLuong, models.true_tokens, models.own_tokens)  # fmt: skip


def source(*objects: object) -> str:
    """The source text of functions and classes, two lines between any two."""
    return "\n\n\n".join(textwrap.dedent(inspect.getsource(inspect.unwrap(o))).strip() for o in objects)


def script(spec: Seq2SeqSpec) -> str:
    """It needs torch and numpy, answers the source on screen, then prints what the open lens shows."""
    kinds = list(models.KINDS) if spec.lens == "bottleneck" else [spec.attention]
    x, y, truth = sample_of(spec)
    shape = model_of(spec.task, spec.attention)
    sizes = f"{shape.read.num_embeddings}, {shape.begin}, embedding={shape.read.embedding_dim}, hidden={shape.hidden}"
    stored = "\n".join(f"    {kind!r}: {{\n{_weights(spec.task, kind)}\n    }}," for kind in kinds)
    more = {"bottleneck": _bottleneck, "exposure": _exposure, "force": _force, "beam": _beam}.get(spec.lens, lambda spec: "")(spec)  # fmt: skip
    start = READER.replace("# %%\nimport base64", "# %%\nfrom __future__ import annotations\n\nimport base64", 1)
    return f"""# %% [markdown]
# # Encoder, decoder, bottleneck
#
# A trained encoder-decoder answers one source. Needs torch and numpy; the trained weights are in the script (base64).

{start}from collections.abc import Sequence
from dataclasses import dataclass

Tensor = torch.Tensor

# %% [markdown]
# ## The model, as its papers write it

# %%
{source(*LAYERS)}


{source(score)}


# %%
KINDS = {{"none": Seq2Seq, "bahdanau": Seq2SeqBahdanau, "luong": Seq2SeqLuong}}
weights = {{
{stored}
}}
trained = {{}}
for kind, values in weights.items():
    trained[kind] = KINDS[kind]({sizes}).double()
    trained[kind].load_state_dict({{name: numbers(found) for name, found in values.items()}})

# %% [markdown]
# ## The answer on screen

# %%
model = trained[{spec.attention!r}]
x, y = torch.tensor({x.tolist()}), torch.tensor({y.tolist()})
truth = np.array({truth[0].int().tolist()}) == 1
with torch.no_grad():
    logits, said, alpha = model.unroll(x, y.shape[1], own_tokens)
p = torch.softmax(logits, 2)[0].numpy()
said, alpha = said[0].numpy(), alpha[0].numpy()
print("right tokens =", int((said == y[0].numpy()).sum()))
print("log p of the answer =", float(np.log(p[np.arange(len(said)), said]).sum()))
for i, token in enumerate(said):
    print(f"p of token {{i + 1}} = {{float(p[i, token])!r}}")
if alpha.any():
    print("alignment score =", score(alpha, truth))
    print("entropy =", float(-(alpha * np.log2(np.where(alpha > 0, alpha, 1.0))).sum(axis=1).mean()))
{more}"""


def _weights(task: str, kind: str) -> str:
    state = model_of(task, kind).state_dict()
    return "\n".join(f"        {name!r}: {packed(values.numpy())}," for name, values in state.items())


def _examples(tokens: torch.Tensor) -> str:
    return f"numbers({packed(tokens.numpy())}).long()"


def _bottleneck(spec: Seq2SeqSpec) -> str:
    tests = "\n".join(
        f"    {n}: ({_examples(x)}, {_examples(y)}),"
        for n in lengths_of(spec.task)
        for x, y, _ in [tests_of(spec.task, n)]
    )
    return f"""
# %% [markdown]
# ## Accuracy against length

# %%
{source(accuracies)}


tests = {{
{tests}
}}
for kind, model in trained.items():
    for n, (x, y) in tests.items():
        for what, value in zip(("tokens", "whole"), accuracies(model, x, y)):
            print(f"{{what}} {{kind}} at {{n}} = {{value!r}}")
"""


def _exposure(spec: Seq2SeqSpec) -> str:
    x, y, _ = tests_of(spec.task, EXAMPLE[spec.task])
    return f"""
# %% [markdown]
# ## Hearing the truth, or itself

# %%
{source(by_place_of)}


for what, values in zip(("forced", "free"), by_place_of(model, {_examples(x)}, {_examples(y)})):
    for i, value in enumerate(values):
        print(f"{{what}} at place {{i + 1}} = {{float(value)!r}}")
"""


def _force(spec: Seq2SeqSpec) -> str:
    place, token = forced_place(spec)
    return f"""
# %% [markdown]
# ## One token forced

# %%
{source(decoding.own_but)}


with torch.no_grad():
    logits, _, _ = model.unroll(x, y.shape[1], own_but({place}, {token}))
p = torch.softmax(logits, 2)[0]
for i, token in enumerate(y[0]):
    print(f"after force, p of the right token {{i + 1}} = {{float(p[i, token])!r}}")
"""


def _beam(spec: Seq2SeqSpec) -> str:
    return f"""
# %% [markdown]
# ## Beam search

# %%
{source(decoding.Node, decoding.beam, decoding.finals)}


nodes = beam(model, x, y.shape[1], {spec.width})
for k, at in enumerate(finals(nodes)):
    print(f"beam {{k + 1}} = {{nodes[at].log_p!r}}")
"""
