"""The plane through the paths against torch's SVD and planes known beforehand; the losses on it against torch's net."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.errors import ExplainerError
from core.network_race.landscape import Landscape, borders, fit_plane, landscape
from core.training.networks import NetworkSpec, train
from core.training.optimizers import Racer
from tests.core.training.test_networks import torch_loss, torch_net

SPEC = NetworkSpec("moons", (Racer("adam", lr=0.01), Racer("sgd", lr=0.2), Racer("momentum", lr=0.05)), steps=80)
ALL = np.ones(3, dtype=bool)


@pytest.fixture(scope="module")
def paths() -> np.ndarray:
    *_, last = train(SPEC)
    return last.arrays["paths"]


@pytest.fixture(scope="module")
def land(paths: np.ndarray) -> Landscape:
    return landscape(SPEC, paths, ALL)


def loss_at(theta: np.ndarray, spec: NetworkSpec = SPEC) -> float:
    net, data = spec.set_up()
    return torch_loss(net, torch_net(net, theta), data.X_train, data.y_train).item()


@pytest.mark.parametrize("shape", [(3, 5, 40), (3, 30, 40), (1, 2, 7), (4, 10, 40)])  # fewer, more, as many places as P
def test_the_plane_equals_the_singular_value_decomposition(shape: tuple[int, int, int]) -> None:
    paths = np.random.default_rng(0).normal(size=shape) @ np.diag(np.linspace(3, 1, shape[-1])) + 5.0
    plane = fit_plane(paths)
    places = torch.tensor(paths.reshape(-1, shape[-1]))
    _, S, Vt = torch.linalg.svd(places - places.mean(0), full_matrices=False)
    np.testing.assert_allclose(plane.centre, places.mean(0), rtol=1e-13)
    np.testing.assert_allclose(plane.explained, (S**2 / (S**2).sum())[:2], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(plane.directions @ plane.directions.T, np.eye(2), atol=1e-12)
    shown = 2 if S[1] > 1e-9 else 1  # two places have one direction only
    np.testing.assert_allclose(np.abs(np.vecdot(plane.directions, Vt[:2].numpy()))[:shown], 1.0, rtol=1e-9)
    assert (plane.directions[[0, 1], np.abs(plane.directions).argmax(1)] > 0).all()


def test_paths_in_a_plane_are_shown_as_they_are() -> None:
    g = np.random.default_rng(1)
    axes = np.linalg.qr(g.normal(size=(50, 2)))[0].T
    flat = g.normal(size=(4, 9, 2)) * (3.0, 1.0)
    plane = fit_plane(flat @ axes + 2.0)
    on_plane = plane.project(flat @ axes + 2.0)
    np.testing.assert_allclose(plane.explained.sum(), 1.0)
    np.testing.assert_allclose(plane.lift(on_plane), flat @ axes + 2.0, atol=1e-12)
    lengths = np.linalg.norm(np.diff(flat, axis=1), axis=-1)
    np.testing.assert_allclose(np.linalg.norm(np.diff(on_plane, axis=1), axis=-1), lengths, rtol=1e-10)


def test_racers_that_do_not_move_or_move_along_a_line_still_have_a_plane() -> None:
    still = fit_plane(np.ones((2, 3, 10)))
    assert still.explained.tolist() == [0.0, 0.0]
    line = fit_plane(np.arange(12.0).reshape(1, 12, 1) * np.ones(40))
    np.testing.assert_allclose(line.explained, [1.0, 0.0], atol=1e-12)
    for plane in (still, line):
        np.testing.assert_allclose(plane.directions @ plane.directions.T, np.eye(2), atol=1e-12)


def test_the_surface_is_the_loss_at_the_lifted_places(land: Landscape) -> None:
    assert land.surface.shape == (31, 31)
    for i, j in ((0, 0), (0, 30), (30, 0), (12, 21)):
        theta = land.plane.centre + land.x[i] * land.plane.directions[0] + land.y[j] * land.plane.directions[1]
        np.testing.assert_allclose(land.surface[j, i], loss_at(theta), rtol=1e-10)


def test_losses_and_distances_along_the_paths(land: Landscape, paths: np.ndarray) -> None:
    for racer, point in ((0, 0), (0, 60), (1, 40), (2, 59)):
        theta = paths[racer, point]
        d = land.plane.directions
        x = d @ (theta - land.plane.centre)
        shadow = land.plane.centre + x[0] * d[0] + x[1] * d[1]
        np.testing.assert_allclose(land.paths[racer, point], x, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(land.loss[racer, point], loss_at(theta), rtol=1e-10)
        np.testing.assert_allclose(land.projected_loss[racer, point], loss_at(shadow), rtol=1e-10)
        error = loss_at(theta) - loss_at(shadow)
        np.testing.assert_allclose(land.off_plane_error[racer, point], error, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(land.distance[racer, point], np.linalg.norm(theta - shadow), rtol=1e-10)


def test_variance_and_distances_tell_the_same(land: Landscape, paths: np.ndarray) -> None:
    """Pythagoras: what the two directions do not explain is the mean squared distance from the plane."""
    total = ((paths - land.plane.centre) ** 2).sum()
    np.testing.assert_allclose((land.distance**2).sum() / total, 1.0 - land.plane.explained.sum(), rtol=1e-8)


def test_the_map_holds_all_paths_and_a_margin(land: Landscape) -> None:
    for axis, side in enumerate((land.x, land.y)):
        extent = np.ptp(land.paths[..., axis])
        np.testing.assert_allclose(np.diff(side), np.diff(side)[0])
        assert side[0] <= land.paths[..., axis].min() - 0.149 * extent
        assert side[-1] >= land.paths[..., axis].max() + 0.149 * extent


def test_a_narrow_map_is_widened() -> None:
    places = np.zeros((1, 3, 2))
    places[0, :, 0] = (-1.0, 0.0, 1.0)
    x, y = borders(places, 3)
    np.testing.assert_allclose(x, [-1.3, 0.0, 1.3])
    np.testing.assert_allclose(y, [-0.26, 0.0, 0.26])
    assert (np.diff(borders(np.zeros((1, 3, 2)), 3)) > 0).all()


def test_a_diverged_racer_neither_shapes_the_plane_nor_blanks_the_map(land: Landscape, paths: np.ndarray) -> None:
    wild = paths.copy()
    wild[1] *= 1e5
    seen = landscape(SPEC, wild, np.array([True, False, True]))
    alone = landscape(SPEC, paths[[0, 2]], ALL[:2])
    np.testing.assert_array_equal(seen.surface, alone.surface)
    np.testing.assert_array_equal(seen.paths[[0, 2]], alone.paths)
    assert np.isfinite(seen.surface).all()
    assert np.isfinite(seen.loss).all()
    none = landscape(SPEC, paths, ~ALL)
    np.testing.assert_array_equal(none.surface, land.surface)


def test_a_grid_that_is_too_large() -> None:
    with pytest.raises(ExplainerError, match="grid of 500 x 500 places: n is outside 2 to 101; try 31"):
        landscape(SPEC, np.zeros((3, 2, 354)), ALL, 500)
