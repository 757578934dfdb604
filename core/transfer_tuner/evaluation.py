"""What training has done to a network: where its features lie, how far its weights moved, what it withstands, what it forgot.

    drift of block b     |θ_b − θ_b⁰| / |θ_b⁰|
    CKA of block b       |Yᵀ X|²_F / (|Xᵀ X|_F |Yᵀ Y|_F)      X, Y: its output before and after, (pictures, channels), centred
    embedding            X V₂, the two directions of largest variance of the features
    forgetting           the old last layer on the new body: how often it still says what it said

A block's output is averaged over the picture. Sources: S. Kornblith, M. Norouzi, H. Lee, G. Hinton, "Similarity of neural network
representations revisited", ICML 2019, eq. 2; D. Hendrycks, T. Dietterich, "Benchmarking neural network robustness", ICLR 2019.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageFilter
from torch import Tensor, nn

from core.data.example_sets import photographs
from core.rng import numpy_generator
from core.transfer_tuner.spec import OWN_BACKBONES, SHIFTS, TuneSpec
from core.transfer_tuner.tuning import CHUNK, Task, dtype_of, network, rebuilt, tensor
from models.catalogue import MODELS, load
from models.tuned import Tuned

LEVELS = 5
NOISE, TURN, BLUR = 0.06, 30.0, 0.35  # a level: deviation of 0..1, degrees of hue, share of a 32nd of the side
QUALITY = (100, 40, 20, 10, 4)
NEIGHBOURS = 6

Pictures = UInt8[np.ndarray, "N size size 3"]
Arrays = Mapping[str, np.ndarray]
PARTS = ("embedding", "moved", "shift", "forget")


def examine(
    spec: TuneSpec, data: Task, weights: Arrays, parts: tuple[str, ...] = PARTS
) -> Iterator[dict[str, np.ndarray]]:
    """All that these parts measure on the validation pictures, piece by piece."""
    net = rebuilt(spec, len(data.classes), weights)
    start = network(spec, len(data.classes)).eval()
    pictures = data.pictures[data.val]
    if {"embedding", "moved"} & set(parts):
        before, after = block_outputs(start, pictures, spec), block_outputs(net, pictures, spec)
        yield {
            "embed_before": embedding(before[-1]),
            "embed_after": embedding(after[-1]),
            "cka": np.array([cka(x, y) for x, y in zip(before, after, strict=True)]),
            "drift": drift(start, net),
        }
    if "shift" in parts:
        for kind in SHIFTS:
            yield {f"shift/{kind}": withstood(net, pictures, data.labels[data.val], kind, spec)}
    if "forget" in parts and spec.backbone in OWN_BACKBONES:
        yield forgetting(spec, start, net)


def answers(net: nn.Module, pictures: Pictures, spec: TuneSpec) -> Float[np.ndarray, "N K"]:
    """Logits of these pictures."""
    with torch.no_grad():
        parts = [net(tensor(pictures[k : k + CHUNK], spec)) for k in range(0, len(pictures), CHUNK)]
    return torch.cat(parts).cpu().numpy()


# Features and weights


def block_outputs(net: Tuned, pictures: Pictures, spec: TuneSpec) -> list[np.ndarray]:
    """For each block, and then for the features that the head takes: (N, channels), averaged over the picture."""
    modules = dict(net.body.named_modules())
    caught: list[list[Tensor]] = [[] for _ in range(len(net.blocks) + 1)]
    hooks = [
        modules[parts[-1]].register_forward_hook(lambda m, i, out, k=k: caught[k].append(_pooled(out)))
        for k, parts in enumerate(net.blocks)
    ]
    hooks.append(net.body.register_forward_hook(lambda m, i, out: caught[-1].append(out)))
    try:
        answers(net, pictures, spec)
    finally:
        for hook in hooks:
            hook.remove()
    return [torch.cat(parts).double().cpu().numpy() for parts in caught]


def _pooled(out: Tensor) -> Tensor:
    """A map's mean over its places, a sequence's over its tokens; vectors as they are."""
    return out.flatten(2).mean(2) if out.ndim == 4 else out.mean(1) if out.ndim == 3 else out


def cka(X: Float[np.ndarray, "N p"], Y: Float[np.ndarray, "N q"]) -> float:
    """Linear centred kernel alignment, 1 for equal representations up to rotation and scale; NaN where one is constant."""
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    with np.errstate(invalid="ignore"):
        return float(np.linalg.norm(Y.T @ X) ** 2 / (np.linalg.norm(X.T @ X) * np.linalg.norm(Y.T @ Y)))


def drift(start: Tuned, net: Tuned) -> Float[np.ndarray, "blocks"]:
    """How far the weights of each block moved, as a share of their length at the start. (The head starts at 0: it has no such share.)"""
    moved, length = np.zeros(len(net.blocks)), np.zeros(len(net.blocks))
    first = dict(start.body.named_parameters(prefix="body"))
    for name, p in net.body.named_parameters(prefix="body"):
        moved[net.block(name)] += float((p - first[name]).detach().double().square().sum())
        length[net.block(name)] += float(first[name].detach().double().square().sum())
    return np.sqrt(moved / length)


def embedding(X: Float[np.ndarray, "N p"]) -> Float[np.ndarray, "N 2"]:
    """The first two principal components; the largest loading of each is positive."""
    X = X - X.mean(axis=0)
    _, _, Vt = np.linalg.svd(X, full_matrices=False)
    V = Vt[:2] * np.sign(Vt[:2][np.arange(2), np.abs(Vt[:2]).argmax(axis=1)])[:, None]
    return X @ V.T


def nearest(
    X: Float[np.ndarray, "N p"], x: Float[np.ndarray, "p"], count: int = NEIGHBOURS
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of X that point most nearly the same way as x, the nearest first, and their cosines."""
    cosine = X @ x / np.maximum(np.linalg.norm(X, axis=1) * np.linalg.norm(x), 1e-12)
    rows = np.argsort(-cosine, kind="stable")[:count]
    return rows, cosine[rows]


