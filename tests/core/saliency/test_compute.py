"""The page's networks, pictures, maps and marks, held against direct computation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attribution import METHODS, attribute, chance_iou, completeness_gap, iou
from core.errors import ExplainerError
from core.saliency.compute import (
    checked,
    depth,
    flat,
    layer_names,
    map_of,
    numbers,
    probabilities,
    score,
    target_of,
    trust,
    view_of,
)
from core.saliency.scene import SCRIPTED, blank, blurred, codes_of, inputs, network, scene_of, weighted
from core.saliency.spec import OF_METHOD, SMALL, SaliencySpec, settings_of
from models import MODELS, load

DIGIT = {"network": "lenet5-mnist", "baseline": "black"}


def spec_of(**settings: object) -> SaliencySpec:
    return SaliencySpec(**{**DIGIT, **settings})


@pytest.mark.parametrize("name", SCRIPTED)
def test_seven_bits_change_no_answer(name: str) -> None:
    scenes = [scene_of(SaliencySpec(network=name, picture=n)) for n in range(24)]
    x = torch.as_tensor(np.concatenate([inputs(scene) for scene in scenes]))
    with torch.no_grad():
        full, seven = load(name)(x), network(name)(x)
    assert torch.equal(full.argmax(1), seven.argmax(1))
    for layer in weighted(network(name)).values():
        codes, step = codes_of(layer)
        assert torch.equal(codes, codes.round())
        assert float(codes.abs().max()) == 63
        assert torch.equal((codes.double() * step.double()).float(), layer.weight.detach())
        assert torch.equal((codes * step).double(), codes.double() * step.double()), "the product must be exact"


@pytest.mark.parametrize("name", SCRIPTED)
def test_a_scripted_network_is_one_chain(name: str) -> None:
    x = torch.as_tensor(inputs(scene_of(SaliencySpec(network=name))))
    net = network(name)
    with torch.no_grad():
        assert torch.equal(flat(net)(x), net(x))
    last = layer_names(name)[-1]
    assert flat(net)[depth(net, last) - 1] is net.get_submodule(last)


def test_planted_pictures_lie_under_their_masks() -> None:
    """Inside and outside of a mask differ by at least 0.2 in colour, as they were drawn."""
    for n in range(6):
        scene = scene_of(SaliencySpec(picture=n))
        mask, picture = scene.truth(), scene.picture()
        inside, outside = picture[:, mask].mean(1), picture[:, ~mask].mean(1)
        assert abs(inside - outside).min() > 0.2
        assert scene.label in MODELS["smallcnn-shapes"].classes
    assert scene_of(spec_of()).truth() is None


def test_the_picture_is_normalised_and_so_are_the_baselines() -> None:
    scene, model = scene_of(SaliencySpec()), MODELS["smallcnn-shapes"]
    back = model.restore_colours(torch.as_tensor(inputs(scene, torch.float64)))[0].numpy()
    np.testing.assert_allclose(back, scene.picture(), atol=1e-12)
    for baseline, value in {"grey": 0.5, "black": 0.0, "white": 1.0, "mean": scene.picture().mean((1, 2))}.items():
        b = model.restore_colours(torch.as_tensor(blank(scene, baseline, torch.float64)))[0].numpy()
        np.testing.assert_allclose(b, np.broadcast_to(np.reshape(value, (-1, 1, 1)), b.shape), atol=1e-12)


def test_blurring_by_hand() -> None:
    picture = torch.zeros(1, 1, 12, 12, dtype=torch.float64)
    picture[0, 0, 6, 6] = 25.0
    found = blurred(picture)  # windows of 5 x 5
    assert found.shape == picture.shape
    assert float(found[0, 0, 6, 6]) == pytest.approx(1.0)
    assert float(found[0, 0, 6, 3]) == pytest.approx(0.0)
    assert float(found.sum()) == pytest.approx(25.0)


def test_your_own_picture_is_fitted() -> None:
    own = np.zeros((20, 40, 3), np.uint8)
    own[:, 10:30] = [255, 0, 0]
    scene = scene_of(SaliencySpec(network="resnet20-cifar10"), own)
    assert scene.shape == (3, 32, 32)
    assert scene.truth() is None
    np.testing.assert_allclose(scene.picture()[0], 1.0)
    np.testing.assert_allclose(scene.picture()[1:], 0.0)
    assert scene_of(spec_of(), own).shape == (1, 28, 28)


def test_class_and_layer_by_name() -> None:
    scene = scene_of(spec_of())
    assert target_of(spec_of(), scene) == int(np.argmax(probabilities(scene)))
    assert target_of(spec_of(target="3"), scene) == 3
    assert view_of(spec_of()).layer == "pool2"
    assert view_of(spec_of(layer="act1")).layer == "act1"
    assert probabilities(scene).sum() == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(ExplainerError, match="class 'circle' is unknown to this network; choose 0, 1"):
        view_of(spec_of(target="circle"))
    with pytest.raises(ExplainerError, match="layer 'dense1' is unknown to this network; choose act1, act2 or pool2"):
        view_of(spec_of(layer="dense1"))


@pytest.mark.parametrize("name", SMALL)
def test_every_method_follows_every_network(name: str) -> None:
    view = view_of(SaliencySpec(network=name, baseline="grey"))
    for method in METHODS:
        made = map_of(view.scene, view.target, method, view.layer if METHODS[method].needs_layer else "", "grey",
                      (("samples", 10),) if method in ("kernel_shap", "lime") else ())  # fmt: skip
        assert made.attribution.shape == view.scene.shape
        assert made.heat.shape == view.scene.shape[1:]
        assert np.isfinite(made.attribution).all()
        assert np.abs(made.heat).max() > 0


def test_the_chosen_method_takes_the_page_s_parameters_and_the_others_their_own() -> None:
    spec = spec_of(method="integrated_gradients", steps=3, samples=7)
    assert settings_of(spec, "integrated_gradients") == (("rule", "gauss"), ("steps", 3))
    assert settings_of(spec, "smooth_grad") == ()
    assert {m: set(fields) for m, fields in OF_METHOD.items()} == {
        m: set(a.params) for m, a in METHODS.items() if a.params
    }
    view = view_of(spec)
    direct = attribute(
        network(spec.network), inputs(view.scene), view.target, "integrated_gradients",
        baseline=blank(view.scene, "black"), steps=3,
    )  # fmt: skip
    np.testing.assert_array_equal(view.map("integrated_gradients").attribution, direct[0])


def test_defaults_of_the_page_are_those_of_the_methods() -> None:
    spec = SaliencySpec()
    for method, fields in OF_METHOD.items():
        for name, field in fields.items():
            assert getattr(spec, field) == METHODS[method].params[name].default, (method, name)


@pytest.mark.parametrize("settings", [{}, {"layer": "act1", "baseline": "blur", "target": "2"}])
def test_captum_and_the_formulas_written_out_agree(settings: dict) -> None:
    spec = spec_of(**settings)
    for name, (captum_s, by_hand) in checked(spec).items():
        np.testing.assert_allclose(
            captum_s, by_hand, atol=1e-7 if name == "integrated_gradients" else 1e-12, err_msg=name
        )
    found = numbers(spec)
    assert found["integrated_gradients sum"] == pytest.approx(checked(spec)["integrated_gradients"][0].sum(), abs=1e-6)
    with torch.no_grad():
        logits = network(spec.network)(torch.as_tensor(inputs(scene_of(spec))))[0]
    assert found["logit"] == pytest.approx(float(logits[view_of(spec).target]), abs=1e-4)


def test_grad_cam_and_integrated_gradients_find_the_planted_shape() -> None:
    """Over eight pictures the mean IoU is at least five times that of a blind guess."""
    views = [view_of(SaliencySpec(picture=n, sign="absolute")) for n in range(8)]
    chance = np.mean([chance_iou(v.scene.truth()) for v in views])
    for method in ("grad_cam", "integrated_gradients"):
        mean = np.mean([iou(v.ranking(method), v.scene.truth()) for v in views])
        assert mean > 5 * chance, (method, mean, chance)


def test_a_good_order_beats_a_blind_one() -> None:
    found = trust(
        view_of(SaliencySpec(picture=9, method="integrated_gradients", baseline="blur")), "integrated_gradients"
    )
    assert found.deletion.area < found.blind_deletion.area - 0.2
    assert found.insertion.area > found.blind_insertion.area + 0.2
    assert abs(found.gap) < 0.1
    assert 0 < found.infidelity.share < 1
    assert found.deletion.probability[0] == pytest.approx(found.insertion.probability[-1])


def test_the_score_gives_a_row_for_every_picture_and_a_mark_for_every_method() -> None:
    snapshots = list(score(spec_of(count=2, picture=95)))
    assert [(s.step, s.total) for s in snapshots] == [(1, 2), (2, 2)]
    arrays = snapshots[-1].arrays
    assert all(marks.shape == (2, len(METHODS)) for marks in arrays.values())
    assert np.isnan(arrays["iou"]).all(), "nobody knows where to look on a digit"
    second = view_of(spec_of(picture=0))
    ranking = second.ranking("saliency")
    from core.attribution import deletion

    direct = deletion(
        network("lenet5-mnist"),
        inputs(second.scene),
        second.target,
        ranking,
        blank=blank(second.scene, "black"),
        steps=16,
    )
    assert arrays["deletion"][1, 0] == pytest.approx(direct.area)


@pytest.mark.parametrize("name", SMALL)
def test_deep_lift_adds_up_on_every_network(name: str) -> None:
    view = view_of(SaliencySpec(network=name, baseline="mean"))
    made = view.map("deep_lift").attribution[None]
    b = blank(view.scene, "mean")
    gap = completeness_gap(network(name), inputs(view.scene), view.target, made, "deep_lift", baseline=b)
    assert abs(gap) < 1e-3
