"""The run on screen as a script: pictures, body, head and loop, with torch alone; and a script for a folder of one's own pictures.

The script makes the same pictures by the same functions (their source is written into it), so that it prints the page's numbers.
TinyVGG's weights travel inside; those of larger networks come from a file beside it or from torchvision.
"""

from __future__ import annotations

import inspect
from dataclasses import replace

from core import rng
from core.convolution.exported import packed
from core.data import image_sets, squares
from core.transfer_tuner.course import Outcome, data_of, glimpse, quick, resolved
from core.transfer_tuner.spec import OWN_BACKBONES, TransferTunerSpec
from core.transfer_tuner.tuning import (
    PLATEAU_FACTOR,
    PLATEAU_PATIENCE,
    best_epoch,
    dtype_of,
    network,
    rate_of,
    schedule,
)
from models import blocks, resnet, tinyvgg
from models.catalogue import load
from models.pretrained import PRETRAINED
from models.tuned import BACKBONES, HIDDEN, start_head


def shown(spec: TransferTunerSpec) -> TransferTunerSpec:
    """The run that script and numbers are about: the chosen strategy, or the probe where that one needs a job."""
    spec, _ = resolved(spec)
    return spec if quick(spec) or spec.backbone not in OWN_BACKBONES else replace(spec, strategy="probe")


def numbers(spec: TransferTunerSpec) -> dict[str, float]:
    """What the script prints."""
    spec = shown(spec)
    run = glimpse(spec)[spec.strategy]
    return summary(run, bool(spec.best))


def summary(run: Outcome, best: bool) -> dict[str, float]:
    """Validation loss and accuracy of the weights that stay, where they come from, and the loss before the first step."""
    loss, accuracy = run.curve("val_loss"), run.curve("val_accuracy")
    at = best_epoch(accuracy, loss) if best else len(loss) - 1
    return {
        "val_loss": float(loss[at]),
        "val_accuracy": float(accuracy[at]),
        "epoch": float(at),
        "train_loss_last": float(run.curve("train_loss")[-1]),
        "val_loss_start": float(loss[0]),
    }


def script(spec: TransferTunerSpec) -> str:
    """The run of `shown(spec)`, from the pictures to the numbers."""
    spec = shown(spec)
    data = data_of(spec)
    about = BACKBONES[spec.backbone]
    return f'''# %% [markdown]
# # Transfer learning: {spec.strategy}, {spec.backbone}
#
# {len(data.train)} training and {len(data.val)} validation pictures of {len(data.classes)} classes. Needs torch, numpy and pillow.

# %%
from __future__ import annotations

import base64
import hashlib
import zlib

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

torch.set_num_threads(1)
DTYPE = {dtype_of(spec)}


def numbers(packed):
    """(base64 of packed bytes, shape, type) as an array."""
    text, shape, kind = packed
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(shape)


{_source(rng.numpy_generator)}
{_source(rng.generator)}
{_source(rng._entropy)}
# %% [markdown]
# ## The pictures, as equal squares

# %%
{_pictures(spec, data.classes)}
{_source(squares.square)}
pictures = np.stack([square(picture, {data.pictures.shape[1]}) for picture in images])

# %% [markdown]
# ## A split that keeps the classes' shares

# %%
{_source(image_sets.split)}
{_source(image_sets._quotas)}
train, val = split(labels, {(1 - spec.share, spec.share)!r}, {spec.seed})

# %% [markdown]
# ## The body: a trained network without its last layer

# %%
{_body(spec)}
MEAN, STD = ({", ".join(f"torch.tensor({list(v)!r}, dtype=DTYPE).view(3, 1, 1)" for v in (about.mean, about.std))})


def tensor(rows):
    whole = torch.from_numpy(pictures[rows]).permute(0, 3, 1, 2)
    return (whole.to(DTYPE) / 255 - MEAN) / STD


# %% [markdown]
# ## A new head

# %%
{_head(spec, len(data.classes))}
{_training(spec)}'''


def _source(thing: object) -> str:
    return f"{inspect.getsource(thing).rstrip()}\n\n"


