"""Every number of the closer looks against torch's own modules, closed forms or a count by hand."""

from __future__ import annotations

import ast
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from core.frameworks import SPEC, look, numbers, questions, sections, table, worked
from core.frameworks.lenses import HOOKS, LOOKS, architecture, film_steps, parity
from core.frameworks.pipelines import BATCHES, length, schedule
from core.frameworks.snippets import FOLDER, body, names_of, results, second, source
from core.frameworks.spec import LENSES, USED


def found(lens: str, **settings: object) -> dict[str, float]:
    return results(lens, SPEC(lens=lens, **settings))


@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_has_two_programs_words_a_picture_and_its_numbers(lens: str) -> None:
    spec = SPEC(lens=lens)
    seen = look(spec)
    assert len(seen.codes) == 2
    assert seen.figures
    assert seen.rows
    assert len(seen.sentences) >= 2
    assert list(seen.params) == list(USED.get(lens, ()))
    assert all(isinstance(value, float) for value in results(lens, spec).values())
    assert results(lens, spec).items() <= numbers(spec).items()
    for code in seen.codes.values():
        ast.parse(code)


def test_the_lenses_are_the_looks_and_every_program_belongs_to_one() -> None:
    assert list(LENSES) == list(LOOKS)
    files = {f"torch_{lens}.py" for lens in LENSES} | {f"{second(lens)}_{lens}.py" for lens in LENSES}
    assert {path.name for path in FOLDER.glob("*_*.py") if path.name != "__init__.py"} == files


def test_sliders_reach_the_programs() -> None:
    spec = SPEC(lens="padding", size=9, kernel=4, stride=3)
    for library in ("torch", "keras"):
        text = source("padding", library, spec)
        assert "SIZE = 9\nKERNEL = 4\nSTRIDE = 3\n" in text
    assert body('"""Said."""\n\nx = 1\n') == ("Said.", "x = 1\n")


def test_gradients_add_up() -> None:
    x, y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([1.0, 2.0])
    one = np.linalg.norm(2 * x.T @ (-y) / 2)
    for count in (1, 5):
        numbers_ = found("zero_grad", forgets=count)
        assert numbers_["gradient after one backward"] == pytest.approx(one)
        assert numbers_["gradient after all of them"] == pytest.approx(count * one)
    w, total = np.zeros(2), np.zeros(2)
    for _ in range(40):
        loss = ((x @ w - y) ** 2).mean()
        total += 2 * x.T @ (x @ w - y) / 2
        w -= 0.05 * total
    assert found("zero_grad")["last loss without"] == pytest.approx(loss)


