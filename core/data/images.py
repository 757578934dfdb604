"""Pictures that visitors bring: read with care, shown right side up, or refused with a reason.

Nothing here trusts a name, a header or a size that a file claims. Before a picture is unpacked its pixels are counted; before an
archive is unpacked its entries are checked, and what comes out is counted while it comes. This is the only place that opens
pictures of unknown origin.

A picture becomes 8-bit RGB: EXIF orientation applied (the tag says how the camera was held), transparency laid on white, grey,
palette, CMYK and 16-bit converted, the first frame of an animation taken, and large ones reduced to `longest` pixels. Many pictures
are kept in bounded memory: when they need more than `Limits.held`, all are halved until they fit.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import threading
import unicodedata
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from core.errors import ExplainerError

Pixels = UInt8[np.ndarray, "height width 3"]

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
UNLABELLED = "unlabelled"  # the class of a picture that lies in no folder
MB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What may be brought. Bytes for one file and for all, pictures, pixels of one picture, unpacked / packed size of an archive.

    `held`: bytes that the pictures may take up in memory.
    """

    file: int = 50 * MB
    total: int = 200 * MB
    pictures: int = 4000
    pixels: int = 40_000_000
    expansion: int = 100
    held: int = 256 * MB

    def words(self) -> str:
        """The limits in one sentence."""
        return (
            f"Up to {self.file // MB} MB a file and {self.total // MB} MB in all, {self.pictures:,} pictures, "
            f"{self.pixels // 1_000_000} megapixels a picture."
        )


def limits_of(settings: Mapping[str, str]) -> Limits:
    """The limits, with those of GLASSNET_UPLOAD_FILE and GLASSNET_UPLOAD_TOTAL (in MB) where these are set.

    Raises:
        ExplainerError: a setting is not a whole number of at least 1.
    """
    return Limits(**{name: _megabytes(key, settings[key]) for name, key in SETTINGS.items() if settings.get(key)})


def _megabytes(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ExplainerError(f"{key} is {text!r}; it should be a whole number of MB, such as 50")
    return int(text) * MB


SETTINGS = {"file": "GLASSNET_UPLOAD_FILE", "total": "GLASSNET_UPLOAD_TOTAL"}
LIMITS = limits_of(os.environ)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures with their class, and what was refused.

    `images`: one (height, width, 3) uint8 array a picture, of different sizes. `labels`: (N,), into `classes`, which are sorted.
    `names`: the files the pictures came from. `rejected`: (name, reason) of each file that was refused. `source`: whose they are.
    """

    images: tuple[np.ndarray, ...]
    labels: Int[np.ndarray, "N"]
    classes: tuple[str, ...]
    names: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    source: str = "your own pictures"

    @cached_property
    def digest(self) -> str:
        """A name for these pictures with these labels: 32 hexadecimal digits of a SHA-256."""
        told = hashlib.sha256(repr((self.classes, self.labels.tolist(), [i.shape for i in self.images])).encode())
        for image in self.images:
            told.update(image.tobytes())
        return told.hexdigest()[:32]


def read_images(files: Iterable[tuple[str, bytes]], *, limits: Limits = LIMITS, longest: int = 256) -> ImageSet:
    """All pictures of the files; a zip archive is opened. The folder that a picture lies in is its class.

    `files` are (name, content); a name may have folders ("cats/1.jpg"). Nothing raises: what is refused stands in `rejected`.
    """
    reader = _Reader(limits, longest)
    for name, content in files:
        reader.take(name, content)
    return reader.result()


def read_image(name: str, content: bytes, *, limits: Limits = LIMITS, longest: int = 1024) -> Pixels:
    """One picture as 8-bit RGB, its longer side at most `longest` pixels.

    Raises:
        ExplainerError: the file is empty, too large, no picture, damaged, or has too many pixels.
    """
    try:
        return _decoded(content, limits, longest)
    except _Refused as refused:
        raise ExplainerError(f"{name}: {refused}") from None


class _Refused(Exception):  # noqa: N818 (a verdict, not a fault)
    """A file is refused; the message is the reason."""


class _Reader:
    """Takes files one after another and counts bytes and pictures over all of them."""

    def __init__(self, limits: Limits, longest: int) -> None:
        self.limits, self.longest = limits, longest
        self.brought = self.unpacked = self.held = 0  # bytes so far
        self.pictures: list[tuple[str, str, np.ndarray]] = []  # name, class, pixels
        self.rejected: list[tuple[str, str]] = []

    def take(self, name: str, content: bytes) -> None:
        """One file, picture or archive."""
        try:
            self.brought = self.with_room(self.brought, len(content))
            if name.lower().endswith(".zip"):
                self.take_archive(name, content)
            else:
                self.add(name, name, content)
        except _Refused as refused:
            self.rejected.append((name, str(refused)))

    def take_archive(self, name: str, content: bytes) -> None:
        """Every entry of a zip archive; one that is refused does not stop the others."""
        with _opened(content, self.limits) as archive:
            for info in _entries(archive, self.limits, len(content)):
                entry = _readable(info)
                try:
                    _check_entry(info, entry, self.limits)
                    self.unpacked = self.with_room(self.unpacked, info.file_size)
                    self.add(f"{name}: {entry}", entry, _unpacked(archive, info))
                except _Refused as refused:
                    self.rejected.append((f"{name}: {entry}", str(refused)))

    def add(self, name: str, path: str, content: bytes) -> None:
        """One picture; `path` tells its class."""
        if len(self.pictures) >= self.limits.pictures:
            raise _Refused(
                f"there are already {self.limits.pictures:,} pictures, and no more are taken; leave some out"
            )
        pixels = _decoded(content, self.limits, self.longest)
        self.pictures.append((name, class_of(path), pixels))
        self.held += pixels.nbytes
        while self.held > self.limits.held and self.longest > 1:
            self.halve()

    def halve(self) -> None:
        """Make room: all pictures so far, and those to come, get half as long at most."""
        self.longest //= 2
        self.pictures = [(name, kind, reduced(pixels, self.longest)) for name, kind, pixels in self.pictures]
        self.held = sum(pixels.nbytes for _, _, pixels in self.pictures)

    def with_room(self, so_far: int, size: int) -> int:
        """The bytes so far with another `size`, if all that is allowed."""
        _check_size(size, self.limits)
        if so_far + size > self.limits.total:
            raise _Refused(f"all files together are larger than {self.limits.total // MB} MB; leave some out")
        return so_far + size

    def result(self) -> ImageSet:
        names, folders, images = zip(*self.pictures, strict=True) if self.pictures else ((), (), ())
        classes = tuple(sorted(set(folders)))
        labels = np.array([classes.index(folder) for folder in folders], np.int64)
        return ImageSet(images, labels, classes, names, tuple(self.rejected))


def reduced(pixels: Pixels, longest: int) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with its longer side at most `longest`."""
    if max(pixels.shape[:2]) <= longest:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.BICUBIC)
    return np.array(image)