def _pictures(spec: TransferTunerSpec, classes: tuple[str, ...]) -> str:
    if spec.data == "textures":
        constants = "\n".join(
            f"{name} = {getattr(image_sets, name)!r}" for name in ("TEXTURES", "SIDE", "FREQUENCY", "TILT", "NOISE")
        )
        return f"""{constants}


{_source(image_sets.texture)}
{_source(image_sets._pattern)}
{_source(image_sets._grain)}
labels = np.arange({spec.count}) % len(TEXTURES)
g = numpy_generator({spec.seed}, "textures")
images = [texture(TEXTURES[label], g) for label in labels]
"""
    if spec.data == "digits":
        return f"""from sklearn.datasets import load_digits

{_source(image_sets.even)}
found = load_digits()
rows = even(found.target, {spec.count}, {spec.seed})
labels = found.target[rows]
images = [np.repeat(picture[:, :, None], 3, axis=2) for picture in np.rint(found.images[rows] * (255 / 16)).astype(np.uint8)]
"""
    return f"""# The pictures are in pictures.npz, which the page's tab Code gives: classes {", ".join(classes)[:200]}
stored = np.load("pictures.npz")
labels, images = stored["labels"], list(stored["images"])
"""


def _body(spec: TransferTunerSpec) -> str:
    if spec.backbone == "tinyvgg-cifar10":
        size = BACKBONES[spec.backbone].input_shape[1]
        made = f"body = TinyVGG(width={load(spec.backbone).conv1_1.out_channels}, size={size})"
        parts = f"SMALLEST = {tinyvgg.SMALLEST}\n\n\n{_source(tinyvgg.TinyVGG)}{made}"
    elif spec.backbone in OWN_BACKBONES:
        kinds = (blocks.Add, resnet.ZeroPadShortcut, resnet.projection, resnet.BasicBlock, resnet.ResNet, resnet._stage)
        parts = f"SHORTCUTS = {resnet.SHORTCUTS!r}\n\n\n{''.join(map(_source, kinds))}body = ResNet(n=3, width=16)"
    else:
        return _torchvision(spec)
    return f"{parts}\n{_weights(spec)}\nbody.classifier = nn.Identity()\nbody = body.to(DTYPE).eval()"


def _weights(spec: TransferTunerSpec) -> str:
    if spec.strategy == "scratch":
        return f"{_source(blocks.init_weights)}init_weights(body, generator({spec.seed}, 'weights', {spec.backbone!r}))"
    if spec.backbone == "tinyvgg-cifar10":
        rows = "\n".join(f"    {n!r}: {packed(v.numpy())}," for n, v in load(spec.backbone).state_dict().items())
        return f"weights = {{\n{rows}\n}}\nbody.load_state_dict({{name: torch.from_numpy(numbers(w).astype(np.float32)) for name, w in weights.items()}})"
    return f'from safetensors.torch import load_file\n\nbody.load_state_dict(load_file("{spec.backbone}.safetensors"))  # beside this script; the tab Code gives it'


def _torchvision(spec: TransferTunerSpec) -> str:
    weights = (
        "None"
        if spec.strategy == "scratch"
        else f'torchvision.models.get_weight("{PRETRAINED[spec.backbone].enum}.IMAGENET1K_V1")'
    )
    cut = {"vit_b_16": "body.heads = nn.Identity()", "resnet18": "body.fc = nn.Identity()", "densenet121": "body.classifier = nn.Identity()", "squeezenet1_1": "body.classifier = nn.AdaptiveAvgPool2d(1)"}  # fmt: skip
    return f"""import torchvision

body = torchvision.models.get_model("{spec.backbone}", weights={weights}).to(DTYPE).eval()
{cut.get(spec.backbone, "body.classifier[-1] = nn.Identity()")}"""


def _head(spec: TransferTunerSpec, classes: int) -> str:
    width = network(spec, classes).head
    first = next(layer for layer in width if hasattr(layer, "in_features")).in_features
    rows, wide = [], first
    for _ in range(spec.depth - 1):
        rows += [
            f"nn.Linear({wide}, {HIDDEN})",
            "nn.ReLU()",
            *([f"Dropout({spec.dropout!r})"] if spec.dropout else []),
        ]
        wide = HIDDEN
    start = [f"Dropout({spec.dropout!r})"] if spec.dropout and spec.depth == 1 else []
    inner = "\n".join(f"    {row}," for row in (*start, *rows, f"nn.Linear({wide}, {classes})"))
    dropout = '''class Dropout(nn.Module):
    """x m / (1 - p), m drawn from the run's own generator."""

    source = None

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        return x * torch.empty_like(x).bernoulli_(1 - self.p, generator=Dropout.source) / (1 - self.p)


''' if spec.dropout else ""  # fmt: skip
    again = "" if spec.strategy == "scratch" and spec.backbone in OWN_BACKBONES else _source(blocks.init_weights)
    again += _source(start_head)
    return f"""{again}{dropout}head = start_head(nn.Sequential(
{inner}
), generator({spec.seed}, "head")).to(DTYPE)
"""