@pytest.mark.parametrize("number", [1, 6, 27])
def test_the_graph_has_a_node_for_each_turn(number: int) -> None:
    numbers_ = found("graph", number=number)
    h, slope, n, turns = 0.5, 1.0, number, 0
    while n != 1:
        h, slope, n = (math.sin(h), slope * math.cos(h), n // 2) if n % 2 == 0 else (1.5 * h, 1.5 * slope, 3 * n + 1)
        turns += 1
    assert numbers_["turns of the loop"] == turns
    assert numbers_["nodes in the graph"] == turns + 2
    assert numbers_["y"] == pytest.approx(h * h, rel=1e-12)
    assert numbers_["dy/dx"] == pytest.approx(2 * h * slope, rel=1e-12)


@pytest.mark.parametrize("drop", [0.0, 0.5, 0.9])
def test_dropout_scales_what_is_left_as_torch_does(drop: float) -> None:
    names = names_of("modes", SPEC(lens="modes", drop=drop))
    layer = nn.Dropout(drop)
    out = layer(names["h"])
    assert layer.eval()(names["h"]).equal(names["evaluated"])
    ours = names["trained"]
    left = ours != 0
    torch.testing.assert_close(ours[left], (names["h"] / (1 - drop))[left])
    torch.testing.assert_close(out[out != 0], (names["h"] / (1 - drop))[out != 0])
    assert abs(float(left.double().mean()) - (1 - drop)) < 0.04
    assert "more than 1 value" in names["refused"]
    batch = names["batch"]
    assert found("modes", drop=drop)["batch norm in evaluation, mean"] == pytest.approx(
        float((batch.mean() - 0.1 * batch.mean()) / torch.sqrt(0.9 + 0.1 * batch.var() + 1e-5))
    )


def test_layouts_differ_and_convolutions_do_not() -> None:
    numbers_ = found("layout")
    assert numbers_["largest difference of the maps"] < 1e-12
    a = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    stays = (a.reshape(2, -1) == a.transpose(0, 3, 1, 2).reshape(2, -1)).mean()
    assert numbers_["numbers at the same place after flatten"] == pytest.approx(stays)
    assert (numbers_["step to the next column, permuted"], numbers_["step to the next column, contiguous"]) == (3, 1)


@pytest.mark.parametrize(
    ("n", "k", "s", "left", "right"),
    [(6, 3, 2, 0, 1), (5, 3, 2, 1, 1), (6, 3, 1, 1, 1), (6, 4, 1, 1, 2), (7, 1, 3, 0, 0), (3, 7, 4, 2, 2), (16, 5, 3, 2, 2)],
)  # fmt: skip
def test_keras_padding_puts_the_odd_zero_on_the_right(n: int, k: int, s: int, left: int, right: int) -> None:
    numbers_ = found("padding", size=n, kernel=k, stride=s)
    assert (numbers_["Keras pads left"], numbers_["Keras pads right"]) == (left, right)
    assert numbers_["outputs in Keras"] == math.ceil(n / s)
    row = [0] * left + list(range(1, n + 1)) + [0] * right
    assert numbers_["first output in Keras"] == sum(row[i] * (i + 1) for i in range(k))
    if s == 1 and k % 2:  # torch warns of the copy that it makes for even kernels
        torch_same = torch.nn.functional.conv1d(
            torch.arange(1.0, n + 1)[None, None], torch.arange(1.0, k + 1)[None, None], padding="same"
        )
        assert numbers_["first output in Keras"] == float(torch_same[0, 0, 0])


def test_running_means_follow_the_two_conventions() -> None:
    names = names_of("norm", SPEC(lens="norm", steps=7))
    for column, m in ((0, 0.1), (1, 0.01)):
        mean, variance = 0.0, 1.0
        for batch in names["batches"].numpy():
            mean = (1 - m) * mean + m * batch.mean()
            variance = (1 - m) * variance + m * batch.var(ddof=1)
        assert names["means"][-1][column] == pytest.approx(mean, rel=1e-12)
        assert names["variances"][-1][column] == pytest.approx(variance, rel=1e-12)
        out = "output for 5, " + ("PyTorch" if column == 0 else "settings as in Keras")
        assert names["result"][out] == pytest.approx((5 - mean) / math.sqrt(variance + (1e-5, 1e-3)[column]))


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 32), (512, 512), (300, 10)])
def test_first_weights_have_the_variance_of_their_rule(inputs: int, outputs: int) -> None:
    names = names_of("start", SPEC(lens="start", inputs=inputs, outputs=outputs))
    linear = nn.Linear(inputs, outputs)
    bounds = {"PyTorch": 1 / math.sqrt(inputs), "Keras": math.sqrt(6 / (inputs + outputs))}
    assert float(linear.weight.detach().abs().max()) <= bounds["PyTorch"]
    for name, bound in bounds.items():
        drawn = names["drawn"][name]
        assert 0.95 * bound < float(drawn.abs().max()) <= bound
        assert names["result"][f"variance in {name}, expected"] == pytest.approx(bound**2 / 3)
        assert names["result"][f"variance in {name}"] == pytest.approx(bound**2 / 3, rel=0.1)


def test_dense_weights_are_carried_over() -> None:
    numbers_ = found("dense")
    assert numbers_["largest difference after transfer"] < 1e-14
    assert numbers_["largest difference, square kernel not transposed"] > 0.1


