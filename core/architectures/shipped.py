"""All small networks, trained before anyone came, so that the comparison opens on something measured.

    python -m core.architectures.shipped        trains them again (about a minute) and writes core/architectures/shipped.json

The file holds, for every network, the share of test digits read right and the seconds that it took on the computer that ran the script.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from core.architectures.spec import ArchitecturesSpec
from core.architectures.zoo import NETS

PATH = Path(__file__).parent / "shipped.json"
SPEC = ArchitecturesSpec(lens="race")


@cache
def shipped() -> Mapping[str, np.ndarray]:
    """`accuracy`, `seconds`, `answer` of every network, in the order of NETS."""
    found = json.loads(PATH.read_text(encoding="utf-8"))
    return {what: np.array([found[name][what] for name in NETS]) for what in ("accuracy", "seconds", "answer")}


def make() -> None:
    """Train all of them and write the file."""
    import torch

    from core.architectures.learning import race

    torch.set_num_threads(1)
    *_, last = race(SPEC)
    kept = {
        name: {what: round(float(values[k]), 4) for what, values in last.arrays.items()} for k, name in enumerate(NETS)
    }
    PATH.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make()
