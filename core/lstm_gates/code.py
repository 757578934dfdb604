"""The net on screen as a script that needs only torch and numpy: its weights as text, its gates from the equations."""

from __future__ import annotations

import base64

import numpy as np

from core.lstm_gates.compute import learned_of, net_of, scene, way_of
from core.lstm_gates.spec import LstmGatesSpec
from core.recurrent import arrays

EQUATIONS = {
    "rnn": '''    signals = {"h": []}
    for x in X:
        h = torch.tanh(W @ x + b + U @ h + b_u)
        signals["h"].append(h)''',
    "gru": '''    signals = {name: [] for name in "rznh"}
    for x in X:
        (x_r, x_z, x_n), (u_r, u_z, u_n) = (W @ x + b).chunk(3), (U @ h + b_u).chunk(3)
        r, z = torch.sigmoid(x_r + u_r), torch.sigmoid(x_z + u_z)
        n = torch.tanh(x_n + r * u_n)
        h = (1 - z) * n + z * h
        for name, value in zip("rznh", (r, z, n, h)):
            signals[name].append(value)''',
    "lstm": '''    signals, c = {name: [] for name in "ifgoch"}, torch.zeros_like(h)
    for x in X:
        i, f, g, o = (W @ x + b + U @ h + b_u).chunk(4)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        for name, value in zip("ifgoch", (i, f, g, o, c, h)):
            signals[name].append(value)''',
    "peephole": '''    signals, c, p = {name: [] for name in "ifgoch"}, torch.zeros_like(h), weights["weight_ch" + end]
    for x in X:
        i, f, g, o = (W @ x + b + U @ h + b_u).chunk(4)
        i, f, g = torch.sigmoid(i + p[0] * c), torch.sigmoid(f + p[1] * c), torch.tanh(g)
        c = f * c + i * g
        o = torch.sigmoid(o + p[2] * c)
        h = o * torch.tanh(c)
        for name, value in zip("ifgoch", (i, f, g, o, c, h)):
            signals[name].append(value)''',
}  # fmt: skip
CLASSES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


def script(spec: LstmGatesSpec) -> str:
    """The sequence on screen, read by the net on screen."""
    now = scene(spec)
    net = net_of(learned_of(spec), spec.cell)
    layer, direction = way_of(spec, net)
    weights = ",\n".join(f"    {name!r}: ({value.shape}, {_text(value)!r})" for name, value in arrays(net).items())
    names = now.task.answers or ("the sum",)
    check = "" if spec.cell == "peephole" else f'''
# %%
# torch's own layer says the same.
cell = torch.nn.{CLASSES[spec.cell]}(X.shape[1], HIDDEN, LAYERS, batch_first=True, bidirectional=DIRECTIONS == 2).double()
cell.load_state_dict(weights)
assert torch.allclose(cell(X[None])[0][0], output, atol=1e-10)
'''  # fmt: skip
    return f"""# %% [markdown]
# # {now.task.title}: a {spec.cell} seen from inside
#
# The net on screen reads the sequence on screen. Needs torch and numpy.

# %%
import base64

import numpy as np
import torch

LAYERS, DIRECTIONS, HIDDEN = {net.cell.num_layers}, {1 + net.cell.bidirectional}, {now.H}
LAYER, DIRECTION, STEP, UNIT = {layer}, {direction}, {now.t}, {now.unit}  # what is on screen, counted from 0
WORDS = {list(now.words)!r}
X = torch.tensor({now.inputs[0].tolist()!r}, dtype=torch.float64)  # (time, feature)
STORED = {{  # name: shape, float32 as base64
{weights},
}}


def number(shape, text):
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), "<f4").reshape(shape).astype(np.float64))


stored = {{name: number(*about) for name, about in STORED.items()}}
weights = {{name.removeprefix("cell."): value for name, value in stored.items() if name.startswith("cell.")}}


# %%
def read(X, layer, direction):
    \"\"\"Every signal of one layer in one direction: name -> (time, hidden).\"\"\"
    end = f"_l{{layer}}" + "_reverse" * direction
    W, U, b, b_u = (weights[name + end] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = torch.zeros(HIDDEN, dtype=X.dtype)
    X = X.flip(0) if direction else X
{EQUATIONS[spec.cell]}
    signals = {{name: torch.stack(values) for name, values in signals.items()}}
    return {{name: values.flip(0) for name, values in signals.items()}} if direction else signals


# %%
output = X
for layer in range(LAYERS):
    found = [read(output, layer, direction) for direction in range(DIRECTIONS)]
    if layer == LAYER:
        shown = found[DIRECTION]
    output = torch.cat([way["h"] for way in found], 1)
answers = output @ stored["readout.weight"].T + stored["readout.bias"]
{check}
# %%
for name, values in shown.items():
    print(f"{{name}} of unit {{UNIT + 1}} at step {{STEP + 1}} = {{values[STEP, UNIT].item()!r}}")
for name, values in shown.items():
    print(f"mean of {{name}} = {{values.mean().item()!r}}")
for name, value in zip({list(names)!r}, answers[STEP].tolist()):
    print(f"score of {{name}} at step {{STEP + 1}} = {{value!r}}")
"""


def _text(values: np.ndarray) -> str:
    """The weights, which are single precision, as base64 of their bytes."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")