@pytest.mark.parametrize("gap", [0.0, 40.0, 200.0])
def test_four_ways_to_the_cross_entropy(gap: float) -> None:
    numbers_ = found("loss", gap=gap)
    p = 1 / (1 + math.exp(gap))
    assert numbers_["from logits"] == pytest.approx(math.log1p(math.exp(-gap)) + gap, rel=1e-6)
    assert numbers_["softmax twice"] == pytest.approx(math.log(math.exp(1 - p) + math.exp(p)) - p, rel=1e-6)
    assert numbers_["probabilities, cut as in Keras"] == pytest.approx(-math.log(max(p, 1e-7)), rel=1e-6)
    assert math.isinf(numbers_["log of the softmax"]) == (gap > 104)


@pytest.mark.parametrize("epsilon", [1e-12, 1e-7, 1e-2])
def test_the_first_step_of_adam(epsilon: float) -> None:
    numbers_ = found("adam", epsilon=epsilon)
    assert numbers_["with the second epsilon, PyTorch"] == pytest.approx(1e-7 / (1e-7 + epsilon), rel=1e-9)
    assert numbers_["with the second epsilon, Keras"] == pytest.approx(
        1e-7 / (1e-7 + epsilon / math.sqrt(0.001)), rel=1e-9
    )
    assert numbers_["step for a gradient of 1e-7, PyTorch"] == pytest.approx(10 / 11, rel=1e-9)


@pytest.mark.parametrize("hidden", [1, 8])
def test_recurrent_weights_are_carried_over(hidden: int) -> None:
    """The states by hand in Keras' order are torch's own, and the two mistakes are seen."""
    numbers_ = found("lstm", hidden=hidden)
    assert numbers_["LSTM carried over, largest difference"] < 1e-13
    assert numbers_["GRU carried over, largest difference"] < 1e-13
    assert numbers_["LSTM with the second bias left out"] > 0.01
    assert numbers_["GRU with the gates in the wrong order"] > 0.01


@pytest.mark.parametrize("buffer", [1, 50, 500])
def test_a_buffer_holds_examples_back_no_longer_than_it_can(buffer: int) -> None:
    names = names_of("data", SPEC(lens="data", buffer=buffer))
    buffered, full = names["buffered"], names["full"]
    assert sorted(buffered) == sorted(full) == list(range(500))
    assert (buffered <= np.arange(500) + buffer - 1).all()
    if buffer == 1:
        assert (buffered == np.arange(500)).all()
    assert names["result"]["mean way of an example, DataLoader"] == pytest.approx(500 / 3, rel=0.1)
    assert names["result"]["batches in an epoch"] == math.ceil(500 / 32)
    assert names["result"]["examples in the last batch"] == 500 % 32


@pytest.mark.parametrize(("load", "work"), [(12.0, 10.0), (10.0, 12.0), (50.0, 1.0), (7.0, 7.0)])
def test_timelines_by_their_closed_forms(load: float, work: float) -> None:
    assert length(schedule(load, work, 0)) == pytest.approx(BATCHES * (load + work))
    assert length(schedule(load, work, 1)) == pytest.approx(load + (BATCHES - 1) * max(load, work) + work)
    fast = length(schedule(load, work, 2))
    assert fast <= length(schedule(load, work, 1))
    if work >= load / 2:
        assert fast == pytest.approx(load + BATCHES * work)
    for loaders in (0, 1, 2):
        trained = [span for span in schedule(load, work, loaders) if span[0] == "train"]
        assert all(a[2] <= b[1] for a, b in pairwise(trained))


def test_saving_keeps_every_bit_and_adam_s_means_matter() -> None:
    numbers_ = found("saving")
    assert numbers_["largest difference after loading"] == 0
    assert numbers_["loss after 20, save, load, 20"] == numbers_["loss after 40 steps, not interrupted"]
    assert abs(numbers_["the same without the optimizer"] - numbers_["loss after 20, save, load, 20"]) > 0.01
    assert "size mismatch" in names_of("saving", SPEC(lens="saving"))["refused"]


