"""The net on the home page against torch, central differences and plain counting, all in float64."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from core.contracts import Snapshot
from core.home.compute import (
    answers,
    backward,
    confusion,
    cross_entropy,
    descend,
    forward,
    initial,
    log_softmax,
    mistakes,
    numbers,
    pixels,
    predict,
    start,
    train,
)
from core.home.data import Digits, split
from core.home.spec import EXAMPLES, HomeSpec

NAMES = ("W1", "b1", "W2", "b2")
SHORT = HomeSpec(epochs=3)


@pytest.fixture(scope="module")
def run() -> list[Snapshot]:
    return list(train(HomeSpec()))


def some_net(units: int = 5) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    g = np.random.default_rng(7)
    net = {
        "W1": g.normal(size=(64, units)),
        "b1": g.normal(size=units),
        "W2": g.normal(size=(units, 10)),
        "b2": g.normal(size=10),
    }
    return net, g.random((6, 64)), np.array([0, 9, 3, 3, 7, 1])


def torch_loss(net: dict[str, torch.Tensor], X: np.ndarray, y: np.ndarray) -> torch.Tensor:
    H = torch.relu(torch.from_numpy(X) @ net["W1"] + net["b1"])
    return torch.nn.functional.cross_entropy(H @ net["W2"] + net["b2"], torch.from_numpy(y))


def test_loss_and_gradient_are_torch_s() -> None:
    net, X, y = some_net()
    L, gradient = backward(net, X, y)
    leaves = {name: torch.tensor(net[name], requires_grad=True) for name in NAMES}
    loss = torch_loss(leaves, X, y)
    loss.backward()
    assert pytest.approx(loss.item(), rel=1e-14) == L
    for name in NAMES:
        np.testing.assert_allclose(gradient[name], leaves[name].grad.numpy(), rtol=1e-11, atol=1e-14, err_msg=name)


def test_gradient_is_the_central_difference() -> None:
    net, X, y = some_net(units=3)
    _, gradient = backward(net, X, y)
    for name in NAMES:
        for place in np.ndindex(net[name].shape):
            ends = []
            for h in (1e-6, -1e-6):
                moved = {**net, name: net[name].copy()}
                moved[name][place] += h
                ends.append(cross_entropy(log_softmax(forward(moved, X)[2]), y))
            assert gradient[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=2e-8), (name, place)


def test_a_unit_at_exactly_0_passes_no_gradient_as_in_torch() -> None:
    net, X, y = some_net()
    net = {**net, "W1": np.zeros((64, 5)), "b1": np.zeros(5)}
    leaves = {name: torch.tensor(net[name], requires_grad=True) for name in NAMES}
    torch_loss(leaves, X, y).backward()
    _, gradient = backward(net, X, y)
    for name in NAMES:
        np.testing.assert_allclose(gradient[name], leaves[name].grad.numpy(), rtol=1e-12, atol=1e-15)
    assert not gradient["W1"].any()


def test_log_softmax_holds_for_huge_scores() -> None:
    Z = np.array([[1000.0, *[0.0] * 9], [-1000.0] * 10, list(np.arange(10.0))])
    np.testing.assert_allclose(log_softmax(Z), torch.log_softmax(torch.from_numpy(Z), 1).numpy(), rtol=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_step_is_torch_s_sgd(momentum: float) -> None:
    net, X, y = some_net()
    spec = HomeSpec(rate=0.3, momentum=momentum)
    leaves = {name: torch.tensor(net[name], requires_grad=True) for name in NAMES}
    v = {name: np.zeros_like(weights) for name, weights in net.items()}
    optimizer = torch.optim.SGD(leaves.values(), lr=0.3, momentum=momentum)
    for _ in range(4):
        _, net, v = descend(net, v, X, y, spec)
        optimizer.zero_grad()
        torch_loss(leaves, X, y).backward()
        optimizer.step()
    for name in NAMES:
        np.testing.assert_allclose(net[name], leaves[name].detach().numpy(), rtol=1e-10, atol=1e-13)


def test_the_first_weights_are_he_s() -> None:
    net = initial(HomeSpec(hidden=128))
    assert net["W1"].std() == pytest.approx(np.sqrt(2 / 64), rel=0.03)
    assert net["W2"].std() == pytest.approx(np.sqrt(2 / 128), rel=0.06)
    assert abs(net["W1"].mean()) < 0.01
    assert not net["b1"].any()
    assert not net["b2"].any()


def test_the_default_run_reads_97_of_100_test_digits(run: list[Snapshot]) -> None:
    assert run[-1].metrics["test_accuracy"] >= 0.97
    assert 0.03 < run[0].metrics["test_accuracy"] < 0.2
    assert run[-1].metrics["diverged"] == 0


def test_snapshots_come_eight_times_in_the_first_epoch_and_then_once(run: list[Snapshot]) -> None:
    epoch = -(-len(split(0).train) // HomeSpec().batch)
    first = [s.step for s in run if s.step <= epoch]
    assert first == [0, *sorted({-(-epoch * k // 8) for k in range(1, 9)})]
    assert [s.step for s in run if s.step >= epoch] == [epoch * k for k in range(1, HomeSpec().epochs + 1)]
    assert {s.total for s in run} == {epoch * HomeSpec().epochs}
    assert [s.metrics["epoch"] for s in run] == [s.step / epoch for s in run]


def test_an_epoch_sees_every_training_digit_once_in_a_new_order() -> None:
    from core.home.compute import batches

    digits = split(0)
    seen = np.concatenate(list(batches(HomeSpec(epochs=2, batch=100), digits.train)))
    one, two = np.split(seen, 2)
    assert (np.sort(one) == digits.train).all()
    assert (np.sort(two) == digits.train).all()
    assert (one != two).any()


def test_metrics_are_what_a_second_count_gives(run: list[Snapshot]) -> None:
    digits, last = split(0), run[-1]
    leaves = {name: torch.from_numpy(last.arrays[name]) for name in NAMES}
    X = digits.images.reshape(-1, 64) / 16
    for part, rows in (("train", digits.train), ("test", digits.test)):
        Z = torch.relu(torch.from_numpy(X[rows]) @ leaves["W1"] + leaves["b1"]) @ leaves["W2"] + leaves["b2"]
        assert last.metrics[f"{part}_accuracy"] == pytest.approx(
            (Z.argmax(1).numpy() == digits.labels[rows]).mean(), abs=1e-15
        )
        assert last.metrics[f"{part}_loss"] == pytest.approx(
            torch_loss(leaves, X[rows], digits.labels[rows]).item(), rel=1e-12
        )
    C = last.arrays["confusion"]
    assert C.sum() == len(digits.test)
    assert C.trace() / C.sum() == last.metrics["test_accuracy"]
    silent = (X[digits.train] @ last.arrays["W1"] + last.arrays["b1"] <= 0).all(axis=0)
    assert last.metrics["silent_units"] == silent.mean()


def test_confusion_has_the_truth_in_rows() -> None:
    C = confusion(np.array([1, 1, 2, -1]), np.array([1, 7, 7, 7]))
    assert C[1, 1] == C[7, 1] == C[7, 2] == 1
    assert C.sum() == 3


def test_mistakes_are_the_surest_wrong_answers_ties_in_order() -> None:
    digits = Digits(
        np.arange(5 * 64.0).reshape(5, 8, 8), np.array([0, 1, 2, 3, 4]), np.array([0]), np.array([1, 2, 3, 4])
    )
    P = np.full((4, 10), 0.02)
    P[0, 1], P[1, 5], P[2, 6], P[3, 7] = 0.9, 0.4, 0.8, 0.4  # the first is right
    found = mistakes(digits, P.argmax(1), P)
    assert found["mistake_index"].tolist() == [3, 2, 4]
    assert found["mistake_true"].tolist() == [3, 2, 4]
    assert found["mistake_answer"].tolist() == [6, 5, 7]
    np.testing.assert_array_equal(found["mistake_probabilities"], P[[2, 1, 3]])
    np.testing.assert_array_equal(found["mistake_image"], digits.images[[3, 2, 4]])


def test_no_mistake_gives_empty_arrays_of_the_right_shape() -> None:
    digits = split(0)
    found = mistakes(digits, digits.labels[digits.test], np.eye(10)[digits.labels[digits.test]])
    assert found["mistake_image"].shape == (0, 8, 8)
    assert found["mistake_probabilities"].shape == (0, 10)


def test_predict_gives_the_probabilities_of_one_image(run: list[Snapshot]) -> None:
    arrays, image = run[-1].arrays, split(0).images[5]
    P = predict(arrays, image)
    H = np.maximum(image.reshape(64) / 16 @ arrays["W1"] + arrays["b1"], 0)
    expected = torch.softmax(torch.from_numpy(H @ arrays["W2"] + arrays["b2"]), 0).numpy()
    np.testing.assert_allclose(P, expected, rtol=1e-12, atol=1e-300)
    assert P.sum() == pytest.approx(1, abs=1e-12)
    assert pixels(image[None]).max() == 1


def same(a: list[Snapshot], b: list[Snapshot]) -> bool:
    return len(a) == len(b) and all(
        s.metrics == t.metrics and all(np.array_equal(s.arrays[k], t.arrays[k]) for k in s.arrays)
        for s, t in zip(a, b, strict=True)
    )


def test_the_same_spec_gives_the_same_arrays_also_four_at_once() -> None:
    alone = list(train(SHORT))
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda spec: list(train(spec)), [SHORT] * 4))
    assert all(same(alone, other) for other in runs)
    assert not same(alone, list(train(HomeSpec(epochs=3, seed=1))))


def test_a_run_that_overflows_ends_and_says_so() -> None:
    spec = HomeSpec(hidden=128)
    object.__setattr__(spec, "rate", 1e150)  # no setting reaches it: softmax keeps the gradient small
    snapshots = list(train(spec))
    last = snapshots[-1]
    assert last.metrics["diverged"] == 1
    assert last.step < last.total
    assert not np.isfinite(last.metrics["train_loss"])
    assert [s.metrics["diverged"] for s in snapshots[:-1]] == [0.0] * (len(snapshots) - 1)
    assert np.isnan(predict(last.arrays, split(0).images[0])).all()
    assert last.arrays["confusion"].sum() < len(split(0).test)


def test_nan_rows_have_no_answer() -> None:
    log_P = np.log(np.full((2, 10), 0.1))
    log_P[0, 3] = np.nan
    assert answers(log_P).tolist() == [-1, 0]


def test_presets_show_what_they_promise() -> None:
    runs = {e.slug: list(train(HomeSpec(**e.settings)))[-1].metrics for e in EXAMPLES}
    assert runs["too_fast"]["silent_units"] == 1
    assert runs["too_fast"]["test_accuracy"] < 0.15
    assert 0.5 < runs["bottleneck"]["test_accuracy"] < 0.9
    assert 0.9 < runs["plain_sgd"]["test_accuracy"] <= runs["standard"]["test_accuracy"]


def test_start_and_numbers_are_the_run_s_ends(run: list[Snapshot]) -> None:
    assert start(HomeSpec()).metrics == run[0].metrics
    assert numbers(HomeSpec()) == {
        name: run[-1].metrics[name] for name in ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
    }
