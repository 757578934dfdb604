"""What goes home of a run: weights, a model card, a script for a folder of pictures, exports; and the run as core/store keeps it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.numpy import save

from core.contracts import Snapshot
from core.errors import ExplainerError
from core.notebook import to_notebook
from core.plots.words import short
from core.store import Run
from core.transfer_tuner import metrics
from core.transfer_tuner.code import folder_script, pictures_zip
from core.transfer_tuner.course import Outcome, data_of
from core.transfer_tuner.spec import BACKBONES, DATA, OPTIMIZERS, OWN_BACKBONES, SCHEDULES, STRATEGIES
from core.transfer_tuner.tuning import dtype_of, rebuilt, tensor
from models.catalogue import MODELS
from models.pretrained import PRETRAINED
from models.storage import read
from models.tuned import Tuned

BYTES = "application/octet-stream"
COMPARED = 32  # validation pictures on which an export is compared with the page


class File(NamedTuple):
    """A file to take along: how it is made when it is asked for, its type, what can be said of it once it is there, and of which run it is."""

    make: Callable[[], bytes | str]
    kind: str
    check: Callable[[bytes], str] | None = None
    of: str = ""


Files = Mapping[str, File]


def checkpoints(film: Sequence[Snapshot], strategy: str) -> dict[str, Mapping[str, np.ndarray]]:
    """Words -> the checkpoint of an epoch of this strategy, the newest first; only those from which a run can go on."""
    found = {}
    for snapshot in reversed(film):
        own = {n.removeprefix(f"{strategy}/"): v for n, v in snapshot.arrays.items() if n.startswith(f"{strategy}/")}
        if "curve/epoch" in own and any(n.startswith("weights/") for n in own) and "logits_val" not in own:
            found.setdefault(f"epoch {int(own['curve/epoch'][-1])}", own)
    return found


def weights(run: Outcome) -> dict[str, np.ndarray]:
    """Name -> what training changed."""
    return {n.removeprefix("weights/"): v for n, v in run.arrays.items() if n.startswith("weights/")}


def about(run: Outcome) -> dict[str, Any]:
    """What is needed to build the model again, and how it did: plain JSON."""
    spec, data = run.spec, data_of(run.spec)
    y, Z = data.labels[data.val], run.arrays["logits_val"]
    T = metrics.temperature(Z, y)
    return {
        "backbone": spec.backbone, "strategy": spec.strategy, "depth": spec.depth, "double": dtype_of(spec) == torch.float64,
        "classes": list(data.classes), "temperature": T, "unknown": 0.0, "settings": spec.as_dict(),
        "val_accuracy": float((Z.argmax(1) == y).mean()), "val_loss": float(metrics.losses(Z, y).mean()),
        "val_loss_tempered": float(metrics.losses(Z / T, y).mean()), "pictures": {"training": len(data.train), "validation": len(data.val)},
    }  # fmt: skip


def saved(run: Outcome, name: str) -> Run:
    """The run as core/store keeps it."""
    curves = {n.replace("/", "."): v for n, v in run.arrays.items() if n.startswith("curve/")}
    return Run(name, about(run), weights(run), {**curves, **{n: run.arrays[n] for n in ("logits_val", "gradients")}})


def card(run: Outcome) -> str:
    """The model card (M. Mitchell et al., "Model cards for model reporting", 2019)."""
    facts, spec, data = about(run), run.spec, data_of(run.spec)
    y, Z = data.labels[data.val], run.arrays["logits_val"]
    C = metrics.confusion(Z.argmax(1), y, len(data.classes))
    rows = "\n".join(
        f"| {name} | {int((data.labels[data.train] == k).sum())} | {int(C[k].sum())} | {short(C[k, k] / max(C[k].sum(), 1))} |"
        for k, name in enumerate(data.classes)
    )
    return f"""# Model card: {BACKBONES[spec.backbone]}, {STRATEGIES[spec.strategy].lower()}

## The model
A picture classifier with {len(data.classes)} classes. Backbone: {BACKBONES[spec.backbone]}. Strategy: {STRATEGIES[spec.strategy].lower()}.
Input: the middle square of a picture, resized to {data.pictures.shape[1]} pixels, normalised by mean {_numbers(spec.backbone, "mean")} and deviation {_numbers(spec.backbone, "std")}.

## Data
{DATA[spec.data]}: {len(data.train)} training and {len(data.val)} validation pictures (stratified split, seed {spec.seed}).

| class | training pictures | validation pictures | found |
| --- | ---: | ---: | ---: |
{rows}

## Training
{int(run.curve("epoch")[-1])} epochs, batch {spec.batch}, {OPTIMIZERS[spec.optimizer]}, rate {spec.rate:g}, schedule {SCHEDULES[spec.schedule].lower()}, weight decay {spec.decay:g}, label smoothing {spec.smoothing:g}, dropout {spec.dropout:g}.

## How good it is
Validation accuracy {short(facts["val_accuracy"])}, validation loss {short(facts["val_loss"])} nat; with temperature {short(facts["temperature"])} the loss is {short(facts["val_loss_tempered"])} nat.
The validation pictures chose the epoch and the temperature, so the figures are a little too good. {len(data.val)} pictures: one more or less is worth {short(1 / len(data.val))}.

