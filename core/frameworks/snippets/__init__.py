"""The short programs behind the closer looks: one file for PyTorch and one for Keras each, shown and run as they stand.

Every file ends with `result`, its numbers by name. The capitals at its top are the page's sliders.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.frameworks.running import execute
from core.frameworks.spec import USED, FrameworksSpec

FOLDER = Path(__file__).parent
OTHER = {"apis": "transformers"}
"""Lenses whose second program is not one of Keras."""


def second(lens: str) -> str:
    """The library of the lens' second program."""
    return OTHER.get(lens, "keras")


def source(lens: str, library: str, spec: FrameworksSpec | None = None) -> str:
    """The program of a lens, with the spec's values for its capitals."""
    text = (FOLDER / f"{library}_{lens}.py").read_text(encoding="utf-8")
    for name in USED.get(lens, ()) if spec is not None else ():
        text = re.sub(rf"(?m)^{name.upper()} = .*$", f"{name.upper()} = {getattr(spec, name)!r}", text)
    return text


def body(text: str) -> tuple[str, str]:
    """The first sentence of a program, and the program without it."""
    tree = ast.parse(text)
    lines = text.split("\n")
    return ast.get_docstring(tree) or "", "\n".join(lines[tree.body[0].end_lineno :]).strip("\n") + "\n"


def names_of(lens: str, spec: FrameworksSpec) -> dict[str, Any]:
    """Everything that the PyTorch program of a lens leaves; kept for the last ones."""
    return _names(lens, source(lens, "torch", spec))


@lru_cache(maxsize=128)
def _names(lens: str, text: str) -> dict[str, Any]:
    return execute(text, {"__name__": f"torch_{lens}"}, f"torch_{lens}.py")


def results(lens: str, spec: FrameworksSpec) -> dict[str, float]:
    """The numbers of the PyTorch program of a lens."""
    return names_of(lens, spec)["result"]


def expressions(lens: str, library: str) -> dict[str, list[str]]:
    """Name -> the source of what stands beside it in the dict `operations` of a program."""
    text = source(lens, library)
    table = next(
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "operations"
    )
    return {
        key.value: [ast.unparse(part) for part in (value.elts if isinstance(value, ast.Tuple) else [value])]
        for key, value in zip(table.keys, table.values, strict=True)
    }
