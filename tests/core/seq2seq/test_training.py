"""The tasks, the score and the training loop; the shipped models against the record of how they were made."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.errors import ExplainerError
from core.rng import generator
from core.seq2seq.shipped import EXPOSED_KINDS, RATIOS, STEPS, exposure, film_of, model_of, record
from core.seq2seq.shipped import course_of as shipped_course
from core.seq2seq.tasks import TRANSLATIONS
from core.seq2seq.training import EXAMPLE, Course, score, train, trained
from models.seq2seq import KINDS, own_tokens, true_tokens

SMALL = Course("reverse", "luong", hidden=8, steps=6, batch=8)


def text(words: tuple[str, ...], tokens: torch.Tensor) -> str:
    return "".join(words[t] for t in tokens.tolist()).strip()


@pytest.mark.parametrize(
    ("task", "source", "target"),
    [("reverse", "123", "321"), ("copy", "7788", "7788"), ("dates", "2026-11-20", "20 November 2026"),
     ("undates", "01 May 1999", "1999-05-01"), ("undates", "30 September 2026", "2026-09-30")],
)  # fmt: skip
def test_a_typed_source_is_translated(task: str, source: str, target: str) -> None:
    about = TRANSLATIONS[task]
    x, y, truth = about.read(source)
    assert text(about.source, x[0]) == source
    assert text(about.target, y[0]) == target
    assert truth.shape == (1, y.shape[1], x.shape[1])


@pytest.mark.parametrize("task", ["reverse", "copy"])
def test_digits_are_aligned_with_themselves(task: str) -> None:
    x, y, truth = TRANSLATIONS[task].sample(5, 7, generator(0, "x"))
    assert (truth.sum(2) == 1).all()
    assert torch.equal(x.gather(1, truth.int().argmax(2)), y)


def test_dates_backwards_are_dates_transposed() -> None:
    about = TRANSLATIONS["undates"]
    x, y, truth = about.sample(20, 17, generator(0, "x"))
    x_there, y_there, truth_there = TRANSLATIONS["dates"].sample(20, 10, generator(0, "x"))
    assert torch.equal(x, y_there)
    assert torch.equal(y, x_there)
    assert torch.equal(truth, truth_there.transpose(1, 2))
    again = about.solve(x)
    assert all(torch.equal(a, b) for a, b in zip(again, (x, y, truth), strict=True))


@pytest.mark.parametrize(
    ("task", "source", "words"),
    [("reverse", "12x", "'x' is no token"), ("copy", "1", "outside 2 to 20"), ("dates", "2026-13-01", "no date"),
     ("undates", "20 Nov 2026", "no date"), ("undates", "31 February 2026", "no date"), ("undates", "2026", "no date")],
)  # fmt: skip
def test_what_is_no_source_is_refused(task: str, source: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        TRANSLATIONS[task].read(source)


def test_the_score_asks_only_answers_that_need_something() -> None:
    truth = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0]], bool)
    assert score(np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [1, 0, 0]]), truth) == 1.0
    assert score(np.array([[0.3, 0.5, 0.2], [0.1, 0.3, 0.6], [1, 0, 0]]), truth) == 0.5
    assert math.isnan(score(np.ones((1, 3)), np.zeros((1, 3), bool)))


def test_training_reports_what_its_own_weights_do() -> None:
    film = list(train(SMALL))
    assert [s.step for s in film][:2] == [0, 1]
    assert film[-1].step == SMALL.steps
    last = film[-1]
    net, (x, y, truth) = trained(SMALL, last.arrays).float(), SMALL.test()
    with torch.no_grad():
        logits, _, _ = net.unroll(x, 10, true_tokens(y))
        _, said, alpha = net.unroll(x, 10, own_tokens)
    assert last.metrics["loss"] == pytest.approx(F.cross_entropy(logits.flatten(0, 1), y.flatten()).item(), rel=2e-3)
    assert last.metrics["forced"] == pytest.approx((logits.argmax(2) == y).double().mean().item(), abs=0.02)
    assert last.metrics["free"] == pytest.approx((said == y).double().mean().item(), abs=0.02)
    assert last.metrics["alignment"] == pytest.approx(score(alpha.numpy(), truth.numpy()), abs=0.03)
    np.testing.assert_allclose(last.arrays["alpha"], alpha[0], atol=5e-3)  # weights are kept in half precision
    again = list(train(SMALL))[-1]
    assert again.metrics == last.metrics


def test_first_steps_are_torch_s_own() -> None:
    """Two steps of the loop, with plain torch."""
    course = Course("copy", "bahdanau", hidden=6, steps=2, batch=4, rate=0.01)
    *_, last = train(course)
    net = course.model()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for step, (x, y, _) in zip((1, 2), course.examples(), strict=False):
        loss = 0.0
        h, s = net.encode(x)
        heard = torch.full((4,), net.begin)
        for i in range(y.shape[1]):
            z, s, _ = net.step(heard, s, h)
            loss = loss + F.cross_entropy(z, y[:, i]) / y.shape[1]
            heard = y[:, i]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = 0.01 * (1.0 if step == 1 else 0.1)
        optimizer.step()
    for name, values in net.state_dict().items():
        np.testing.assert_allclose(last.arrays[f"weights {name}"], values, atol=2e-3)


@pytest.mark.parametrize("task", list(STEPS))
def test_shipped_models_are_as_good_as_their_record_says(task: str) -> None:
    about = TRANSLATIONS[task]
    x, y, _ = about.sample(300, EXAMPLE[task], generator(0, "a new purpose"))
    for kind in KINDS:
        with torch.no_grad():
            _, said, _ = model_of(task, kind).unroll(x, y.shape[1], own_tokens)
        whole = (said == y).all(1).double().mean().item()
        claimed = record(task)["whole_answers"][kind]
        assert whole == pytest.approx(claimed, abs=4 * math.sqrt(max(claimed * (1 - claimed), 0.01) / 300))
        film = film_of(task, kind)
        assert film.steps[-1] == shipped_course(task, kind).steps
        assert len(film.alpha) == len(film.steps) == len(film.metrics["free"])
    assert record(task)["whole_answers"]["bahdanau"] > record(task)["whole_answers"]["none"] + 0.3


def test_the_study_of_teachers_holds_a_model_for_each_ratio() -> None:
    found = exposure()
    assert list(found) == list(EXPOSED_KINDS)
    for forced, free in found.values():
        assert forced.shape == free.shape == (len(RATIOS),)
        assert ((free >= 0) & (free <= 1)).all()
