"""Marks of heads against numbers by hand, rank correlation against scipy, rollout against a product, and the training loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch.nn import functional as F

from core.attention.measures import entropy, rank_correlation, rollout, score
from core.attention.shipped import COURSES, shipped
from core.attention.tasks import IGNORED, TASKS
from core.attention.training import Course, accuracy_of, loss_of, report, train, trained
from core.errors import ExplainerError
from core.rng import generator, numpy_generator
from core.training.watched import pace
from models.storage import manifest


def test_score_by_hand():
    weights = torch.tensor([[[[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [1.0, 0.0, 0.0]]]]], dtype=torch.float64)
    truth = torch.tensor([[[False, True, True], [False, False, True], [False, False, False]]])
    s = score(weights, truth)
    assert s.accuracy.item() == 0.5
    assert s.mass.item() == pytest.approx((0.5 + 0.8) / 2)
    bits = [-sum(p * math.log2(p) for p in row) for row in ((0.5, 0.3, 0.2), (0.1, 0.1, 0.8))]
    assert s.entropy.item() == pytest.approx(sum(bits) / 2)
    assert score(weights, truth & False).accuracy.isnan().all()


def test_entropy_at_its_ends():
    rows = torch.tensor([[1.0, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0], [0.0] * 4], dtype=torch.float64)
    assert entropy(rows).tolist() == pytest.approx([0.0, 2.0, 1.0, 0.0])


def test_rollout_is_the_product():
    A = torch.rand(2, 3, 4, 5, 5, generator=generator(0, "test"), dtype=torch.float64).softmax(-1)
    by_hand = torch.eye(5, dtype=torch.float64).expand(2, 5, 5)
    for layer in range(3):
        mixed = 0.5 * A[:, layer].mean(1) + 0.5 * torch.eye(5, dtype=torch.float64)
        by_hand = mixed @ by_hand
    torch.testing.assert_close(rollout(A), by_hand)
    torch.testing.assert_close(rollout(A).sum(-1), torch.ones(2, 5, dtype=torch.float64))


def test_rank_correlation_is_scipy_s():
    g = numpy_generator(0, "test")
    for n in (2, 3, 10, 50):
        a, b = g.normal(size=n), np.round(g.normal(size=n))
        if len(set(b)) > 1:
            assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
        assert rank_correlation(a, a) == pytest.approx(1)
        assert rank_correlation(a, -a) == pytest.approx(-1)
    assert math.isnan(rank_correlation(np.ones(4), np.arange(4.0)))


def test_loss_and_accuracy_leave_out_what_is_not_asked():
    g = generator(1, "test")
    logits, targets = torch.randn(3, 4, 5, generator=g), torch.randint(5, (3, 4), generator=g)
    targets[0, :2] = IGNORED
    asked = targets != IGNORED
    assert loss_of(logits, targets).item() == pytest.approx(F.cross_entropy(logits[asked], targets[asked]).item())
    assert accuracy_of(logits, targets) == pytest.approx(
        (logits.argmax(-1)[asked] == targets[asked]).double().mean().item()
    )


QUICK = Course("reverse", length=4, d=16, steps=60, batch=16, rate=0.01)


@pytest.fixture(scope="module")
def run():
    return list(train(QUICK))


def test_a_run_is_the_same_again_and_learns(run):
    again = list(train(QUICK))
    assert [s.metrics for s in again] == [s.metrics for s in run]
    assert run[-1].metrics["loss"] < 0.7 * run[0].metrics["loss"]
    steps = [s.step for s in run]
    assert steps[0] == 0
    assert steps[-1] == run[-1].total == 60
    assert steps == sorted(set(steps))


def test_a_snapshot_s_weights_are_the_model(run):
    model = trained(QUICK, run[-1].arrays)
    test = next(QUICK.batches("test", 200))
    again = report(model, test, 60, QUICK)
    assert again.metrics["accuracy"] == pytest.approx(run[-1].metrics["accuracy"], abs=0.01)  # stored in float16
    np.testing.assert_allclose(again.arrays["maps"].astype(float), run[-1].arrays["maps"].astype(float), atol=0.01)


def test_the_first_step_is_torch_s_adam(run):
    """One step by hand: the same batch, Adam's first step is rate * pace * sign, nearly, for every clipped gradient."""
    model, given = QUICK.model(), next(QUICK.batches("examples", QUICK.batch))
    optimizer = torch.optim.Adam(model.parameters(), QUICK.rate * pace(1, QUICK.steps), betas=(0.9, 0.98))
    F.cross_entropy(model(given.inputs).transpose(1, 2), given.targets).backward()
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    for p in model.parameters():
        p.grad *= min(1.0, 1.0 / norm)
    optimizer.step()
    known = next(s for s in run if s.step == 1)
    for name, values in model.state_dict().items():
        np.testing.assert_allclose(known.arrays[f"weights {name}"].astype(float), values.numpy(), atol=2e-3, rtol=2e-3)


def test_a_run_that_diverges_ends():
    last = list(train(Course("reverse", length=4, d=16, steps=40, batch=4, rate=1e25)))[-1]
    assert last.metrics["diverged"] == 1
    assert last.step < 40


# What ships


def test_the_manifest_tells_of_every_task():
    records = manifest("attention")
    assert list(records) == list(COURSES) == [*TASKS, "text"]
    for task, record in records.items():
        assert Course(**record["course"]) == COURSES[task]
        assert record["parameters"] == sum(p.numel() for p in shipped(task).model.parameters())


@pytest.mark.parametrize("task", TASKS)
def test_what_ships_does_what_its_record_says(task: str):
    ship = shipped(task)
    fresh = next(ship.course.batches("never seen", 200))
    with torch.inference_mode():
        found = accuracy_of(ship.model(fresh.inputs), fresh.targets)
    assert ship.record["test_accuracy"] > 0.99
    assert found > 0.97
    film = ship.film
    L, H = ship.course.layers, ship.course.heads
    assert film.maps.shape == (len(film.steps), L, H, len(film.queries), len(film.keys))
    np.testing.assert_allclose(film.maps[-1].sum(-1) / 255, 1, atol=0.06)
    assert film.metrics["accuracy"][-1] > 0.97
    with pytest.raises(ExplainerError, match="choose copy, reverse"):
        shipped("translate")


def test_the_induction_head_has_emerged():
    film = shipped("induction").film
    assert film.metrics["induction"][0] < 0.2
    assert film.metrics["induction"][-1] > 0.8
    assert film.heads["induction"][-1].max() == pytest.approx(film.metrics["induction"][-1])