def class_of(path: str) -> str:
    """The folder that a file lies in: "pets/Katze/1.jpg" -> "Katze"."""
    folder = PurePosixPath(path.replace("\\", "/")).parent.name
    return unicodedata.normalize("NFC", folder).strip() or UNLABELLED


# Archives


def _opened(content: bytes, limits: Limits) -> zipfile.ZipFile:
    """The archive, after a look at how long its table of contents is: reading it costs memory for every entry."""
    end = content.rfind(b"PK\5\6", max(0, len(content) - 65_557))
    if end < 0 or end + 22 > len(content):
        raise _Refused("it is no zip archive, or it is cut off; pack the pictures again")
    if int.from_bytes(content[end + 12 : end + 16], "little") > 1000 * limits.pictures:
        raise _Refused(f"it holds far more files than the allowed {limits.pictures:,}; split it or leave some out")
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except Exception:  # a damaged table can end in many ways
        raise _Refused("the zip archive is damaged; pack the pictures again") from None


def _entries(archive: zipfile.ZipFile, limits: Limits, packed: int) -> list[zipfile.ZipInfo]:
    """The files of an archive without folders and the notes that systems leave (".DS_Store", "__MACOSX/...")."""
    infos = [info for info in archive.infolist() if not info.is_dir() and not _is_note(info.filename)]
    if len(infos) > limits.pictures:
        raise _Refused(f"it holds {len(infos):,} files, allowed are {limits.pictures:,}; split it or leave some out")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > limits.expansion * packed:
        raise _Refused(
            f"unpacked it would be {unpacked / packed:,.0f} times as large, allowed are {limits.expansion} times"
        )
    if not infos:
        raise _Refused("the zip archive is empty; put a folder of pictures for each class into it")
    return infos


def _is_note(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1] in ("Thumbs.db", "desktop.ini", ".DS_Store")


