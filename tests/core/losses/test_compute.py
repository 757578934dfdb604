"""Curves by autograd and finite differences, fits against torch and closed forms, information against scipy; words by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linprog, minimize
from scipy.special import rel_entr
from scipy.stats import gmean

from core.errors import ExplainerError
from core.losses import EXAMPLES, SPEC, chosen, figures, look, numbers, questions, table, worked
from core.losses.compute import (
    LINE_X,
    OUT,
    border,
    chances_of,
    class_data,
    class_fits,
    curves,
    descend,
    information,
    line_data,
    line_fits,
    log_loss,
    prediction,
    target,
)
from core.losses.figures import film_times
from core.losses.lenses import clean_line
from core.losses.spec import FAMILIES, LENSES, MEMBERS

PLACES = {
    "number": np.linspace(-3.9, 3.9, 40),
    "score": np.linspace(-3.9, 3.9, 40),
    "probability": np.linspace(0.02, 0.98, 40),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_every_slope_is_the_slope_of_its_value(family: str, y: float) -> None:
    spec = SPEC(family=family, formula="log(1 + (p - y)**2)", gamma=1.5)
    x, h = PLACES[family], 1e-6
    titles = []
    for curve in curves(spec):
        target = np.full(x.shape, y)
        (_, slope), (up, _), (down, _) = (curve.of(x + d, target) for d in (0.0, h, -h))
        np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=1e-5, atol=1e-7, err_msg=curve.title)
        titles.append(curve.title)
    assert len(titles) == len(MEMBERS[family]) + 1


def test_the_losses_of_a_score_are_torch_s() -> None:
    z = torch.linspace(-4, 4, 33, dtype=torch.float64, requires_grad=True)
    known = {curve.title: curve.of for curve in curves(SPEC(family="score"))}
    for y in (0.0, 1.0):
        t = torch.full_like(z, y)
        for title, loss in {
            "Binary cross-entropy": F.binary_cross_entropy_with_logits(z, t, reduction="none"),
            "Hinge": F.margin_ranking_loss(z, torch.zeros_like(z), 2 * t - 1, margin=1.0, reduction="none"),
            "Squared error (MSE)": (torch.sigmoid(z) - t) ** 2,
            "Label smoothing": F.binary_cross_entropy_with_logits(z, 0.9 * t + 0.05, reduction="none"),
        }.items():
            value, slope = known[title](z.detach().numpy(), t.numpy())
            np.testing.assert_allclose(value, loss.detach(), rtol=1e-11, atol=1e-14, err_msg=title)
            np.testing.assert_allclose(
                slope, torch.autograd.grad(loss.sum(), z, retain_graph=True)[0], rtol=1e-10, atol=1e-13
            )


def test_two_classes_one_probability() -> None:
    known = {curve.title: curve.of for curve in curves(SPEC(family="probability"))}
    p, y = np.array([0.2, 0.7]), np.array([1.0, 0.0])
    for title in ("Categorical cross-entropy", "Kullback-Leibler divergence"):
        for mine, theirs in zip(known[title](p, y), known["Binary cross-entropy"](p, y), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-13)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "own"])
def test_a_line_fit_is_torch_s_descent(name: str) -> None:
    spec = SPEC(steps=80, rate=0.2, delta=0.7, formula="abs(p - y)**1.5")
    x, y = map(torch.tensor, line_data(spec))
    loss = {
        "mse": F.mse_loss,
        "mae": F.l1_loss,
        "huber": lambda p, y: F.huber_loss(p, y, delta=0.7),
        "own": lambda p, y: ((p - y).abs() ** 1.5).mean(),
    }[name]
    w, b = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizer = torch.optim.SGD([w, b], lr=0.2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 80)
    fit = line_fits(spec)[name]
    for t in range(80):
        optimizer.zero_grad()
        found = loss(w * x + b, y)
        found.backward()
        np.testing.assert_allclose(fit.path[t], [w.item(), b.item()], rtol=1e-9, atol=1e-12)
        assert fit.losses[t] == pytest.approx(found.item(), rel=1e-10)
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(fit.line, [w.item(), b.item()], rtol=1e-9)


def test_line_fits_end_where_the_closed_forms_do() -> None:
    spec = SPEC(steps=2000, rate=0.3)
    (x, y), fits = line_data(spec), line_fits(spec)
    np.testing.assert_allclose(fits["mse"].line, np.polyfit(x, y, 1), rtol=1e-8)
    huber = minimize(
        lambda a: F.huber_loss(torch.tensor(a[0] * x + a[1]), torch.tensor(y)).item(), [0.5, 0.5], tol=1e-12
    )
    np.testing.assert_allclose(fits["huber"].line, huber.x, atol=1e-4)
    A = np.column_stack([x, np.ones(12), -np.eye(12), np.eye(12)])  # minimise the sum of the two-sided residuals
    program = linprog([0, 0, *[1] * 24], A_eq=A, b_eq=y, bounds=[(None, None)] * 2 + [(0, None)] * 24)
    assert fits["mae"].losses[-1] == pytest.approx(program.fun / 12, abs=2e-3)


def test_only_squared_error_runs_after_the_outlier() -> None:
    near, far = line_fits(SPEC(outlier=5.0)), line_fits(SPEC(outlier=10.0))
    assert far["mse"].line[0] > near["mse"].line[0] + 0.2
    assert far["mae"].line == pytest.approx(near["mae"].line)
    assert far["huber"].line == pytest.approx(near["huber"].line, abs=1e-6)
    keep = np.arange(12) != OUT
    x, y = line_data(SPEC())
    np.testing.assert_allclose(clean_line(), np.polyfit(x[keep], y[keep], 1), rtol=1e-12)
    assert x is LINE_X


def test_class_fits_and_their_borders() -> None:
    spec = SPEC(steps=400, wrong=2.5)
    x, y = class_data(spec)
    assert (x[-1], y[-1]) == (2.5, 0.0)
    assert class_data(SPEC(wrong=-1.0))[1][-1] == 1.0
    fit = class_fits(spec)["bce"]
    w, b = fit.line
    p = 1 / (1 + np.exp(-(w * x + b)))
    assert fit.losses[-1] == pytest.approx(float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()))
    assert abs(np.mean((p - y) * x)) < 1e-3  # near the logistic optimum
    assert w * border(fit) + b == pytest.approx(0.0, abs=1e-12)
    clean = class_fits(spec, wrong=False)
    assert all(abs(border(one)) < 1e-9 for one in clean.values())
    assert all(abs(border(one)) > 0.1 for one in class_fits(spec).values())


def test_a_descent_that_overflows_is_a_result() -> None:
    path, losses = descend(lambda p, y: ((p - y) ** 4, 4 * (p - y) ** 3), np.array([2.0]), np.array([9.0]), 0.5, 40)
    assert path.shape == (41, 2)
    assert not np.isfinite(losses[-1])
    assert "none" in str(look(SPEC(formula="exp((p - y)**2)")).latex) or look(SPEC(formula="exp((p - y)**2)")).rows


def test_information_is_scipy_s() -> None:
    spec = SPEC(y1=0.5, y2=0.25, y3=0.25, y4=0.0, p1=0.1, p2=0.1, p3=0.2, p4=0.4)
    y, p = np.array([0.5, 0.25, 0.25, 0.0]), np.array([1, 1, 2, 4]) / 8
    found = information(spec)
    assert found.entropy == pytest.approx(1.5 * np.log(2))
    assert found.kl == pytest.approx(rel_entr(y, p).sum())
    assert found.cross == pytest.approx(found.entropy + found.kl)
    assert found.reverse == float("inf")
    own, extra = look(SPEC(**{**spec.as_dict(), "lens": "information"})).figures["terms"].data
    assert sum(own["y"]) == pytest.approx(found.entropy)
    assert sum(extra["y"]) == pytest.approx(found.kl)
    with pytest.raises(ExplainerError, match="all bars of the model are 0"):
        information(SPEC(p1=0.0, p2=0.0, p3=0.0, p4=0.0))


def test_log_loss_is_the_geometric_mean() -> None:
    mean, geometric = log_loss(SPEC(chances="0.9, 0.5, 0.1"))
    assert geometric == pytest.approx(gmean([0.9, 0.5, 0.1]), rel=1e-14)
    assert mean == pytest.approx(-np.log([0.9, 0.5, 0.1]).mean())
    assert log_loss(SPEC(chances="1"))[1] == 1.0


@pytest.mark.parametrize("text", ["", "0", "1.2", "a", "nan", ", ".join(["0.5"] * 21)])
def test_probabilities_that_cannot_be_used(text: str) -> None:
    with pytest.raises(ExplainerError, match="probabilities"):
        chances_of(SPEC(chances=text))


@pytest.mark.parametrize(
    ("formula", "match"),
    [("(p - q)**2", "'q' is unknown"), ("p +", "cannot be read"), ("__import__(p)", "unknown function")],
)
def test_formulas_that_cannot_be_used(formula: str, match: str) -> None:
    with pytest.raises(ExplainerError, match=match):
        curves(SPEC(formula=formula))


def test_formulas_with_one_name_or_none() -> None:
    for formula, value, slope in (("p**2", 2.25, 3.0), ("y + 1", 1.0, 0.0), ("log(p - 2)", np.nan, np.nan)):
        found = numbers(SPEC(formula=formula))
        np.testing.assert_allclose([found["Your formula value"], found["Your formula slope"]], [value, slope])


def test_targets_and_predictions_of_each_family() -> None:
    assert (target(SPEC(y=-2.0)), prediction(SPEC(p=3.0))) == (-2.0, 3.0)
    assert (target(SPEC(family="score", y=0.5)), target(SPEC(family="score", y=-0.5))) == (1.0, 0.0)
    assert 0 < prediction(SPEC(family="probability", p=-1.0)) < 1e-8
    assert [one.name for one in chosen(SPEC(shown="Huber"))] == ["huber"]
    assert [one.name for one in chosen(SPEC(shown="Huber", family="score"))] == list(MEMBERS["score"])
    with pytest.raises(ExplainerError, match="unknown"):
        chosen(SPEC(shown="Hubert"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.slug)
@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_opens_on_every_preset(example, lens: str) -> None:
    spec = SPEC(**{**example.settings, "lens": lens, "steps": 30})
    seen = look(spec)
    assert seen.sentences
    assert len(table(spec)) == len(curves(spec))
    assert len(worked(spec)) == len(curves(spec)) + 2
    assert figures(spec)
    assert all(q.answer in q.options for q in questions(spec) if q.options)


def test_the_film_ends_with_the_picture() -> None:
    seen = look(SPEC(steps=200))
    picture = seen.figures["line"]
    assert len(picture.frames) == len(seen.film) == len(film_times(200))
    first = picture.frames[0]
    assert [np.abs(np.asarray(d["y"])).max() for d in first.data] == [0.0, 0.0, 0.0]
    assert [picture.data[k]["name"] for k in first.traces] == [fit.title for fit in line_fits(SPEC(steps=200)).values()]
    classes = look(SPEC(steps=200, lens="label")).figures["classes"]
    assert [classes.data[k]["name"] for k in classes.frames[0].traces] == [
        fit.title for fit in class_fits(SPEC(steps=200)).values()
    ]


def test_questions_are_answered_by_the_numbers() -> None:
    pull, tilt = questions(SPEC())
    assert pull.answer == tilt.answer == "Squared error (MSE)"
    log = questions(SPEC(lens="log"))[-1]
    assert log.answer == log_loss(SPEC())[1]
    assert questions(SPEC(p=0.0, y=0.0, lens="log"))[0].slug.startswith("log")  # nothing pulls at the target
