"""torchvision's networks: found, read, refused in words; and the same outputs with activations set apart."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from core.data.pictures import fitted, fractions
from core.errors import ExplainerError
from core.rng import generator
from models import PRETRAINED, available, load, load_pretrained, separate_activations
from models.pretrained import Pretrained, _renamed, fetch, plain, read_state
from models.surgery import ACTIVATIONS, graph_of
from tests.samples import sample

SMALL = "squeezenet1_1"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No weights anywhere: a new folder for GLASSNET_WEIGHTS, another for torch's cache."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("GLASSNET_WEIGHTS", str(folder))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    return folder


def state(seed: int = 0) -> dict[str, torch.Tensor]:
    g = generator(seed, "test")
    return {k: torch.randn(v.shape, generator=g) * 0.05 for k, v in PRETRAINED[SMALL].build().state_dict().items()}


# Activations set apart


class Reuses(nn.Module):
    """Everything that Captum refuses: one ReLU used three times and in-place, and relu as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 6)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.a(x))
        x = self.relu(self.b(x) + x)
        return F.relu(torch.relu(self.b(self.relu(x - 0.1))) - 0.2, inplace=True)


def apart(module: nn.Module, x: torch.Tensor) -> None:
    found, calls = [m for m in module.modules() if isinstance(m, ACTIVATIONS)], []
    for m in found:
        m.register_forward_hook(lambda layer, _, __: calls.append(id(layer)))
    module(x)
    assert sorted(calls) == sorted({id(m) for m in found} & set(calls))
    assert len(calls) == len(set(calls)) > 0
    assert not any(getattr(m, "inplace", False) for m in module.modules())


@torch.no_grad()
def test_a_network_that_reuses_its_relu():
    module, x = Reuses().double(), torch.randn(50, 6, generator=generator(0, "test"), dtype=torch.float64)
    changed = separate_activations(module)
    assert torch.equal(changed(x), module(x))
    apart(changed, x)
    assert {"relu", "relu_2", "relu_3"} <= dict(changed.named_modules()).keys()
    assert module.relu.inplace  # the original is left as it was
    assert changed.a.weight.data_ptr() != module.a.weight.data_ptr()


def test_gradients_are_equal_too():
    module, x = Reuses().double(), torch.randn(4, 6, generator=generator(1, "test"), dtype=torch.float64)
    seen = []
    for net in (module, separate_activations(module)):
        v = x.clone().requires_grad_()
        net(v).square().sum().backward()
        seen.append(v.grad)
    assert torch.equal(*seen)


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_stays(mode: bool):
    assert separate_activations(Reuses().train(mode)).training == mode


@pytest.mark.parametrize("name", [n for n in PRETRAINED if n not in ("vgg11", "vit_b_16")])
@torch.no_grad()
def test_torchvision_s_networks_answer_as_before(name: str):
    module = PRETRAINED[name].build().eval()
    x = torch.randn(1, 3, 64, 64, generator=generator(0, "test"))
    changed = separate_activations(module)
    assert torch.equal(changed(x), module(x))
    apart(changed, x)


@torch.no_grad()
def test_a_vision_transformer_too():
    from torchvision.models import VisionTransformer

    module = VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=10).eval()
    nn.init.normal_(module.heads.head.weight, generator=generator(0, "test"))
    x = torch.randn(2, 3, 32, 32, generator=generator(1, "test"))
    changed = separate_activations(module)
    torch.testing.assert_close(changed(x), module(x), rtol=0, atol=0)
    apart(changed, x)


def test_a_trace_leaves_other_threads_alone():
    """fx changes nn.Module for the whole process while it traces: a network that another visitor runs must not notice."""
    module, wrong, done = Reuses(), [], threading.Event()
    x = torch.randn(4, 6)
    expected = module(x)

    def run() -> None:
        while not done.is_set():
            try:
                assert torch.equal(module(x), expected)
            except Exception as problem:
                wrong.append(problem)

    other = threading.Thread(target=run)
    other.start()
    for _ in range(30):
        graph_of(module)
    done.set()
    other.join()
    assert not wrong


# Finding and reading


