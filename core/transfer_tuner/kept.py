"""A model that was kept, back on the page: its settings, its curve, its answers and its weights, without training it again."""

from __future__ import annotations

import numpy as np

from core.contracts import Spec
from core.errors import ExplainerError
from core.store import load
from core.transfer_tuner.course import Outcome, bare, data_of, resolved
from core.transfer_tuner.spec import TransferTunerSpec
from core.transfer_tuner.tuning import network


def reopened(run_id: str) -> Outcome:
    """The kept run as it was when it was saved.

    Raises:
        ExplainerError: there is no such run, it was not made here, or its pictures or its backbone's weights are gone.
    """
    stored = load(run_id)
    given = stored.about.get("settings", {})
    if "curve.val_loss" not in stored.arrays or not set(given) & set(TransferTunerSpec.params()):
        raise ExplainerError(f"{stored.name!r} was not made on this page; it can still be asked over HTTP")
    spec = bare(TransferTunerSpec(**{name: given[name] for name in TransferTunerSpec.params() if name in given}))
    _, why = resolved(spec)
    if why:
        raise ExplainerError(f"{stored.name!r} cannot be shown: its pictures or its backbone are not here any more; it can still be asked over HTTP")  # fmt: skip
    arrays = {f"weights/{name}": value for name, value in stored.weights.items()}
    arrays |= {name.replace("curve.", "curve/"): value for name, value in stored.arrays.items()}
    if "gradients" not in arrays:
        blocks = len(network(spec, len(data_of(spec).classes)).blocks)
        arrays["gradients"] = np.zeros((len(arrays["curve/val_loss"]), blocks + 1))
    return Outcome(spec, arrays)


def same_run(one: Spec, other: TransferTunerSpec) -> bool:
    """Whether two settings describe one run; what only changes the view may differ."""
    return bare(one) == bare(other)
