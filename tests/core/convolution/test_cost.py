"""Counts by formula against a loop that counts, and against torch's modules."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from core.convolution import cost, geometry
from core.errors import ExplainerError
from tests.core.convolution.settings import Drawn, settings


@hypothesis_settings(max_examples=100)
@given(settings())
def test_multiply_adds_are_those_of_the_loop(drawn: Drawn) -> None:
    image, kernel, about = drawn
    try:
        g = geometry(image, kernel, **about)
    except ExplainerError:
        return
    assert cost.multiply_adds(image.shape, kernel.shape, g) == counted(image.shape, kernel.shape, g)


def counted(image: tuple[int, ...], kernel: tuple[int, ...], g) -> int:
    """One for every product of a weight and a cell."""
    count = 0
    if g.transposed:
        for _cell in itertools.product(*map(range, image)):
            count += len(list(itertools.product(*map(range, kernel[1:]))))
        return count
    for _o, _u, _v in itertools.product(range(kernel[0]), *map(range, g.output_size(image[1:], kernel[2:]))):
        for _weight in itertools.product(*map(range, kernel[1:])):
            count += 1
    return count


def test_parameters_are_torch_s() -> None:
    def size(module: torch.nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    assert cost.parameters(4, 6, (3, 5)) == size(torch.nn.Conv2d(4, 6, (3, 5)))
    assert cost.parameters(4, 6, (3, 5), groups=2) == size(torch.nn.Conv2d(4, 6, (3, 5), groups=2))
    assert cost.dense_parameters((2, 3, 4), (5, 1, 2)) == size(torch.nn.Linear(24, 10))
    pair = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=4, bias=False), torch.nn.Conv2d(4, 6, 1))
    assert cost.separable_parameters(4, 6, (3, 3)) == size(pair)
    assert cost.local_parameters(4, 6, (3, 3), (2, 5)) == 10 * size(torch.nn.Conv2d(4, 6, 3))


def test_the_separable_pair_costs_its_two_parts() -> None:
    """MobileNets, equation 5: 1 / filters + 1 / kernel cells of the full convolution."""
    image, out, k, channels, filters = (8, 16, 16), (14, 14), (3, 3), 8, 32
    g = geometry(np.zeros(image), np.zeros((filters, channels, *k)))
    full = cost.multiply_adds(image, (filters, channels, *k), g)
    assert math.isclose(cost.separable_multiply_adds(channels, filters, k, out) / full, 1 / filters + 1 / math.prod(k))


def test_the_fourier_way_does_not_grow_with_the_kernel() -> None:
    image = (1, 64, 64)
    small, large = (
        cost.fourier_multiply_adds(image, (1, 1, k, k), geometry(np.zeros(image), np.zeros((1, 1, k, k))))
        for k in (3, 31)
    )
    assert small == large == round(3 * 2.5 * 4096 * 12) + 4 * 64 * 33
