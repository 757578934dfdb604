"""The picture on screen as a script: the network's weights, the picture, and the vision transformer written out in torch."""

from __future__ import annotations

import inspect
from functools import lru_cache

import numpy as np

from core.attribution import iou
from core.convolution.exported import READER, packed
from core.errors import ExplainerError
from core.vision_transformer import by_hand
from core.vision_transformer.compute import (
    View,
    cam_layer,
    distances,
    enlarged,
    grid_cam,
    network,
    reach,
    rollout,
    view_of,
)
from core.vision_transformer.spec import MEAN, VisionTransformerSpec
from models.vits import load_vit

FUNCTIONS = (
    by_hand.dense, by_hand.norm, by_hand.gelu, by_hand.attention, by_hand.stem, by_hand.embed, by_hand.read, by_hand.rollout, by_hand.grad_cam,
)  # fmt: skip


def script(spec: VisionTransformerSpec) -> str:
    """It needs torch and numpy, computes the picture anew and prints the page's numbers."""
    view = view_of(spec)
    about = view.variant.pictures
    if about.pretrained:
        raise ExplainerError(
            "a script with 86 million weights is not written; choose digits or shapes, whose networks fit into one"
        )
    L, H = view.seen.A.shape[:2]
    stored = "\n".join(
        f"    {name!r}: {packed(values.numpy())},"
        for name, values in load_vit(view.variant).state_dict().items()
        if values.is_floating_point()
    )
    functions = "\n\n\n".join(inspect.getsource(f).strip() for f in FUNCTIONS)
    picture = np.frombuffer(view.scene.pixels, np.uint8).reshape(about.input_shape)
    return f"""# %% [markdown]
# # A vision transformer on one picture
#
# {view.variant.grid} x {view.variant.grid} patches of {view.variant.patch} pixels, {L} layers of {H} heads, width {view.seen.z.shape[-1]}{", cut from the maps of three convolutional blocks" * view.variant.stemmed}. Needs torch and numpy.

{READER}import math

import torch.nn.functional as F

# %%
{functions}


# %%
stored = {{
{stored}
}}
w = {{name: numbers(values) for name, values in stored.items()}}
x = numbers({packed(picture)})  / 255
mean, std = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in ({about.mean!r}, {about.std!r}))
classes = {tuple(about.classes)!r}

logits, A, entered = read(w, embed(w, (x - mean) / std, {network(view.variant).patch}), {L}, {H}, watched={view.layer})
answer = int(logits.argmax())
print("the network says", classes[answer])
print("logit =", logits[answer].item())
print("probability =", logits.softmax(0)[answer].item())

# %%
# Layer {view.layer + 1}, {"the mean over its heads" if view.head == MEAN else f"head {view.head + 1}"}: what {"the class token" if view.query < 0 else f"patch {view.query + 1}"} looks at.
row = A[{view.layer}]{".mean(0)" if view.head == MEAN else f"[{view.head}]"}[{view.query + 1}]
print("attention to the class token =", row[0].item())
print("largest attention to a patch =", row[1:].max().item())
print("patch with it =", int(row[1:].argmax()))
R = rollout(A)[0]
print("rollout, class token =", R[0].item())
print("rollout, largest patch =", R[1:].max().item())
cam = grad_cam(logits[answer], entered)
print("grad-cam, sum =", cam.sum().item())
print("grad-cam, largest =", cam.max().item())

# %%
# How far the heads look, in pixels: the mean distance between a patch and what it attends to.
at = torch.cartesian_prod(*[(torch.arange({view.variant.grid}, dtype=torch.float64) + 0.5) * {view.variant.patch}] * 2)
far = torch.cdist(at, at, compute_mode="donot_use_mm_for_euclid_dist")
a = A[:, :, 1:, 1:] / A[:, :, 1:, 1:].sum(-1, keepdim=True)
for layer, heads in enumerate((a * far).sum(-1).mean(-1), start=1):
    print(f"reach of layer {{layer}} =", heads.mean().item())
{_scored(view)}"""


def _scored(view: View) -> str:
    mask = view.scene.truth()
    if mask is None:
        return ""
    return f"""
# %%
# Against the true shape: as many of the highest pixels as the shape has, and how far both agree.
mask = numbers({packed(mask.astype(np.uint8))}).bool().flatten()
for name, map_ in (("attention", A[{view.layer}].mean(0)[0, 1:]), ("rollout", R[1:]), ("grad-cam", cam)):
    large = F.interpolate(map_.reshape(1, 1, {view.variant.grid}, {view.variant.grid}), {mask.shape}, mode="bilinear").flatten()
    top = torch.zeros_like(mask)
    top[torch.sort(large, descending=True, stable=True).indices[:mask.sum()]] = True
    print(f"IoU of {{name}} =", (top & mask).sum().item() / (top | mask).sum().item())
"""


@lru_cache(maxsize=32)
def numbers(spec: VisionTransformerSpec) -> dict[str, float]:
    """What the script prints, from the page's own network."""
    view = view_of(spec)
    A, row = view.seen.A, view.weights()
    R = rollout(A)[0]
    cam = grid_cam(network(view.variant), view.scene.inputs(), view.answer, cam_layer(view))
    found = {
        "logit": float(view.seen.logits[view.answer]),
        "probability": float(view.seen.probabilities[view.answer]),
        "attention to the class token": float(row[0]),
        "largest attention to a patch": float(row[1:].max()),
        "patch with it": float(row[1:].argmax()),
        "rollout, class token": float(R[0]),
        "rollout, largest patch": float(R[1:].max()),
        "grad-cam, sum": float(cam.sum()),
        "grad-cam, largest": float(cam.max()),
    }
    for layer, heads in enumerate(reach(A, distances(view.variant)), start=1):
        found[f"reach of layer {layer}"] = float(heads.mean())
    mask = view.scene.truth()
    if mask is not None:
        maps = {"attention": view.on_grid(A[view.layer].mean(0)[0]), "rollout": view.on_grid(R), "grad-cam": cam}
        found |= {f"IoU of {name}": iou(enlarged(m, len(mask)), mask) for name, m in maps.items()}
    return found


@lru_cache(maxsize=32)
def checked(view: View) -> dict[str, float]:
    """Largest difference between the page's numbers and those of the formulas written out, by what they are."""
    L, H, _, _ = view.seen.A.shape
    w = network(view.variant).state_dict()
    z0 = by_hand.embed(w, view.scene.inputs()[0], network(view.variant).patch)
    logits, A, entered = by_hand.read(w, z0, L, H, view.layer)
    cam = by_hand.grad_cam(logits[view.answer], entered).reshape(view.variant.grid, -1)
    return {
        "tokens z₀": float(np.abs(z0.detach().numpy() - view.seen.z[0]).max()),
        "attention of all layers": float(np.abs(A.numpy() - view.seen.A).max()),
        "logits": float(np.abs(logits.detach().numpy() - view.seen.logits).max()),
        "rollout": float(np.abs(by_hand.rollout(A).numpy() - rollout(view.seen.A)).max()),
        "Grad-CAM": float(np.abs(cam.numpy() - view.map("grad_cam")).max()),
    }
