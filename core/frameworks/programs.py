"""One net as seven programs: sections of code, each named by the steps of the loop that it does.

All seven begin with the same section, so that they see the same examples, first weights and batches. What stands here is
what is run: `core.frameworks.running` executes these very lines.
"""

from __future__ import annotations

import base64
import textwrap
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from core.frameworks.layers import Layer
from core.frameworks.spec import SHAPES, FrameworksSpec, net_of

STEPS = {
    "data": "Data, first weights, order of the batches",
    "model": "Build the model",
    "tools": "Choose loss and optimizer",
    "batch": "Take a batch",
    "zero_grad": "Clear the old gradients",
    "forward": "Forward",
    "loss": "Loss",
    "backward": "Backward",
    "update": "Step",
    "evaluate": "Evaluate",
}
LOOP = ("batch", "zero_grad", "forward", "loss", "backward", "update")
TRAIN, COUNT = 200, 250
MOMENTUM, BETAS, ADAM_EPSILON = 0.9, (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class Section:
    """Lines of a program and the steps that they do."""

    steps: tuple[str, ...]
    code: str

    @property
    def lines(self) -> list[str]:
        return self.code.split("\n")


def section(steps: str, code: str, depth: int = 0) -> Section:
    """`steps` separated by spaces; `code` is indented by `depth` blocks."""
    return Section(tuple(steps.split()), textwrap.indent(textwrap.dedent(code).strip("\n"), "    " * depth))


def text_of(sections: Sequence[Section]) -> str:
    """The whole program."""
    return "\n".join(part.code for part in sections) + "\n"


# --- What all programs share -------------------------------------------------------------------------------------------


@cache
def digits() -> tuple[str, str]:
    """Pictures (0 to 16) and labels of the first digits 0 to 3 of scikit-learn's set, packed as base64."""
    from sklearn.datasets import load_digits

    found = load_digits(n_class=SHAPES["digits"][1])
    parts = (found.images[:COUNT].astype(np.uint8), found.target[:COUNT].astype(np.uint8))
    return tuple(base64.b64encode(zlib.compress(part.tobytes(), 9)).decode() for part in parts)


def _examples(spec: FrameworksSpec) -> str:
    """The lines that make X (as height, width, channels) and y."""
    if spec.data == "digits":
        pictures, labels = digits()
        return f"""
            import base64, zlib
            unpack = lambda text: np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
            X = unpack("{pictures}")
            X = X.reshape({COUNT}, 8, 8, 1) / 16.0  # scikit-learn's handwritten digits
            y = unpack("{labels}").astype(np.int64)
        """
    if spec.data == "bars":
        return f"""
            y = rng.integers(0, 2, {COUNT})  # 0: a row is lit, 1: a column
            X = 0.5 * rng.normal(size=({COUNT}, 8, 8, 1))
            for picture, label, at in zip(X, y, rng.integers(0, 8, {COUNT})):
                picture[(at, slice(None)) if label == 0 else (slice(None), at)] += 1
        """
    return f"""
        y = rng.integers(0, 2, {COUNT})
        angle, radius = rng.uniform(0, 2 * np.pi, {COUNT}), 1 + y + 0.2 * rng.normal(size={COUNT})
        X = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    """


def shared(spec: FrameworksSpec, more: str = "") -> Section:
    """Examples, first weights (inputs before outputs) and the order in which the examples come."""
    layers, classes = net_of(spec), SHAPES[spec.data][1]
    weighted = [layer for layer in layers if layer.number]
    target = "y  # the loss takes labels" if spec.loss == "cross_entropy" else f"np.eye({classes})[y]  # one-hot"
    first = "\n".join(
        f"W{layer.number}, b{layer.number} = rng.normal(0, {_spread(layer):.4f}, {layer.kernel}), np.zeros({layer.after[-1]})"
        for layer in weighted
    )
    head = f"import numpy as np\n{more}\nEPOCHS, BATCH, RATE = {spec.epochs}, {spec.batch}, {spec.rate!r}\nrng = np.random.default_rng({spec.seed})"
    tail = f"T = {target}\n{first}\norder = [rng.permutation({TRAIN}) for _ in range(EPOCHS)]"
    parts = (head, textwrap.dedent(_examples(spec)).strip("\n"), tail)
    return section("data", "\n".join(parts).replace("\n\n", "\n"))


def _spread(layer: Layer) -> float:
    """He's standard deviation of first weights, sqrt(2 / inputs of a unit)."""
    return float(np.sqrt(2 / np.prod(layer.kernel[:-1])))


# --- NumPy -------------------------------------------------------------------------------------------------------------

_NUMPY_ACTIVATIONS = {
    "relu": ("np.maximum(a, 0)", "({h} > 0)"),
    "tanh": ("np.tanh(a)", "(1 - {h}**2)"),
    "sigmoid": ("1 / (1 + np.exp(-a))", "{h} * (1 - {h})"),
}
_CONV = """
    def windows(x):
        return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))  # (B, H - 2, W - 2, c, 3, 3)

    def conv(x, W):
        return np.tensordot(windows(x), W, ([3, 4, 5], [2, 0, 1]))

    def conv_backward(x, W, g):
        dW = np.tensordot(windows(x), g, ([0, 1, 2], [0, 1, 2])).transpose(1, 2, 0, 3)
        wide = np.pad(g, ((0, 0), (2, 2), (2, 2), (0, 0)))
        return dW, np.tensordot(windows(wide), W[::-1, ::-1], ([3, 4, 5], [3, 0, 1]))
"""
_POOL = """
    def blocks(x):
        B, H, W, c = x.shape
        x = x[:, : H // 2 * 2, : W // 2 * 2].reshape(B, H // 2, 2, W // 2, 2, c)
        return x.transpose(0, 1, 3, 5, 2, 4).reshape(B, H // 2, W // 2, c, 4)

    def pool_backward(x, g):
        four, d = blocks(x), np.zeros_like(x)
        d4 = np.zeros_like(four)
        np.put_along_axis(d4, four.argmax(-1)[..., None], g[..., None], -1)  # to the first of the largest
        B, h, w, c = g.shape
        d[:, : 2 * h, : 2 * w] = d4.reshape(B, h, w, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(B, 2 * h, 2 * w, c)
        return d
"""


def numpy_program(spec: FrameworksSpec) -> list[Section]:
    """Forward, backward and step by hand."""
    layers = net_of(spec)
    kinds = {layer.kind for layer in layers}
    value, _ = _NUMPY_ACTIVATIONS[spec.activation]
    helpers = f"def act(a):\n    return {value}\n"
    helpers += textwrap.dedent(_CONV) * ("conv" in kinds) + textwrap.dedent(_POOL) * ("pool" in kinds)
    forward = _numpy_forward(layers)
    names = [f"{letter}{layer.number}" for layer in layers if layer.number for letter in "Wb"]
    model = f"{helpers}\ndef net(x):\n{textwrap.indent(forward, '    ')}\n    return logits\n\nparameters = [{', '.join(names)}]"
    return [
        shared(spec),
        section("model", model),
        section("tools", _numpy_tools(spec)),
        section("batch", "for rows in order:\n    for at in range(0, len(rows), BATCH):\n        x, t = X[rows[at : at + BATCH]], T[rows[at : at + BATCH]]"),
        section("zero_grad", "# nothing to clear: backward makes new arrays", 2),
        section("forward", forward, 2),
        section("loss", "loss, g = loss_of(logits, t)  # g: its gradient by the logits\nlosses.append(float(loss))", 2),
        section("backward", _numpy_backward(layers, spec.activation), 2),
        section("update", _NUMPY_STEPS[spec.optimizer], 2),
        section("evaluate", f"test = net(X[{TRAIN}:])\naccuracy = float((test.argmax(1) == y[{TRAIN}:]).mean())"),
    ]  # fmt: skip


def _numpy_forward(layers: Sequence[Layer]) -> str:
    lines, h = [], "x"
    for k, layer in enumerate(layers, 1):
        n, made = layer.number, "logits" if layer.last else f"h{k}"
        if layer.flattens:
            lines.append(f"{h}f = {h}.reshape(len(x), -1)  # rows, columns, channels in this order")
            h = f"{h}f"
        product = {"conv": f"conv({h}, W{n})", "dense": f"{h} @ W{n}", "pool": f"blocks({h}).max(-1)"}[layer.kind]
        if layer.number:
            product += f" + b{n}"
        lines.append(f"{made} = {product}" if layer.last or not n else f"{made} = act({product})")
        h = made
    return "\n".join(lines)


def _numpy_backward(layers: Sequence[Layer], activation: str) -> str:
    slope, lines = _NUMPY_ACTIVATIONS[activation][1], []
    for k, layer in reversed(list(enumerate(layers, 1))):
        n, h = layer.number, f"h{k - 1}" if k > 1 else "x"
        rows = f"{h}f" if layer.flattens else h
        if n and not layer.last:
            lines.append(f"g = g * {slope.format(h=f'h{k}')}")
        if layer.kind == "dense":
            lines.append(f"dW{n}, db{n} = {rows}.T @ g, g.sum(0)")
            lines += [f"g = g @ W{n}.T"] * (k > 1)
            lines += [f"g = g.reshape({h}.shape)"] * (layer.flattens and k > 1)
        elif layer.kind == "conv":
            lines.append(f"dW{n}, g_in = conv_backward({h}, W{n}, g)")
            lines.append(f"db{n}, g = g.sum((0, 1, 2)), g_in")
        elif k > 1:
            lines.append(f"g = pool_backward({h}, g)")
    names = [f"d{letter}{layer.number}" for layer in layers if layer.number for letter in "Wb"]
    return "\n".join([*lines, f"gradients = [{', '.join(names)}]"])


_NUMPY_STEPS = {
    "sgd": "for p, d in zip(parameters, gradients):\n    p -= RATE * d",
    "momentum": f"for p, d, v in zip(parameters, gradients, velocity):\n    v *= {MOMENTUM}\n    v += d\n    p -= RATE * v",
    "adam": f"""
        k += 1
        for p, d, m, v in zip(parameters, gradients, first, second):
            m += {1 - BETAS[0]:.1f} * (d - m)
            v += {1 - BETAS[1]:.3f} * (d**2 - v)
            p -= RATE * m / (1 - {BETAS[0]}**k) / (np.sqrt(v / (1 - {BETAS[1]}**k)) + {ADAM_EPSILON})
    """,
}
_NUMPY_STATE = {
    "sgd": "",
    "momentum": "velocity = [np.zeros_like(p) for p in parameters]",
    "adam": "k, first, second = 0, [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]",
}
_NUMPY_LOSSES = {
    "cross_entropy": """
        def loss_of(logits, t):
            log_p = logits - logits.max(1, keepdims=True)
            log_p = log_p - np.log(np.exp(log_p).sum(1, keepdims=True))
            one_hot = np.eye(logits.shape[1])[t]
            return -(one_hot * log_p).sum(1).mean(), (np.exp(log_p) - one_hot) / len(t)
    """,
    "mse": """
        def loss_of(logits, t):
            return ((logits - t) ** 2).mean(), 2 * (logits - t) / t.size
    """,
}


def _numpy_tools(spec: FrameworksSpec) -> str:
    parts = (_NUMPY_LOSSES[spec.loss], _NUMPY_STATE[spec.optimizer], "losses = []")
    return "\n".join(textwrap.dedent(part).strip("\n") for part in parts if part)


# --- PyTorch -----------------------------------------------------------------------------------------------------------

_TORCH_ACTIVATIONS = {"relu": ("torch.relu", "nn.ReLU()"), "tanh": ("torch.tanh", "nn.Tanh()"), "sigmoid": ("torch.sigmoid", "nn.Sigmoid()")}  # fmt: skip
_TORCH_LOSSES = {"cross_entropy": "nn.CrossEntropyLoss()", "mse": "nn.MSELoss()"}
_TORCH_OPTIMIZERS = {
    "sgd": "torch.optim.SGD({p}, lr=RATE)",
    "momentum": f"torch.optim.SGD({{p}}, lr=RATE, momentum={MOMENTUM})",
    "adam": f"torch.optim.Adam({{p}}, lr=RATE, betas={BETAS}, eps={ADAM_EPSILON})",
}


def _torch_layer(layer: Layer) -> str:
    if layer.kind == "pool":
        return "nn.MaxPool2d(2)"
    if layer.kind == "conv":
        return f"nn.Conv2d({layer.before[-1]}, {layer.after[-1]}, kernel_size=3)"
    return f"nn.Linear({layer.kernel[0]}, {layer.kernel[1]})"


def _torch_weight(layer: Layer) -> str:
    """Our kernel in PyTorch's order."""
    W = f"W{layer.number}"
    if layer.kind == "conv":
        return f"{W}.transpose(3, 2, 0, 1)"  # (3, 3, in, out) -> (out, in, 3, 3)
    if layer.flattens:  # (H W C, out): the rows go into PyTorch's order of flattening C, H, W
        return f"{W}.reshape{(*layer.before, layer.after[0])}.transpose(3, 2, 0, 1).reshape({layer.after[0]}, -1)"
    return f"{W}.T"


def _torch_data(spec: FrameworksSpec, more: str = "") -> Section:
    """The shared section, then tensors in PyTorch's layout."""
    picture = ".transpose(0, 3, 1, 2)" if len(SHAPES[spec.data][0]) == 3 else ""
    made = f"X, T, y = torch.from_numpy(X{picture}), torch.from_numpy(T), torch.from_numpy(y)"
    note = "  # N, H, W, C -> N, C, H, W" if picture else ""
    code = shared(spec, f"import torch\nfrom torch import nn{more}").code
    return section("data", f"{code}\n{made}{note}")


def _copies(layers: Sequence[Layer], name: dict[int, str]) -> str:
    """The shared first weights into the modules `name[number]`."""
    lines = [
        f"    {name[layer.number]}.weight.copy_(torch.from_numpy({_torch_weight(layer)}))\n    {name[layer.number]}.bias.copy_(torch.from_numpy(b{layer.number}))"
        for layer in layers if layer.number
    ]  # fmt: skip
    return "\n".join(["with torch.no_grad():  # the first weights, outputs before inputs", *lines])


def _torch_tools(spec: FrameworksSpec, parameters: str = "model.parameters()") -> str:
    return f"loss_of = {_TORCH_LOSSES[spec.loss]}\noptimizer = {_TORCH_OPTIMIZERS[spec.optimizer].format(p=parameters)}\nlosses = []"


def _torch_ends() -> Section:
    return section("evaluate", f"model.eval()\nwith torch.no_grad():\n    test = model(X[{TRAIN}:])\naccuracy = (test.argmax(1) == y[{TRAIN}:]).double().mean().item()")  # fmt: skip


def torch_program(spec: FrameworksSpec) -> list[Section]:
    """A subclass of nn.Module and the loop in full."""
    layers = net_of(spec)
    names = {layer.number: f"{layer.kind}{layer.number}" for layer in layers if layer.number}
    made = "\n".join(f"        self.{names[layer.number]} = {_torch_layer(layer)}" for layer in layers if layer.number)
    model = f"class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n{made}\n\n    def forward(self, x):\n{textwrap.indent(_torch_forward(layers, spec.activation, names), ' ' * 8)}\n\nmodel = Net().double()\n{_copies(layers, {n: f'model.{name}' for n, name in names.items()})}"
    return [
        _torch_data(spec),
        section("model", model),
        section("tools", _torch_tools(spec)),
        section("batch", "for rows in order:\n    for at in range(0, len(rows), BATCH):\n        x, t = X[rows[at : at + BATCH]], T[rows[at : at + BATCH]]"),
        *_torch_steps("model(x)"),
        _torch_ends(),
    ]  # fmt: skip


def _torch_forward(layers: Sequence[Layer], activation: str, names: dict[int, str]) -> str:
    act, lines = _TORCH_ACTIVATIONS[activation][0], []
    for layer in layers:
        if layer.flattens:
            lines.append("x = x.flatten(1)")
        called = f"self.{names[layer.number]}(x)" if layer.number else "nn.functional.max_pool2d(x, 2)"
        lines.append(f"return {called}" if layer.last else f"x = {act}({called})" if layer.number else f"x = {called}")
    return "\n".join(lines)


def _torch_steps(call: str) -> list[Section]:
    """The four lines of every PyTorch loop."""
    return [
        section("zero_grad", "optimizer.zero_grad()", 2),
        section("forward", f"logits = {call}", 2),
        section("loss", "loss = loss_of(logits, t)\nlosses.append(loss.item())", 2),
        section("backward", "loss.backward()", 2),
        section("update", "optimizer.step()", 2),
    ]


def _stack(layers: Sequence[Layer], activation: str) -> tuple[str, dict[int, str]]:
    """nn.Sequential( ... ) and where in it the layers with weights lie."""
    parts, places = [], {}
    for layer in layers:
        parts += ["nn.Flatten()"] * layer.flattens
        if layer.number:
            places[layer.number] = f"[{len(parts)}]"
        parts.append(_torch_layer(layer))
        parts += [_TORCH_ACTIVATIONS[activation][1]] * (layer.number > 0 and not layer.last)
    return "nn.Sequential(\n    " + ",\n    ".join(parts) + ",\n)", places


def sequential_program(spec: FrameworksSpec) -> list[Section]:
    """The layers as a list; the batches from a DataLoader."""
    layers = net_of(spec)
    stack, places = _stack(layers, spec.activation)
    copies = _copies(layers, {n: f"model{at}" for n, at in places.items()})
    loader = "for rows in order:  # usually DataLoader(examples, BATCH, shuffle=True); a sampler keeps our order\n    for x, t in DataLoader(examples, BATCH, sampler=rows.tolist(), generator=torch.Generator()):"
    return [
        section(
            "data",
            f"{_torch_data(spec, chr(10) + 'from torch.utils.data import DataLoader, TensorDataset').code}\nexamples = TensorDataset(X, T)",
        ),
        section("model", f"model = {stack}.double()\n{copies}"),
        section("tools", _torch_tools(spec)),
        section("batch", loader),
        *_torch_steps("model(x)"),
        _torch_ends(),
    ]


def lightning_program(spec: FrameworksSpec) -> list[Section]:
    """What the model does in one class, the loop in a Trainer: a small one stands here, so that it runs without Lightning."""
    layers = net_of(spec)
    stack, places = _stack(layers, spec.activation)
    copies = _copies(layers, {n: f"model.net{at}" for n, at in places.items()})
    stacked = textwrap.indent(stack, " " * 8).lstrip()
    optimizer = _TORCH_OPTIMIZERS[spec.optimizer].format(p="self.parameters()")
    return [
        _torch_data(spec, "\nfrom torch.utils.data import DataLoader, TensorDataset"),
        section("model", f"class Lit(nn.Module):  # with Lightning installed: lightning.LightningModule\n    def __init__(self):\n        super().__init__()\n        self.net = {stacked}\n\n    def forward(self, x):\n        return self.net(x)\n"),
        section("forward", "def training_step(self, batch, index):\n    x, t = batch\n    logits = self(x)", 1),
        section("loss", f"return {_TORCH_LOSSES[spec.loss]}(logits, t)\n", 2),
        section("tools", f"def configure_optimizers(self):\n    return {optimizer}\n", 1),
        section("batch", "class Trainer:  # in miniature; Lightning's own also saves, logs, and moves to other devices\n    def fit(self, model, loaders):\n        optimizer, losses = model.configure_optimizers(), []\n        for loader in loaders:\n            for index, batch in enumerate(loader):\n                loss = model.training_step(batch, index)"),
        section("zero_grad", "optimizer.zero_grad()", 4),
        section("backward", "loss.backward()", 4),
        section("update", "optimizer.step()\nlosses.append(loss.item())", 4),
        section("batch", f"        return losses\n\nmodel = Lit().double()\n{copies}\nexamples = TensorDataset(X, T)\nloaders = [DataLoader(examples, BATCH, sampler=rows.tolist(), generator=torch.Generator()) for rows in order]\nlosses = Trainer().fit(model, loaders)"),
        _torch_ends(),
    ]  # fmt: skip


# --- Keras and TensorFlow ----------------------------------------------------------------------------------------------

_KERAS_LOSSES = {
    "cross_entropy": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
    "mse": "keras.losses.MeanSquaredError()",
}
_KERAS_OPTIMIZERS = {
    "sgd": "keras.optimizers.SGD(RATE)",
    "momentum": f"keras.optimizers.SGD(RATE, momentum={MOMENTUM})",
    "adam": f"keras.optimizers.Adam(RATE, beta_1={BETAS[0]}, beta_2={BETAS[1]}, epsilon={ADAM_EPSILON})",
}
_FLOAT64 = 'keras.config.set_floatx("float64")  # as in the other programs; the default is float32'


def _keras_layer(layer: Layer, activation: str) -> str:
    act = "" if layer.last else f', activation="{activation}"'
    if layer.kind == "pool":
        return "layers.MaxPooling2D(2)"
    if layer.kind == "conv":
        return f"layers.Conv2D({layer.after[-1]}, 3{act})"
    return f"layers.Dense({layer.after[0]}{act})"


def _keras_data(spec: FrameworksSpec, more: str = "") -> Section:
    return section("data", f"{shared(spec, f'import keras{more}{chr(10)}from keras import layers').code}\n{_FLOAT64}")


def _keras_weights(layers: Sequence[Layer]) -> str:
    names = [f"{letter}{layer.number}" for layer in layers if layer.number for letter in "Wb"]
    return f"model.set_weights([{', '.join(names)}])  # inputs before outputs, as they are"


def _keras_fit(spec: FrameworksSpec) -> list[Section]:
    compiled = f"model.compile(\n    optimizer={_KERAS_OPTIMIZERS[spec.optimizer]},\n    loss={_KERAS_LOSSES[spec.loss]},\n)\nlosses = []"
    fit = 'for rows in order:  # usually one call: model.fit(X, T, BATCH, EPOCHS), which also shuffles\n    told = model.fit(X[rows], T[rows], batch_size=BATCH, shuffle=False, verbose=0)\n    losses += told.history["loss"]  # one mean for each epoch'
    ends = f"test = model.predict(X[{TRAIN}:], verbose=0)\naccuracy = float((test.argmax(1) == y[{TRAIN}:]).mean())"
    return [section("tools", compiled), section(" ".join(LOOP), fit), section("evaluate", ends)]


def _shape(spec: FrameworksSpec) -> str:
    return repr(SHAPES[spec.data][0])


def keras_sequential_program(spec: FrameworksSpec) -> list[Section]:
    """A list of layers, compile and fit."""
    found = net_of(spec)
    lines = [f"keras.Input({_shape(spec)})"]
    for layer in found:
        lines += ["layers.Flatten()"] * layer.flattens + [_keras_layer(layer, spec.activation)]
    stack = "".join(f"    {line},\n" for line in lines)
    model = f"model = keras.Sequential([\n{stack}])\n{_keras_weights(found)}"
    return [_keras_data(spec), section("model", model), *_keras_fit(spec)]


def keras_functional_program(spec: FrameworksSpec) -> list[Section]:
    """Layers called on each other's outputs: also for nets that branch."""
    found = net_of(spec)
    lines = [f"inputs = keras.Input({_shape(spec)})", "h = inputs"]
    for layer in found:
        lines += ["h = layers.Flatten()(h)"] * layer.flattens
        lines.append(f"{'outputs' if layer.last else 'h'} = {_keras_layer(layer, spec.activation)}(h)")
    model = "\n".join([*lines, "model = keras.Model(inputs, outputs)", _keras_weights(found)])
    return [_keras_data(spec), section("model", model), *_keras_fit(spec)]


def keras_tape_program(spec: FrameworksSpec) -> list[Section]:
    """A subclass of keras.Model and TensorFlow's tape: the loop in full."""
    found = net_of(spec)
    made, called = [], []
    for k, layer in enumerate(found, 1):
        name = f"self.{layer.kind}{layer.number or k}"
        made.append(f"{name} = {_keras_layer(layer, spec.activation)}")
        if layer.flattens:
            made.insert(-1, "self.flatten = layers.Flatten()")
            called.append("x = self.flatten(x)")
        called.append(f"return {name}(x)" if layer.last else f"x = {name}(x)")
    inner = " " * 8
    model = f"class Net(keras.Model):\n    def __init__(self):\n        super().__init__()\n{textwrap.indent(chr(10).join(made), inner)}\n\n    def call(self, x):\n{textwrap.indent(chr(10).join(called), inner)}\n\nmodel = Net()\nmodel(X[:1])  # the weights are made when the first shape is known\n{_keras_weights(found)}"
    return [
        _keras_data(spec, "\nimport tensorflow as tf"),
        section("model", model),
        section("tools", f"loss_of = {_KERAS_LOSSES[spec.loss]}\noptimizer = {_KERAS_OPTIMIZERS[spec.optimizer]}\nlosses = []"),
        section("batch", "for rows in order:\n    batches = tf.data.Dataset.from_tensor_slices((X[rows], T[rows])).batch(BATCH).prefetch(1)\n    for x, t in batches:"),
        section("zero_grad", "# nothing to clear: every tape returns new gradients", 2),
        section("forward", "with tf.GradientTape() as tape:\n    logits = model(x, training=True)", 2),
        section("loss", "loss = loss_of(t, logits)  # labels first", 3),
        section("backward", "gradients = tape.gradient(loss, model.trainable_variables)", 2),
        section("update", "optimizer.apply_gradients(zip(gradients, model.trainable_variables))\nlosses.append(float(loss))", 2),
        section("evaluate", f"test = model(X[{TRAIN}:], training=False).numpy()\naccuracy = float((test.argmax(1) == y[{TRAIN}:]).mean())"),
    ]  # fmt: skip


PROGRAMS = {
    "numpy": numpy_program,
    "torch": torch_program,
    "sequential": sequential_program,
    "lightning": lightning_program,
    "keras_sequential": keras_sequential_program,
    "keras_functional": keras_functional_program,
    "keras_tape": keras_tape_program,
}


def program(spec: FrameworksSpec, form: str) -> list[Section]:
    """The sections of one form in the order in which they stand in the program."""
    return PROGRAMS[form](spec)


def folded(spec: FrameworksSpec, form: str) -> list[Section]:
    """The sections with one line of comment in place of what all programs share."""
    first, *rest = program(spec, form)
    common = set(shared(spec).lines)
    own = [line for line in first.lines if line not in common]
    return [section("data", "\n".join(["# X, T, first weights W1, b1 ... and order: the same for all", *own])), *rest]
