"""The page's convolution against torch's modules, for all kinds; backward, matrix, taps and sizes against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.conv_arithmetic.compute import (
    as_matrix,
    backward,
    chosen_filter,
    group_of,
    numbers,
    place,
    run_of,
    stops,
    taps,
    timings,
    true_convolution,
    upstream_of,
    weights_of,
    window,
)
from core.conv_arithmetic.spec import EXAMPLES, ConvArithmeticSpec
from core.convolution.convolve import METHODS, flipped
from core.errors import ExplainerError

CASES = {
    "plain": {"bias": 1.5},
    "padded": {"padding": 2, "stride": 2, "mode": "reflect", "kernel_size": 5, "kernel": "random"},
    "uneven": {"padding": 1, "padding_width": 3, "stride_width": 2, "dilation_width": 2, "kernel_width": 2, "kernel": "random", "mode": "circular"},
    "grouped": {"channels": 4, "filters": 4, "groups": 2, "filter": 4, "kernel": "random", "bias": -2.0, "mode": "replicate", "padding": 1},
    "transposed": {"kind": "transposed", "stride": 3, "padding": 1, "output_padding": 2, "output_padding_width": 0, "channels": 2, "filters": 4, "groups": 2, "kernel": "random", "filter": 3},
    "line": {"kind": "line", "padding": 2, "mode": "reflect", "kernel": "random", "channels": 2},
    "causal": {"kind": "causal", "dilation": 2, "kernel": "random", "stride": 2, "channels": 2, "filters": 2},
}  # fmt: skip
CASE = pytest.mark.parametrize("case", CASES)


def spec_of(case: str, **more: object) -> ConvArithmeticSpec:
    return ConvArithmeticSpec(**{**CASES[case], **more})


def module(spec: ConvArithmeticSpec) -> torch.nn.Module:
    """torch's own layer with the page's weights."""
    made = run_of(spec)
    g, (kh, kw) = made.g, made.kernel.shape[2:]
    common = {"kernel_size": (kh, kw), "stride": g.stride, "dilation": g.dilation, "groups": g.groups}
    if g.transposed:
        layer = torch.nn.ConvTranspose2d(
            len(made.image), spec.filters, padding=g.padding, output_padding=g.output_padding, **common
        )
    else:
        layer = torch.nn.Conv2d(len(made.image), spec.filters, padding=g.padding, padding_mode=g.mode, **common)
    layer = layer.double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(made.kernel))
        layer.bias.fill_(spec.bias)
    return layer


@CASE
def test_the_output_is_that_of_torch_s_layer(case: str) -> None:
    made = run_of(spec_of(case))
    x = torch.tensor(made.image)[None]
    if made.causal:
        x = F.pad(x, (made.g.dilation[1] * (made.kernel.shape[3] - 1), 0))
    np.testing.assert_allclose(made.y, module(spec_of(case))(x)[0].detach().numpy(), atol=1e-9)


@pytest.mark.parametrize("case", [case for case in CASES if case != "transposed"])
def test_every_cell_is_the_sum_of_its_window(case: str) -> None:
    made = run_of(spec_of(case))
    for o, u, v in np.ndindex(made.y.shape):
        assert (window(made, o, u, v) * weights_of(made, o)).sum() + made.bias == pytest.approx(
            made.y[o, u, v], abs=1e-9
        )


def test_stamps_add_up_to_the_output() -> None:
    made = run_of(spec_of("transposed"))
    y = np.zeros(made.y.shape)
    for o in range(len(y)):
        first, count = group_of(made, o)
        for u, v in np.ndindex(*stops(made)):
            rows, columns = taps(made, u, v)
            for i, r in enumerate(rows):
                for j, c in enumerate(columns):
                    if 0 <= r < y.shape[1] and 0 <= c < y.shape[2]:
                        y[o, r, c] += made.image[first : first + count, u, v] @ weights_of(made, o)[:, i, j]
    np.testing.assert_allclose(y, made.y, atol=1e-9)


def test_a_causal_output_sees_no_later_cell() -> None:
    made = run_of(spec_of("causal", stride=1))
    A = as_matrix(made).reshape(2, 8, 2, 8)
    assert made.y.shape == (2, 1, 8)
    for v in range(8):
        assert not A[:, v, :, v + 1 :].any()
        assert A[:, v, :, v].any()


@CASE
def test_the_matrix_is_the_layer(case: str) -> None:
    made = run_of(spec_of(case))
    np.testing.assert_allclose(as_matrix(made) @ made.image.ravel() + made.bias, made.y.ravel(), atol=1e-9)


@CASE
@pytest.mark.parametrize("upstream", ["one", "sum", "square"])
def test_the_gradients_are_autograd_s(case: str, upstream: str) -> None:
    spec = spec_of(case, upstream=upstream, step=3)
    made = run_of(spec)
    layer, x = module(spec), torch.tensor(made.image, requires_grad=True)
    seen = F.pad(x[None], (made.seen.shape[2] - made.image.shape[2], 0)) if made.causal else x[None]
    y = layer(seen)[0]
    o, (u, v) = chosen_filter(spec, made), place(spec, made)
    loss = {
        "square": lambda: (y**2).sum() / 2,
        "sum": lambda: y.sum(),
        "one": lambda: y[o, min(u, y.shape[1] - 1), min(v, y.shape[2] - 1)],
    }[upstream]()
    loss.backward()
    found = backward(made, upstream_of(spec, made))
    np.testing.assert_allclose(found.image, x.grad.numpy(), atol=1e-8)
    np.testing.assert_allclose(found.kernel, layer.weight.grad.numpy(), atol=1e-8)
    assert found.autograd < 1e-8
    assert found.numeric < 1e-7


def test_a_backward_with_a_mistake_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three-way check is no decoration."""
    made = run_of(spec_of("plain"))
    monkeypatch.setattr("core.conv_arithmetic.compute.grad_kernel", lambda *_: np.zeros(made.kernel.shape))
    found = backward(made, made.y)
    assert found.autograd > 1
    assert found.numeric > 1


