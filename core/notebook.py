"""A script as a Jupyter notebook (nbformat 4.5): each block that starts with `# %%` becomes a cell."""

from __future__ import annotations

import json


def to_notebook(script: str) -> str:
    """The notebook's JSON. `# %% [markdown]` blocks become text cells, their lines without the leading `# `."""
    cells = [_cell(number, block) for number, block in enumerate(_blocks(script))]
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": cells}, indent=1)


def _blocks(script: str) -> list[str]:
    first, *rest = ("\n" + script).split("\n# %%")
    return [block for block in (first, *rest) if block.strip()]


def _cell(number: int, block: str) -> dict:
    head, _, body = block.partition("\n")
    if head.strip() == "[markdown]":
        text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip("\n").split("\n"))
        return {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": text}
    title = head.strip().removeprefix("[code]").strip()
    source = (f"# {title}\n{body}" if title else body).strip("\n")
    return {
        "cell_type": "code",
        "id": f"cell-{number}",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