def _readable(info: zipfile.ZipInfo) -> str:
    """The entry's name. Many programs write UTF-8 without saying so; zipfile then reads it as the old code page 437."""
    try:
        return info.filename if info.flag_bits & 0x800 else info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _check_entry(info: zipfile.ZipInfo, name: str, limits: Limits) -> None:
    parts = name.replace("\\", "/").split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if parts[0] == "" or re.match(r"[A-Za-z]:", name):
        raise _Refused("its path starts at the root of a disk; only paths inside the archive are taken")
    if ".." in parts:
        raise _Refused("its path leads out of the archive (..); only paths inside it are taken")
    if kind == stat.S_IFLNK:
        raise _Refused("it is a link to another file; only the pictures themselves are taken")
    if kind not in (0, stat.S_IFREG):
        raise _Refused("it is no ordinary file")
    if info.flag_bits & 0x1:
        raise _Refused("it is locked with a password; pack the pictures without one")
    if name.lower().endswith(ARCHIVES):
        raise _Refused("it is an archive inside an archive; unpack it and pack the pictures themselves")
    if info.file_size > limits.expansion * max(info.compress_size, 1):
        raise _Refused(f"unpacked it would be more than {limits.expansion} times as large as packed")
    _check_size(info.file_size, limits)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """The entry's bytes: never more than its table said, which was checked."""
    try:
        with archive.open(info) as entry:
            return entry.read(info.file_size)
    except Exception:  # checksum, compression or table: damaged in one of many ways
        raise _Refused("it is damaged inside the archive; pack it again") from None


# Pictures

_TURNS = {  # EXIF tag 0x0112 -> how to bring the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
WHITES = (1, 255, 1023, 4095, 16_383, 65_535)  # of fractions, and of 8, 10, 12, 14 and 16 bits
BAND = 128  # rows
_WIDE = ("I", "F")  # modes of more than 8 bits for one grey value, beside "I;16", "I;16B" ...
_quiet = threading.Lock()  # the list of warning filters belongs to all threads


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.file:
        raise _Refused(f"it has {size / MB:.1f} MB, allowed are {limits.file // MB} MB; make it smaller")


def _decoded(content: bytes, limits: Limits, longest: int) -> np.ndarray:
    if not content:
        raise _Refused("the file is empty (0 bytes); choose a picture")
    _check_size(len(content), limits)
    try:
        with _quiet, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; the pixels are what counts
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                return _upright_rgb(image, limits, longest)
    except (_Refused, MemoryError):
        raise
    except Image.UnidentifiedImageError:
        raise _Refused("no picture was found in it; PNG, JPEG, GIF, WebP, BMP and TIFF can be read") from None
    except Image.DecompressionBombError:
        raise _Refused(f"it claims far more pixels than the allowed {limits.pixels:,}; make it smaller") from None
    except Exception:  # a decoder that is fed with damaged bytes can fail in any way
        raise _Refused("the picture is damaged or cut off; save it again") from None


def _upright_rgb(image: Image.Image, limits: Limits, longest: int) -> np.ndarray:
    if image.width * image.height > limits.pixels:
        raise _Refused(
            f"{image.width:,} x {image.height:,} are more than the allowed {limits.pixels:,} pixels; make it smaller"
        )
    image.draft(None, (longest, longest))  # a large JPEG is unpacked at a half, a quarter or an eighth
    image.load()
    turn = _TURNS.get(_orientation(image))
    picture = _rgb(image)
    picture.thumbnail((longest, longest), Image.Resampling.BICUBIC)
    return np.array(picture if turn is None else picture.transpose(turn))


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged metadata beside sound pixels
        return 1


def _rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB: wide values scaled, transparency laid on white."""
    if image.mode in _WIDE or image.mode.startswith("I;"):
        return Image.fromarray(eight_bits(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        picture = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return image.convert("RGB")


def from_ink(ink: Float[np.ndarray, "height width"]) -> Pixels:
    """A drawing, 0 paper to 1 ink, as a picture: light on dark, as MNIST's digits are."""
    return np.repeat(np.rint(255 * ink).astype(np.uint8)[:, :, None], 3, axis=2)


def eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of more than 8 bits as 0..255: v * 255 / white.

    No file says what its white is: 16-bit files hold 10, 12 or 14 bits as often as 16. White is the first of WHITES that no value
    passes. Where a value is negative or larger still, smallest and largest become 0 and 255. What is not finite becomes black.
    """
    bands = [
        values[top : top + BAND] for top in range(0, len(values), BAND)
    ]  # a few rows at a time: a picture may be large
    low, high = min(_finite(band).min() for band in bands), max(_finite(band).max() for band in bands)
    white = next((w for w in WHITES if high <= w), None)
    black = 0.0
    if low < 0 or white is None:
        black, white = low, max(high - low, 1.0)
    return np.concatenate([np.rint((_finite(band) - black) * (255 / white)).astype(np.uint8) for band in bands])


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
