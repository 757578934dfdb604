"""Divergences, distances, places and the best D against closed forms and other libraries; data and points."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as kl_of
from scipy.stats import wasserstein_distance

from core.data.tables import read_csv
from core.errors import ExplainerError
from core.gan_lab.compute import LOOK, entropy, ranked, run_of, variety
from core.gan_lab.data import EDGE, SOURCES, farthest, own
from core.gan_lab.maps import best, exact, family, grid_loss, outputs, sheet, star_of, understood
from core.gan_lab.measures import BLUR, LINE, covered, density, js, kl, sliced, visits
from core.gan_lab.points import decode, encode, from_table
from core.gan_lab.spec import GanSpec


@pytest.fixture
def g() -> np.random.Generator:
    return np.random.default_rng(3)


def test_one_point_is_a_gaussian_bump_on_the_grid() -> None:
    p = density(np.array([[0.5, -1.0]]))
    y, x = np.unravel_index(p.argmax(), p.shape)
    assert (LINE[x], LINE[y]) == pytest.approx((0.5, -1.0))
    assert p.sum() == pytest.approx(1.0)
    assert p[y, x + 1] / p[y, x] == pytest.approx(np.exp(-(0.1**2) / (2 * BLUR**2)))
    many = density(np.array([[0.5, -1.0]] * 300 + [[9.0, 0.0]] * 100))
    assert many[20, -1] > many[20, -2] > 0  # what lies beyond the map counts at its edge


def test_divergences_are_scipy_s(g: np.random.Generator) -> None:
    p, q = (density(g.standard_normal((50, 2))) for _ in range(2))
    assert kl(p, q) == pytest.approx(kl_of(p.ravel(), q.ravel()), rel=1e-12)
    assert js(p, q) == pytest.approx(jensenshannon(p.ravel(), q.ravel()) ** 2, rel=1e-10)
    assert entropy(p) == pytest.approx(kl_of(p.ravel()), rel=1e-12)
    apart = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert js(*apart) == pytest.approx(np.log(2))
    assert js(p, p) == kl(p, p) == 0
    assert kl(*apart) == pytest.approx(300 * np.log(10))  # stays finite
    assert variety(p, p) == 1
    assert variety(np.full((2, 2), 0.25), np.array([[1.0, 0.0], [0.0, 0.0]])) == pytest.approx(4)


def test_wasserstein_distances(g: np.random.Generator) -> None:
    X, Y = g.standard_normal((6, 2)), g.standard_normal((6, 2)) + 1
    paths = [
        np.mean([np.linalg.norm(X[i] - Y[j]) for i, j in enumerate(order)])
        for order in itertools.permutations(range(6))
    ]
    assert exact(X, Y) == pytest.approx(min(paths), rel=1e-12)
    directions = [np.array([np.cos(a), np.sin(a)]) for a in np.pi * np.arange(32) / 32]
    assert sliced(X, Y) == pytest.approx(np.mean([wasserstein_distance(X @ u, Y @ u) for u in directions]), rel=1e-12)
    shift = np.array([0.3, -0.4])
    assert exact(X, X + shift) == pytest.approx(0.5)
    assert sliced(X, X) == exact(X, X) == 0
    assert sliced(X, Y) <= exact(X, Y)


def test_visits_count_for_the_nearest_place_within_reach() -> None:
    places = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    X = np.array([[0.1, 0.0], [0.4, 0.0], [0.8, 0.0], [1.25, 0.0], [2.0, 0.0]])
    assert visits(X, places, 0.25).tolist() == [1, 2, 0]  # 0.25 away still counts
    assert covered(np.array([3, 1, 0, 4]), 16) == 3  # a quarter of 4 is 1
    assert covered(np.array([3, 0, 0, 4]), 16) == 2


def test_ranked_is_the_area_under_the_curve(g: np.random.Generator) -> None:
    from sklearn.metrics import roc_auc_score

    r, f = g.standard_normal(40).round(1), g.standard_normal(60).round(1)
    assert ranked(r, f) == pytest.approx(roc_auc_score([1] * 40 + [0] * 60, np.append(r, f)), rel=1e-12)
    assert ranked(np.zeros(3), np.zeros(4)) == 0.5


@pytest.mark.parametrize(("loss", "target"), [("nonsat", 1.0), ("minimax", 0.8), ("least", 0.9), ("hinge", 1.0)])
def test_no_answer_is_better_than_the_best_d(g: np.random.Generator, loss: str, target: float) -> None:
    spec = GanSpec(loss=loss, target=target)
    p, q = (density(g.standard_normal((30, 2)) * 0.4 + c) for c in (0.0, 0.5))
    star = star_of(family(loss), p, q, target)
    with np.errstate(divide="ignore"):  # where p swallows q, D* is 1
        Z = np.clip(np.log(star) - np.log1p(-star), -700, 700) if family(loss) == "log" else star
    least = grid_loss(spec, Z, p, q)
    for _ in range(5):
        assert grid_loss(spec, Z + 0.3 * g.standard_normal(Z.shape), p, q) >= least
    np.testing.assert_allclose(understood(loss, Z), star, atol=1e-12)
    if loss == "nonsat":
        assert least == pytest.approx(2 * np.log(2) - 2 * js(p, q), rel=1e-12)


def test_the_best_d_where_one_density_is_empty() -> None:
    p, q = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 1.0, 0.0]])
    np.testing.assert_allclose(star_of("log", p, q, 0.9), [[0.9, 0.0, 0.5]])
    np.testing.assert_allclose(star_of("hinge", p, q, 1.0), [[1.0, -1.0, 0.0]])


def test_d_alone_comes_close_to_the_best_d() -> None:
    run = run_of(GanSpec(data="gaussians", g_steps=0, rounds=400, lens="best"))
    first, last = (best(run, frame) for frame in (0, len(run.rounds) - 1))
    assert last.gap < 0.1 < 0.4 < first.gap
    assert last.least <= last.cost < first.cost
    assert last.least == pytest.approx(2 * np.log(2) - 2 * last.js, abs=1e-9)
    np.testing.assert_array_equal(run.fakes[0], run.fakes[-1])  # G stayed as it was


def test_a_critic_has_no_best_d_and_is_shown_around_its_middle() -> None:
    run = run_of(GanSpec(loss="wgan_gp", rounds=5))
    assert best(run, 0) is None
    shown = understood("wgan_gp", outputs(run))
    np.testing.assert_allclose(shown.max((1, 2)), 1)
    np.testing.assert_allclose(shown.min((1, 2)), -1)


@pytest.mark.parametrize("noise", ["normal2", "uniform2", "normal1", "uniform1"])
def test_the_sheet_is_g_of_an_even_grid(noise: str) -> None:
    spec = GanSpec(noise=noise, layers=1, g_units=2)
    size, reach = int(noise[-1]), 1.0 if noise.startswith("uniform") else 2.2
    theta = np.concatenate(
        [np.eye(size, 2).ravel(), [50.0, 50.0], np.eye(2).ravel(), [-50.0, -50.0]]
    )  # z itself, shifted past the bend
    lines = sheet(spec, theta)
    assert len(lines) == size
    for k, line in enumerate(lines):
        known = line[~np.isnan(line[:, 0])]
        first = known[: 23 if size == 2 else None]
        assert np.ptp(first[:, k if size == 1 else 1 - k]) == pytest.approx(2 * reach)
        assert np.isnan(line[:, 0]).sum() == (11 if size == 2 else 1)


@pytest.mark.parametrize("name", list(SOURCES))
def test_real_points_lie_on_the_map_and_reach_every_place(g: np.random.Generator, name: str) -> None:
    source = SOURCES[name]
    X = source.draw(g, 4000)
    assert np.abs(X).max() < EDGE
    counts = visits(X, source.places, source.reach)
    assert covered(counts, len(X)) == len(source.places)
    assert counts.sum() > 0.9 * len(X)


def test_points_of_one_s_own(g: np.random.Generator) -> None:
    X = g.uniform(-1.8, 1.8, (30, 2))
    np.testing.assert_allclose(decode(encode(X)), X, atol=4 / 4095)
    np.testing.assert_allclose(decode(encode(np.array([[9.0, -9.0]]))), [[2.0, -2.0]])
    source = own(X)
    assert len(source.places) == 8
    assert visits(X, source.places, source.reach).sum() == 30
    places, reach = farthest(np.zeros((9, 2)), 8)  # all in one place
    assert (len(places), reach) == (1, 0.1)
    with pytest.raises(ExplainerError, match="damaged"):
        decode("abc")
    with pytest.raises(ExplainerError, match="at most 400"):
        decode("AAAA" * 401)
    with pytest.raises(ExplainerError, match="at least 8"):
        run_of(GanSpec(data="own", points="AAAA" * 7))
    run = run_of(GanSpec(data="own", points=encode(X), rounds=3))
    assert run.fakes.shape[1:] == (LOOK, 2)


def test_a_table_s_columns_as_points() -> None:
    rows = "\n".join(f"{k},{100 - 2 * k},w{k}" for k in range(12))
    table = read_csv(f"a,b,c\n{rows}\n,5,w\n".encode())
    settings, notes = from_table(table, "a", "b", 0)
    X = decode(settings["points"])
    np.testing.assert_allclose(X[[0, -1]], [[-1.6, 1.6], [1.6, -1.6]], atol=1e-3)
    assert len(X) == 12
    assert "a and y is b" in notes[-1]
    with pytest.raises(ExplainerError, match="holds words"):
        from_table(table, "a", "c", 0)
    with pytest.raises(ExplainerError, match="at least 8"):
        from_table(read_csv(b"a,b\n1,2\n3,4\n5,6\n7,8\n"), "a", "b", 0)
    with pytest.raises(ExplainerError, match="same point"):
        from_table(read_csv(("a,b\n" + "1,2\n" * 9).encode()), "a", "b", 0)
    many = read_csv(("a,b\n" + "\n".join(f"{k},{k % 7}" for k in range(500))).encode())
    settings, notes = from_table(many, "a", "b", 0)
    assert len(decode(settings["points"])) == 400
    assert "400 of the 500" in notes[0]
