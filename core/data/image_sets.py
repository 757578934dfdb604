"""Labelled pictures to learn from that need no upload: two generated sets, scikit-learn's digits, and real sets where they are.

    textures    plane patterns s(x, y) between two random colours, with noise; the class is the kind of pattern
                stripes            sin(2π f u),  u = x cos a + y sin a;  rising: a near 45°, falling: a near −45° (y points down)
                checks             sin(2π f u) sin(2π f v),  v across u
                rings              sin(2π f r),  r the distance from a random centre
                dots               cos(2π f u) + cos(2π f v) − 1, cut at 0
                grain              Gaussian noise, smoothed
    shapes      one shape on a textured ground (core/data/shapes.py)
    digits      scikit-learn's 1,797 handwritten digits of 8 x 8 pixels

Mirrored, rising stripes are falling stripes: the set shows on purpose that a transformation may change a label.
MNIST, Fashion-MNIST and CIFAR-10 come from the folder that GLASSNET_DATA names (core/data/vision.py).

A split is stratified: every class is divided in the same shares, by a permutation of its own from the seed, each part within one
picture of its share. Pictures of one group (copies of each other, say) go to the same part.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
from jaxtyping import Int

from core.data.images import LIMITS, MB, ImageSet, Limits
from core.data.shapes import SHAPES, shapes
from core.data.shelf import Newest
from core.data.vision import DATASETS, data_folder, dataset
from core.errors import ExplainerError, one_of
from core.rng import generator, numpy_generator

TEXTURES = ("rising stripes", "falling stripes", "checks", "rings", "dots", "grain")
SIDE = 64  # pixels of a generated picture
FREQUENCY, TILT, NOISE = (3.0, 8.0), 20.0, 0.06  # periods a side, degrees about the class's angle, deviation
MOST = 4000
MOST_KEPT = 1024 * MB  # memory for visitors' sets, of all sessions together
OWN: Newest[ImageSet] = Newest(MOST_KEPT, lambda found: sum(image.nbytes for image in found.images))


@dataclass(frozen=True)
class Bundled:
    """What is known of a set before it is drawn: its title, where it comes from, and `draw(count, seed)`."""

    title: str
    source: str
    draw: Callable[[int, int], ImageSet]


def available() -> dict[str, str]:
    """Name -> title of every set that is on this computer; nothing is read yet."""
    folder = data_folder()
    return {
        name: about.title
        for name, about in SETS.items()
        if name not in DATASETS or (folder is not None and (folder / DATASETS[name].folder).is_dir())
    }


@lru_cache(maxsize=16)
def image_set(name: str, count: int = 300, seed: int = 0) -> ImageSet:
    """`count` pictures of a bundled set (fewer where it has no more), the classes as even as can be.

    Raises:
        ExplainerError: no such set, it is not on this computer, or the count is outside 1 to 4,000.
    """
    if name not in SETS:
        raise ExplainerError(f"the picture set {name!r} is unknown; choose {one_of(SETS)}")
    if not 1 <= count <= MOST:
        raise ExplainerError(f"{count:,} pictures are outside 1 to {MOST:,}; try 300")
    return SETS[name].draw(count, seed)


def _drawn(count: int, seed: int) -> ImageSet:
    """The generated textures."""
    g = numpy_generator(seed, "textures")
    labels = np.arange(count) % len(TEXTURES)
    images = tuple(texture(TEXTURES[label], g) for label in labels)
    return _labelled("textures", images, labels, TEXTURES)


def texture(kind: str, g: np.random.Generator, side: int = SIDE) -> np.ndarray:
    """One picture (side, side, 3) of bytes."""
    s = _pattern(kind, g, side)
    ground = g.uniform(0.2, 0.8, 3)
    ink = np.where(ground < 0.5, ground + g.uniform(0.2, 0.45, 3), ground - g.uniform(0.2, 0.45, 3))
    share = (s[..., None] + 1) / 2
    picture = ground + share * (ink - ground) + g.normal(0, NOISE, (side, side, 3))
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _pattern(kind: str, g: np.random.Generator, side: int) -> np.ndarray:
    """s(x, y) in -1..1."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    tilt = np.deg2rad(g.uniform(-TILT, TILT))
    angle = {"rising stripes": np.pi / 4, "falling stripes": -np.pi / 4}.get(kind, g.uniform(0, np.pi)) + tilt
    f, phase, psi = g.uniform(*FREQUENCY), *g.uniform(0, 2 * np.pi, 2)
    u = 2 * np.pi * f * (x * np.cos(angle) + y * np.sin(angle)) + phase
    v = 2 * np.pi * f * (y * np.cos(angle) - x * np.sin(angle)) + psi
    match kind:
        case "checks":
            return np.sin(u) * np.sin(v)
        case "rings":
            cy, cx = g.uniform(0.2, 0.8, 2)
            return np.sin(2 * np.pi * f * np.hypot(x - cx, y - cy) + phase)
        case "dots":
            return 2 * np.clip(np.cos(u) + np.cos(v) - 1, 0, 1) - 1
        case "grain":
            return _grain(g, side)
    return np.sin(u)


