"""Every network finds pictures of its own size without a download, and what they are is said."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from core.data.example_sets import digits, enlarged, example_set, photographs
from core.errors import ExplainerError
from models import MODELS


@pytest.fixture(autouse=True)
def no_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    example_set.cache_clear()
    yield
    example_set.cache_clear()


@pytest.mark.parametrize("name", MODELS)
def test_pictures_fit_their_network(name: str) -> None:
    model = MODELS[name]
    found = example_set(model.dataset, 12)
    assert found.pictures.shape == (12, *model.input_shape)
    assert found.pictures.dtype == np.float32
    assert found.pictures.min() >= 0
    assert found.pictures.max() <= 1
    assert found.pictures.std(axis=(1, 2, 3)).min() > 0.01
    if found.labels is not None:
        assert set(found.labels) <= set(range(len(model.classes)))
    assert (found.labels is None) == (model.dataset in ("CIFAR-10", "Fashion-MNIST"))


def test_real_test_pictures_are_taken_where_the_folder_has_them(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.arange(5 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(5, 28, 28)
    labels = np.array([3, 1, 4, 1, 5], np.uint8)
    (tmp_path / "mnist").mkdir()
    for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
        head = b"\0\0\x08" + bytes([values.ndim]) + np.array(values.shape, ">u4").tobytes()
        (tmp_path / "mnist" / f"t10k-{kind}-ubyte.gz").write_bytes(gzip.compress(head + values.tobytes()))
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    found = example_set("MNIST", 3)
    assert found.words == "MNIST's own test pictures"
    for picture, label in zip(found.pictures, found.labels, strict=True):
        assert any((picture[0] * 255 == image).all() and label == y for image, y in zip(images, labels, strict=True))
    assert example_set("CIFAR-10", 3).labels is None  # the folder has no CIFAR-10


def test_enlarging_keeps_a_slope_straight_and_the_corners() -> None:
    slope = np.broadcast_to(np.arange(8.0), (1, 8, 8))
    found = enlarged(slope, 20)[0]
    expected = np.clip((np.arange(20) + 0.5) * 0.4 - 0.5, 0, 7)
    np.testing.assert_allclose(found, np.broadcast_to(expected, (20, 20)), atol=1e-12)


def test_digits_lie_in_the_middle_as_in_mnist() -> None:
    fields, labels = digits(5)
    assert fields.shape == (5, 1, 28, 28)
    assert fields[:, :, :4].max() == fields[:, :, 24:].max() == fields[..., :4].max() == fields[..., 24:].max() == 0
    assert labels.shape == (5,)


def test_a_window_is_the_mean_of_its_blocks() -> None:
    from sklearn.datasets import load_sample_images

    image = load_sample_images().images[0].astype(float) / 255
    np.testing.assert_allclose(photographs()[0][:, 0, 0], image[:13, :13].mean(axis=(0, 1)), rtol=1e-5)


@pytest.mark.parametrize(("title", "count"), [("CIFAR-1000", 5), ("MNIST", 0)])
def test_what_is_not_there_is_refused(title: str, count: int) -> None:
    with pytest.raises(ExplainerError, match=r"unknown|1 or more"):
        example_set(title, count)
