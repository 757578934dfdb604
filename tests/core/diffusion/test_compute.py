"""What the page measures, against sums written out, closed forms and runs of its own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from core.diffusion import compute
from core.diffusion.compute import Study, by_net, exact, guided, trained
from core.diffusion.coupling import to_noise
from core.diffusion.measures import DIRECTIONS, bend, shadows, sliced
from core.diffusion.paths import Path
from core.diffusion.samplers import sample
from core.diffusion.spec import DiffusionSpec

SMALL = {"updates": 50, "width": 8}


@pytest.fixture(scope="module")
def learned() -> Study:
    return Study(DiffusionSpec(field="learned", **SMALL))


def test_sliced_distance_is_the_mean_over_directions() -> None:
    g = np.random.default_rng(0)
    X, Y = g.standard_normal((50, 2)), 2 * g.standard_normal((50, 2)) + 1
    pairs = [(np.sort(X @ u) - np.sort(Y @ u)) ** 2 for u in DIRECTIONS.T]
    assert sliced(X, shadows(Y)) == pytest.approx(np.sqrt(np.mean(pairs)), rel=1e-12)
    assert sliced(X, shadows(X[::-1])) == 0
    assert sliced(X, shadows(np.repeat(X, 3, axis=0))) == 0
    shift = np.array([0.3, -0.4])  # the mean over directions of (shift u)^2 is |shift|^2 / 2
    assert sliced(X, shadows(X + shift)) == pytest.approx(0.5 / np.sqrt(2), rel=1e-12)
    first = np.abs(np.sort(X @ DIRECTIONS[:, 3]) - np.sort(Y @ DIRECTIONS[:, 3])).mean()
    assert first == pytest.approx(wasserstein_distance(X @ DIRECTIONS[:, 3], Y @ DIRECTIONS[:, 3]), rel=1e-12)


def test_bend_is_1_for_lines_and_half_pi_for_half_circles() -> None:
    t = np.linspace(0, 1, 2001)[:, None, None]
    assert bend(t * np.array([[3.0, 1.0], [0.0, -2.0]])) == pytest.approx(1)
    assert bend(np.concatenate([np.cos(np.pi * t), np.sin(np.pi * t)], axis=2)) == pytest.approx(np.pi / 2, rel=1e-6)


def test_exact_predictor_splits_a_noisy_point() -> None:
    study = Study(DiffusionSpec())
    path, x = study.path(straight=False), study.noise("start", 7)
    x0, e = exact(study.target, path)(x, 0.4)
    np.testing.assert_allclose(path.a(0.4) * x0 + path.b(0.4) * e, x, rtol=1e-12)


@pytest.mark.parametrize("straight", [False, True])
def test_a_net_s_guess_and_noise_make_up_the_point(learned: Study, straight: bool) -> None:
    path, x = learned.path(straight), learned.noise("start", 7)
    x0, e = learned.field(straight, learned=True)(x, 0.4)
    np.testing.assert_allclose(path.a(0.4) * x0 + path.b(0.4) * e, x, rtol=1e-10, atol=1e-12)


def test_the_film_s_clouds_are_mixtures_at_their_times() -> None:
    study = Study(DiffusionSpec(steps=10))
    ways, path = study.forward_ways, Path("linear")
    np.testing.assert_allclose(ways[-1], study.data("data", compute.POINTS), rtol=1e-12)
    x0, e = study.data("data", compute.POINTS), study.noise("noise", compute.POINTS)
    np.testing.assert_allclose(ways[4], path.a(0.6) * x0 + path.b(0.6) * e, rtol=1e-12)
    assert study.ways.shape == ways.shape == (11, compute.POINTS, 2)


def test_realnvp_s_film_ends_where_its_layers_say() -> None:
    study = Study(DiffusionSpec(method="coupling", **SMALL))
    lesson = study.lesson("coupling")
    ways, _ = to_noise(study.net("coupling").theta, compute.sizes_of(lesson), study.ways[-1])
    np.testing.assert_allclose(ways[-1], study.ways[0], atol=1e-10)
    np.testing.assert_array_equal(study.forward_ways[-1], study.data("data", compute.POINTS))


@pytest.mark.parametrize("kind", ["velocity", "score", "denoise"])
def test_arrows_are_the_field_s(kind: str) -> None:
    study, x, h = Study(DiffusionSpec(arrows=kind)), np.array([[0.5, 0.2], [-1.0, 1.0]]), 1e-6
    path, t = Path("linear"), 0.3
    a, b = path.a(t), path.b(t)
    score = np.stack([(study.target.log_density(x + h * e, a, b) - study.target.log_density(x - h * e, a, b)) / (2 * h) for e in np.eye(2)], axis=1)  # fmt: skip
    expected = {
        "score": score,
        "denoise": (x + b * b * score) / a - x,
        "velocity": -(path.drift(t) * x - 0.5 * path.beta(t) * score),
    }[kind]
    np.testing.assert_allclose(compute.arrows_at(study, x, t), expected, rtol=1e-6, atol=1e-6)
    assert np.isfinite(compute.arrows_at(study, x, 0.0)).all()


def test_quality_and_bends_are_those_of_single_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "STEPS", (1, 2, 4))
    study = Study(DiffusionSpec(steps=4))
    curves = compute.quality(study, learned=False)
    assert [n for n, _ in curves["ODE, Heun"]] == [1, 3, 7]
    path, z = Path("straight"), study.noise("start", 1000)
    x = sample("euler", exact(study.target, path), path, 4, z, np.random.default_rng(0))[-1]
    assert dict(curves["Flow, Euler"])[4] == pytest.approx(study.distance(x), rel=1e-12)
    ways = sample("euler", exact(study.target, path), path, 4, study.noise("start", 500), np.random.default_rng(0))
    found = compute.bends(study, learned=False)
    assert found["Flow, Euler"] == pytest.approx((bend(ways), study.distance(ways[-1])), rel=1e-12)
    assert found["Score SDE"][0] > found["ODE, Euler"][0] >= 1


def test_one_step_of_ddim_gives_the_mean_of_the_data() -> None:
    study = Study(DiffusionSpec())
    x = study.run("ddim", True, False, 1, 50)[-1]
    np.testing.assert_allclose(x, 0, atol=1e-12)  # the straight path ends in noise alone


def test_guesses_are_least_off_by_the_exact_field(learned: Study) -> None:
    best, net = compute.guesses(learned, learned=False), compute.guesses(learned, learned=True)
    assert (best <= net).all()
    assert best[-1] == pytest.approx(np.sqrt(2 * (1 + 0.01)), rel=0.05)  # around the mean of all data


def test_error_is_relative_to_the_exact_field(learned: Study) -> None:
    found, _ = compute.errors(learned)
    t, path = float(compute.TIMES[9]), Path("linear")
    x = path.a(t) * learned.data("data", 400) + path.b(t) * learned.noise("noise", 400)
    right = exact(learned.target, path)(x, t)[1]
    net = by_net(learned.net("noise"), learned.lesson("noise"))(x, t)[1]
    assert found[9] == pytest.approx(np.linalg.norm(net - right) / np.linalg.norm(right), rel=1e-12)


@pytest.mark.parametrize("method", ["ddim", "flow"])
def test_best_loss_of_one_cloud_has_a_closed_form(method: str) -> None:
    """For one cloud the variance of e given x is a^2 s^2 / v in each coordinate, that of e - x_0 is s^2 / v."""
    study = Study(DiffusionSpec(method=method, spread=0.5))
    study.target.centres, study.target.labels = np.zeros((1, 2)), np.zeros(1, int)
    path, t = study.path(study.straight), (np.arange(32) + 0.5) / 32
    v = path.a(t) ** 2 * 0.25 + path.b(t) ** 2
    expected = 2 * np.mean((1.0 if method == "flow" else path.a(t) ** 2) * 0.25 / v)
    assert compute.best_loss(study) == pytest.approx(expected, rel=0.08)


def test_guidance_of_0_is_the_class_alone_and_more_is_a_line_through_both() -> None:
    study = Study(DiffusionSpec(spread=0.3))
    path, x = Path("linear"), study.noise("start", 9)
    own, common = exact(study.target.only(1), path), exact(study.target, path)
    np.testing.assert_allclose(guided(own, common, path, 0.0)(x, 0.5)[1], own(x, 0.5)[1], rtol=1e-12)
    x0, e = guided(own, common, path, 2.0)(x, 0.5)
    np.testing.assert_allclose(e, 3 * own(x, 0.5)[1] - 2 * common(x, 0.5)[1], rtol=1e-12)
    np.testing.assert_allclose(path.a(0.5) * x0 + path.b(0.5) * e, x, rtol=1e-12)


def test_guidance_is_measured_on_its_points() -> None:
    study = Study(DiffusionSpec(label=1, weight=3.0, steps=6, data="ring"))
    share, spread, distance = compute.guidance(study)[3.0]
    X = compute.guided_points(study, 1, 3.0)
    nearest = ((X[:, None] - study.target.centres) ** 2).sum(2).argmin(1)
    assert share == np.mean(nearest % 2 == 1)
    assert spread == pytest.approx(np.sqrt(X.var(0).sum()), rel=1e-12)
    assert distance == sliced(X, compute.held_out("ring", 0.1, 0, 1))


def test_a_labelled_net_is_told_the_label(learned: Study) -> None:
    points = [
        compute.guided_points(Study(DiffusionSpec(field="learned", steps=3, **SMALL)), label, 1.0) for label in (0, 1)
    ]
    assert not np.allclose(*points)


def test_likelihoods(learned: Study) -> None:
    x = learned.data("held-out", 20)
    found = compute.likelihoods(learned, x)
    np.testing.assert_allclose(found["ODE, exact field"], found["exact"], atol=0.1)
    path, h = Path("linear"), 1e-5
    flow = compute.flow_of(learned, straight=False, learned=True)
    v, div = flow(x, 0.4)
    np.testing.assert_allclose(
        v, compute.velocity(by_net(learned.net("noise"), learned.lesson("noise")), path, x, 0.4), rtol=1e-9, atol=1e-12
    )
    slope = sum((flow(x + h * e, 0.4)[0] - flow(x - h * e, 0.4)[0])[:, k] / (2 * h) for k, e in enumerate(np.eye(2)))
    np.testing.assert_allclose(div, slope, rtol=1e-5, atol=1e-6)
    straight = compute.flow_of(learned, straight=True, learned=True)
    v, div = straight(x, 0.4)
    slope = sum((straight(x + h * e, 0.4)[0] - straight(x - h * e, 0.4)[0])[:, k] / (2 * h) for k, e in enumerate(np.eye(2)))  # fmt: skip
    np.testing.assert_allclose(div, slope, rtol=1e-5, atol=1e-6)


def test_nats_are_the_exact_log_density_of_the_points() -> None:
    study = Study(DiffusionSpec(spread=0.2))
    x = study.data("others", 9)
    assert study.nats(x) == pytest.approx(study.target.log_density(x, 1.0, 0.0).mean(), rel=1e-12)
    assert study.nats(study.target.centres) > study.nats(study.target.centres + 1.0)
    points = Study(DiffusionSpec(spread=0.0))
    at = points.target.centres
    near = np.exp(-((at[:, None] - at) ** 2).sum(2) / 0.0008).mean(1) / (2 * np.pi * 0.0004)
    assert points.nats(at) == pytest.approx(np.log(near).mean(), rel=1e-10)


def test_distances_are_to_points_that_nothing_was_trained_on() -> None:
    study = Study(DiffusionSpec())
    assert compute.held_out("moons", 0.1, 0).shape == (4000, 32)
    np.testing.assert_array_equal(compute.held_out("moons", 0.1, 0)[:, 0], np.sort(study.data("held-out", 4000)[:, 0]))
    assert study.floor(400) == pytest.approx(
        np.mean([study.distance(study.data(f"others {k}", 400)) for k in range(8)]), rel=1e-12
    )


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({}, []),
        ({"field": "learned"}, ["noise"]),
        ({"field": "learned", "method": "flow"}, ["flow"]),
        ({"method": "coupling"}, ["coupling"]),
        ({"lens": "race"}, ["noise", "flow", "coupling"]),
        ({"lens": "likelihood", "method": "flow"}, ["flow", "coupling"]),
        ({"lens": "guidance", "field": "learned"}, ["noise", "labelled"]),
        ({"lens": "guidance"}, []),
        ({"lens": "error"}, ["noise"]),
    ],
)
def test_only_the_nets_on_screen_are_trained(settings: dict, kinds: list[str]) -> None:
    assert compute.needed(DiffusionSpec(**settings)) == kinds


def test_what_is_said_to_be_needed_is_all_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("STEPS", (1, 2)), ("ODE_STEPS", 2), ("WEIGHTS", (0.0,)), ("POINTS", 50), ("FEW", 50)):
        monkeypatch.setattr(compute, name, value)
    trained.cache_clear()
    for lens in ("steps", "paths", "denoise", "error", "guidance", "likelihood", "race"):
        spec = DiffusionSpec(lens=lens, field="learned", steps=2, **SMALL)
        compute.numbers(spec)
        asked = trained.cache_info().misses
        for kind in compute.needed(spec):
            trained(compute.lesson_of(spec, kind))
        assert trained.cache_info().misses == asked, lens
        trained.cache_clear()
        for kind in compute.needed(spec):
            trained(compute.lesson_of(spec, kind))
        compute.numbers(spec)
        assert trained.cache_info().misses == len(compute.needed(spec)), lens
        trained.cache_clear()
