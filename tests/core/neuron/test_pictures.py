"""Lines, half planes and hulls by geometry; film, lenses and questions against the run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from core.neuron import EXAMPLES, SPEC, draw, look, pictures, questions, run_of, separation, worked
from core.neuron.compute import margin
from core.neuron.figures import BOX, convex_hull, frames_at, half_plane, line, num
from core.neuron.spec import LENSES


@pytest.mark.parametrize("seed", range(20))
def test_line_and_half_plane(seed: int) -> None:
    g = np.random.default_rng(seed)
    w = np.array([*g.normal(size=2), g.normal() * 2])
    ends = line(w, level := 0.3)
    corners = half_plane(w)
    places = g.uniform(-BOX, BOX, (4000, 2))
    share = (places @ w[:2] + w[2] >= 0).mean()
    x, y = corners.T if len(corners) else np.zeros((2, 1))
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area / (2 * BOX) ** 2 == pytest.approx(share, abs=0.04)
    if not np.isnan(ends).any():
        np.testing.assert_allclose(ends @ w[:2] + w[2], level, atol=1e-12)
        np.testing.assert_allclose(np.abs(ends).max(1), BOX)


def test_lines_along_the_axes_and_none() -> None:
    np.testing.assert_allclose(np.sort(line(np.array([0.0, 2.0, -2.0])), 0), [[-BOX, 1.0], [BOX, 1.0]])
    np.testing.assert_allclose(np.sort(line(np.array([1.0, 0.0, 0.0])), 0), [[0.0, -BOX], [0.0, BOX]])
    assert np.isnan(line(np.zeros(3))).all()
    assert np.isnan(line(np.array([0.0, 1.0, 9.0]))).all()
    assert len(half_plane(np.array([0.0, 0.0, 1.0]))) == 4
    assert len(half_plane(np.array([0.0, 0.0, -1.0]))) == 0


def test_hulls() -> None:
    points = np.random.default_rng(0).normal(size=(40, 2))
    np.testing.assert_allclose(np.sort(convex_hull(points), 0), np.sort(points[ConvexHull(points).vertices], 0))
    assert len(convex_hull(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]))) == 2
    assert len(convex_hull(np.zeros((3, 2)))) == 1


def test_the_film_shows_every_point_or_the_mistakes() -> None:
    short, long = run_of(SPEC()), run_of(SPEC(data="overlapping", count=20, noise=1.0, passes=100))
    assert frames_at(short).tolist() == list(range(len(short.order) + 1))
    times = frames_at(long)
    assert len(times) <= draw.MOST_FRAMES
    assert times[0] == 0
    assert times[-1] == len(long.order)
    assert long.mistake[times[1:-1] - 1].all()
    assert (
        len(draw.film_steps(long, "perceptron", 1.0))
        == len(times)
        == len(pictures(SPEC(data="overlapping", count=20, noise=1.0, passes=100))["plane"].frames)
    )


def test_a_frame_holds_the_line_of_its_step() -> None:
    run = run_of(SPEC())
    frame = pictures(SPEC())["plane"].frames[7]
    decision = np.array([frame.data[1]["x"], frame.data[1]["y"]]).T
    np.testing.assert_allclose(decision @ run.W[7][:2] + run.W[7][2], 0.0, atol=1e-3)
    assert frame.data[4]["x"] == [run.X[run.order[6], 0]]
    said = draw.film_steps(run, "perceptron", 1.0)[1]
    assert said.title == "pass 1, point 1 of 20"
    assert "a mistake, the weights move" in said.text


def test_the_line_in_the_picture_keeps_the_margin() -> None:
    run = run_of(SPEC())
    strip = pictures(SPEC())["plane"].data[3]
    ends = np.array([[strip["x"][k], strip["y"][k]] for k in (0, 1, 3, 4)])
    length = np.hypot(*run.w[:2])
    np.testing.assert_allclose(np.abs(ends @ run.w[:2] + run.w[2]) / length, margin(run.w, run), atol=1e-3)


def test_the_two_sides_of_the_proof() -> None:
    spec = SPEC(lens="bound", gap=0.2, count=15, seed=2)
    run, found = run_of(spec), separation(run_of(spec))
    root, length, along, straight = (np.asarray(trace["y"]) for trace in look(spec).figures["proof"].data)
    k = np.arange(int(run.mistake.sum()) + 1)
    assert len(length) == len(along) == len(k)
    assert (length <= np.sqrt(k) * found.R + 1e-9).all()
    assert (along >= k * found.gamma - 1e-9).all()
    assert root[-1] / found.R == pytest.approx((straight[-1] / found.gamma) ** 0.5)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.slug)
@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_opens_on_every_preset(example, lens: str) -> None:
    seen = look(SPEC(**{**example.settings, "lens": lens}))
    assert seen.sentences
    assert seen.figures or seen.rows or seen.latex or seen.drawing


def test_xor_says_why() -> None:
    seen = look(SPEC(data="xor", count=2, noise=0.0, lens="bound"))
    assert "No line separates" in seen.sentences[0]
    assert "80 mistakes" in seen.sentences[1]
    assert "hulls" in seen.figures


def test_the_sum_in_numbers() -> None:
    spec = SPEC(data="and", rule="hand", w1=1.5, w2=-2.0, b=0.25, selected=1, activation="tanh")
    seen = look(spec)
    assert r"1.5 \cdot 0.0 + (-2.0) \cdot 1.0 + 0.25 = -1.75" in seen.latex[0]
    assert f"f(-1.75) = {np.tanh(-1.75):.4g}" in seen.latex[1]
    assert worked(spec)[0].latex == seen.latex
    assert num(1.5e-7) == r"1.5 \cdot 10^{-7}"


def test_questions_answer_themselves() -> None:
    spec = SPEC()
    run = run_of(spec)
    separable, mistakes, side = questions(spec, run)
    assert separable.answer == "yes"
    assert mistakes.answer == run.mistake.sum()
    assert side.answer == ("+" if run.w @ run.X[0] > 0 else "−")
    assert [
        q.answer for q in questions(SPEC(data="xor", count=2, noise=0.0), run_of(SPEC(data="xor", count=2, noise=0.0)))
    ] == ["no"]
