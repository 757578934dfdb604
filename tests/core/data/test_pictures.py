"""Bundled pictures are there, say where they are from, and fit any network."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.pictures import GREY, bundled, fitted, fractions, picture
from core.data.shapes import SHAPES
from core.errors import ExplainerError


@pytest.mark.parametrize(
    "name", ["flower", "china", "grace_hopper", "digit_0", "digit_9", *(f"shape_{s}" for s in SHAPES)]
)
def test_each_is_there_with_source_and_licence(name: str):
    seen = picture(name)
    channels, height, width = seen.pixels.shape
    assert channels == (1 if name.startswith("digit") else 3)
    assert seen.pixels.dtype == np.float32
    assert 0 <= seen.pixels.min() < seen.pixels.max() <= 1
    assert seen.title
    assert seen.source
    assert seen.licence
    assert (seen.mask is not None) == name.startswith("shape")
    if seen.mask is not None:
        assert seen.mask.shape == (height, width)
    with pytest.raises(ValueError, match="read-only"):
        seen.pixels[:] = 0


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ExplainerError, match="choose flower, china"):
        picture("lena")
    assert {f"digit_{d}" for d in range(10)} <= set(bundled())


def test_fractions_are_channels_first():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_allclose(fractions(pixels)[2], pixels[..., 2] / 255, rtol=1e-6)


def test_fitted_leaves_what_fits():
    pixels = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(fitted(pixels, (3, 8, 8)), pixels, atol=1e-6)
    np.testing.assert_allclose(fitted(pixels, (1, 8, 8))[0], (GREY[:, None, None] * pixels).sum(0), atol=1e-6)
    grey = pixels[:1]
    np.testing.assert_allclose(fitted(grey, (3, 8, 8)), np.repeat(grey, 3, 0), atol=1e-6)


def test_fitted_takes_the_middle():
    wide = np.zeros((1, 4, 10), np.float32)
    wide[:, :, 3:7] = 0.5
    np.testing.assert_allclose(fitted(wide, (1, 4, 4)), 0.5, atol=1e-6)
    np.testing.assert_allclose(fitted(wide.transpose(0, 2, 1), (1, 4, 4)), 0.5, atol=1e-6)
    assert fitted(np.ones((1, 1, 100), np.float32), (3, 5, 5)).shape == (3, 5, 5)


def test_made_smaller_nothing_is_skipped():
    """Halving by the triangle filter of width 4: weights 1/8, 3/8, 3/8, 1/8 over the old pixels, as far as they exist."""
    row = np.random.default_rng(1).random(8).astype(np.float32)
    seen = fitted(np.tile(row, (1, 8, 1)), (1, 4, 4))[0, 1]
    np.testing.assert_allclose(seen[1], row[1:5] @ [1 / 8, 3 / 8, 3 / 8, 1 / 8], atol=1e-6)
    np.testing.assert_allclose(seen[0], row[:3] @ np.array([3, 3, 1]) / 7, atol=1e-6)


def test_two_or_four_channels_are_refused():
    with pytest.raises(ExplainerError, match="4 channels cannot become 3"):
        fitted(np.zeros((4, 8, 8), np.float32), (3, 8, 8))
    with pytest.raises(ExplainerError, match="3 channels cannot become 2"):
        fitted(np.zeros((3, 8, 8), np.float32), (2, 8, 8))