def test_what_is_missing_says_what_to_do(empty: Path):
    found = available()
    assert [a.model.name for a in found] == list(PRETRAINED)
    for a in found:
        assert a.path is None
        assert f"{a.model.megabytes} MB" in a.words
        assert f"{a.model.name}.pt" in a.words
    with pytest.raises(ExplainerError, match="ResNet-18 are not on this computer"):
        load("resnet18")
    with pytest.raises(ExplainerError, match="choose resnet18"):
        load_pretrained("resnet1000")


@pytest.mark.parametrize("suffix", ["pt", "pth", "safetensors"])
def test_a_folder_of_state_dicts(empty: Path, suffix: str):
    weights, path = state(), empty / f"{SMALL}.{suffix}"
    half = {k: v.half() for k, v in weights.items()}
    save_file(half, path) if suffix == "safetensors" else torch.save(half, path)
    assert {a.model.name: a.path for a in available()}[SMALL] == path
    module = load(SMALL)
    assert not module.training
    reference = PRETRAINED[SMALL].build().eval()
    reference.load_state_dict({k: v.float() for k, v in half.items()})
    x = torch.randn(1, 3, 64, 64, generator=generator(2, "test"))
    with torch.no_grad():
        assert torch.equal(module(x), reference(x))
    assert {type(m) for m in plain(SMALL).modules()} == {type(m) for m in reference.modules()}


def test_files_that_are_something_else_are_refused(empty: Path):
    path = empty / f"{SMALL}.pt"
    for content in (nn.Linear(2, 2), [1, 2]):  # a whole module is a program: weights_only refuses it
        torch.save(content, path)
        with pytest.raises(ExplainerError, match="state_dict"):
            load(SMALL)
    path.write_bytes(b"not weights")
    with pytest.raises(ExplainerError, match="damaged or holds more than weights"):
        load(SMALL)
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(ExplainerError, match="weights of another network"):
        load(SMALL)
    (empty / "x.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(ExplainerError, match="damaged"):
        read_state(empty / "x.safetensors")


def test_densenet_s_old_names():
    old = {"features.denseblock1.denselayer2.norm.1.weight": torch.zeros(1), "features.norm5.weight": torch.zeros(1)}
    assert set(_renamed(old)) == {"features.denseblock1.denselayer2.norm1.weight", "features.norm5.weight"}


# Download


@pytest.fixture
def hosted(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SqueezeNet's weights at an address of their own, with the hash in their name, as torchvision hosts them."""
    torch.save(state(), tmp_path / "w.pth")
    content = (tmp_path / "w.pth").read_bytes()
    path = tmp_path / f"squeezenet1_1-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    path.write_bytes(content)
    monkeypatch.setattr(Pretrained, "url", property(lambda self: path.as_uri()))
    return path


def test_a_download_reports_and_is_kept(hosted: Path):
    seen: list[tuple[int, int]] = []
    module = load_pretrained(SMALL, download=True, progress=lambda done, total: seen.append((done, total)))
    size = hosted.stat().st_size
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    hosted.unlink()
    again = load(SMALL)  # from the cache now
    assert all(torch.equal(p, q) for p, q in zip(module.parameters(), again.parameters(), strict=True))


def test_a_download_that_fails_leaves_nothing(hosted: Path, tmp_path: Path):
    hosted.write_bytes(hosted.read_bytes()[:-1])
    with pytest.raises(ExplainerError, match="arrived damaged"):
        fetch(PRETRAINED[SMALL], lambda done, total: None)
    hosted.unlink()
    with pytest.raises(ExplainerError, match="could not be downloaded"):
        load_pretrained(SMALL, download=True)
    assert list((tmp_path / "hub/checkpoints").iterdir()) == []


# Real weights


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1"])
def test_real_weights_name_real_photographs(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GLASSNET_WEIGHTS", str(sample("imagenet-weights")))
    model, module = PRETRAINED[name], load(name)
    for file, word in (("bird.jpg", "chickadee"), ("hot_dog.jpg", "hotdog")):
        with Image.open(sample("photos") / file) as image:
            pixels = fitted(fractions(np.asarray(image.convert("RGB"))), model.input_shape)
        with torch.inference_mode():
            answer = module(model.normalise(torch.from_numpy(pixels)[None])).argmax().item()
        assert model.classes[answer] == word
