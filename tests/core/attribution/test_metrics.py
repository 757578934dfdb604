"""Metrics against tiny cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from core.attribution import (
    METHODS,
    attribute,
    cascade,
    chance_iou,
    completeness_gap,
    deletion,
    heat,
    importance,
    infidelity,
    insertion,
    iou,
    pointing,
    sensitivity,
    spearman,
    ssim,
)
from core.attribution.metrics import Curve, places
from core.attribution.randomization import forgetting
from tests.core.attribution import nets

PICTURE = np.array([[[[1.0, 0.0], [2.0, 3.0]]]])


def weighted(*weights: float) -> nn.Module:
    """Two logits of a 2 x 2 picture: w . x and 0."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False)).double()
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([list(weights), [0.0] * 4]))
    return net


def sigmoid(z: float) -> float:
    return 1 / (1 + np.exp(-z))


def test_a_linear_network_is_forecast_without_fault() -> None:
    net, x = nets_linear_picture()
    for method in ("saliency", "input_x_gradient", "integrated_gradients", "smooth_grad", "deep_lift"):
        phi = attribute(net, x, 0, method)
        if method == "saliency":
            continue
        found = infidelity(net, x, 0, phi, method, size=3, patches=50)
        assert found.value == pytest.approx(0, abs=1e-12), method
        assert found.share == pytest.approx(0, abs=1e-12)


def nets_linear_picture() -> tuple[nn.Module, np.ndarray]:
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 2, bias=False)).double()
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        net[1].weight.normal_(generator=g)
    return net, torch.rand((1, 1, 6, 6), generator=g, dtype=torch.float64).numpy()


def test_infidelity_by_hand() -> None:
    """f = x1 + x2 + x3 + x4 at ones; single pixels are covered, each drop is 1. The map (1, 0, 0, 0) forecasts 1 or 0.

    With a share q of the patches on the first pixel: c = E[ab] / E[aa] = 1, and the rest is E[(a - b)^2] = 1 - q.
    """
    net, x = weighted(1, 1, 1, 1), np.ones((1, 1, 2, 2))
    phi = np.array([[[[1.0, 0.0], [0.0, 0.0]]]])
    found = infidelity(net, x, 0, phi, "input_x_gradient", size=1, patches=400)
    assert found.value == pytest.approx(0.75, abs=0.06)
    assert found.share == pytest.approx(found.value)
    assert infidelity(net, x, 0, 0 * phi, "input_x_gradient", size=1, patches=10).share == pytest.approx(1.0)
    twice = infidelity(net, x, 0, 2 * phi, "input_x_gradient", size=1, patches=400)
    assert twice.value == pytest.approx(found.value), "the size of the map does not count"


def test_infidelity_multiplies_slopes_by_what_changed() -> None:
    net, x = weighted(1, 2, 3, 4), PICTURE
    slopes = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert infidelity(net, x, 0, slopes, "smooth_grad", size=1, baseline=0.5).share == pytest.approx(0, abs=1e-12)
    assert infidelity(net, x, 0, slopes, "input_x_gradient", size=1, baseline=0.5).share > 0.05


def test_sensitivity_by_hand() -> None:
    """The map 2 x moves by 2 n: relative to |2 x| that is |n| / |x|, at most r sqrt(4) / |x|. A constant map does not move."""
    found = sensitivity(lambda x: 2 * x, PICTURE, radius=0.1, draws=40)
    bound = 0.1 * 3 * 2 / np.linalg.norm(PICTURE)
    assert 0.5 * bound < found <= bound
    assert sensitivity(lambda x: np.ones_like(x), PICTURE) == 0.0
    assert sensitivity(lambda x: 2 * x, PICTURE, seed=1) != sensitivity(lambda x: 2 * x, PICTURE, seed=2)


def test_the_gap_of_completeness() -> None:
    net, x = nets.OneUnit(), np.array([[2.0, 1.0]])
    assert completeness_gap(net, x, 0, np.array([[1.5, 0.75]]), "deep_lift") == pytest.approx(0.25)
    assert completeness_gap(net, x, 0, np.array([[1.5, 0.75]]), "lrp") == pytest.approx(0.25)
    assert completeness_gap(net, x, 0, np.array([[1.5, 0.75]]), "deep_lift", baseline=1.0) == pytest.approx(1.25)
    assert completeness_gap(net, x, 0, x, "saliency") is None
    assert {about.complete for about in METHODS.values()} == {"", "difference", "output"}


def test_deletion_and_insertion_by_hand() -> None:
    """Logits (x1 + 2 x2 + 3 x3 + 4 x4, 0) of (1, 0, 2, 3), in the order x4, x3, x1, x2."""
    net, ranking = weighted(1, 2, 3, 4), np.array([[2.0, 1.0], [3.0, 4.0]])
    out = deletion(net, PICTURE, 0, ranking, steps=4)
    np.testing.assert_allclose(out.shares, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(out.probability, [sigmoid(z) for z in (19, 7, 1, 0, 0)])
    into = insertion(net, PICTURE, 0, ranking, steps=4)
    np.testing.assert_allclose(into.probability, [sigmoid(z) for z in (0, 12, 18, 19, 19)])
    assert deletion(net, PICTURE, 0, -ranking, steps=4).area > out.area
    grey = insertion(net, PICTURE, 0, ranking, blank=1.0, steps=1)
    np.testing.assert_allclose(grey.probability, [sigmoid(10), sigmoid(19)])
    assert Curve(np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.5, 0.0])).area == 0.5


