"""Gradients, singular values, clipping and recall against other ways to get them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.memory_length import SPEC, look, questions, summary, train
from core.memory_length.compute import (
    DELAYS,
    KINDS,
    RECALL,
    at_first,
    belongs,
    biases,
    explosion,
    first_net,
    reach,
    sequences,
    shipped_recall,
    spectrum,
    train_part,
    way_back,
    ways,
)

SMALL = SPEC(length=8, hidden=5, gain=1.3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_at_the_first_step_is_a_finite_difference(kind: str) -> None:
    """The state after step 1 is moved; the rest of the sequence goes on from there."""
    net, (inputs, letters) = first_net(SMALL, kind), sequences(SMALL)
    way = way_back(net, inputs, letters)
    with torch.no_grad():
        _, state = net.cell(inputs[:, :1])
    h, c = state if kind == "lstm" else (state, torch.zeros_like(state))

    def losses(h: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            scores = net.readout(net.cell(inputs[:, 1:], (h, c) if kind == "lstm" else h)[0][:, -1])
        return torch.nn.functional.cross_entropy(scores, letters, reduction="none")

    step = 1e-6
    for part, found in (("h", way.h), ("c", way.c)):
        if found is None:
            continue
        slopes = []
        for unit in range(5):
            move = torch.zeros_like(h)
            move[..., unit] = step
            ends = [losses(h + s * move, c) if part == "h" else losses(h, c + s * move) for s in (1, -1)]
            slopes.append((ends[0] - ends[1]) / (2 * step))
        if part == "h":
            assert found[0] == pytest.approx(float(torch.stack(slopes).norm(dim=0).mean()), rel=1e-5)
        else:  # dL/dc_1 also goes through h_1 = o tanh(c_1)
            o = (h / torch.tanh(c))[0]
            through_h = [torch.zeros(32, dtype=torch.float64)] * 5
            for unit in range(5):
                move = torch.zeros_like(h)
                move[..., unit] = step
                through_h[unit] = (
                    (losses(h + move, c) - losses(h - move, c))
                    / (2 * step)
                    * (o * (1 - torch.tanh(c[0]) ** 2))[:, unit]
                )
            whole = torch.stack([a + b for a, b in zip(slopes, through_h, strict=True)])
            assert found[0] == pytest.approx(float(whole.norm(dim=0).mean()), rel=1e-5)


@pytest.mark.parametrize("weights", ["orthogonal", "uniform"])
@pytest.mark.parametrize("gain", [0.7, 1.0, 1.6])
def test_the_rnn_never_exceeds_its_bound(weights: str, gain: float) -> None:
    way = ways(at_first(SPEC(length=25, hidden=8, weights=weights, gain=gain)))["rnn"]
    back = np.arange(24, -1, -1)
    assert (way.h <= way.h[-1] * way.sigma**back * (1 + 1e-12)).all()
    if weights == "orthogonal":
        assert way.sigma == pytest.approx(gain)


def test_the_spectrum_is_that_of_the_product_of_all_steps() -> None:
    net, (inputs, _) = first_net(SMALL, "rnn"), sequences(SMALL)
    U = net.cell.weight_hh_l0.detach().numpy()
    h = net.cell(inputs[:1])[0][0].detach().numpy()
    found, J = spectrum(SMALL), np.eye(5)
    np.testing.assert_allclose(found.U, np.linalg.svd(U, compute_uv=False), rtol=1e-10)
    for t in range(7, -1, -1):
        values = np.linalg.svd(J, compute_uv=False)
        assert found.largest[t] == pytest.approx(values[0], rel=1e-9)
        assert found.median[t] == pytest.approx(values[2], rel=1e-9)
        J = J @ np.diag(1 - h[t] ** 2) @ U


def test_reach_counts_back_to_the_first_step_below_one_percent() -> None:
    assert reach(np.array([1e-5, 1.0, 0.005, 0.5, 1.0])) == 1
    assert reach(np.array([0.01, 0.02, 1.0])) == 2
    assert reach(np.array([1.0])) == 0


def test_a_higher_forget_bias_keeps_more_and_nothing_else_differs() -> None:
    found = biases(SPEC(length=20, hidden=6))
    kept = [way.c[0] for way in found.values()]
    assert kept == sorted(kept)
    for b, way in found.items():
        assert way.forget == pytest.approx(1 / (1 + np.exp(-b)), abs=0.1)
    nets = [first_net(SPEC(hidden=6), "lstm", b).state_dict() for b in (0.0, 5.0)]
    for name in nets[0]:
        same = torch.equal(nets[0][name], nets[1][name])
        assert same == (name != "cell.bias_ih_l0"), name


def test_clipping_is_what_it_says_and_both_runs_begin_alike() -> None:
    found = explosion(SPEC(length=8, hidden=6, gain=1.5, rate=0.1, limit=0.5))
    plain, clipped = found.losses.values()
    assert plain[0] == clipped[0]
    first, cut = found.norms.values()
    assert first[0] == cut[0] > 0
    generous = explosion(SPEC(length=8, hidden=6, gain=1.5, rate=0.1, limit=100.0))
    np.testing.assert_array_equal(*generous.losses.values())  # no gradient is that long: nothing is cut


def test_a_run_that_leaves_the_numbers_is_a_result() -> None:
    view = look(SPEC(length=10, hidden=6, gain=2.0, rate=1.0, lens="clip"))
    assert len(view.rows) == 2


def test_the_shipped_nets_recall_what_the_page_says() -> None:
    found = shipped_recall()
    assert set(found.scores) == set(KINDS)
    for values in found.scores.values():
        assert values.shape == (len(DELAYS),)
        assert ((values >= 0) & (values <= 1)).all()
    assert found.scores["lstm"][0] > 0.95
    assert (
        found.scores["rnn"][1] < 0.6
    )  # over ten steps the vanilla RNN from uniform weights has lost half of the letters


@pytest.mark.parametrize("lens", ["delay", "bias"])
def test_a_job_tells_of_its_own_settings(lens: str) -> None:
    spec = SPEC(lens=lens, length=5, hidden=2, steps=50)
    told = []
    for snapshot in train(spec):
        told.append(snapshot)
        if lens == "delay" and snapshot.step >= 50:
            break
    assert belongs(spec, told[-1].arrays)
    assert not belongs(replace(spec, hidden=3), told[-1].arrays)
    metrics = {"step": np.array([s.step for s in told])} | {
        n: np.array([s.metrics.get(n, np.nan) for s in told]) for n in told[-1].metrics
    }
    view = look(spec, metrics, told[-1].arrays)
    assert len(view.figures) == (2 if lens == "bias" else 1)
    if lens == "delay":
        assert np.isfinite(told[-1].arrays["scores"][:, 0]).all()
        assert np.isnan(told[-1].arrays["scores"][:, -1]).all()
        assert len(view.rows) == 6


def test_what_does_not_change_the_training_does_not_ask_for_it_anew() -> None:
    assert train_part(SPEC(lens="delay", length=9)) == train_part(SPEC(lens="delay"))
    assert train_part(SPEC(lens="bias", forget_bias=5.0)) == train_part(SPEC(lens="bias"))
    assert train_part(SPEC(lens="bias", length=9)) != train_part(SPEC(lens="bias"))


def test_summary_and_questions_are_about_the_numbers_on_screen() -> None:
    _, rows = summary(SMALL)
    way = ways(at_first(SMALL))["rnn"]
    assert float(rows[0]["kept at each step, on average"]) == pytest.approx((way.h[0] / way.h[-1]) ** (1 / 7), abs=1e-4)
    for question in questions(SMALL):
        assert question.right(question.answer)
    assert RECALL.outputs == 4