@CASE
def test_the_turned_kernel_gives_the_true_convolution(case: str) -> None:
    made = run_of(spec_of(case))
    layer = module(spec_of(case))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(flipped(made.kernel).copy()))
    x = torch.tensor(made.image)[None]
    if made.causal:
        x = F.pad(x, (made.seen.shape[2] - made.image.shape[2], 0))
    np.testing.assert_allclose(true_convolution(made), layer(x)[0].detach().numpy(), atol=1e-9)


@CASE
def test_four_methods_agree(case: str) -> None:
    rows = timings(run_of(spec_of(case)))
    assert [row.method for row in rows] == list(METHODS)
    assert max(row.difference for row in rows) < 1e-9
    assert all(row.seconds > 0 and row.multiply_adds > 0 for row in rows)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kernel_size": 7, "dilation": 2}, "try padding 3"),
        ({"groups": 2}, "2 groups do not divide 1 input channels"),
        ({"channels": 2, "groups": 2}, "2 groups do not divide 1 output channels"),
        ({"kind": "transposed", "output_padding": 1}, "must be smaller than the stride 1"),
        ({"kind": "transposed", "channels": 2, "filters": 3, "groups": 2}, "2 groups do not divide 3 output channels"),
        ({"picture": "matrix", "mode": "reflect", "cells": "1 2 / 3 4", "padding": 2}, "reflect padding 2 needs"),
    ],
)
def test_impossible_settings_say_why(settings: dict, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        run_of(ConvArithmeticSpec(**settings))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.slug)
def test_the_printed_numbers_are_finite(example) -> None:
    assert np.isfinite(list(numbers(ConvArithmeticSpec(**example.settings)).values())).all()
