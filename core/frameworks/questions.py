"""Predict, then reveal: questions about the programs and the open lens, answered by what was run."""

from __future__ import annotations

from collections.abc import Callable

from core.contracts import Question
from core.frameworks.running import differences
from core.frameworks.snippets import results
from core.frameworks.spec import FrameworksSpec, net_of
from core.plots.words import short


def questions(spec: FrameworksSpec) -> list[Question]:
    """One about the net, one about the two programs, and one about the open lens where it has one."""
    asked = [_parameters(spec), _parity(spec)]
    return [*asked, ASKED[spec.lens](spec)] if spec.lens in ASKED else asked


def _parameters(spec: FrameworksSpec) -> Question:
    layers = net_of(spec)
    total = sum(layer.parameters for layer in layers)
    told = " + ".join(f"{layer.parameters}" for layer in layers if layer.number)
    return Question(
        f"parameters.{spec.data}.{spec.layers}",
        "How many parameters does this net have, biases included?",
        float(total),
        f"Each layer has its kernel and one bias for each output: {told} = {total}. The count is the same in every framework.",
    )


def _parity(spec: FrameworksSpec) -> Question:
    apart = differences(spec)["torch"]
    options = ("equal to the last bit", "rounding only, below 1e-9", "clearly different")
    answer = options[0] if apart == 0 else options[1] if apart < 1e-9 else options[2]
    return Question(
        f"parity.{spec.data}.{spec.layers}.{spec.optimizer}.{spec.epochs}.{spec.seed}.{spec.activation}.{spec.loss}.{spec.rate}.{spec.batch}",
        "How far apart are the test logits of the NumPy and the PyTorch program after the whole training?",
        answer,
        f"The largest difference is {apart:.1e}: the same formulas in float64, summed in another order.",
        options,
    )


def _forgotten(spec: FrameworksSpec) -> Question:
    found = results("zero_grad", spec)
    return Question(
        f"zero_grad.{spec.forgets}",
        f"One gradient has the norm {short(found['gradient after one backward'])}. What does w.grad have after {spec.forgets} backward passes without zero_grad, the weights held still?",
        found["gradient after all of them"],
        f"{spec.forgets} equal gradients are added: {short(found['gradient after all of them'])}.",
        tolerance=0.01 * found["gradient after all of them"],
    )


def _padded(spec: FrameworksSpec) -> Question:
    found = results("padding", spec)
    left, right = found["Keras pads left"], found["Keras pads right"]
    options = ("more on the left", "the same on both sides", "more on the right")
    return Question(
        f"padding.{spec.size}.{spec.kernel}.{spec.stride}",
        f"Where does Keras put the zeros for n = {spec.size}, k = {spec.kernel}, s = {spec.stride}?",
        options[1] if left == right else options[2] if right > left else options[0],
        f"{short(left)} on the left and {short(right)} on the right.",
        options,
    )


def _shuffled(spec: FrameworksSpec) -> Question:
    top = results("data", spec)["largest number in the first 32, buffer"]
    return Question(
        f"buffer.{spec.buffer}",
        f"500 examples come in order. After a shuffle buffer of {spec.buffer}, what is the largest number that the first batch of 32 could hold at most (counted from 0)?",
        float(min(499, spec.buffer + 30)),
        f"When the 32nd is drawn, {spec.buffer} + 31 examples have been read, numbers 0 to {spec.buffer + 30}, but no more than there are. In this run the largest is {short(top)}.",
        tolerance=2.0,
    )


def _carried(spec: FrameworksSpec) -> Question:
    found = results("lstm", spec)
    wrong = found["GRU with the gates in the wrong order"]
    return Question(
        f"gru.{spec.hidden}",
        "The GRU's weights are carried over with the gates r and z swapped by mistake. What happens?",
        "it runs and is wrong",
        f"All shapes fit, so nothing complains; the last state is off by up to {short(wrong)}.",
        ("it stops with an error", "it runs and is wrong", "nothing changes"),
    )


def _turns(spec: FrameworksSpec) -> Question:
    found = results("graph", spec)
    return Question(
        f"turns.{spec.number}",
        f"How many turns does the loop take from {spec.number}?",
        found["turns of the loop"],
        f"{short(found['turns of the loop'])} turns, one recorded operation each; with the square and the leaf the graph has {short(found['nodes in the graph'])} nodes.",
    )


ASKED: dict[str, Callable[[FrameworksSpec], Question]] = {
    "zero_grad": _forgotten, "padding": _padded, "data": _shuffled, "lstm": _carried, "graph": _turns,
}  # fmt: skip