def _grain(g: np.random.Generator, side: int) -> np.ndarray:
    """Noise, each value the mean of its 3 x 3 neighbours (the picture wraps around), scaled to a deviation of 0.6."""
    noise = g.normal(size=(side, side))
    smooth = sum(np.roll(noise, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) / 9
    return np.clip(0.6 * smooth / smooth.std(), -1, 1)


def _shapes(count: int, seed: int) -> ImageSet:
    drawn = shapes(count, generator(seed, "image set"), SIDE)
    pixels = np.rint(255 * drawn.images).astype(np.uint8).transpose(0, 2, 3, 1)
    return _labelled("shapes", tuple(np.ascontiguousarray(pixels)), drawn.labels, SHAPES)


def _digits(count: int, seed: int) -> ImageSet:
    from sklearn.datasets import load_digits  # here, for scikit-learn takes a second to import

    found = load_digits()
    rows = even(found.target, count, seed)
    pixels = np.rint(found.images[rows] * (255 / 16)).astype(np.uint8)
    return _labelled("digits", tuple(_three(pixels)), found.target[rows], tuple("0123456789"))


def _real(name: str, count: int, seed: int) -> ImageSet:
    if data_folder() is None:
        raise ExplainerError(
            f"{DATASETS[name].title} is not on this computer; name a folder that holds it in GLASSNET_DATA"
        )
    found = dataset(name)
    rows = even(found.labels, count, seed)
    pixels = found.images[rows].transpose(0, 2, 3, 1)
    return _labelled(
        name, tuple(_three(pixels[..., 0]) if pixels.shape[3] == 1 else pixels), found.labels[rows], found.classes
    )


def _three(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=3)


def _labelled(name: str, images: tuple[np.ndarray, ...], labels: np.ndarray, classes: tuple[str, ...]) -> ImageSet:
    names = tuple(f"{classes[label]}/{n}.png" for n, label in enumerate(labels))
    return ImageSet(images, labels.astype(np.int64), classes, names, (), SETS[name].source)


SETS: dict[str, Bundled] = {
    "textures": Bundled("Generated textures", "drawn by Glassnet", _drawn),
    "shapes": Bundled("Generated shapes", "drawn by Glassnet", _shapes),
    "digits": Bundled("Handwritten digits", "scikit-learn, load_digits (UCI, Alpaydin and Kaynak, 1998; CC BY 4.0)", _digits),
    **{name: Bundled(s.title, f"{s.title}, training part", partial(_real, name)) for name, s in DATASETS.items()},
}  # fmt: skip


# Choosing, splitting, correcting


def even(labels: Int[np.ndarray, "N"], count: int, seed: int = 0) -> Int[np.ndarray, "n"]:
    """`count` rows, as many of each class as can be, in random order: the classes take turns, each in an order of its own."""
    g = numpy_generator(seed, "even")
    order = g.permutation(len(labels))
    turn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        turn[of_class] = np.arange(len(of_class))
    return g.permutation(order[np.argsort(turn[order], kind="stable")][:count])


def split(
    labels: Int[np.ndarray, "N"],
    shares: Sequence[float] = (0.7, 0.15, 0.15),
    seed: int = 0,
    groups: Int[np.ndarray, "N"] | None = None,
) -> tuple[Int[np.ndarray, "_"], ...]:
    """The rows of each part (training, validation, test, say), sorted; every class is divided in these shares.

    A class with at least as many pictures as there are parts has one in each. Rows of the same group, a number for each row, stay
    together; a group belongs to the class of its first row.

    Raises:
        ExplainerError: the shares are not all above 0, or do not add up to 1.
    """
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise ExplainerError(
            f"the shares {', '.join(f'{s:g}' for s in shares)} should be above 0 and add up to 1; try 0.7, 0.15, 0.15"
        )
    groups = np.arange(len(labels)) if groups is None else groups
    _, first, member, size = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    part = np.zeros(len(first), np.int64)
    g = numpy_generator(seed, "split")
    for label in np.unique(labels):
        here = g.permutation(np.flatnonzero(labels[first] == label))
        here = here[np.argsort(-size[here], kind="stable")]  # large groups first: the small ones even out
        room = _quotas(int(size[here].sum()), shares)
        for group in here:
            part[group] = np.argmax(room)
            room[part[group]] -= size[group]
    return tuple(np.flatnonzero(part[member] == k) for k in range(len(shares)))


def _quotas(n: int, shares: Sequence[float]) -> np.ndarray:
    """How many of n pictures each part should get: its share, at least one where n suffices; the first part gets the rest."""
    others = [max(n * share, 1.0 if n >= len(shares) else 0.0) for share in shares[1:]]
    return np.array([n - sum(others), *others])


def relabelled(found: ImageSet, words: Sequence[str]) -> ImageSet:
    """The pictures with the class names `words`, one a picture; those whose name is empty are left out.

    Raises:
        ExplainerError: there is not one word for each picture.
    """
    if len(words) != len(found.images):
        raise ExplainerError(f"{len(words)} class names were given for {len(found.images)} pictures; each needs one")
    clean = [unicodedata.normalize("NFC", word).strip() for word in words]
    rows = [n for n, word in enumerate(clean) if word]
    classes = tuple(sorted({clean[n] for n in rows}))
    number = {word: k for k, word in enumerate(classes)}
    return replace(chosen(found, rows), labels=np.array([number[clean[n]] for n in rows], np.int64), classes=classes)


def joined(first: ImageSet, second: ImageSet, limits: Limits = LIMITS) -> ImageSet:
    """Both sets in one; classes of the same name are one class. What is beyond `limits` is listed as refused."""
    names, images = first.names + second.names, first.images + second.images
    words = [s.classes[label] for s in (first, second) for label in s.labels]
    bytes_so_far = np.cumsum([image.nbytes for image in images])
    most = min(limits.pictures, int(np.searchsorted(bytes_so_far, limits.held, side="right")))
    reason = f"the set already holds as many pictures as are taken ({most:,}); leave some out"
    refused = tuple((name, reason) for name in names[most:])
    classes = tuple(sorted(set(words[:most])))
    labels = np.array([classes.index(word) for word in words[:most]], np.int64)
    return ImageSet(
        images[:most], labels, classes, names[:most], first.rejected + second.rejected + refused, first.source
    )


def keep(found: ImageSet) -> str:
    """Keep a visitor's set in memory under its digest, which is returned; the oldest make room for it."""
    OWN.put(found.digest, found)
    return found.digest


def kept(digest: str) -> ImageSet | None:
    """The set that was kept under this digest, None if it is not here (any more)."""
    return OWN.get(digest)


def chosen(found: ImageSet, rows: Sequence[int] | Int[np.ndarray, "n"]) -> ImageSet:
    """The set with these rows alone, its classes as they are."""
    return replace(
        found,
        images=tuple(found.images[n] for n in rows),
        labels=found.labels[np.asarray(rows, np.int64)],
        names=tuple(found.names[n] for n in rows),
    )
