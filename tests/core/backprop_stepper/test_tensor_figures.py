"""The pictures of the matrix level hold the matrices: values as text, one film frame a stage, the same traces throughout."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.backprop_stepper.tensor import TensorRun, jacobian, jacobian_names, outer_product, run, stages
from core.backprop_stepper.tensor_figures import jacobian_figure, outer_film, short, stage_film
from core.contracts import Figure
from core.plots.encode import figure_json

CORNERS = [(1, 1, 1, 2), (4, 3, 4, 3), (8, 5, 6, 4)]


def nets() -> list[TensorRun]:
    return [
        run(*sizes, activation, loss, 0)
        for sizes in CORNERS
        for activation, loss in (("tanh", "cross_entropy"), ("relu", "mse"))
    ]


def check(figure: Figure) -> None:
    drawn = json.loads(figure_json(figure))
    assert len(figure_json(figure)) < 1_000_000
    assert len(figure.alt) > 30
    assert len(figure.how_to_read) > 30
    for key, about in drawn["layout"].items():
        if key[1:5] == "axis" and about.get("visible", True):
            assert about["title"]["text"]


def texts(M: np.ndarray) -> list[list[str]]:
    return [[short(v) for v in row] for row in M]


@pytest.mark.parametrize("at", nets())
def test_frame_k_shows_the_matrices_of_stage_k(at: TensorRun) -> None:
    film, walk = stage_film(at), stages(at)
    check(film)
    assert len(film.frames) == len(walk)
    for frame, stage in zip(film.frames, walk, strict=True):
        assert list(frame.traces) == [0, 1, 2, 3, 4]
        blocks, words = frame.data[:4], frame.data[4]["text"]
        for block, (name, M) in zip(
            [*blocks[: len(stage.operands)], blocks[3]], [*stage.operands.items(), stage.result], strict=True
        ):
            assert block["text"] == texts(M)
            np.testing.assert_allclose(block["z"] * (np.abs(M).max() or 1), M, rtol=1e-12, atol=1e-15)
            assert any(word.endswith(f"{name} ({M.shape[0]}, {M.shape[1]})") for word in words)
            assert f"{name}[1, 1] = {M[0, 0]:.6g}" == block["hovertext"][0][0]
        for empty in blocks[len(stage.operands) : 3]:
            assert np.isnan(empty["z"]).all()
        assert "=" in words
        assert ("@" in words) == ("@" in stage.shapes)


@pytest.mark.parametrize("at", nets())
def test_no_two_matrices_of_a_stage_overlap_and_all_lie_in_the_picture(at: TensorRun) -> None:
    film = stage_film(at)
    (x0, x1), (y1, y0) = film.layout["xaxis"]["range"], film.layout["yaxis"]["range"]
    for frame in film.frames:
        cells = [
            (x, y) for block in frame.data[:4] if not np.isnan(block["z"]).all() for x in block["x"] for y in block["y"]
        ]
        assert len(cells) == len(set(cells))
        assert all(x0 <= x - 0.5 and x + 0.5 <= x1 and y0 <= y - 0.5 and y + 0.5 <= y1 for x, y in cells)


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("at", nets())
def test_outer_products_grow_into_the_gradient(at: TensorRun, layer: int) -> None:
    film = outer_film(at, layer)
    check(film)
    assert len(film.frames) == len(at.X)
    for n, frame in enumerate(film.frames):
        part = outer_product(at, layer, n)
        assert list(frame.traces) == [0, 1, 2, 3]
        column, row, product, mean = (block["text"] for block in frame.data)
        assert column == texts(part.x[:, None])
        assert row == texts(part.delta[None])
        assert product == texts(part.product)
        assert mean == texts(part.mean)
    last = film.frames[-1].data[3]
    gradient = at.gradients[f"W{layer}"]
    np.testing.assert_allclose(last["z"] * (np.abs(gradient).max() or 1), gradient, rtol=1e-9, atol=1e-15)
    assert film.data[3]["xaxis"] == "x2"


@pytest.mark.parametrize("at", nets())
def test_jacobians_are_drawn_as_they_are(at: TensorRun) -> None:
    for which in jacobian_names(at.loss):
        figure, J = jacobian_figure(at, which), jacobian(at, which)
        check(figure)
        heat = figure.data[0]
        np.testing.assert_array_equal(heat["z"], J.matrix)
        assert heat["zmin"] == -heat["zmax"]
        assert f"{np.count_nonzero(J.matrix == 0)} of them 0" in figure.alt
        assert figure.layout["xaxis"]["title"]["text"] == f"entry of {J.into}"
        assert figure.layout["yaxis"]["title"]["text"] == f"entry of {J.out}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-0.3456, "−0.35"),
        (0.0689, "0.07"),
        (-0.0012, "−0.001"),
        (0.00012, "1e−4"),
        (12.34, "12"),
    ],
)
def test_cell_texts_are_short(value: float, text: str) -> None:
    assert short(value) == text
