"""A script as a notebook: valid by nbformat, and its code cells together are the script."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import nbformat
import pytest

from core.backprop_stepper import SPEC as STEPPER
from core.backprop_stepper import script as stepper_script
from core.notebook import to_notebook

SCRIPT = '''import math

# %% [markdown]
# # Title
#
# Some *words* with $x^2$.
#Tight.

# %%
def square(a):
    """# %% inside a line stays where it is."""
    return a * a  # %% as a comment at a line's end too

# %% Print it
print(square(3))

# %% [code]
print(math.floor(2.5))

# %%
'''


def cells(script: str) -> list[nbformat.NotebookNode]:
    notebook = nbformat.reads(to_notebook(script), as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    return notebook.cells


def printed(code: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(code, "cells", "exec"), {"__name__": "__main__"})
    return out.getvalue()


def in_order(script: str) -> str:
    """What the code cells print, run one after the other."""
    out, names = io.StringIO(), {}
    with redirect_stdout(out):
        for cell in cells(script):
            if cell.cell_type == "code":
                exec(compile(cell.source, cell.id, "exec"), names)
    return out.getvalue()


def test_blocks_become_cells_in_order() -> None:
    found = cells(SCRIPT)
    assert [cell.cell_type for cell in found] == ["code", "markdown", "code", "code", "code"]
    assert found[0].source == "import math"
    assert found[1].source == "# Title\n\nSome *words* with $x^2$.\nTight."
    assert found[2].source.startswith("def square(a):")
    assert found[2].source.endswith("return a * a  # %% as a comment at a line's end too")
    assert found[3].source == "# Print it\nprint(square(3))"
    assert found[4].source == "print(math.floor(2.5))"
    assert len({cell.id for cell in found}) == len(found)


def test_cells_run_in_order_print_what_the_script_prints() -> None:
    assert in_order(SCRIPT) == printed(SCRIPT) == "9\n2\n"


@pytest.mark.parametrize("spec", [STEPPER(), STEPPER(mode="tensor", loss="mse")], ids=["formula", "tensor"])
def test_an_exported_script_says_the_same_as_its_notebook(spec: STEPPER) -> None:
    script = stepper_script(spec)
    assert in_order(script) == printed(script)
    assert in_order(script).startswith("L = ")
    assert cells(script)[0].cell_type == "markdown"
    assert cells(script)[0].source.startswith("# Backpropagation")


@pytest.mark.parametrize(
    ("script", "sources"),
    [
        ("", []),
        ("\n\n", []),
        ("print(1)", ["print(1)"]),
        ("# %%\nx = 1\n", ["x = 1"]),
        ("# %%\n\n    # %% not at the start\n", ["    # %% not at the start"]),
    ],
)
def test_small_scripts(script: str, sources: list[str]) -> None:
    assert [cell.source for cell in cells(script)] == sources


def test_the_file_is_plain_json_with_unicode_kept() -> None:
    content = json.loads(to_notebook("# %%\nλ = 'é'"))
    assert content["cells"][0]["source"] == "λ = 'é'"
    assert content["cells"][0]["outputs"] == []
    assert content["metadata"]["kernelspec"]["name"] == "python3"
