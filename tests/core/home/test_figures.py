"""The home page's pictures say what the arrays say: values, words, frames."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core import home
from core.contracts import Snapshot
from core.home import draw
from core.home.compute import start, train
from core.home.data import load
from core.home.spec import HomeSpec
from core.plots.encode import figure_json

Metrics = dict[str, list[float]]


@pytest.fixture(scope="module")
def run() -> list[Snapshot]:
    return list(train(HomeSpec(epochs=3)))


@pytest.fixture(scope="module")
def metrics(run: list[Snapshot]) -> Metrics:
    return {name: [s.metrics[name] for s in run] for name in run[0].metrics}


def test_curves_hold_the_metrics(metrics: Metrics) -> None:
    figure = draw.curves(metrics)
    by_name = {(line["name"], line["yaxis"]): line["y"] for line in figure.data}
    np.testing.assert_allclose(by_name["training digits", "y"], metrics["train_loss"])
    np.testing.assert_allclose(by_name["test digits", "y"], metrics["test_loss"])
    np.testing.assert_allclose(by_name["training digits", "y2"], 100 * np.array(metrics["train_accuracy"]))
    np.testing.assert_allclose(by_name["test digits", "y2"], 100 * np.array(metrics["test_accuracy"]))
    assert f"{metrics['test_accuracy'][-1]:.1%}" in figure.alt
    assert f"untrained net had test accuracy {metrics['test_accuracy'][0]:.1%}" in figure.alt


def test_curves_of_a_diverged_run_say_so(metrics: Metrics) -> None:
    broken = {name: [*values, np.nan] for name, values in metrics.items()} | {"epoch": [*metrics["epoch"], 3.5]}
    figure = draw.curves(broken)
    assert "diverged at epoch 3.5" in figure.alt
    json.loads(figure_json(figure))


def test_confusion_shows_the_counts_right_ones_on_the_blue_side() -> None:
    counts = np.diag(np.arange(10) + 30)
    counts[4, 9], counts[8, 1] = 3, 1
    figure = draw.confusion({"confusion": counts})
    heat = figure.data[0]
    assert heat["text"][4][9] == "3"
    assert heat["text"][9][4] == ""
    assert heat["z"][4, 9] == pytest.approx(np.sqrt(3 / 37))
    assert heat["z"][4, 4] == pytest.approx(-np.sqrt(34 / 37))
    assert "345 on the diagonal, 4 beside it. Most often, 3 times, a 4 is read as a 9" in figure.alt
    assert "an 8" not in figure.alt


def test_confusion_of_a_perfect_and_of_an_empty_net() -> None:
    assert "There is no mistake" in draw.confusion({"confusion": np.diag([45] * 10)}).alt
    empty = draw.confusion({"confusion": np.zeros((10, 10), int)})
    assert not np.asarray(empty.data[0]["z"]).any()


def test_every_weight_stands_at_its_pixel_of_its_unit(run: list[Snapshot]) -> None:
    arrays = run[-1].arrays
    heat = draw.weights(arrays).data[0]
    units, columns = len(arrays["b1"]), 7
    assert heat["z"].shape == (7 * 9 - 1, 7 * 9 - 1)
    for unit in range(units):
        top, left = unit // columns * 9, unit % columns * 9
        np.testing.assert_array_equal(heat["z"][top : top + 8, left : left + 8], arrays["W1"][:, unit].reshape(8, 8))
        assert (heat["customdata"][top : top + 8, left : left + 8] == unit).all()
    assert np.isnan(heat["z"][8]).all()
    assert np.isnan(heat["z"][:, 8]).all()
    assert heat["zmin"] == -heat["zmax"]


def test_films_have_a_frame_and_a_caption_for_each_snapshot(run: list[Snapshot]) -> None:
    for film, still in ((draw.weights_film(run), draw.weights), (draw.confusion_film(run), draw.confusion)):
        assert len(film.frames) == len(run) == len(draw.film_steps(run))
        assert {tuple(frame.traces) for frame in film.frames} == {(0,)}
        bound = film.data[0]["zmax"]
        for k in (0, len(run) - 1):
            shown = np.asarray(film.frames[k].data[0]["z"])
            expected = np.clip(still(run[k].arrays).data[0]["z"], -bound, bound)
            np.testing.assert_allclose(shown, expected, atol=bound / 254 + 1e-6)
        assert len(figure_json(film)) < 1_000_000
    assert draw.film_steps(run)[0].title == "Untrained"
    assert draw.film_steps(run)[-1].title == "Epoch 3"
    assert f"{run[-1].metrics['test_accuracy']:.1%}" in draw.film_steps(run)[-1].text


def test_weights_of_a_diverged_run_can_be_drawn(run: list[Snapshot]) -> None:
    W1 = run[-1].arrays["W1"].copy()
    W1[:, 0], W1[0, 1] = np.nan, np.inf
    last = Snapshot(9, 9, run[-1].metrics, {**run[-1].arrays, "W1": W1})
    film = draw.weights_film([run[0], last])
    assert np.isfinite(film.data[0]["zmax"])
    json.loads(figure_json(film))


def test_mistakes_carry_truth_answer_and_confidence() -> None:
    P = np.full((2, 10), 0.01)
    P[0, 7], P[1, 3] = 0.91, 0.6
    arrays = {
        "mistake_image": np.arange(128.0).reshape(2, 8, 8),
        "mistake_true": np.array([1, 8]),
        "mistake_answer": np.array([7, 3]),
        "mistake_probabilities": P,
    }
    figure = draw.mistakes(arrays)
    assert [note["text"] for note in figure.layout["annotations"]] == ["1 → 7 (91%)", "8 → 3 (60%)"]
    assert "a 1 read as a 7 with probability 91%; an 8 read as a 3" in figure.alt
    z = figure.data[0]["z"]
    np.testing.assert_array_equal(z[:8, 11:19], arrays["mistake_image"][1])
    assert [round(note["x"] - 3.5) for note in figure.layout["annotations"]] == [0, 11]


def test_no_mistakes_are_a_picture_too() -> None:
    arrays = {
        "mistake_image": np.zeros((0, 8, 8)),
        "mistake_true": np.zeros(0, int),
        "mistake_answer": np.zeros(0, int),
        "mistake_probabilities": np.zeros((0, 10)),
    }
    figure = draw.mistakes(arrays)
    assert "there is no mistake" in figure.alt
    assert figure.layout["annotations"][0]["text"] == "no mistake"
    json.loads(figure_json(figure))


def test_grid_fills_rows_first() -> None:
    sheet = draw.grid(np.stack([np.full((8, 8), k) for k in range(3)]), columns=2)
    assert sheet.shape == (17, 17)
    assert (sheet[0, 0], sheet[0, 9], sheet[9, 0]) == (0, 1, 2)
    assert np.isnan(sheet[9, 9])


def test_probabilities_name_the_answer_and_the_runners_up() -> None:
    P = np.array([0.1, 0, 0, 0.65, 0, 0, 0, 0, 0.25, 0])
    figure = draw.probabilities(P)
    np.testing.assert_allclose(figure.data[0]["y"], 100 * P)
    assert figure.alt == "The net reads a 3 with probability 65.0%; next 8 25.0%, 0 10.0%."
    assert [k for k, color in enumerate(figure.data[0]["marker"]["color"]) if color == draw.BLUE] == [3]


def test_a_diverged_net_gives_no_answer() -> None:
    figure = draw.probabilities(np.full(10, np.nan))
    assert figure.alt.startswith("No answer")
    assert figure.layout["annotations"]
    json.loads(figure_json(figure))


def test_reading_shows_what_the_net_sees_and_says() -> None:
    *_, last = train(HomeSpec())
    drawing = np.zeros((280, 280))
    drawing[40:240, 130:150] = 1
    found = home.reading(last.arrays, drawing)
    image = found["digit"].data[0]["z"]
    assert image.shape == (8, 8)
    assert found["probabilities"].alt.startswith("The net reads a 1")


@pytest.mark.parametrize("picture", ["curves", "confusion", "weights", "mistakes"])
def test_the_untrained_net_is_the_start_picture(picture: str) -> None:
    figure = home.figures(HomeSpec())[picture]
    first = start(HomeSpec())
    expected = home.pictures({name: [value] for name, value in first.metrics.items()}, first.arrays)[picture]
    assert figure_json(figure) == figure_json(expected)
    assert len(figure.alt) > 30
    assert len(figure.how_to_read) > 30


def test_the_thumbnail_is_made_of_the_first_digits() -> None:
    images, labels = load()
    figure = home.thumbnail()
    np.testing.assert_array_equal(figure.data[0]["z"][:8, :8], images[0])
    assert [note["text"] for note in figure.layout["annotations"]] == [str(label) for label in labels[:20]]
