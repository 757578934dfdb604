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

from core.data.example_sets import example_set, photographs, squares
from core.data.images import from_ink
from core.plots.tiles import resized
from core.rng import numpy_generator
from core.transfer_tuner.spec import SHIFTS, TuneSpec
from core.transfer_tuner.tuning import CHUNK, Task, dtype_of, network, rebuilt, tensor
from models.blocks import Normalised
from models.catalogue import MODELS, known, load
from models.pretrained import plain
from models.tuned import Tuned

LEVELS = 5
NOISE, TURN, BLUR = 0.06, 30.0, 0.35  # a level: deviation of 0..1, degrees of hue, share of a 32nd of the side
QUALITY = (100, 40, 20, 10, 4)
NEIGHBOURS = 6
TESTED = 300  # of the source task's own test pictures
INK, WIDER = 0.1, 0.35  # a place of a drawing that counts as drawn; how much wider scikit-learn's pen was, in cells

Pictures = UInt8[np.ndarray, "N size size 3"]
Arrays = Mapping[str, np.ndarray]
PARTS = ("embedding", "moved", "shift", "forget")


def examine(
    spec: TuneSpec, data: Task, weights: Arrays, parts: tuple[str, ...] = PARTS
) -> Iterator[dict[str, np.ndarray]]:
    """All that these parts measure on the validation pictures, piece by piece."""
    net = rebuilt(spec, len(data.classes), weights)
    pictures = data.pictures[data.val]
    if {"embedding", "moved"} & set(parts):
        yield compared(spec, network(spec, len(data.classes)).eval(), net, pictures)
    if "shift" in parts:
        for kind in SHIFTS:
            yield {f"shift/{kind}": withstood(net, pictures, data.labels[data.val], kind, spec)}
    if "forget" in parts:
        yield forgetting(spec, net)


def compared(spec: TuneSpec, start: Tuned, net: Tuned, pictures: Pictures) -> dict[str, np.ndarray]:
    """Where features lie, how alike the blocks' outputs are, and how far weights have moved, from `start` to `net`."""
    before, after = block_outputs(start, pictures, spec), block_outputs(net, pictures, spec)
    return {
        "embed_before": embedding(before[-1]),
        "embed_after": embedding(after[-1]),
        "cka": np.array([cka(x, y) for x, y in zip(before, after, strict=True)]),
        "drift": drift(start, net),
    }


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


def like_digits(ink: Float[np.ndarray, "height width"], data: str) -> UInt8[np.ndarray, "size size 3"]:
    """A drawing, 0 paper to 1 ink, in the form of the pictures of `data`: the ink's own square in the middle, its strongest place at 255.

    scikit-learn's digits fill their 8 x 8 cells and were written with a broad pen, so the ink is first widened by WIDER cells all
    around; MNIST's fill 20 x 20 in a field of 28 x 28.
    """
    size, field = (8, 8) if data == "digits" else (20, 28)
    if not (ink > INK).any():
        return np.zeros((field, field, 3), np.uint8)
    own = inked_square(ink)
    if data == "digits":
        own = inked_square(widened(own, round(WIDER * len(own) / size)))
    small = resized(own[None], size, size)[0]
    return from_ink(np.pad(small / small.max(), (field - size) // 2))


def inked_square(ink: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "side side"]:
    """The smallest square that holds all ink, the ink in its middle."""
    rows, columns = (np.flatnonzero((ink > INK).any(axis=k)) for k in (1, 0))
    own = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(own.shape)
    top, left = (side - own.shape[0]) // 2, (side - own.shape[1]) // 2
    whole = np.zeros((side, side))
    whole[top : top + own.shape[0], left : left + own.shape[1]] = own
    return whole


def widened(ink: Float[np.ndarray, "side side"], by: int) -> Float[np.ndarray, "larger larger"]:
    """Every place takes the strongest ink of the square of 2 by + 1 around it; the field grows by as much on all sides."""
    image = Image.fromarray(np.rint(255 * np.pad(ink, 2 * by)).astype(np.uint8))
    return (
        np.asarray(image.filter(ImageFilter.MaxFilter(2 * by + 1)), np.float64)[by : -by or None, by : -by or None]
        / 255
    )


# What was forgotten


def forgetting(spec: TuneSpec, net: Tuned) -> dict[str, np.ndarray]:
    """The source task's last layer on the body as it was once trained and as it is now: logits on photographs, (N, source classes).

    Where the source task's own test pictures are on this computer, `source_accuracy` holds the share of right answers before and now.
    """
    about = known(spec.backbone)
    own = spec.backbone in MODELS
    whole = (load(spec.backbone) if own else plain(spec.backbone)).to(dtype_of(spec))
    photos = photographs() if own else squares(about.input_shape[1])
    test = example_set(about.dataset, TESTED)
    tests = test.pictures if own and test.labels is not None else photos[:0]
    before = source_logits(whole, np.concatenate([photos, tests]), about, spec)
    whole.load_state_dict(net.cpu().body.state_dict(), strict=False, assign=True)  # all but the last layer
    end = source_logits(whole, np.concatenate([photos, tests]), about, spec)
    found = {"source_before": before[: len(photos)], "source_end": end[: len(photos)]}
    if len(tests):
        found["source_accuracy"] = np.array([(z[len(photos) :].argmax(1) == test.labels).mean() for z in (before, end)])
    return found


def source_logits(
    whole: nn.Module, pictures: Float[np.ndarray, "N 3 size size"], about: Normalised, spec: TuneSpec
) -> Float[np.ndarray, "N K"]:
    """What the network of the source task says about pictures in 0..1."""
    x = about.normalise(torch.from_numpy(pictures)).to(dtype_of(spec))
    with torch.no_grad():
        return torch.cat([whole(x[k : k + CHUNK]) for k in range(0, len(x), CHUNK)]).numpy()
