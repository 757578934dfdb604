"""The Keras programs, run where TensorFlow is installed: each in a process of its own, for Keras keeps backend and float type for the whole process."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.errors import ExplainerError
from core.frameworks.programs import program, text_of
from core.frameworks.running import run_of
from core.frameworks.spec import EXECUTED, FORMS, FrameworksSpec

KERAS = tuple(form for form in FORMS if form not in EXECUTED)
INSTALL = "The Keras programs were not run here, for TensorFlow is not installed: `pip install -r requirements-keras.txt`, and a button appears here that runs them."
SECONDS = 300  # importing TensorFlow alone may take one of these minutes
DRIVER = """
import contextlib, io, json, sys
found = []
for text, file in json.load(sys.stdin):
    names = {"__name__": "program"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(text, file, "exec"), names)  # tf.function reads its source from the file
    found.append(names["result"] if "result" in names else {"losses": list(map(float, names["losses"])), "test": names["test"].tolist(), "accuracy": names["accuracy"]})
print(json.dumps(found))
"""


def keras_is_here() -> bool:
    """Whether TensorFlow is there, without importing it."""
    return importlib.util.find_spec("tensorflow") is not None


def in_keras(programs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """What each of the (text, file) leaves: its `result`, or losses, test logits and accuracy.

    Raises:
        ExplainerError: a program failed, or took longer than SECONDS.
    """
    surroundings = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", DRIVER]
    try:
        told = subprocess.run(
            command, input=json.dumps(list(programs)), capture_output=True, text=True, env=surroundings, check=True, timeout=SECONDS
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ExplainerError(f"Keras took longer than {SECONDS} seconds; try fewer epochs") from None
    except subprocess.CalledProcessError as problem:
        last = problem.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise ExplainerError(f"Keras stopped: {last[0][:200]}; check the installation of requirements-keras.txt") from None  # fmt: skip
    return json.loads(told.stdout.splitlines()[-1])


def parity_in_keras(spec: FrameworksSpec) -> list[dict[str, Any]]:
    """The table of agreement for the three Keras programs, run now. Raises ExplainerError as `in_keras`."""
    runs = in_keras([(text_of(program(spec, form)), form) for form in KERAS])
    by_hand = run_of(spec, "numpy").logits
    return [row(form, run["losses"][-1], run["accuracy"], np.abs(np.array(run["test"]) - by_hand).max()) for form, run in zip(KERAS, runs, strict=True)]  # fmt: skip


def row(form: str, loss: float, accuracy: float, apart: float) -> dict[str, Any]:
    """One line of the table of agreement. Keras' fit tells the mean loss of an epoch, the other programs that of a batch."""
    last = "loss of the last batch (of fit: epoch)"
    return {"program": FORMS[form], last: f"{loss:.12g}", "test accuracy": f"{accuracy:.2f}", "largest difference of the test logits to NumPy": f"{apart:.1e}" if apart else "0"}  # fmt: skip