# Pictures from elsewhere


def shifted(pictures: Pictures, kind: str, level: int, seed: int = 0) -> Pictures:
    """The pictures as another camera might have taken them; level 0 leaves them as they are."""
    if level == 0:
        return pictures
    size = pictures.shape[1]
    if kind == "noise":
        noise = numpy_generator(seed, "shift").normal(0.0, 255 * NOISE * level, pictures.shape)
        return np.rint(np.clip(pictures + noise, 0, 255)).astype(np.uint8)
    if kind == "colour":
        return np.rint(np.clip(pictures @ turned_hue(TURN * level).T, 0, 255)).astype(np.uint8)
    change = _blurred(BLUR * level * size / 32) if kind == "blur" else _compressed(QUALITY[level])
    return np.stack([np.asarray(change(Image.fromarray(p))) for p in pictures])


def turned_hue(degrees: float) -> Float[np.ndarray, "3 3"]:
    """The rotation of colours about the grey axis (1, 1, 1), by Rodrigues' formula."""
    angle = np.deg2rad(degrees)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) / 3


def _blurred(radius: float):
    return lambda image: image.filter(ImageFilter.GaussianBlur(radius))


def _compressed(quality: int):
    def change(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return change


def withstood(
    net: Tuned, pictures: Pictures, labels: np.ndarray, kind: str, spec: TuneSpec
) -> Float[np.ndarray, "levels"]:
    """Accuracy at each strength of a shift."""
    found = [answers(net, shifted(pictures, kind, level, spec.seed), spec).argmax(axis=1) for level in range(LEVELS)]
    return np.array([(answer == labels).mean() for answer in found])


# What was forgotten


def forgetting(spec: TuneSpec, start: Tuned, net: Tuned) -> dict[str, np.ndarray]:
    """The source task's last layer on the body as it was trained, as the run began, and as it ended: logits on photographs."""
    about, whole = MODELS[spec.backbone], load(spec.backbone)
    x = about.normalise(torch.from_numpy(photographs())).to(dtype_of(spec))
    last = whole.classifier.to(dtype_of(spec))
    with torch.no_grad():
        first = whole.to(dtype_of(spec))(x)
        ends = {name: last(part.cpu().body(x)) for name, part in (("start", start), ("end", net))}
    return {
        "source_before": first.numpy(),
        **{f"source_{name}": logits.numpy() for name, logits in ends.items()},
    }
