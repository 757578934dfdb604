"""The predicted lines against closed forms, scipy's quadrature and averages over many draws; phases; symmetry; what the page says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

from core.initialisation import (
    EXAMPLES,
    SPEC,
    about,
    compute,
    look,
    phase,
    pictures,
    questions,
    sections,
    shown_film,
    symmetry,
    table,
    worked,
)
from core.initialisation.compute import measured, seconds, sigma_w, start, starts, train, train_part
from core.initialisation.lenses import schemes_table
from core.initialisation.points import points
from core.initialisation.spec import LENSES, NORMS, REPAIRS, SHOWN, SUITED, repaired
from core.initialisation.stack import How, forward, pull
from core.initialisation.theory import means, predict
from core.training.activations import ACTIVATIONS


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("t", [1e-6, 0.3, 1.0, 9.0, 250.0])
def test_gaussian_means_are_scipy_s(name: str, t: float) -> None:
    f, s = ACTIVATIONS[name], np.sqrt(t)
    for ours, h in zip(means(f, t), (f.f, lambda z: f.f(z) ** 2, lambda z: f.derivative(z) ** 2), strict=True):
        density = lambda u, h=h: float(h(np.array(s * u))) * np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi)  # noqa: E731
        parts = [
            quad(density, a, b, epsabs=1e-13, epsrel=1e-12, limit=200)[0]
            for a, b in ((-12, -1), (-1, 0), (0, 1), (1, 12))
        ]
        assert float(ours) == pytest.approx(sum(parts), rel=1e-8, abs=1e-11)


def test_relu_s_means_are_he_s_closed_forms() -> None:
    first, second, slope = means(ACTIVATIONS["relu"], np.array([0.5, 3.0]))
    np.testing.assert_allclose(first, np.sqrt(np.array([0.5, 3.0]) / (2 * np.pi)), rtol=1e-12)
    np.testing.assert_allclose(second, [0.25, 1.5], rtol=1e-12)
    np.testing.assert_allclose(slope, 0.5, rtol=1e-12)


def test_means_at_no_variance_are_the_values_at_0() -> None:
    for name, value, slope in (("tanh", 0.0, 1.0), ("sigmoid", 0.5, 0.25), ("linear", 0.0, 1.0)):
        first, second, found = means(ACTIVATIONS[name], 0.0)
        np.testing.assert_allclose([first, second, found], [value, value**2, slope**2], atol=1e-12)


def line_of(spec: SPEC):
    X = points(spec.data, spec.width, spec.seed)[0]
    return predict(
        ACTIVATIONS[spec.activation],
        spec.norm,
        spec.residual,
        sigma_w(spec),
        spec.bias,
        spec.depth,
        spec.scale,
        (X**2).mean(1),
        X.mean(1),
    )


def test_the_lines_of_relu_and_linear_stacks_in_closed_form() -> None:
    he = line_of(SPEC(activation="relu", scheme="he_normal", depth=7))
    np.testing.assert_allclose(he.q, 2.0, rtol=1e-10)
    np.testing.assert_allclose(he.a, 1.0, rtol=1e-10)
    np.testing.assert_allclose(he.chi, 1.0, rtol=1e-10)
    linear = line_of(SPEC(activation="linear", sigma=0.1, width=25, scale=2.0, bias=0.5, depth=4))
    q = [1.0]
    for _ in range(4):
        q.append(1.0 * q[-1] + 0.25)  # σ_w² = 4 · 25 · 0.01
    np.testing.assert_allclose(linear.q, q[1:], rtol=1e-10)
    default = line_of(SPEC(activation="linear", scheme="linear_default", depth=4))
    np.testing.assert_allclose(default.q, 3.0 ** -np.arange(1, 5), rtol=1e-10)


def test_behind_a_norm_the_size_of_the_weights_cancels() -> None:
    small, large = (
        line_of(SPEC(activation="relu", norm="layer", scheme="he_normal", scale=s, depth=6)) for s in (0.1, 5.0)
    )
    np.testing.assert_allclose(small.a[1:], 0.5, rtol=1e-10)
    np.testing.assert_allclose(small.a, large.a, rtol=1e-10)
    np.testing.assert_allclose(small.chi[1:], 1.0, rtol=1e-10)  # E f'² = E f² = 1/2
    np.testing.assert_allclose(large.chi, small.chi, rtol=1e-10)


def test_residual_relu_layers_in_closed_form() -> None:
    line = line_of(SPEC(activation="relu", scheme="he_normal", residual=True, depth=1, data="noise"))
    X = points("noise", 32, 0)[0]
    a, m = (X**2).mean(1), X.mean(1)
    expected = a + 2 * m * np.sqrt(2 * a / (2 * np.pi)) + a  # E f = √(q / 2π), E f² = q / 2, q = 2a
    assert line.a[1] == pytest.approx(expected.mean(), rel=1e-10)
    np.testing.assert_allclose(line.chi, 2.0, rtol=1e-10)


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        ({"activation": "relu", "scheme": "he_normal"}, 0.2), ({"activation": "tanh", "scheme": "lecun_normal", "scale": 1.5, "bias": 0.3}, 0.08),
        ({"activation": "gelu", "scheme": "he_uniform"}, 0.2), ({"activation": "relu", "scheme": "he_normal", "norm": "layer", "residual": True}, 0.1),
        ({"activation": "tanh", "scheme": "orthogonal"}, 0.08), ({"activation": "tanh", "scheme": "lsuv"}, 0.08), ({"activation": "sigmoid", "scheme": "xavier_normal"}, 0.12),
    ],
    ids=["he", "chaos", "gelu", "norm-residual", "orthogonal", "lsuv", "sigmoid"],
)  # fmt: skip
def test_the_lines_are_the_average_over_draws(settings: dict, tolerance: float) -> None:
    """Signal and gradient of 24 wide stacks on independent inputs, the gradient of a random vector pulled back."""
    spec = SPEC(width=128, depth=6, data="noise", **settings)
    X, how = points("noise", 128, 0)[0][:24], How(ACTIVATIONS[spec.activation], spec.norm, spec.residual)
    line = predict(*how, sigma_w(spec), spec.bias, 6, spec.scale, (X**2).mean(1), X.mean(1))
    signal, gradient = [], []
    for seed in range(24):
        theta = start(replace(spec, seed=seed))
        seen = forward(theta, X, how)
        signal.append([(z**2).mean() for z in seen.z])
        g = np.random.default_rng(seed).normal(size=X.shape)
        back = pull(theta, seen, g, how, [])
        gradient.append([(d**2).mean() for d in back.x])
    np.testing.assert_allclose(np.mean(signal, 0), line.q, rtol=tolerance)
    climbs = np.concatenate([np.cumprod(line.chi[::-1], axis=0)[::-1], np.ones((1, 24))]).mean(1)
    np.testing.assert_allclose(np.mean(gradient, 0), climbs, rtol=tolerance)


def test_he_s_line_is_the_exact_mean_in_narrow_stacks_too() -> None:
    """Four units, three layers, 20,000 draws; the weights are symmetric, so E relu(z)² = E z² / 2 exactly."""
    g = np.random.default_rng(0)
    x = np.tile([1.0, -0.5, 2.0, 0.3], (20_000, 1))
    expected = 2 * (x[0] ** 2).mean()
    for _ in range(3):
        z = np.einsum("di,dij->dj", x, np.sqrt(2 / 4) * g.normal(size=(20_000, 4, 4)))
        assert (z**2).mean() == pytest.approx(expected, rel=0.06)
        x = np.maximum(z, 0.0)


def test_the_fixed_point_solves_its_equation_and_chi_is_the_map_s_slope() -> None:
    for w, b in ((1.5, 0.3), (0.8, 0.2), (3.0, 0.0)):
        q = phase.fixed_point(w, b)
        value = quad(
            lambda u, q=q: np.tanh(np.sqrt(q) * u) ** 2 * np.exp(-u * u / 2), -12, 12, epsabs=1e-13, limit=200
        )[0] / np.sqrt(2 * np.pi)
        assert q == pytest.approx(w**2 * value + b**2, rel=1e-9)
        slope = quad(
            lambda u, q=q: np.cosh(np.sqrt(q) * u) ** -4 * np.exp(-u * u / 2), -12, 12, epsabs=1e-13, limit=200
        )[0] / np.sqrt(2 * np.pi)
        assert phase.chi(w, b) == pytest.approx(w**2 * slope, rel=1e-9)
        h = 1e-5  # Poole et al., eq. 6: χ_1 is the slope of the correlation's map at c = 1
        map_at = lambda c, q=q, w=w, b=b: (w**2 * phase.together(q, c) + b**2) / q  # noqa: E731
        assert (map_at(1.0) - map_at(1.0 - h)) / h == pytest.approx(phase.chi(w, b), rel=2e-3)
    assert phase.fixed_point(0.5, 0.0) == phase.fixed_point(1.0, 0.0) == 0.0
    assert phase.chi(1.0, 0.0) == pytest.approx(1.0, abs=1e-12)
    assert phase.chi(0.5, 0.0) == pytest.approx(0.25)


def test_the_diagram_is_the_factor_at_every_point_and_its_border_the_line_of_one() -> None:
    chi, border = phase.diagram()
    for i, j in ((0, 0), (0, 30), (10, 20), (40, 70), (25, 5), (40, 0)):
        assert chi[i, j] == pytest.approx(phase.chi(phase.SIGMA_W[j], phase.SIGMA_B[i]), rel=2e-3)
    assert border[0][0] == pytest.approx(1.0)
    assert border[1][0] == 0.0
    for k in (300, 350, 420):
        assert phase.chi(*border[:, k]) == pytest.approx(1.0, abs=1e-8)


def test_likeness_begins_as_the_inputs_and_meets_its_closed_forms() -> None:
    X = phase.inputs(20, 3)
    np.testing.assert_allclose((X**2).mean(1), 1.0, atol=1e-12)
    assert (X[0] * X[1]).mean() == pytest.approx(phase.C0, abs=1e-12)
    c = phase.likeness(1.2, 0.4, 200)
    assert c[0] == pytest.approx((1.44 * 0.6 + 0.16) / 1.6)
    assert phase.together(0.7, 1.0) == pytest.approx(float(means(phase.TANH, 0.7)[1]))
    assert phase.together(0.7, 0.0) == pytest.approx(0.0, abs=1e-12)
    assert phase.likeness(0.9, 0.5, 200)[-1] == pytest.approx(1.0, abs=1e-6)  # order
    assert phase.likeness(2.5, 0.0, 60)[-1] == pytest.approx(0.0, abs=1e-3)  # chaos


@pytest.mark.parametrize(("scale", "bias"), [(1.5, 0.3), (0.7, 0.2), (2.5, 0.5)])
def test_the_measured_depth_scale_is_the_predicted_one(scale: float, bias: float) -> None:
    spec = SPEC(scheme="lecun_normal", scale=scale, bias=bias, width=160, depth=24, lens="phase")
    found, chi = phase.measure(spec), phase.chi(scale, bias)
    assert found.chi == pytest.approx(chi, rel=0.06)
    assert phase.depth_scale(chi) == pytest.approx(1 / abs(np.log(chi)))
    np.testing.assert_allclose(found.c[:, -1].mean(), phase.likeness(scale, bias, 24)[-1], atol=0.12)


def test_a_straight_line_is_fitted_exactly_and_the_border_has_no_depth_scale() -> None:
    assert phase.fitted(0.9 ** np.arange(20, -1, -1.0)) == pytest.approx(0.9)
    assert np.isnan(phase.fitted(np.ones(1)))
    assert phase.depth_scale(1.0) == np.inf
    assert phase.depth_scale(np.exp(-0.1)) == pytest.approx(10.0)


@pytest.mark.parametrize("scheme", ["zero", "constant", "lsuv"])
def test_equal_or_divided_weights_have_no_place_in_the_diagram(scheme: str) -> None:
    spec = SPEC(scheme=scheme, lens="phase", depth=2, width=4)
    assert phase.place(spec) is None
    assert "no place" in look(spec).sentences[0]


def test_equal_units_stay_equal_and_random_ones_do_not() -> None:
    spec = SPEC(scheme="constant", depth=3, width=8, lens="symmetry", steps=80, rate=0.3)
    found = symmetry.lessons(spec)
    assert found["zero"].different == found["constant"].different == (1, 1, 1)
    assert found["random"].different == found["grain"].different == (8, 8, 8)
    assert found["constant"].losses[-1] < found["constant"].losses[0], "it learns, as one unit"
    assert (found["zero"].spread == 0).all()
    assert found["constant"].spread.max() < 1e-12
    assert found["zero"].losses[-1] == pytest.approx(np.log(2))
    W = np.array([[0.0, 0.0, 3.0], [1.0, 1.0, 4.0]])
    assert symmetry.different(W) == 2
    expected = np.sqrt(((W - W.mean(1, keepdims=True)) ** 2).sum(0).mean())
    assert symmetry.spread([W, np.zeros(3), np.ones((3, 1)), np.zeros(1)])[0] == pytest.approx(expected)


def test_each_stage_of_the_repair_keeps_the_ones_before() -> None:
    spec = SPEC(activation="relu", sigma=0.1, scale=2.0, bias=0.5)
    none, init, norm, residual = (repaired(spec, stage) for stage in REPAIRS)
    assert none == replace(spec, repair="none")
    assert (init.scheme, init.scale, init.bias, init.norm) == ("he_normal", 1.0, 0.0, "none")
    assert (norm.scheme, norm.norm, norm.residual) == ("he_normal", "layer", False)
    assert (residual.scheme, residual.norm, residual.residual) == ("he_normal", "layer", True)
    assert repaired(replace(spec, norm="batch"), "norm").norm == "batch"
    assert repaired(replace(spec, residual=True), "init").residual
    assert set(SUITED) == set(SHOWN)


def test_the_repair_mends_the_gradient() -> None:
    broken, *mended = (measured(SPEC(activation="relu", repair=stage))[0].g for stage in REPAIRS)
    assert broken[0] / broken[-1] < 1e-6
    assert all(0.1 < g[0] / g[-1] < 10 for g in mended)


def test_what_is_trained_is_what_the_lens_shows() -> None:
    assert list(starts(SPEC(lens="repair"))) == list(REPAIRS.values())
    assert len(starts(SPEC(lens="race"))) == 12
    assert train_part(SPEC(lens="health")) == train_part(SPEC(lens="film")) == train_part(SPEC(lens="phase"))
    assert train_part(SPEC(lens="film", repair="init")).scheme == "xavier_normal"


def test_a_long_training_is_shown_by_its_first_steps_until_it_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "AT_ONCE", 0.05)
    spec = SPEC(depth=10, width=16, steps=200)
    assert seconds(spec) > 0.05
    first = shown_film(spec)
    assert 1 <= first.spec.steps < 200
    *_, last = train(train_part(spec))
    whole = shown_film(spec, last.arrays)
    assert whole.spec == train_part(spec)
    np.testing.assert_array_equal(whole.losses[0, : first.spec.steps + 1], first.losses[0])
    assert shown_film(replace(spec, rate=0.2), last.arrays).spec.rate == 0.2, "another stack's film is not shown"


@pytest.mark.parametrize("settings", [{}, {"scheme": "zero"}, {"scheme": "lsuv", "norm": "batch"}, {"depth": 1}, {"activation": "linear", "sigma": 1.0, "scale": 5.0, "depth": 30, "width": 16}, {"repair": "residual"}])  # fmt: skip
@pytest.mark.parametrize("lens", LENSES)
def test_every_look_has_words_pictures_and_a_report_in_every_state(settings: dict, lens: str) -> None:
    spec = SPEC(lens=lens, steps=4, **{"depth": 4, "width": 8, **settings})
    view = look(spec)
    assert view.sentences[0]
    assert view.figures
    for figure in (*pictures(spec).values(), *view.figures.values()):
        assert "nan" not in figure.alt.replace("nano", "")
    assert about(spec).startswith("**")
    film = shown_film(spec) if lens in ("film", "health", "repair", "race") else None
    for asked in questions(spec, film):
        assert asked.right(asked.answer)
    if not settings:
        assert len(sections(spec)) == 3
        assert len(table(spec).splitlines()) == 4 + 2
        assert worked(spec)[-1].latex


def test_the_table_of_schemes_shows_where_xavier_and_lecun_part() -> None:
    rows = {row["scheme"]: row for row in schemes_table(SPEC(width=16))}
    xavier, lecun = rows["Xavier (Glorot), normal"], rows["LeCun, normal"]
    assert xavier["deviation here"] == lecun["deviation here"] == "0.25"
    assert lecun["deviation, 256 inputs, 64 units"] == "0.0625"
    assert xavier["deviation, 256 inputs, 64 units"] == f"{np.sqrt(2 / 320):.4g}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.slug)
def test_the_page_s_sentences_name_the_live_numbers(example) -> None:
    spec = SPEC(**example.settings)
    flow, line, _ = measured(spec)
    if line is not None and repaired(spec).norm in NORMS:
        ratio = (flow.q[-1] / flow.q[0]) ** (1 / (len(flow.q) - 1))
        assert f"**{ratio:.4g}**" in about(spec)
