"""Networks to look into: what is missing, its download, own pictures; and the script's way through a graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.convolution.exported import forward
from core.convolution.maps import feature_maps, made_by
from core.convolution.trained import (
    LARGE,
    TITLES,
    Wanted,
    examples_of,
    fetched,
    missing,
    network,
    picture_of,
    precision,
)
from core.data.own import KEPT, keep, kept
from core.errors import ExplainerError
from models import MODELS, PRETRAINED
from models.pretrained import Pretrained


def test_every_title_is_a_network_and_the_large_ones_say_what_is_missing(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GLASSNET_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert set(TITLES) == {*MODELS, *LARGE}
    assert missing("lenet5-mnist") == ""
    assert "resnet18.pt" in missing("resnet18")
    (tmp_path / "resnet18.pt").touch()
    assert missing("resnet18") == ""


def test_a_download_counts_megabytes_and_ends_at_all(monkeypatch, tmp_path: Path) -> None:
    source = tmp_path / "w-da39a3ee.pth"
    source.write_bytes(b"\0" * 2_500_000)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(Pretrained, "url", property(lambda self: source.as_uri()))
    download = fetched(Wanted(network="squeezenet1_1"))
    first = next(download)
    assert (first.step, first.total) == (0, 2)
    with pytest.raises(
        ExplainerError, match="arrived damaged"
    ):  # it is not the file that the hash in its name promises
        list(download)
    download = fetched(Wanted(network="squeezenet1_1"))
    next(download)
    download.close()
    assert list((tmp_path / "checkpoints").iterdir()) == []  # whoever stops leaves nothing


def test_own_networks_are_exact_and_shared_pictures_fit() -> None:
    assert precision("lenet5-mnist") == next(network("lenet5-mnist").parameters()).dtype == torch.float64
    assert precision("resnet18") == next(network("lenet5-mnist", exact=False).parameters()).dtype == torch.float32
    photographs = examples_of("resnet18")
    assert photographs.pictures.shape[1:] == (3, 160, 160)
    assert photographs.labels is None
    assert all("ImageNet" in TITLES[name] and PRETRAINED[name].title in TITLES[name] for name in LARGE)


def test_an_own_picture_is_found_by_its_key_and_fits_the_network() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    key = keep(pixels)
    assert keep(pixels.copy()) == key
    assert np.array_equal(kept(key), pixels)
    assert kept("no such key") is None
    examples = examples_of("lenet5-mnist")
    assert picture_of(examples, 3, key).shape == (1, 28, 28)
    assert np.array_equal(picture_of(examples, 3, "no such key"), examples.pictures[3])
    for n in range(KEPT):
        keep(np.full((1, 1, 3), n, np.uint8))
    assert kept(key) is None


def test_the_maker_of_a_layer_has_as_many_maps() -> None:
    net = MODELS["resnet20-cifar10"].build()
    maps = feature_maps(net, np.zeros((1, 3, 32, 32)))
    assert made_by("stage1.1.relu2", maps, net) == "stage1.1.conv2"
    assert made_by("stage2.0.conv1", maps, net) == "stage2.0.conv1"
    odd = {**maps, "side by side": np.zeros((1, 7, 4, 4))}
    assert made_by("side by side", odd, net) is None


def test_the_lines_of_a_script_compute_the_layer() -> None:
    net = MODELS["resnet20-cifar10"].build().double().eval()
    layers, lines = forward(net, "stage2.0.relu2")
    v = {"x": torch.rand(1, 3, 32, 32, dtype=torch.float64)}
    with torch.no_grad():
        exec("\n".join(lines), {"v": v, "net": layers})
        np.testing.assert_array_equal(v["stage2.0.relu2"].numpy(), feature_maps(net, v["x"])["stage2.0.relu2"])
    assert not any("stage3" in line for line in lines)
