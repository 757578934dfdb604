"""The closer looks, as data: sentences, tables, pictures and the two programs behind each. The numbers are those the programs leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core import contracts
from core.contracts import Step
from core.frameworks import figures as draw
from core.frameworks.installed import row
from core.frameworks.pipelines import BATCHES, length, schedule
from core.frameworks.programs import STEPS, program, shared
from core.frameworks.running import Stop, differences, run_of, walk
from core.frameworks.snippets import body, expressions, names_of, results, second, source
from core.frameworks.spec import EXECUTED, FORMS, USED, FrameworksSpec, net_of
from core.plots.words import short

LIBRARIES = {
    "torch": "PyTorch (run for this page)",
    "keras": "Keras and TensorFlow",
    "transformers": "Hugging Face Transformers",
}


@dataclass(frozen=True)
class View(contracts.View):
    """Also `codes`: programs that stand side by side, by their headings."""

    codes: Mapping[str, str] = field(default_factory=dict)


def look(spec: FrameworksSpec) -> View:
    """The view through the lens that the Spec names, with its two programs."""
    seen = LOOKS[spec.lens](spec, results(spec.lens, spec))
    pair = ("torch", second(spec.lens))
    codes = {LIBRARIES[library]: body(source(spec.lens, library, spec))[1] for library in pair}
    said = [f"**{body(source(spec.lens, 'torch'))[0]}**", *seen.sentences]
    return View(said, seen.latex, USED.get(spec.lens, ()), {}, seen.figures, seen.rows, codes)


Numbers = Mapping[str, float]


def table(found: Numbers, words: str = "number") -> list[dict[str, Any]]:
    """The numbers of a program as rows."""
    return [{words: name, "value": short(value)} for name, value in found.items()]


# --- Above the lens ----------------------------------------------------------------------------------------------------


def architecture(spec: FrameworksSpec) -> list[dict[str, Any]]:
    """The layers with shapes, the kernels of both frameworks, and parameters."""
    return [
        {
            "layer": "dense, scores" if layer.last else layer.kind,
            "in": _size(layer.before),
            "out": _size(layer.after),
            "Keras kernel (in, out)": _size(layer.kernel) if layer.number else "",
            "PyTorch weight (out, in)": _size(_turned(layer.kernel)) if layer.number else "",
            "parameters": layer.parameters,
        }
        for layer in net_of(spec)
    ]


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _turned(kernel: tuple[int, ...]) -> tuple[int, ...]:
    return (kernel[3], kernel[2], kernel[0], kernel[1]) if len(kernel) == 4 else kernel[::-1]


def parity(spec: FrameworksSpec) -> list[dict[str, Any]]:
    """Every form that runs here: last loss, accuracy, largest difference of its test logits to those by hand."""
    apart = differences(spec)
    return [row(form, run_of(spec, form).losses[-1], run_of(spec, form).accuracy, apart[form]) for form in EXECUTED]


def film_steps(spec: FrameworksSpec) -> list[Step]:
    """What the transport bar says at each step, with the numbers of the second batch."""
    stops, layers = walk(spec), net_of(spec)
    said = {stop.step: _said(stop, spec) for stop in stops}
    said["model"] = (
        f"{len(layers)} layers, {sum(layer.parameters for layer in layers):,} parameters, the same first numbers in every program."
    )
    return [Step(title, said[step]) for step, title in STEPS.items()]


def _said(stop: Stop, spec: FrameworksSpec) -> str:
    gradients = [g for name, g in stop.tensors.items() if name.endswith(".grad")]
    norm = short(float(np.sqrt(sum((g**2).sum() for g in gradients)))) if gradients else ""
    words: dict[str, Callable[[], str]] = {
        "data": lambda: (
            "Examples, first weights and the order of the batches are drawn once and used by every program, so that all of them can be compared number by number."
        ),
        "tools": lambda: (
            "Both know the same loss and the same optimizer; the defaults differ (see “Adam's ε”), so they are written out."
        ),
        "batch": lambda: (
            f"The second batch: x has the shape {_size(stop.tensors['x'].shape)}. The gradients of the first batch are still there: their norm is {norm}."
        ),
        "zero_grad": lambda: (
            "PyTorch sets every .grad to None; left there, the next gradients would be added to them. NumPy and the tape make new ones."
        ),
        "forward": lambda: (
            f"From x {_size(stop.tensors['x'].shape)} to the logits {_size(stop.tensors['logits'].shape)}; the first example's: {', '.join(map(short, stop.tensors['logits'][0]))}."
        ),
        "loss": lambda: f"One number for the batch: {stop.loss:.6f}.",
        "backward": lambda: f"Every weight has a gradient now; the norm of all of them is {norm}.",
        "update": lambda: f"The weights move against their gradients; one step with η = {spec.rate:g}.",
        "evaluate": lambda: (
            f"After all epochs {100 * run_of(spec, 'torch').accuracy:.0f} % of the test examples are right. No gradients are recorded here."
        ),
    }
    return words[stop.step]() if stop.step in words else ""


def worked(spec: FrameworksSpec) -> list[Step]:
    """One step of training with the numbers on screen."""
    stops = {stop.step: stop for stop in walk(spec)}
    name = next(iter(stops["tools"].tensors))
    before, gradient, after = (stops["backward"].tensors[name].ravel()[0], stops["backward"].tensors[f"{name}.grad"].ravel()[0], stops["update"].tensors[name].ravel()[0])  # fmt: skip
    steps = [
        Step("The loss of the second batch", latex=[rf"L = {stops['loss'].loss:.6f}"]),
        Step(f"The first number of {name}, its gradient, and what the step makes of it", latex=[rf"w = {before:.6f},\quad \frac{{\partial L}}{{\partial w}} = {gradient:.6f},\quad w' = {after:.6f}"]),
    ]  # fmt: skip
    if spec.optimizer == "sgd":
        steps.append(Step("Plain gradient descent", latex=[rf"w - \eta \frac{{\partial L}}{{\partial w}} = {before:.6f} - {spec.rate:g} \cdot ({gradient:.6f}) = {before - spec.rate * gradient:.6f}"]))  # fmt: skip
    return steps


# --- The looks ---------------------------------------------------------------------------------------------------------


def tensors(spec: FrameworksSpec, found: Numbers) -> View:
    made = names_of("tensors", spec)["operations"]
    codes = {library: expressions("tensors", library) for library in ("torch", "keras")}
    rows = [
        {"operation": name, "NumPy": codes["torch"][name][0], "PyTorch": codes["torch"][name][1], "TensorFlow": codes["keras"][name][0], "result": _result(theirs), "type in PyTorch": str(theirs.dtype).removeprefix("torch.")}
        for name, (_, theirs) in made.items()
    ]  # fmt: skip
    words = [
        f"NumPy says axis, PyTorch dim. Two traps: the standard deviation divides by n in NumPy and TensorFlow ({short(float(made['standard deviation'][0]))}) but by n − 1 in PyTorch ({short(float(made['standard deviation'][1]))}); and 0.1 becomes float64 in NumPy but float32 in PyTorch and TensorFlow.",
        f"`torch.from_numpy` copies nothing: after `b[0, 0] = 10` the tensor reads {short(found['from_numpy sees a later change'])}. A TensorFlow tensor never changes; a `tf.Variable` does, by `assign`.",
    ]
    sizes = {
        "NumPy": {name: float(np.asarray(ours).size) for name, (ours, _) in made.items()},
        "PyTorch": {name: float(theirs.numel()) for name, (_, theirs) in made.items()},
    }
    return View(
        words,
        figures={
            "sizes": draw.bars(sizes, "operation", "numbers in the result", "How many numbers each operation gives.")
        },
        rows=rows,
    )


def _result(tensor: Any) -> str:
    values = np.asarray(tensor)
    return f"{_size(values.shape) or 'one number'}: {', '.join(short(float(v)) for v in values.ravel()[:6])}{' ...' if values.size > 6 else ''}"


def zero_grad(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("zero_grad", spec)
    one = found["gradient after one backward"]
    words = [
        f"The weights do not move here, so every backward finds the same gradient, of norm {short(one)}. After {spec.forgets} of them `w.grad` has the norm {short(found['gradient after all of them'])} = {spec.forgets} × {short(one)}.",
        f"In training, the sum of all old gradients is momentum with β = 1: it never brakes. After 40 steps the loss is {short(found['last loss without'])} instead of {short(found['last loss with zero_grad'])}. Adding up is of use on purpose: several small batches, one step.",
        "A GradientTape returns new gradients, and Keras' fit clears what it has to: there this mistake cannot be made.",
    ]
    sums = {str(k + 1): value for k, value in enumerate(names["sums"])}
    steps = np.arange(1, 41)
    pictures = {
        "sums": draw.bars({"w.grad": sums}, "backward pass", "norm of w.grad", "The norm of the collected gradient."),
        "training": draw.lines({"with zero_grad": (steps, names["cleared"]), "forgotten": (steps, names["forgotten"])}, "step", "loss", "Training with and without zero_grad:", y="log"),
    }  # fmt: skip
    return View(
        words,
        [r"\texttt{w.grad} \leftarrow \texttt{w.grad} + \frac{\partial L}{\partial w}"],
        figures=pictures,
        rows=table(found),
    )


def graph(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("graph", spec)
    kinds = [_operation(node) for node in names["nodes"]]
    words = [
        f"From {spec.number} the loop turns {short(found['turns of the loop'])} times, so the graph has {short(found['nodes in the graph'])} nodes: another number, another graph. That is what *dynamic* means: Python decides while it runs, and print, if and breakpoint work inside.",
        "PyTorch records what is done with tensors that have requires_grad; a GradientTape records while it is open, variables by themselves, constants after tape.watch. A tape is used up by one call of gradient, unless persistent=True.",
        "tf.function and torch.compile trace the lines once into a *static* graph, which runs faster and can be saved. In TensorFlow a Python number in the loop is unrolled into the graph, and traced anew for each number; a tensor becomes one while node.",
    ]
    return View(words, figures={"graph": draw.graph(kinds, names["edges"])}, rows=table(found))


def _operation(node: Any) -> str:
    return type(node).__name__.removesuffix("0").removesuffix("Backward").replace("AccumulateGrad", "leaf x")


def modes(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("modes", spec)
    words = [
        f"Dropout of {spec.drop:g} sets {100 * found['share dropped']:.1f} % of 2,000 units to 0 and divides the others by {short(1 - spec.drop)}, so that the mean stays: {short(found['mean with dropout'])} against {short(found['mean of the units'])}. In evaluation it does nothing.",
        f"Batch norm in training uses the batch's own mean, so the outputs have mean 0; in evaluation the running mean, which after one batch has gone a tenth of the way: mean {short(found['batch norm in evaluation, mean'])}. One single example in training is refused: “{names['refused']}”.",
        "In PyTorch the mode is a state of the module: model.train() and model.eval(). no_grad is another thing: it saves memory and changes no number. In Keras the mode is an argument, training=True, which fit sets.",
    ]
    x = np.arange(1, 25)
    pictures = {
        "dropout": draw.lines({"evaluation": (x, names["evaluated"][:24].numpy()), "training, with dropout": (x, names["trained"][:24].numpy())}, "unit", "output", "Outputs of 24 units:"),
        "norm": draw.lines({"in training": (x, names["in_training"][:24, 0].detach().numpy()), "in evaluation": (x, names["in_evaluation"][:24, 0].detach().numpy())}, "example", "output of batch norm", "Outputs of batch norm for 24 examples:"),
    }  # fmt: skip
    return View(words, figures=pictures, rows=table(found))


def layout(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("layout", spec)
    shape = names["pictures"].shape[1:]
    channel = np.broadcast_to(np.arange(shape[2]), shape)
    cells = {"N, H, W, C (Keras)": channel.ravel(), "N, C, H, W (PyTorch)": channel.transpose(2, 0, 1).ravel()}
    words = [
        f"permute changes the order of the axes and copies nothing: the next column of the same channel still lies {short(found['step to the next column, permuted'])} cells away; after contiguous() it is the next one. PyTorch's memory_format=torch.channels_last keeps the first, and is often faster for convolutions.",
        f"The convolution finds the same maps: the largest difference is {found['largest difference of the maps']:.0e}. But flatten reads the axes in their order: only {100 * found['numbers at the same place after flatten']:.0f} % of the numbers stay at the same place. So the first dense layer behind a convolution needs its rows in another order, as the PyTorch programs above do it.",
    ]
    rows = [{"what": "one picture", "Keras": "H × W × C = 4 × 5 × 3", "PyTorch": "C × H × W = 3 × 4 × 5"}, {"what": "kernel", "Keras": "height × width × in × out", "PyTorch": "out × in × height × width"}, {"what": "flatten", "Keras": "row, column, channel", "PyTorch": "channel, row, column"}]  # fmt: skip
    return View(words, figures={"memory": draw.memory(cells, shape[2])}, rows=rows)


def padding(spec: FrameworksSpec, found: Numbers) -> View:
    half, left, right = (int(found[name]) for name in ("PyTorch pads left", "Keras pads left", "Keras pads right"))
    windows = {
        "PyTorch": (half, half, [k * spec.stride - half for k in range(int(found["outputs in PyTorch"]))]),
        "Keras": (left, right, [k * spec.stride - left for k in range(int(found["outputs in Keras"]))]),
    }
    names = names_of("padding", spec)
    same = names["both"].shape == names["same"].shape and bool((names["both"] == names["same"]).all())
    words = [
        f"Keras asks for ⌈{spec.size} / {spec.stride}⌉ = {int(found['outputs in Keras'])} outputs and adds the zeros that are missing: {left} left and {right} right. PyTorch's padding={half} adds {half} on each side and gives {int(found['outputs in PyTorch'])}. "
        + ("Here both are the same." if same else "So the same kernel gives other numbers."),
        'PyTorch\'s own padding="same" refuses strides above 1. To carry such a layer over, pad by hand: F.pad(x, (left, right)), then a convolution without padding, as the code does.',
    ]
    latex = [
        r"n_\text{out} = \lceil n / s \rceil, \qquad p = \max\big((n_\text{out} - 1)\, s + k - n,\ 0\big), \qquad p_\text{left} = \lfloor p / 2 \rfloor,\quad p_\text{right} = p - p_\text{left}"
    ]
    rows = [
        {"framework": name, "outputs": ", ".join(short(v) for v in names[key].ravel().tolist())}
        for name, key in (("PyTorch", "both"), ("Keras", "same"))
    ]
    return View(words, latex, figures={"windows": draw.padded(spec.size, windows, spec.kernel)}, rows=rows)


def norm(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("norm", spec)
    steps = np.arange(1, spec.steps + 1)
    means, variances = np.array(names["means"]), np.array(names["variances"])
    words = [
        f"Batches have mean 3 and variance 4. After {spec.steps} batches PyTorch's running mean is {short(found['running mean, PyTorch'])}, Keras' {short(found['running mean, momentum as in Keras'])}: of its start, 0, a share of 0.99 to the power {spec.steps} = {short(0.99**spec.steps)} is left. A short training that evaluates well in PyTorch may evaluate badly in Keras for this alone.",
        f"In evaluation, the same input 5 then gives {short(found['output for 5, PyTorch'])} and {short(found['output for 5, settings as in Keras'])}. Smaller differences: ε is 10⁻⁵ in PyTorch and 10⁻³ in Keras; PyTorch's running variance divides by n − 1, Keras' by n.",
    ]
    latex = [
        r"\text{PyTorch: } \mu \leftarrow (1 - m)\,\mu + m\,\bar x,\ m = 0.1 \qquad \text{Keras: } \mu \leftarrow m\,\mu + (1 - m)\,\bar x,\ m = 0.99"
    ]
    pictures = {
        what: draw.lines({"PyTorch, 0.1": (steps, values[:, 0]), "as Keras, 0.99": (steps, values[:, 1]), "true": (steps, np.full(spec.steps, true))}, "batch", f"running {what}", f"Running {what}:")
        for what, values, true in (("mean", means, 3.0), ("variance", variances, 4.0))
    }  # fmt: skip
    return View(words, latex, figures=pictures, rows=table(found))


def start(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("start", spec)
    depth = np.arange(1, 11)
    words = [
        f"nn.Linear draws kernel and bias uniformly in ±1/√{spec.inputs} = ±{short(spec.inputs**-0.5)}; Keras' Dense draws the kernel in ±√(6 / ({spec.inputs} + {spec.outputs})) = ±{short((6 / (spec.inputs + spec.outputs)) ** 0.5)} and sets the bias to 0. The variances: {short(found['variance in PyTorch'])} (expected {short(found['variance in PyTorch, expected'])}) and {short(found['variance in Keras'])} (expected {short(found['variance in Keras, expected'])}).",
        f"Behind ten ReLU layers of 64 units the spread is {short(found['behind ten layers, PyTorch'])} with PyTorch's first weights and {short(found['behind ten layers, Keras'])} with Keras'. PyTorch's shrink faster, but their biases keep some spread alive. He's variance 2 / inputs, made for ReLU, keeps the size of the signal: in both frameworks you must ask for it.",
    ]
    latex = [
        r"\operatorname{Var} = \frac{1}{3\, n_\text{in}} \text{ (PyTorch)}, \qquad \operatorname{Var} = \frac{2}{n_\text{in} + n_\text{out}} \text{ (Keras)}"
    ]
    pictures = {
        "drawn": draw.histogram({name: values.numpy() for name, values in names["drawn"].items()}, "first weight"),
        "depth": draw.lines({name: (depth, values) for name, values in names["depth"].items()}, "layer", "standard deviation of the outputs", "The spread of the outputs, layer by layer:", y="log"),
    }  # fmt: skip
    return View(words, latex, figures=pictures, rows=table(found))


def dense(spec: FrameworksSpec, found: Numbers) -> View:
    words = [
        f"Transposed, the Keras kernel gives the same outputs in nn.Linear: the largest difference is {found['largest difference after transfer']:.0e}. A kernel of another shape than its transpose is refused when it is copied; a square one fits either way, and then the outputs differ by up to {short(found['largest difference, square kernel not transposed'])} without any error.",
        "Carry weights over layer by layer, and compare the outputs on a few examples before you trust them.",
    ]
    rows = [
        {"layer": "dense", "Keras": "kernel (in, out), bias", "PyTorch": "weight (out, in), bias", "from Keras to PyTorch": "kernel.T"},
        {"layer": "convolution", "Keras": "kernel (h, w, in, out)", "PyTorch": "weight (out, in, h, w)", "from Keras to PyTorch": "kernel.transpose(3, 2, 0, 1)"},
        {"layer": "dense after flatten", "Keras": "rows in the order h, w, c", "PyTorch": "columns in the order c, h, w", "from Keras to PyTorch": "kernel.reshape(h, w, c, out).transpose(3, 2, 0, 1).reshape(out, -1)"},
        {"layer": "batch norm", "Keras": "gamma, beta, moving_mean, moving_variance", "PyTorch": "weight, bias, running_mean, running_var", "from Keras to PyTorch": "as they are"},
        {"layer": "embedding", "Keras": "embeddings (words, width)", "PyTorch": "weight (words, width)", "from Keras to PyTorch": "as they are"},
    ]  # fmt: skip
    values = {
        "Transposed": {"largest difference": found["largest difference after transfer"]},
        "Square, not transposed": {"largest difference": found["largest difference, square kernel not transposed"]},
    }
    return View(words, [r"y = x K + b \ \text{(Keras)}, \qquad y = x W^\top + b \ \text{(PyTorch)}, \qquad W = K^\top"], figures={"difference": draw.bars(values, "comparison", "largest difference of the outputs", "Outputs after the transfer.", log=True)}, rows=rows)  # fmt: skip


def loss(spec: FrameworksSpec, found: Numbers) -> View:
    gaps = np.linspace(0, 120, 61)
    curves: dict[str, list[float]] = {name: [] for name in found}
    for gap in gaps:
        for name, value in results("loss", FrameworksSpec(lens="loss", gap=float(gap))).items():
            curves[name].append(value if np.isfinite(value) else np.nan)
    words = [
        f"The net is sure of the wrong class, by a gap of {spec.gap:g} between the logits, in float32. The true cost is log(1 + e^gap). From logits: {_or_inf(found['from logits'])}. By the logarithm of the softmax: {_or_inf(found['log of the softmax'])}; from a gap of about {short(float(gaps[np.isnan(curves['log of the softmax'])][0]))} on the probability is 0 in float32 and the cost infinite.",
        f"Keras cuts probabilities at 10⁻⁷: the cost never exceeds {short(found['probabilities, cut as in Keras'])}, and behind the cut there is no gradient. CrossEntropyLoss on probabilities, a common mistake, takes the softmax twice: {short(found['softmax twice'])}; with two classes it can never fall below log(1 + 1/e) = {short(float(np.log1p(np.exp(-1))))}, even when all is right.",
        "So: no softmax at the end of the net, CrossEntropyLoss in PyTorch, from_logits=True in Keras.",
    ]
    picture = draw.lines(
        {name: (gaps, values) for name, values in curves.items()},
        "gap between the logits",
        "loss",
        "Four ways to the cross-entropy:",
    )
    return View(
        words,
        [r"-\log p_1 = \log\big(1 + e^{z_0 - z_1}\big)"],
        figures={"loss": picture},
        rows=[{"way": name, "loss": _or_inf(value)} for name, value in found.items()],
    )


def _or_inf(value: float) -> str:
    return short(value) if np.isfinite(value) else "infinite"


def adam(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("adam", spec)
    words = [
        f"Adam divides by the size of the gradient, so its first step is the learning rate, until the gradient comes near ε. For a gradient of 10⁻⁷ the first step is {short(found['step for a gradient of 1e-7, PyTorch'])} of the rate with PyTorch's default 10⁻⁸, {short(found['with the second epsilon, PyTorch'])} with the ε on the slider, and {short(found['with the second epsilon, Keras'])} in Keras with that ε.",
        "Keras follows the paper's faster form: ε is added before the bias correction. At the first step that is as if ε were 1 / √(1 − β₂) = 31.6 times as large. With large gradients none of it matters.",
    ]
    latex = [
        r"\text{PyTorch: } \frac{\eta\, \hat m}{\sqrt{\hat v} + \varepsilon}, \qquad \text{Keras: } \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{v} + \varepsilon}"
    ]
    curves = {name: (names["gradients"], values) for name, values in names["curves"].items()}
    return View(
        words,
        latex,
        figures={
            "steps": draw.lines(
                curves,
                "size of the gradient",
                "first step in learning rates",
                "The first step of Adam:",
                x="log",
                y="log",
            )
        },
        rows=table(found),
    )


def lstm(spec: FrameworksSpec, found: Numbers) -> View:
    words = [
        f"An nn.LSTM's weights, transposed and its two biases added, in Keras' LSTM: the largest difference of the last states is {found['LSTM carried over, largest difference']:.0e}. The gates come in the same order, PyTorch calls the candidate g and Keras c. Leave the second bias out, and the states differ by up to {short(found['LSTM with the second bias left out'])}.",
        f"The GRU is the trap: PyTorch keeps r, z, n and Keras z, r, h. In the right order: {found['GRU carried over, largest difference']:.0e}; unturned it still runs, and is wrong by up to {short(found['GRU with the gates in the wrong order'])}. Its two biases must stay two, for r stands between them (reset_after=True).",
    ]
    rows = [
        {"layer": "LSTM", "part": "gates", "PyTorch": "i, f, g, o", "Keras": "i, f, c, o"},
        {"layer": "LSTM", "part": "weights", "PyTorch": "(4H, in), (4H, H)", "Keras": "(in, 4H), (H, 4H)"},
        {
            "layer": "LSTM",
            "part": "biases",
            "PyTorch": "two of 4H, added",
            "Keras": "one of 4H; 1 in the forget gate at first",
        },
        {"layer": "GRU", "part": "gates", "PyTorch": "r, z, n", "Keras": "z, r, h"},
        {"layer": "GRU", "part": "biases", "PyTorch": "two of 3H", "Keras": "(2, 3H)"},
        {"layer": "both", "part": "batch", "PyTorch": "steps first, unless batch_first=True", "Keras": "batch first"},
    ]
    shown = {"largest difference": found}
    return View(
        words,
        figures={
            "difference": draw.bars(
                shown,
                "way to carry over",
                "largest difference of the last state",
                "Last states after the transfer.",
                log=True,
            )
        },
        rows=rows,
    )


def data(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("data", spec)
    ways = {
        "one after the other": schedule(spec.load, spec.work, 0),
        "one loader ahead": schedule(spec.load, spec.work, 1),
        "two loaders": schedule(spec.load, spec.work, 2),
    }
    times = ", ".join(f"{way} {short(length(spans))} ms" for way, spans in ways.items())
    words = [
        f"A Dataset gives example i, a DataLoader makes {int(found['batches in an epoch'])} batches of 500 examples; the last has {int(found['examples in the last batch'])} (drop_last=True leaves it out). Its shuffle mixes everything: the mean way of an example is {short(found['mean way of an example, DataLoader'])} places, about a third of 500.",
        f"tf.data reads a stream, so its shuffle has only a buffer, here of {spec.buffer}: the mean way is {short(found['mean way of an example, buffer'])}, and the first batch holds no number above {short(found['largest number in the first 32, buffer'])}. If the file is sorted by class, the first batches see one class only. Make the buffer as large as the data, or shuffle the files.",
        f"Loading ahead (num_workers in PyTorch, prefetch in tf.data), simulated for {BATCHES} batches from the two times on the sliders: {times}. With one loader ahead a batch costs the larger of both times, no longer their sum.",
    ]
    pictures = {
        "order": draw.order({"DataLoader": names["full"], "buffer": names["buffered"]}),
        "time": draw.timeline(ways),
    }
    return View(words, figures=pictures, rows=table(found))


def saving(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("saving", spec)
    stored = names["loaded"]
    words = [
        f"Loaded weights are the same to the last bit: the largest difference is {short(found['largest difference after loading'])}. weights_only=True reads plain tensors and nothing else; an old-style pickle of a whole model may run any code when it is opened, and breaks when the class moves.",
        f"To train on, save the optimizer as well: 20 steps, save, load, 20 steps give {short(found['loss after 20, save, load, 20'])}, as without the interruption; without Adam's running means another training follows, {short(found['the same without the optimizer'])}.",
        f"A net of other sizes is refused: “{names['refused'].splitlines()[1].strip()}” Keras' model.save keeps the layers too, so it can be loaded without the class, unless the class is your own.",
    ]
    rows = [
        {"name in the state_dict": name, "shape": _size(p.shape), "numbers": p.numel()} for name, p in stored.items()
    ]
    values = {"loss": {name: found[name] for name in list(found)[1:]}}
    return View(
        words,
        figures={"resumed": draw.bars(values, "way to resume", "loss after 40 steps", "The loss after 40 steps.")},
        rows=rows,
    )


def custom(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("custom", spec)
    words = [
        "A layer is a class with parameters and a forward; a loss is a function of predictions and labels. Made of tensor operations, both get their gradients for nothing. In Keras, build makes the weights when the first shape is known, and labels come first.",
        f"Checked: the gradients of the four betas against their numeric derivatives, largest difference {max(abs(a - n) for a, n in zip(names['analytic'], names['numeric'], strict=True)):.0e}. With γ = 0 the focal loss is cross-entropy: difference {found['gamma 0 is plain cross-entropy, difference']:.0e}.",
    ]
    latex = [r"\operatorname{swish}(x) = x\, \sigma(\beta x), \qquad L = -\frac{1}{B} \sum_b (1 - p_b)^\gamma \log p_b"]
    values = {
        which: {f"β {k + 1}": v for k, v in enumerate(names[key])}
        for which, key in (("autograd", "analytic"), ("numeric", "numeric"))
    }
    return View(
        words,
        latex,
        figures={"check": draw.bars(values, "parameter", "derivative of the loss", "Gradients of the custom layer.")},
        rows=table(found),
    )


HOOKS = {
    "configure_optimizers": ("compile", "makes optimizer and schedule"),
    "on_fit_start": ("", "before all"),
    "on_train_start": ("on_train_begin", ""),
    "on_train_epoch_start": ("on_epoch_begin", ""),
    "on_train_batch_start": ("on_train_batch_begin", ""),
    "training_step": ("train_step", "yours: returns the loss"),
    "on_before_zero_grad": ("", ""),
    "on_before_backward": ("", "the loss is known"),
    "on_after_backward": ("", "gradients are known: look at them here"),
    "on_before_optimizer_step": ("", "after clipping is decided"),
    "on_train_batch_end": ("on_train_batch_end", ""),
    "on_validation_epoch_start": ("on_test_begin", "no gradients, evaluation mode"),
    "validation_step": ("test_step", "yours: measures"),
    "on_validation_epoch_end": ("on_test_end", ""),
    "on_train_epoch_end": ("on_epoch_end", "AFTER the validation"),
    "on_train_end": ("on_train_end", ""),
    "on_fit_end": ("", "after all"),
}
"""Lightning's methods in the order of their first call -> Keras' word, and a remark."""


def hooks(spec: FrameworksSpec, found: Numbers) -> View:
    called = names_of("hooks", spec)["calls"]
    words = [
        f"Lightning keeps what is yours (layers, training_step, optimizer) and takes the loop over; hooks let you in again. In {short(found['calls'])} calls for two epochs of two batches and one validation: training_step comes before zero_grad, and the validation before on_train_epoch_end.",
        "The order is that of Lightning 2.6 with automatic optimization, whose own Trainer was asked. The Trainer of the code is a few lines; Lightning's also saves checkpoints, logs, spreads over devices and changes precision.",
    ]
    rows = [
        {"Lightning": name, "calls": called.count(name), "Keras": HOOKS[name][0], "remark": HOOKS[name][1]}
        for name in HOOKS
    ]
    return View(words, figures={"calls": draw.calls(called, list(HOOKS))}, rows=rows)


def debug(spec: FrameworksSpec, found: Numbers) -> View:
    names = names_of("debug", spec)
    words = [
        f"Before a long training: look at the shapes, {', '.join(f'{kind} {_size(shape)}' for kind, shape in names['shapes'])}. Look at the first loss, {short(found['first loss'])}: a net that knows nothing pays log K = {short(found['log 3'])}. Let it learn eight examples by heart: {short(found['loss of eight examples after 200 steps'])} after 200 steps. Look for parameters without a gradient: {short(found['parameters without a gradient'])}.",
        "The table holds what PyTorch itself says to five mistakes, asked just now. Its graph is made while Python runs, so an error stands at the line that made it, and print or breakpoint() work anywhere. In Keras, run_eagerly=True gives the same; tf.print prints inside a graph.",
    ]
    rows = [{"mistake": name, "what PyTorch says": said} for name, said in names["complaints"].items()]
    shown = {"loss": {name: found[name] for name in ("first loss", "log 3", "loss of eight examples after 200 steps")}}
    return View(
        words,
        figures={
            "checks": draw.bars(
                shown,
                "check",
                "loss",
                "The first loss, its expected value, and the loss of eight examples learned by heart.",
            )
        },
        rows=rows,
    )


APIS = (
    (
        "PyTorch, nn.Module and loop",
        "research, models of your own, anything unusual in the loop",
        "you write loop, device and mode yourself",
    ),
    ("PyTorch, nn.Sequential", "layers in a row", "no branches, no second input"),
    ("Lightning", "many experiments with one structure, several devices", "one more layer to learn and to debug"),
    (
        "Hugging Face Transformers",
        "pre-trained models for text, pictures and sound",
        "large downloads; the inside is far away",
    ),
    ("Keras, Sequential", "first nets, layers in a row", "no branches, no second input"),
    ("Keras, Functional", "branches, several inputs and outputs, shared layers", "a fixed graph: no if on values"),
    ("Keras, subclass and GradientTape", "losses and steps of your own", "as much to write as in PyTorch"),
    (
        "TensorFlow: tf.data, SavedModel, LiteRT",
        "pipelines of files, servers, phones and browsers",
        "graphs are harder to debug",
    ),
    ("Keras 3 on TensorFlow, JAX or PyTorch", "one model for three backends", "the smallest common part of the three"),
)
"""API, what it is good for, what it costs."""


def apis(spec: FrameworksSpec, found: Numbers) -> View:
    lengths = _lengths(spec)
    words = [
        f"The same net takes {', '.join(f'{count} lines in {FORMS[form]}' for form, count in lengths.items())} (what all share is not counted). Fewer lines are not better: what is not written cannot be changed.",
        f"Modular code: the class takes sizes as arguments and is made of blocks, so that its body can be used again; {int(found['parameters']):,} parameters, as the formula says. Keep data, model, training and settings in files of their own, seeds and sizes in one place, and a test for the shapes.",
        "Hugging Face: three lines give a trained model with its tokenizer, and it is an nn.Module like any other. The program on the right downloads; it was not run here. Glassnet's page Attention heatmap opens such models from a folder.",
    ]
    rows = [{"API": api, "good for": good, "price": price} for api, good, price in APIS]
    picture = draw.bars(
        {"lines": {FORMS[form]: float(count) for form, count in lengths.items()}},
        "program",
        "lines of code of its own",
        "Lines of each program.",
    )
    return View(words, figures={"lengths": picture}, rows=rows)


def _lengths(spec: FrameworksSpec) -> dict[str, int]:
    """Lines of each form that are not blank and not shared."""
    common = set(shared(spec).lines)
    return {
        form: sum(bool(line.strip()) and line not in common for part in program(spec, form) for line in part.lines)
        for form in FORMS
    }


LOOKS: Mapping[str, Callable[[FrameworksSpec, Numbers], View]] = {
    "tensors": tensors, "zero_grad": zero_grad, "graph": graph, "modes": modes, "layout": layout, "padding": padding, "norm": norm, "start": start, "dense": dense,
    "loss": loss, "adam": adam, "lstm": lstm, "data": data, "saving": saving, "custom": custom, "hooks": hooks, "debug": debug, "apis": apis,
}  # fmt: skip
