"""The schedules against Ho's 1000 steps, the paper's cosine, and numeric slopes."""

from __future__ import annotations

import numpy as np
import pytest

from core.diffusion.compute import equal_time
from core.diffusion.paths import BETA0, BETA1, Path

T = np.linspace(0.02, 0.98, 25)


@pytest.mark.parametrize("name", ["linear", "cosine", "straight"])
def test_ends_and_slopes(name: str) -> None:
    path, h = Path(name), 1e-6
    assert float(path.a(0.0)) == 1
    assert float(path.b(0.0)) == 0
    assert float(path.b(1.0)) > 0.999
    np.testing.assert_allclose(path.da(T), (path.a(T + h) - path.a(T - h)) / (2 * h), rtol=1e-7)
    np.testing.assert_allclose(path.db(T), (path.b(T + h) - path.b(T - h)) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(path.drift(T), path.da(T) / path.a(T), rtol=1e-12)
    squares = (path.b(T + h) ** 2 - path.b(T - h) ** 2) / (2 * h)
    np.testing.assert_allclose(path.beta(T), squares - 2 * path.drift(T) * path.b(T) ** 2, rtol=1e-6)


def test_linear_is_ho_s_product_of_1000_steps() -> None:
    betas = np.linspace(1e-4, 0.02, 1000)
    product = np.cumprod(1 - betas)
    t = np.arange(1, 1001) / 1000
    np.testing.assert_allclose(
        Path("linear").a(t) ** 2, product, rtol=0.12
    )  # the last ones are small: relative to them
    np.testing.assert_allclose(Path("linear").a(t) ** 2, product, atol=3e-3)
    np.testing.assert_allclose(Path("linear").beta(T), BETA0 + (BETA1 - BETA0) * T, rtol=1e-9)


def test_cosine_is_the_paper_s() -> None:
    f = np.cos((0.98 * T + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(Path("cosine").a(T) ** 2, f, rtol=1e-12)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_variance_is_kept(name: str) -> None:
    np.testing.assert_allclose(Path(name).a(T) ** 2 + Path(name).b(T) ** 2, 1, rtol=1e-12)


def test_signal_and_noise_are_equal_where_the_formula_says() -> None:
    assert equal_time(Path("straight")) == pytest.approx(0.5, abs=1e-12)
    half, log2 = 0.5 * (BETA1 - BETA0), np.log(2)
    root = (-BETA0 + np.sqrt(BETA0**2 + 4 * half * log2)) / (2 * half)
    assert equal_time(Path("linear")) == pytest.approx(root, rel=1e-12)
    angle = np.arccos(np.sqrt(0.5) * np.cos(0.008 / 1.008 * np.pi / 2))
    assert equal_time(Path("cosine")) == pytest.approx((angle * 2 / np.pi * 1.008 - 0.008) / 0.98, rel=1e-10)
