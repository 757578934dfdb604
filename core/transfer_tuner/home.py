"""What goes home of a run: weights, a model card, a script for a folder of pictures, exports; and the run as core/store keeps it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from core.contracts import Snapshot
from core.errors import ExplainerError
from core.notebook import to_notebook
from core.plots.words import short
from core.store import Run
from core.transfer_tuner import metrics
from core.transfer_tuner.course import Outcome, data_of
from core.transfer_tuner.spec import BACKBONES, DATA, OPTIMIZERS, OWN_BACKBONES, SCHEDULES, STRATEGIES
from core.transfer_tuner.tuning import dtype_of, rebuilt, tensor
from models.catalogue import MODELS
from models.pretrained import PRETRAINED
from models.storage import read
from models.tuned import Tuned

Files = Mapping[str, tuple[Callable[[], bytes | str], str]]


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
    return Run(name, about(run), weights(run), {**curves, "logits_val": run.arrays["logits_val"]})


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
    """File name -> how it is made when it is asked for, and its type."""
    name = f"{run.spec.backbone}-{run.spec.strategy}"
    found: dict[str, tuple[Callable[[], bytes | str], str]] = {
        f"{name}.safetensors": (lambda: save({n: np.ascontiguousarray(v) for n, v in weights(run).items()}), "application/octet-stream"),
        "model-card.md": (lambda: card(run), "text/markdown"),
        "pictures.npz": (lambda: packed_pictures(run), "application/octet-stream"),
        f"{name}.pt2": (lambda: exported(run), "application/octet-stream"),
        f"{name}.onnx": (lambda: onnx(run), "application/octet-stream"),
    }  # fmt: skip
    if run.spec.backbone in OWN_BACKBONES:
        found[f"{run.spec.backbone}.safetensors"] = (lambda: read(run.spec.backbone), "application/octet-stream")
    else:
        found["train.py"] = (lambda: folder_script(run), "text/x-python")
        found["train.ipynb"] = (lambda: to_notebook(folder_script(run)), "application/json")
    return found


def packed_pictures(run: Outcome) -> bytes:
    """The pictures as equal squares with their labels and class names."""
    data, file = data_of(run.spec), io.BytesIO()
    np.savez_compressed(file, images=data.pictures, labels=data.labels, classes=np.array(data.classes))
    return file.getvalue()


def whole(run: Outcome) -> tuple[Tuned, torch.Tensor]:
    """The trained network in single precision, and two pictures to trace it with."""
    data = data_of(run.spec)
    net = rebuilt(run.spec, len(data.classes), run.arrays).cpu().float()
    return net, tensor(data.pictures[data.val[:2]], run.spec).cpu().float()


def exported(run: Outcome) -> bytes:
    """torch.export's program (.pt2) for any number of pictures."""
    net, x = whole(run)
    program = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("pictures", min=1)},))
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()


def onnx(run: Outcome) -> bytes:
    """The network as ONNX.

    Raises:
        ExplainerError: the packages of requirements-deploy.txt are not installed.
    """
    net, x = whole(run)
    file = io.BytesIO()
    try:
        program = torch.onnx.export(net, (x,), input_names=["pictures"], output_names=["logits"], dynamo=True, verbose=False, dynamic_shapes=({0: torch.export.Dim("pictures", min=1)},))  # fmt: skip
        program.save(file)
    except ImportError:
        raise ExplainerError(
            "ONNX needs two more packages: pip install -r requirements-deploy.txt, then start Glassnet again"
        ) from None
    return file.getvalue()


def lines(address: str, run_id: str) -> dict[str, str]:
    """How to ask the kept model: by curl, and in Python."""
    url = f"{address}/api/models/{run_id}/predict"
    return {
        "curl": f"curl -F files=@picture.jpg {url}",
        "python": f'import requests\n\nwith open("picture.jpg", "rb") as file:\n    print(requests.post("{url}", files={{"files": file}}).json())',
    }


def folder_script(run: Outcome) -> str:
    """A plain start on a folder of pictures with torch and torchvision alone: same body, rates and epochs, one linear layer on top."""
    spec = run.spec
    known = PRETRAINED[spec.backbone]
    cut = {"vit_b_16": "heads", "resnet18": "fc", "densenet121": "classifier"}.get(spec.backbone)
    last = (
        f"features = net.{cut}[-1].in_features if hasattr(net.{cut}, '__getitem__') else net.{cut}.in_features\nnet.{cut} = nn.Linear(features, len(data.classes))"
        if cut
        else "net.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, len(data.classes)))"
        if spec.backbone == "squeezenet1_1"
        else "net.classifier[-1] = nn.Linear(net.classifier[-1].in_features, len(data.classes))"
    )
    return f'''# %% [markdown]
# # {BACKBONES[spec.backbone]} on a folder of pictures ({STRATEGIES[spec.strategy].lower()})
#
# pictures/<class>/<file>: one folder for each class. Needs torch and torchvision. It is the plain form of the page's run: AdamW at a
# constant rate, one linear layer as the head (which learns alone when some blocks are unfrozen there), and draws of its own. So its
# numbers differ from the page's.

# %%
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision import transforms

torch.manual_seed({spec.seed})
prepare = transforms.Compose([
    transforms.Lambda(lambda image: transforms.functional.center_crop(image, min(image.size))),
    transforms.Resize(224),
    transforms.ToTensor(),
    transforms.Normalize({known.mean!r}, {known.std!r}),
])
data = torchvision.datasets.ImageFolder("pictures", prepare)
held = round({spec.share!r} * len(data))
train, val = torch.utils.data.random_split(data, [len(data) - held, held])
net = torchvision.models.get_model("{spec.backbone}", weights={"None" if spec.strategy == "scratch" else f'torchvision.models.get_weight("{known.enum}.IMAGENET1K_V1")'})
{last}

# %%
head = [p for p in net.parameters()][-2:]
for p in net.parameters():
    p.requires_grad_({spec.strategy in ("full", "scratch")} or any(p is h for h in head))
body = [p for p in net.parameters() if p.requires_grad and not any(p is h for h in head)]
optimizer = torch.optim.AdamW([{{"params": head}}, {{"params": body, "lr": {spec.rate * (1.0 if spec.strategy == "scratch" else spec.body_rate)!r}}}], lr={spec.rate!r}, weight_decay={spec.decay!r})
for epoch in range({spec.epochs}):
    net.{"train" if spec.strategy == "scratch" or spec.norms == "batch" else "eval"}()
    for x, y in torch.utils.data.DataLoader(train, {spec.batch}, shuffle=True):
        loss = F.cross_entropy(net(x), y, label_smoothing={spec.smoothing!r})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        right = sum((net(x).argmax(1) == y).sum().item() for x, y in torch.utils.data.DataLoader(val, 32))
    print("epoch", epoch + 1, "validation accuracy", right / held)
torch.save(net.state_dict(), "model.pt")
'''
