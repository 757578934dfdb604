"""Data sets by name: plain copies, torchvision's layout, and a clear word where neither is there."""

from __future__ import annotations

import gzip
import struct
import urllib.error
from pathlib import Path

import numpy as np
import pytest

from core.data.vision import DATASETS, data_folder, dataset, read_idx
from core.errors import ExplainerError
from tests.samples import sample


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


DIGITS = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "cifar10").mkdir()
    for name, array in (("t10k-images-idx3", DIGITS), ("t10k-labels-idx1", LABELS)):
        (tmp_path / "mnist" / f"{name}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    images = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "cifar10/train.npz", images=images, labels=np.array([9, 0, 9, 2]))
    return tmp_path


def test_idx_and_npz_copies(plain: Path):
    found = dataset("mnist", "test", folder=plain)
    np.testing.assert_array_equal(found.images[:, 0], DIGITS)
    assert found.labels.tolist() == LABELS.tolist()
    assert found.classes == tuple("0123456789")
    assert found.fractions().max() <= 1
    found = dataset("cifar10", "train", folder=plain)
    with np.load(plain / "cifar10/train.npz") as z:
        np.testing.assert_array_equal(found.images[2, 1], z["images"][2, :, :, 1])
    assert [found.classes[k] for k in found.labels] == ["truck", "airplane", "truck", "bird"]


def test_the_folder_may_be_named_by_the_environment(plain: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GLASSNET_DATA", str(plain))
    assert data_folder() == plain
    assert len(dataset("mnist", "test").images) == 5
    monkeypatch.delenv("GLASSNET_DATA")
    assert data_folder() is None


def test_torchvision_s_layout(tmp_path: Path):
    raw = tmp_path / "FashionMNIST/raw"
    raw.mkdir(parents=True)
    for prefix in ("train", "t10k"):
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(idx(DIGITS))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(LABELS))
    found = dataset("fashion-mnist", "train", folder=tmp_path)
    np.testing.assert_array_equal(found.images[:, 0], DIGITS)
    assert found.classes[int(found.labels[0])] == "Dress"


@pytest.mark.parametrize("name", DATASETS)
def test_what_is_not_there_is_said_plainly(name: str, tmp_path: Path):
    with pytest.raises(ExplainerError, match=f"{DATASETS[name].title} is not in .*GLASSNET_DATA"):
        dataset(name, folder=tmp_path)


def test_a_download_that_fails_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def unreachable(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", unreachable)
    with pytest.raises(ExplainerError, match=r"CIFAR-10 could not be downloaded .*no route"):
        dataset("cifar10", folder=tmp_path, download=True)


def test_damaged_files_are_said_plainly(plain: Path):
    path = plain / "mnist/t10k-images-idx3-ubyte.gz"
    for content in (path.read_bytes()[:60], gzip.compress(b"hello"), gzip.compress(idx(DIGITS)[:500]), b""):
        path.write_bytes(content)
        with pytest.raises(ExplainerError, match="damaged"):
            dataset("mnist", "test", folder=plain)
    (plain / "cifar10/train.npz").write_bytes(b"PK\3\4")
    with pytest.raises(ExplainerError, match="damaged"):
        dataset("cifar10", "train", folder=plain)


def test_unknown_names_list_the_known():
    with pytest.raises(ExplainerError, match="choose mnist, fashion-mnist or cifar10"):
        dataset("imagenet")
    with pytest.raises(ExplainerError, match="choose train or test"):
        dataset("mnist", "validation")


def test_idx_of_other_types_is_refused():
    with pytest.raises(ValueError, match="not an idx file"):
        read_idx(gzip.compress(b"\0\0\x0d\1" + bytes(8)))


@pytest.mark.parametrize(("name", "count"), [("mnist", 10_000), ("fashion-mnist", 10_000), ("cifar10", 1000)])
def test_the_real_sets(name: str, count: int):
    found = dataset(name, "test", folder=sample(DATASETS[name].folder).parent)
    assert found.images.shape[0] == count
    assert np.bincount(found.labels).min() > 0.08 * count
