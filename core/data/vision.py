"""MNIST, Fashion-MNIST and CIFAR-10: labelled pictures by name, from a folder or by download.

The folder is `GLASSNET_DATA`, or the one that the caller names. Two layouts are known there: what torchvision.datasets writes, and
plain copies, mnist/*-ubyte.gz, fashion-mnist/*-ubyte.gz (the idx layout of the set's home page) and cifar10/{train,test}.npz
(images (N, 32, 32, 3) uint8, labels, classes), which may be a subset. No file is unpickled but those of torchvision, whose
checksum it knows.

Sources: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998; H. Xiao, K. Rasul, R. Vollgraf,
"Fashion-MNIST", arXiv:1708.07747, 2017; A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from core.errors import ExplainerError, one_of

DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PARTS = ("train", "test")
CACHE = Path("~/.cache/glassnet")  # where downloads go when no folder is named


@dataclass(frozen=True)
class Source:
    """A data set: its name on screen, its classes, its folder among plain copies, and torchvision's class for it."""

    title: str
    classes: tuple[str, ...]
    folder: str
    torchvision: str


DATASETS = {
    "mnist": Source("MNIST", DIGITS, "mnist", "MNIST"),
    "fashion-mnist": Source("Fashion-MNIST", CLOTHES, "fashion-mnist", "FashionMNIST"),
    "cifar10": Source("CIFAR-10", OBJECTS, "cifar10", "CIFAR10"),
}


@dataclass(frozen=True, eq=False)
class Pictures:
    """`images` as (N, channels, height, width) bytes, `labels` into `classes`."""

    images: UInt8[np.ndarray, "N C H W"]
    labels: Int[np.ndarray, "N"]
    classes: tuple[str, ...]

    def fractions(self) -> np.ndarray:
        """The images as float32 in 0..1."""
        return self.images.astype(np.float32) / 255


def dataset(name: str, part: str = "train", *, folder: Path | None = None, download: bool = False) -> Pictures:
    """One part of a data set, from `folder` or GLASSNET_DATA; with `download`, from the set's home where it is not there yet.

    Raises:
        ExplainerError: name or part is unknown, the set is not in the folder and cannot be had, or its files are damaged.
    """
    if name not in DATASETS:
        raise ExplainerError(f"the data set {name!r} is unknown; choose {one_of(DATASETS)}")
    if part not in PARTS:
        raise ExplainerError(f"the part {part!r} is unknown; choose {one_of(PARTS)}")
    folder = folder or data_folder()
    source = DATASETS[name]
    plain = None if folder is None else _plain(folder / source.folder, part)
    if plain is None:
        plain = _torchvision(source, part, folder, download)
    images, labels = plain
    return Pictures(_channels_first(images), labels.astype(np.int64), source.classes)


def data_folder() -> Path | None:
    """The folder named in GLASSNET_DATA, None where it is not set."""
    named = os.environ.get("GLASSNET_DATA")
    return Path(named).expanduser() if named else None


def _plain(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Images and labels of a plain copy; None where there is none."""
    prefix = {"train": "train", "test": "t10k"}[part]
    packed = [folder / f"{prefix}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
    try:
        if (folder / f"{part}.npz").is_file():
            with np.load(io.BytesIO((folder / f"{part}.npz").read_bytes()), allow_pickle=False) as z:
                return z["images"], z["labels"]
        if all(path.is_file() for path in packed):
            images, labels = (read_idx(path.read_bytes()) for path in packed)
            return images, labels
    except (OSError, EOFError, KeyError, ValueError, zlib.error, zipfile.BadZipFile) as problem:
        raise ExplainerError(f"the files in {folder} are damaged ({problem}); copy them there again") from None
    return None


def read_idx(content: bytes) -> np.ndarray:
    """A packed idx file: two zero bytes, type 8 (bytes), number of axes n, n sizes as big-endian 32-bit numbers, the bytes."""
    raw = gzip.decompress(content)
    if raw[:3] != b"\0\0\x08":
        raise ValueError("not an idx file of bytes")
    n = raw[3]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * n).reshape(np.frombuffer(raw, ">u4", n, 4))


def _torchvision(source: Source, part: str, folder: Path | None, download: bool) -> tuple[np.ndarray, np.ndarray]:
    import torchvision  # here, for it takes seconds to import

    root = folder or CACHE.expanduser()
    try:
        found = getattr(torchvision.datasets, source.torchvision)(root, train=part == "train", download=download)
    except (OSError, RuntimeError, EOFError, ValueError) as problem:
        if download:
            raise ExplainerError(
                f"{source.title} could not be downloaded ({problem}); try again later, or name a folder that holds it in GLASSNET_DATA"
            ) from None
        raise ExplainerError(
            f"{source.title} is not in {root}; allow the download, or name a folder that holds it in GLASSNET_DATA"
        ) from None
    return np.asarray(found.data), np.asarray(found.targets)


def _channels_first(images: np.ndarray) -> np.ndarray:
    """(N, H, W) or (N, H, W, C) -> (N, C, H, W)."""
    return np.ascontiguousarray(images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2))
