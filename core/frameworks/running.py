"""The programs, executed: every number beside the code comes from the very lines that are shown.

`run_of(spec, form)` executes a whole program. `walk(spec)` executes the PyTorch and the NumPy program section by section
through the second batch of the first epoch (the first one leaves gradients behind) and keeps every tensor after each step.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from core.frameworks.programs import LOOP, Section, program, text_of
from core.frameworks.spec import EXECUTED, PROGRAM, FrameworksSpec, net_of

Array = np.ndarray
Names = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Run:
    """What a program leaves: the loss of every batch, the logits of the test examples, and the share that is right."""

    losses: Float[Array, " batches"]
    logits: Float[Array, "tests K"]
    accuracy: float


@dataclass(frozen=True, eq=False)
class Stop:
    """After one step of the loop: its name, the tensors that exist then, and the loss, if it is known."""

    step: str
    tensors: Mapping[str, Array]
    loss: float | None


def execute(text: str, names: Names, file: str) -> Names:
    """Run lines of a program in the namespace `names`."""
    exec(compile(text, file, "exec"), names)
    return names


def program_part(spec: FrameworksSpec) -> FrameworksSpec:
    """The spec with everything at its default that the programs do not depend on."""
    return FrameworksSpec(**{name: getattr(spec, name) for name in PROGRAM})


def run_of(spec: FrameworksSpec, form: str) -> Run:
    """The losses, test logits and accuracy of one form; kept for the last specs."""
    return _run(program_part(spec), form)


@lru_cache(maxsize=64)
def _run(spec: FrameworksSpec, form: str) -> Run:
    names = execute(text_of(program(spec, form)), {"__name__": form}, form)
    return Run(np.array(names["losses"], float), np.asarray(names["test"], float), names["accuracy"])


def walk(spec: FrameworksSpec) -> tuple[Stop, ...]:
    """One stop for each of STEPS."""
    return _walk(program_part(spec))


@lru_cache(maxsize=16)
def _walk(spec: FrameworksSpec) -> tuple[Stop, ...]:
    torch_names, numpy_names = _begun(program(spec, "torch")), _begun(program(spec, "numpy"))
    stops = [Stop("data", {}, None), *(Stop(step, _weights(torch_names), None) for step in ("model", "tools"))]
    for names, form in ((torch_names, "torch"), (numpy_names, "numpy")):
        _batch(names, program(spec, form), 0)
        names["at"] = names["BATCH"]
    hidden = [name for name in _made(spec) if name != "x"]
    known: set[str] = set()
    for step in LOOP:
        for names, form in ((torch_names, "torch"), (numpy_names, "numpy")):
            _do(step, program(spec, form), names)
        known |= {"x"} if step == "batch" else set(hidden) if step == "forward" else set()
        tensors = {name: np.array(numpy_names[name]) for name in _made(spec) if name in known}
        loss = float(numpy_names["losses"][-1]) if step in ("loss", "backward", "update") else None
        stops.append(Stop(step, {**tensors, **_gradients(torch_names), **_weights(torch_names)}, loss))
    return (*stops, Stop("evaluate", _weights(torch_names), stops[-1].loss))


def _made(spec: FrameworksSpec) -> list[str]:
    """The names of the tensors on the way forward."""
    layers = net_of(spec)
    return ["x", *(f"h{k}" for k in range(1, len(layers))), "logits"]


def _begun(sections: Sequence[Section]) -> Names:
    """The namespace before the loop: data, model, tools."""
    names: Names = {"__name__": "walk"}
    for part in sections:
        if not set(part.steps) & {*LOOP, "evaluate"}:
            execute(part.code, names, "walk")
    return {**names, "rows": names["order"][0], "at": 0}


def _batch(names: Names, sections: Sequence[Section], at: int) -> None:
    """One whole step of training on the batch that begins at `at`."""
    names["at"] = at
    for step in LOOP:
        _do(step, sections, names)


def _do(step: str, sections: Sequence[Section], names: Names) -> None:
    """The lines of one step, taken out of their loops."""
    code = next(part.code for part in sections if part.steps == (step,))
    execute(code.split("\n")[-1].strip() if step == "batch" else textwrap.dedent(code), names, "walk")


def _weights(names: Names) -> dict[str, Array]:
    return {name: p.detach().numpy().copy() for name, p in names["model"].named_parameters()}


def _gradients(names: Names) -> dict[str, Array]:
    found = names["model"].named_parameters()
    return {f"{name}.grad": p.grad.numpy().copy() for name, p in found if p.grad is not None}


def differences(spec: FrameworksSpec) -> dict[str, float]:
    """Form -> the largest difference of its test logits to those of the NumPy program."""
    by_hand = run_of(spec, "numpy").logits
    return {form: float(np.abs(run_of(spec, form).logits - by_hand).max()) for form in EXECUTED}