def _training(spec: TransferTunerSpec) -> str:
    data = data_of(spec)
    net = network(spec, len(data.classes))
    steps = -(-len(data.train) // spec.batch)
    probe = spec.strategy == "probe"
    groups = {} if probe else {name: rate_of(spec, net, name) for name, _ in net.body.named_parameters(prefix="body")}
    first = {"partial": len(net.blocks) - spec.blocks}.get(spec.strategy, 0)
    learning = {name.removeprefix("body."): share for name, share in groups.items() if net.block(name) >= first}
    kind = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}[spec.optimizer]
    more = ", momentum=0.9" if spec.optimizer == "sgd" else ", foreach=False"
    moves = not probe and (spec.strategy == "scratch" or spec.norms == "batch")
    body = f"""SHARES = {learning!r}  # of the rate, for each weight of the body that learns
for name, p in body.named_parameters():
    p.requires_grad_(name in SHARES)
groups = [{{"params": [p], "share": SHARES[name]}} for name, p in body.named_parameters() if name in SHARES]"""
    start = (
        """with torch.no_grad():  # the body does not change, so each picture needs it only once
    features = torch.cat([body(tensor(rows)) for rows in np.array_split(np.arange(len(labels)), np.arange(32, len(labels), 32))])
groups = []"""
        if probe
        else body
    )
    modes = [
        "    head.train()",
        *(
            [
                "    body.train()",
                f"    for name, layer in body.named_modules():\n        if isinstance(layer, (nn.BatchNorm2d, nn.LayerNorm)) and not ({moves} and f'{{name}}.weight' in SHARES):\n            layer.eval()",
            ]
            if not probe
            else []
        ),
    ]
    shares = packed(schedule(spec, spec.epochs * steps))
    return f'''
# %% [markdown]
# ## The loop

# %%
{start}
groups += [{{"params": [p], "share": 1.0}} for p in head.parameters()]
optimizer = torch.optim.{kind}(groups, lr={spec.rate!r}, weight_decay={spec.decay!r}{more})
y = torch.from_numpy(labels.astype(np.int64))
counts = np.bincount(labels[train], minlength={len(data.classes)})
weight = {"torch.from_numpy(len(train) / (len(counts) * np.maximum(counts, 1))).to(DTYPE)" if spec.weighted else "None"}
shares = numbers({shares}).astype(np.float64)  # of the rate, step by step: {spec.schedule}


def logits(rows):
    return head({"features[rows]" if probe else "body(tensor(rows))"})


def evaluate(rows):
    head.eval(), body.eval()
    with torch.no_grad():
        z = torch.cat([logits(rows[k : k + 32]) for k in range(0, len(rows), 32)])
    return F.cross_entropy(z, y[rows]).item(), (z.argmax(1) == y[rows]).double().mean().item()


def plateau(losses):
    """The share of the rate after these validation losses: times {PLATEAU_FACTOR} after more than {PLATEAU_PATIENCE} epochs without progress."""
    share, best, bad = 1.0, float("inf"), 0
    for loss in losses:
        better = loss < best * (1 - 1e-4)
        best, bad = (loss, 0) if better else (best, bad + 1)
        if bad > {PLATEAU_PATIENCE}:
            lower = max(share * {PLATEAU_FACTOR}, 1e-4)
            share, bad = (lower if share - lower > 1e-8 else share), 0
    return share


curve = [(*evaluate(val), evaluate(train)[0])]  # validation loss and accuracy, training loss
for epoch in range({spec.epochs}):
    losses = [row[0] for row in curve]
    if {spec.patience} and epoch - int(np.argmin(losses)) >= {spec.patience}:
        break
    left, seen = {"plateau(losses)" if spec.schedule == "plateau" else "1.0"}, 0.0
{chr(10).join(modes)}
    order = torch.randperm(len(train), generator=generator({spec.seed}, "batches", str(epoch)))
    {"Dropout.source = " if spec.dropout else ""}generator({spec.seed}, "dropout", str(epoch))
    for k, chosen in enumerate(order.split({spec.batch})):
        rows = train[chosen.numpy()]
        for group in optimizer.param_groups:
            group["lr"] = {spec.rate!r} * left * shares[epoch * {steps} + k] * group["share"]
        loss = F.cross_entropy(logits(rows), y[rows], weight=weight, label_smoothing={spec.smoothing!r})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += loss.item() * len(rows)
    curve.append((*evaluate(val), seen / len(train)))

at = {"min(range(len(curve)), key=lambda t: (-curve[t][1], curve[t][0]))" if spec.best else "len(curve) - 1"}  # the epoch whose weights stay
print("val_loss =", curve[at][0])
print("val_accuracy =", curve[at][1])
print("epoch =", at)
print("train_loss_last =", curve[-1][2])
print("val_loss_start =", curve[0][0])
'''