## Limits
It answers with one of its classes whatever it is shown, unless a threshold for “unknown” is set. It has seen only pictures like those above: expect worse from another camera, light or background.
Check it on pictures of your own before anything depends on it, and do not use it to judge people.
"""


def _numbers(backbone: str, name: str) -> str:
    known = MODELS[backbone] if backbone in OWN_BACKBONES else PRETRAINED[backbone]
    return ", ".join(f"{v:g}" for v in getattr(known, name))


def files(run: Outcome) -> Files:
    """File name -> the file."""
    name = f"{run.spec.backbone}-{run.spec.strategy}"
    found = {
        f"{name}.safetensors": File(lambda: save({n: np.ascontiguousarray(v) for n, v in weights(run).items()}), BYTES),
        "model-card.md": File(lambda: card(run), "text/markdown"),
        "train.py": File(lambda: folder_script(run), "text/x-python"),
        "train.ipynb": File(lambda: to_notebook(folder_script(run)), "application/json"),
        "pictures.zip": File(lambda: pictures_zip(data_of(run.spec)), "application/zip"),
        "pictures.npz": File(lambda: packed_pictures(run), BYTES),
        f"{name}.pt2": File(lambda: exported(run), BYTES, lambda content: agreement(run, answers_of_export(run, content))),
        f"{name}.onnx": File(lambda: onnx(run), BYTES, lambda content: agreement(run, answers_of_onnx(run, content))),
    }  # fmt: skip
    if run.spec.backbone in OWN_BACKBONES:
        found[f"{run.spec.backbone}.safetensors"] = File(lambda: read(run.spec.backbone), BYTES)
    digest = hashlib.sha256(repr(run.spec).encode() + run.arrays["logits_val"].tobytes()).hexdigest()
    return {name: file._replace(of=digest) for name, file in found.items()}


def packed_pictures(run: Outcome) -> bytes:
    """The pictures as equal squares with their labels and class names."""
    data, file = data_of(run.spec), io.BytesIO()
    np.savez_compressed(file, images=data.pictures, labels=data.labels, classes=np.array(data.classes))
    return file.getvalue()


# Other runtimes


def whole(run: Outcome, count: int = 2) -> tuple[Tuned, torch.Tensor]:
    """The trained network in single precision, and the first `count` validation pictures as it takes them."""
    data = data_of(run.spec)
    net = rebuilt(run.spec, len(data.classes), run.arrays).cpu().float()
    return net, tensor(data.pictures[data.val[:count]], run.spec).cpu().float()


def _pictures() -> tuple[dict[int, Any]]:
    """Any number of pictures at once."""
    return ({0: torch.export.Dim("pictures", min=1)},)


def exported(run: Outcome) -> bytes:
    """torch.export's program (.pt2) for any number of pictures."""
    net, x = whole(run)
    file = io.BytesIO()
    torch.export.save(torch.export.export(net, (x,), dynamic_shapes=_pictures()), file)
    return file.getvalue()


def onnx(run: Outcome) -> bytes:
    """The network as ONNX, for any number of pictures.

    Raises:
        ExplainerError: the packages of requirements-deploy.txt are not installed.
    """
    net, x = whole(run)
    file = io.BytesIO()
    try:
        program = torch.onnx.export(net, (x,), input_names=["pictures"], output_names=["logits"], dynamo=True, verbose=False, dynamic_shapes=_pictures())  # fmt: skip
        program.save(file)
    except ImportError:
        raise ExplainerError(
            "ONNX needs packages that are not here: pip install -r requirements-deploy.txt, then start Glassnet again"
        ) from None
    return file.getvalue()


def answers_of_export(run: Outcome, content: bytes) -> np.ndarray:
    """The logits (n, K) of a .pt2 file for the first validation pictures."""
    _, x = whole(run, COMPARED)
    with torch.no_grad():
        return torch.export.load(io.BytesIO(content)).module()(x).numpy()


def answers_of_onnx(run: Outcome, content: bytes) -> np.ndarray | None:
    """The logits (n, K) of an ONNX file for the first validation pictures, by ONNX Runtime; None where that is not installed."""
    try:
        from onnxruntime import InferenceSession
    except ImportError:
        return None
    _, x = whole(run, COMPARED)
    return InferenceSession(content).run(None, {"pictures": x.numpy()})[0]


def agreement(run: Outcome, Z: np.ndarray | None) -> str:
    """How far the logits of a file are from the page's: max |z_file − z|, and how many answers are the same."""
    if Z is None:
        return "ONNX Runtime is not here, so the file was not tried; pip install -r requirements-deploy.txt brings it."
    expected = run.arrays["logits_val"][: len(Z)]
    same = int((Z.argmax(1) == expected.argmax(1)).sum())
    apart = float(np.abs(Z - expected).max())
    return (
        f"Tried on {len(Z)} validation pictures: {same} of {len(Z)} answers are the page's. "
        f"The largest difference of a logit is {apart:.1e}, the largest logit {np.abs(expected).max():.3g}."
    )


def lines(address: str, run_id: str) -> dict[str, str]:
    """How to ask the kept model: by curl, and in Python."""
    url = f"{address}/api/models/{run_id}/predict"
    return {
        "curl": f"curl -F files=@picture.jpg {url}",
        "python": f'import requests\n\nwith open("picture.jpg", "rb") as file:\n    print(requests.post("{url}", files={{"files": file}}).json())',
    }
