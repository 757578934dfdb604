"""Concept directions against a network that is built to use one map for one class; patches against a search by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.conv_lab.concepts import CONCEPTS, RIDGE, derivatives, direction, score, told_apart
from core.conv_lab.patches import top_patches
from core.convolution.flow import Reach, reaches
from core.errors import ExplainerError
from models import MODELS
from tests.core.conv_lab.nets import Pooled, pictures


def planted() -> tuple[np.ndarray, np.ndarray]:
    """40 vectors of five means; the concept adds to number 3."""
    h, has = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 2 == 0
    h[has, 3] += 6.0
    return h, has


def test_the_direction_is_ridge_regression_and_points_to_the_concept() -> None:
    h, has = planted()
    v = direction(h, has)
    centred, t = h - h.mean(0), np.where(has, 1.0, -1.0)
    extended = np.vstack([centred, np.sqrt(RIDGE * (centred**2).sum() / 5) * np.eye(5)])  # least squares with a penalty
    expected = np.linalg.lstsq(extended, np.concatenate([t - t.mean(), np.zeros(5)]), rcond=None)[0]
    np.testing.assert_allclose(v, expected / np.linalg.norm(expected), rtol=1e-9)
    assert v.argmax() == 3
    assert v[3] > 0.9
    assert told_apart(v, h, has) == 1.0


def test_the_derivative_is_the_change_of_the_logit_along_the_direction() -> None:
    net, x = Pooled(), pictures()
    v = np.array([0.5, -0.5, 0.1, 0.7])
    S = derivatives(net, "relu", x, 2, v)
    step, before = 1e-5, net(x)[:, 2]
    moved = net.classifier(net.relu(net.conv(x)).add(step * torch.as_tensor(v)[:, None, None]).mean(dim=(2, 3)))[:, 2]
    np.testing.assert_allclose(S, ((moved - before) / step).detach(), rtol=1e-6)
    np.testing.assert_allclose(S, np.full(6, float(net.classifier.weight[2].detach() @ torch.as_tensor(v))), rtol=1e-9)


def test_the_score_is_one_for_a_class_that_the_map_drives_and_none_for_its_negative() -> None:
    net, x = Pooled(), pictures()
    with torch.no_grad():
        net.classifier.weight[:] = 0
        net.classifier.weight[0, 3], net.classifier.weight[1, 3] = 1.0, -1.0
    v = np.array([0.0, 0.0, 0.0, 1.0])
    assert [score(derivatives(net, "relu", x, k, v)) for k in range(3)] == [1.0, 0.0, 0.0]
    assert np.isnan(score(np.empty(0)))


def test_directions_need_both_kinds_and_alike_pictures_have_none() -> None:
    h, _ = planted()
    for has in (np.ones(40, bool), np.zeros(40, bool)):
        with pytest.raises(ExplainerError, match="some of each"):
            direction(h, has)
    assert not direction(np.ones((4, 3)), np.array([True, False, True, False])).any()


@pytest.mark.parametrize("name", CONCEPTS)
def test_a_planted_concept_changes_every_picture_within_the_range(name: str) -> None:
    x = pictures(3, 3, 16).float().numpy()
    found = CONCEPTS[name](x)
    assert found.shape == x.shape
    assert found.dtype == x.dtype
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.abs(found - x).mean(axis=(1, 2, 3)).min() > 0.05


def test_stripes_are_six_pixels_wide() -> None:
    grey = np.full((1, 1, 24, 24), 0.5)
    row = CONCEPTS["stripes"](grey)[0, 0, 0]
    np.testing.assert_array_equal(row, np.tile([0.75] * 6 + [0.25] * 6, 2))


def test_patches_are_the_strongest_cells_one_a_picture() -> None:
    maps = np.random.default_rng(1).normal(size=(12, 5, 6))
    found = top_patches(maps, Reach(-2, 2, 2), (10, 12))
    by_hand = sorted(((maps[n].max(), n) for n in range(12)), reverse=True)[:9]
    assert found.values.tolist() == [value for value, _ in by_hand]
    assert found.pictures.tolist() == [n for _, n in by_hand]
    for n, (i, j), value in zip(found.pictures, found.cells, found.values, strict=True):
        assert maps[n, i, j] == value
    assert len(top_patches(maps[:2], Reach(-2, 2, 2), (10, 12)).values) == 2


def test_a_window_is_the_receptive_field_cut_at_the_edge() -> None:
    reach = Reach(-2, 2, 2)
    assert reach.window(0, 1, (10, 12)) == (0, 0, 3, 5)
    assert reach.window(4, 5, (10, 12)) == (6, 8, 10, 12)
    assert Reach(-1, 2, 2).window(1, 1, (10, 10)) == (1, 1, 5, 5)


def test_the_field_s_box_is_where_the_picture_matters() -> None:
    model = MODELS["lenet5-mnist"].build().double()
    x = torch.rand((1, 1, 28, 28), dtype=torch.float64, requires_grad=True)
    maps = model.conv2(model.pool1(model.conv1(x)))  # without ReLU, so that all paths are open
    slopes = sum(
        torch.autograd.grad(maps[0, c, 3, 5], x, retain_graph=True)[0].abs() for c in range(16)
    )  # max pooling picks; over many maps and its windows the picks differ, but never leave the box
    rows, columns = np.nonzero(slopes[0, 0].numpy())
    top, left, bottom, right = reaches(model)["conv2"].window(3, 5, (28, 28))
    assert top <= rows.min()
    assert rows.max() < bottom
    assert left <= columns.min()
    assert columns.max() < right
