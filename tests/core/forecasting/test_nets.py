"""The nets against torch written out by hand, the training as a generator, and what the page's parts say about them."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.forecasting import EXAMPLES, figures, pictures, sections, table
from core.forecasting import figures as every_figure
from core.forecasting.compute import anchored, lead, problem_of, study
from core.forecasting.lenses import folds, intervals, leak, look, relative, steps, strategy, verdict
from core.forecasting.nets import as_model, belongs, learn, net, quick, study_of, trained, trainer
from core.forecasting.questions import questions
from core.forecasting.spec import CELLS, ForecastingSpec

SMALL = ForecastingSpec(length=160, window=6, horizon=3, period=10, epochs=4, units=4)


@pytest.fixture(scope="module")
def said():
    return list(learn(problem_of(SMALL)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("cell", list(CELLS))
def test_a_net_is_its_formula(cell):
    made = net(cell, 2, 3, 4, seed=1)
    W, U, b, c = (p.detach().numpy() for p in made["cell"].parameters())
    x = np.random.default_rng(0).normal(size=(5, 6, 2))
    h, C = np.zeros((5, 3)), np.zeros((5, 3))
    for t in range(6):
        a, r = x[:, t] @ W.T + b, h @ U.T + c
        if cell == "rnn":
            h = np.tanh(a + r)
        elif cell == "lstm":
            i, f, g, o = np.split(a + r, 4, axis=1)
            C = sigmoid(f) * C + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(C)
        else:
            (ar, az, an), (rr, rz, rn) = np.split(a, 3, axis=1), np.split(r, 3, axis=1)
            z, n = sigmoid(az + rz), np.tanh(an + sigmoid(ar + rr) * rn)
            h = (1 - z) * n + z * h
    head = made["head"]
    np.testing.assert_allclose(
        as_model(made)(x), h @ head.weight.detach().numpy().T + head.bias.detach().numpy(), rtol=1e-12
    )


def test_snapshots_hold_the_losses_and_the_best_weights(said):
    p = problem_of(SMALL)
    assert [s.step for s in said] == [0, 1, 2, 3, 4]
    for cell in CELLS:
        losses = [s.metrics[f"{cell} validation"] for s in said]
        assert int(said[-1].arrays[f"{cell} epoch"]) == int(np.argmin(losses))
        model, rows = trained(said[-1].arrays, p)[cell], p.parts.validation
        seen, last = anchored(p.x, p.spec)
        error = model(seen[rows]) - (p.y - last[:, :1])[rows]
        assert (error**2).mean() == pytest.approx(min(losses), rel=1e-12)


def test_one_step_of_training_is_adam_on_the_clipped_gradient(said):
    p = problem_of(replace(SMALL, cells="gru", epochs=2))
    short = replace(p, parts=p.parts._replace(train=p.parts.train[:20]))
    first, second, _ = learn(short)
    made = net("gru", 1, 4, 3, SMALL.seed)
    seen, last = anchored(p.x, p.spec)
    X, Y = torch.from_numpy(seen[:20]), torch.from_numpy((p.y - last[:, :1])[:20])
    loss = ((made["head"](made["cell"](X)[0][:, -1]) - Y) ** 2).mean()
    assert first.metrics["gru training"] == pytest.approx(loss.item(), rel=1e-12)
    gradients = torch.autograd.grad(loss, list(made.parameters()))
    norm = torch.sqrt(sum((g**2).sum() for g in gradients))
    with torch.no_grad():
        for w, g in zip(made.parameters(), gradients, strict=True):
            g = g * min(1.0, 1.0 / (norm.item() + 1e-6))
            w -= SMALL.rate * g / (g.abs() + 1e-8)  # Adam's first step
        after = ((made["head"](made["cell"](X)[0][:, -1]) - Y) ** 2).mean()
    assert second.metrics["gru training"] == pytest.approx(after.item(), rel=1e-6)


def test_the_same_seed_gives_the_same_run_and_the_trainer_travels(said):
    again = list(pickle.loads(pickle.dumps(trainer(SMALL)))(replace(SMALL, lens="leak", at=3)))
    assert again[-1].metrics == said[-1].metrics
    assert belongs(again[-1].arrays, SMALL)
    assert belongs(again[-1].arrays, replace(SMALL, metric="mase", level=0.8))
    assert not belongs(again[-1].arrays, replace(SMALL, rate=0.02))


def test_the_table_and_the_verdict_say_the_scores(said):
    run = study_of(SMALL, said[-1])
    seen = steps(run)
    assert [row["model"] for row in seen.rows] == ["Naive", "Seasonal naive", "Linear autoregression", "Nearest window", "RNN", "LSTM", "GRU"]  # fmt: skip
    best = min(run.scores, key=lambda name: run.scores[name]["mae"])
    assert f"{run.scores[best]['mae']:.4g}" in verdict(run)
    assert verdict(run).count("epochs") == 3
    for row, (name, found) in zip(seen.rows, run.scores.items(), strict=True):
        assert row["MAE"] == f"{found['mae']:.4g}"
        assert ("clear" in row["DM against naive"]) == (name != "naive" and lead(run, name).clear)


def test_the_stock_page_is_honest():
    spec = ForecastingSpec(**next(e.settings for e in EXAMPLES if e.slug == "stocks"))
    run = study_of(spec, quick(spec)[0])
    clear = [name for name in run.forecasts if name != "naive" and lead(run, name).clear and lead(run, name).lead > 0]
    assert ("no model clearly beats the last price" in verdict(run)) == (not clear)
    assert not clear


def test_the_shuffled_split_of_a_random_walk_is_too_good():
    spec = ForecastingSpec(**next(e.settings for e in EXAMPLES if e.slug == "leakage"))
    spec = replace(spec, cells="rnn", epochs=2)
    honest, leaked = (relative(study(problem_of(replace(spec, leak=name)), {}, 0)) for name in ("none", "shuffled"))
    assert honest["Nearest window"] > 1
    assert leaked["Nearest window"] < 0.5


@pytest.mark.parametrize("lens", [strategy, intervals, folds, leak])
def test_every_closer_look_has_words_rows_and_figures(lens):
    spec = replace(SMALL, cells="rnn", lens=lens.__name__)
    run = study_of(spec, quick(spec)[0])
    seen = look(run)
    assert seen.sentences
    assert seen.rows
    assert all(f.alt and f.how_to_read for f in seen.figures.values())


def test_film_report_table_and_questions_agree(said):
    run = study_of(SMALL, said[-1])
    drawn = pictures(run, {"rnn training": [1.0], "rnn validation": [1.0]})
    assert len(drawn["windows"].frames) == len(drawn["forecast"].frames) == 50
    assert set(every_figure(SMALL)) == {"windows", "forecast", "scores", "training", "steps"} == set(figures(SMALL))
    lines = table(SMALL).splitlines()
    assert len(lines) == 1 + 3 * len(run.problem.parts.test)
    assert len(sections(SMALL)) == 3
    answers = {q.slug.split(".")[0]: q.answer for q in questions(run)}
    assert answers["count"] == (160 - 6 - 3) // 1 + 1
    assert answers["coverage"] == round(100 * run.scores["linear"]["coverage"], 1)
