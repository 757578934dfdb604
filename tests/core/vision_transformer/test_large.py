"""ViT-B/16 of torchvision under our names, where its weights are: against torchvision's own pass, and in every lens of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from torchvision.models.vision_transformer import VisionTransformer

from core import vision_transformer as page
from core.errors import ExplainerError
from core.plots.encode import figure_json
from core.rng import generator
from core.vision_transformer import compute, scene
from core.vision_transformer.spec import LENSES
from core.vision_transformer.spec import VisionTransformerSpec as Spec
from models import vits
from models.vits import Variant, of_torchvision


def randomised(module: torch.nn.Module, spread: float) -> torch.nn.Module:
    """Every weight drawn, so that none is 0 by accident."""
    g = generator(0, "test")
    with torch.no_grad():
        for values in module.parameters():
            values.normal_(0.0, spread, generator=g)
    return module.eval().requires_grad_(False)


def test_the_same_logits_and_maps_as_torchvision():
    """A small network of torchvision's build, all weights random, in float64."""
    theirs = randomised(VisionTransformer(32, 8, 3, 4, 24, 40, num_classes=7), 0.3).double()
    ours = of_torchvision(theirs)
    x = torch.randn(2, 3, 32, 32, generator=generator(1, "test"), dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-10, atol=1e-10)
    asked = []
    first = theirs.encoder.layers[0]
    first.self_attention.register_forward_hook(lambda m, given, out: asked.append(given[0]))
    theirs(x[:1])
    _, A = torch.nn.functional.multi_head_attention_forward(
        *[asked[0].transpose(0, 1)] * 3, 24, 4, first.self_attention.in_proj_weight, first.self_attention.in_proj_bias, None, None, False, 0.0,
        first.self_attention.out_proj.weight, first.self_attention.out_proj.bias, training=False, average_attn_weights=False,
    )  # fmt: skip
    np.testing.assert_allclose(compute.watched(ours, x[:1]).A[0], A[0], atol=1e-10)
    assert {m.eps for m in ours.modules() if isinstance(m, torch.nn.LayerNorm)} == {1e-6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the twelve layers, so that the file is small; 768 numbers a token, patches of 16 pixels, 1,000 classes as in ViT-B/16."""
    folder = tmp_path_factory.mktemp("weights")
    net = randomised(VisionTransformer(224, 16, 2, 12, 768, 64), 0.03)
    torch.save({name: values.half() for name, values in net.state_dict().items()}, folder / "vit_b_16.pt")
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GLASSNET_WEIGHTS", str(folder))
    known = torchvision.models.get_model
    monkeypatch.setattr(
        torchvision.models, "get_model", lambda name, weights=None: VisionTransformer(224, 16, 2, 12, 768, 64) if name == "vit_b_16" else known(name, weights=weights)
    )  # fmt: skip
    scene.network.cache_clear()
    yield
    scene.network.cache_clear()
    compute._seen_large.cache_clear()


@pytest.mark.parametrize("lens", [lens for lens in LENSES if lens not in ("training", "hunger")])
def test_every_lens_opens_on_a_photograph(here: None, lens: str):
    spec = Spec(data="photographs", lens=lens, picture=1, layer=0, head=3, query=100)
    assert page.missing(spec) == ""
    view = page.view_of(spec)
    assert view.seen.A.shape == (2, 12, 197, 197)
    assert view.seen.A.dtype == np.float32
    assert "torchvision reports 81.1% right answers" in page.about(view)
    for figure in (*page.pictures(view).values(), *page.look(view).figures.values()):
        assert len(figure_json(figure)) < 1_100_000
        assert len(figure.alt) > 30


def test_numbers_are_the_network_s(here: None):
    view = page.view_of(Spec(data="photographs"))
    net = scene.network(Variant("photographs", 14))
    with torch.no_grad():
        np.testing.assert_allclose(view.seen.logits, net(view.scene.inputs())[0], rtol=1e-4, atol=1e-5)
    assert view.classes[0] == "tench"
    assert len(view.classes) == 1000
    fine = page.pictures(view)["heads"]
    side = page.draw.tile_side(224, 14)
    assert page.chosen_head(view, (side + 5, 2 * side + 10)) == {"layer": 1, "head": 2, "view": "attention"}
    assert np.asarray(fine.data[1]["z"]).shape[1] == 13 * side + 12 * max(1, side // 16)
    assert page.chosen_patch(view, (17, 40))["query"] == 14 + 2
    with pytest.raises(ExplainerError, match="choose digits or shapes"):
        page.script(Spec(data="photographs"))


def test_another_network_s_file_is_refused(here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    torch.save({"a": torch.zeros(1)}, tmp_path / "vit_b_16.pt")
    monkeypatch.setenv("GLASSNET_WEIGHTS", str(tmp_path))
    with pytest.raises(ExplainerError, match="holds the weights of another network"):
        page.view_of(Spec(data="photographs"))


def test_without_the_weights_the_page_shows_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GLASSNET_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    spec = Spec(data="photographs", layer=11, query=190)
    assert "put vit_b_16.pt into the folder named in GLASSNET_WEIGHTS" in page.missing(spec)
    assert page.resolved(spec).data == "digits"
    assert page.view_of(spec).variant == Variant("digits", 4)
    assert page.missing(Spec()) == ""


def test_no_such_network_without_positions():
    with pytest.raises(ExplainerError, match="switch them on"):
        Variant("photographs", 14, False)
    assert scene.variant_of(Spec(data="photographs", positions=False)).positions
    assert not any(variant.pictures.pretrained for variant in vits.VARIANTS)
