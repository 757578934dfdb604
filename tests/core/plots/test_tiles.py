"""Tiles stand where they are said to stand, and resizing keeps means."""

from __future__ import annotations

import numpy as np
import pytest

from core.plots.tiles import columns_of, corner, frame, pixels, resized, sheet, tile_at, upright


def test_every_tile_is_where_corner_says_and_is_found_again() -> None:
    tiles = np.random.default_rng(0).normal(size=(7, 3, 4))
    whole = sheet(tiles, 3, gap=2)
    assert whole.shape == (3 * 5 - 2, 3 * 6 - 2)
    for k, tile in enumerate(tiles):
        row, column = corner(k, (3, 4), 3, gap=2)
        np.testing.assert_array_equal(whole[row : row + 3, column : column + 4], tile)
        for i in range(3):
            for j in range(4):
                assert tile_at(row + i, column + j, (3, 4), 3, gap=2) == k
    assert np.isnan(whole).sum() == whole.size - tiles.size


def test_a_frame_runs_round_its_tile() -> None:
    shape = frame(4, (3, 4), 3, "#000000")
    assert (shape["x0"], shape["x1"], shape["y0"], shape["y1"]) == (4.5, 8.5, 3.5, 6.5)


def test_resizing_keeps_the_mean_and_whole_ratios_are_blocks() -> None:
    pictures = np.random.default_rng(1).normal(size=(2, 6, 5))
    for height, width in ((6, 5), (12, 10), (4, 7), (3, 1)):
        np.testing.assert_allclose(resized(pictures, height, width).mean(axis=(1, 2)), pictures.mean(axis=(1, 2)))
    np.testing.assert_allclose(resized(pictures, 12, 15), pictures.repeat(2, axis=1).repeat(3, axis=2))
    np.testing.assert_allclose(resized(pictures, 3, 5), pictures.reshape(2, 3, 2, 5).mean(axis=2))


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (4, 2), (16, 4), (17, 5), (400, 16)])
def test_sheets_are_about_square(count: int, columns: int) -> None:
    assert columns_of(count) == columns


def test_pixels_of_grey_and_colour() -> None:
    grey = pixels(np.array([[[0.0, 0.5, 2.0]]]))
    assert grey.tolist() == [[[0, 0, 0], [128, 128, 128], [255, 255, 255]]]
    assert pixels(np.arange(3.0).reshape(3, 1, 1) / 2).tolist() == [[[0, 128, 255]]]
    assert upright()["autorange"] == "reversed"
    assert "autorange" not in upright(range=[3, 0])