def test_the_custom_layer_and_loss_have_numeric_gradients() -> None:
    names = names_of("custom", SPEC(lens="custom"))
    np.testing.assert_allclose(names["analytic"], names["numeric"], rtol=1e-5, atol=1e-9)
    x = torch.linspace(-3, 3, 9, dtype=torch.float64)
    torch.testing.assert_close(names["Swish"](9).double()(x), nn.functional.silu(x))
    logits, labels = torch.tensor([[2.0, -1.0], [0.3, 0.1]], dtype=torch.float64), torch.tensor([1, 0])
    p = torch.softmax(logits, 1)[[0, 1], labels]
    assert float(names["focal_loss"](logits, labels)) == pytest.approx(float((-((1 - p) ** 2) * p.log()).mean()))
    assert names["result"]["parameters"] == 3 * 4 + 4 + 4 + 4 * 2 + 2


def test_hooks_are_called_in_lightning_s_order() -> None:
    """The calls that Lightning 2.6.6 itself makes in such a fit (two epochs of two batches, one validation batch)."""
    batch = ["on_train_batch_start", "training_step", "on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step", "on_train_batch_end"]  # fmt: skip
    checked = ["on_validation_epoch_start", "validation_step", "on_validation_epoch_end"]
    epoch = ["on_train_epoch_start", *batch, *batch, *checked, "on_train_epoch_end"]
    order = ["configure_optimizers", "on_fit_start", "on_train_start", *epoch, *epoch, "on_train_end", "on_fit_end"]
    assert names_of("hooks", SPEC(lens="hooks"))["calls"] == order
    assert list(dict.fromkeys(order)) == list(HOOKS)


def test_the_checks_of_a_net() -> None:
    names = names_of("debug", SPEC(lens="debug"))
    assert names["shapes"] == [("Linear", (8, 16)), ("ReLU", (8, 16)), ("Linear", (8, 3))]
    assert names["result"]["loss of eight examples after 200 steps"] < 0.05
    assert abs(names["result"]["first loss"] - math.log(3)) < 0.2
    assert "no error" not in names["complaints"].values()


def test_operations_agree_and_the_two_traps_are_there() -> None:
    made = names_of("tensors", SPEC(lens="tensors"))["operations"]
    for name, (ours, theirs) in made.items():
        if name != "standard deviation":
            np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=1e-7)
    assert float(made["standard deviation"][0]) == pytest.approx(math.sqrt(35 / 12))
    assert float(made["standard deviation"][1]) == pytest.approx(math.sqrt(35 / 10))
    assert found("tensors")["from_numpy sees a later change"] == 10


def test_what_stands_above_the_lens() -> None:
    spec = SPEC(data="bars", layers="conv 4, pool, dense 8", epochs=1, optimizer="sgd")
    assert [row["parameters"] for row in architecture(spec)] == [40, 0, 296, 18]
    assert architecture(spec)[2]["PyTorch weight (out, in)"] == "8 × 36"
    assert len({row["loss of the last batch (of fit: epoch)"] for row in parity(spec)}) == 1
    steps = film_steps(spec)
    assert len(steps) == 10
    assert all(step.text for step in steps)
    assert "354 parameters" in steps[1].text
    assert len(worked(spec)) == 3


def test_plain_descent_in_the_formula_tab_is_the_step() -> None:
    line = worked(SPEC(optimizer="sgd"))
    after = line[1].latex[0].split("w' = ")[1]
    assert line[2].latex[0].endswith(after)


@pytest.mark.parametrize("lens", LENSES)
def test_questions_have_their_answers_among_the_options(lens: str) -> None:
    for question in questions(SPEC(lens=lens)):
        assert question.right(question.answer)
        assert not question.options or question.answer in question.options


def test_questions_by_hand() -> None:
    asked = {q.slug.split(".")[0]: q for q in questions(SPEC(lens="padding"))}
    assert asked["parameters"].answer == 2 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2
    assert asked["padding"].answer == "more on the right"
    assert asked["parity"].answer != "clearly different"
    assert questions(SPEC(lens="data", buffer=480))[-1].answer == 499


def test_report_and_table() -> None:
    spec = SPEC(lens="adam", epochs=1)
    assert [part.heading for part in sections(spec)][:2] == ["The net", "The programs agree"]
    assert len(table(spec).strip().splitlines()) == 1 + 7