def test_places_with_ties_keep_the_reading_order() -> None:
    assert places(np.array([[1.0, 3.0], [3.0, 0.0]])).tolist() == [[2, 0], [1, 3]]


def test_pointing_and_iou_by_hand() -> None:
    mask = np.array([[1, 1, 0], [0, 0, 0]], bool)
    assert iou(np.array([[3.0, 2.0, 1.0], [0.0, 0.0, 0.0]]), mask) == 1.0
    assert iou(np.array([[3.0, 0.0, 2.0], [1.0, 0.0, 0.0]]), mask) == pytest.approx(1 / 3)
    assert iou(np.array([[0.0, 0.0, 2.0], [1.0, 0.0, 0.0]]), mask) == 0.0
    assert iou(np.ones((2, 3)), np.zeros((2, 3), bool)) == 0.0
    assert pointing(np.array([[0.0, 3.0, 2.0], [1.0, 0.0, 0.0]]), mask)
    assert not pointing(np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 0.0]]), mask)
    assert chance_iou(mask) == pytest.approx((1 / 3) / (2 - 1 / 3))


def test_chance_is_what_blind_maps_get() -> None:
    draw, mask = np.random.default_rng(0), np.zeros((40, 40), bool)
    mask[5:20, 5:20] = True
    blind = np.mean([iou(draw.random(mask.shape), mask) for _ in range(200)])
    assert blind == pytest.approx(chance_iou(mask), rel=0.03)


def test_heat_adds_the_channels_and_a_cam_is_one_map() -> None:
    phi = np.stack([np.full((2, 2), 1.0), np.full((2, 2), -3.0)])
    assert heat(phi, "lrp").tolist() == [[-2, -2]] * 2
    assert heat(phi, "grad_cam").tolist() == [[1, 1]] * 2
    assert importance(heat(phi, "lrp"), "positive").tolist() == [[0, 0]] * 2
    assert importance(heat(phi, "lrp"), "absolute").tolist() == [[2, 2]] * 2
    assert importance(heat(phi, "lrp"), "signed").tolist() == [[-2, -2]] * 2


def test_rank_correlation_is_scipy_s() -> None:
    draw = np.random.default_rng(2)
    a, b = draw.integers(0, 5, (6, 6)).astype(float), draw.random((6, 6))
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a.ravel(), b.ravel()).statistic)
    assert spearman(a, a) == pytest.approx(1.0)
    assert spearman(a, -a) == pytest.approx(-1.0)
    assert spearman(a, np.ones((6, 6))) == 0.0


def test_structural_similarity_of_one_window() -> None:
    """Equation 13 on a single window of 2 x 2, both maps divided by their largest value."""
    a, b = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 2.0], [0.0, 2.0]])
    ma, mb, va, vb, cov, c1, c2 = 0.25, 0.5, 3 / 16, 0.25, -0.125, 1e-4, 9e-4
    expected = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert ssim(a, b) == pytest.approx(expected)
    assert ssim(a, 5 * a) == pytest.approx(1.0)


def test_the_cascade_forgets_from_the_top_and_leaves_the_model_alone() -> None:
    net = nets.conv()
    before = {name: p.clone() for name, p in net.named_parameters()}
    seen = []
    for layer, forgetful in forgetting(net, seed=3):
        changed = [n for n, p in forgetful.named_parameters() if not torch.equal(p, before[n])]
        seen.append((layer, sorted({n.split(".")[0] for n in changed})))
    assert seen == [("", []), ("7", ["7"]), ("3", ["3", "7"]), ("0", ["0", "3", "7"])]
    assert all(torch.equal(p, before[name]) for name, p in net.named_parameters())


def test_the_likeness_in_the_cascade() -> None:
    net, x = nets.conv(), nets.pictures(1).numpy()
    stages = cascade(net, lambda m: heat(attribute(m, x, 1, "input_x_gradient")[0], "input_x_gradient"), seed=5)
    again = cascade(net, lambda m: heat(attribute(m, x, 1, "input_x_gradient")[0], "input_x_gradient"), seed=5)
    assert [s.layer for s in stages] == ["", "7", "3", "0"]
    assert stages[0].rank == stages[0].rank_absolute == pytest.approx(1.0)
    assert stages[0].ssim == pytest.approx(1.0)
    assert [s.rank for s in stages] == [s.rank for s in again]
    assert stages[3].rank == pytest.approx(stats.spearmanr(stages[0].heat.ravel(), stages[3].heat.ravel()).statistic)
    assert abs(stages[3].rank) < 0.6
    constant = cascade(net, lambda m: x[0, 0])
    assert all(s.rank == pytest.approx(1.0) for s in constant), "a map of the picture alone forgets nothing"
