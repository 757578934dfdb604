"""The closer looks: all kinds through all lenses, and their sentences against their own numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from torch.nn import functional as F

from core.conv_arithmetic.compute import run_of
from core.conv_arithmetic.lenses import LENS, grouped, look, worked
from core.conv_arithmetic.questions import questions
from core.conv_arithmetic.spec import KINDS, LENSES, ConvArithmeticSpec
from core.errors import ExplainerError


def spec_of(lens: str, **more: object) -> ConvArithmeticSpec:
    return ConvArithmeticSpec(lens=lens, **more)


def test_every_lens_of_the_menu_is_there() -> None:
    assert set(LENS) == set(LENSES)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_every_lens(lens: str, kind: str) -> None:
    view = look(spec_of(lens, kind=kind, channels=2, filters=2))
    assert view.sentences
    assert set(view.params) <= set(ConvArithmeticSpec.params())


def test_products_add_up_to_the_cell() -> None:
    spec = spec_of("cell", step=8, bias=1.0)
    window, weights, products = (trace["z"] for trace in look(spec).figures["cell"].data)
    np.testing.assert_array_equal(window * weights, products)
    assert products.sum() + 1.0 == run_of(spec).y[0, 1, 2]


def test_im2col_multiplies_to_the_output() -> None:
    spec = spec_of("methods", channels=2, stride=2, dilation=2, padding=1)
    row, windows, output = (trace["z"] for trace in look(spec).figures["im2col"].data)
    np.testing.assert_allclose(row @ windows, output)
    np.testing.assert_allclose(output[0], run_of(spec).y[0].ravel())


def test_sharing_counts_what_the_matrix_holds() -> None:
    view = look(spec_of("cost"))
    dense, local, shared = view.figures["parameters"].data[0]["y"]
    A = view.figures["matrix"].data[0]["z"]
    assert (dense, local, shared) == (A.size + 36, 36 * 10, 10)
    assert len(np.unique(A)) - 1 == len({-1, 1, -2, 2})


def test_a_symmetric_kernel_needs_no_flip() -> None:
    assert "looks the same when turned" in look(spec_of("flip", kernel="gaussian")).sentences[0]
    assert (
        "They differ by up to **112**" in look(spec_of("flip")).sentences[0]
    )  # Sobel turned is its negative: twice 56


def test_the_separable_pair_is_a_full_convolution() -> None:
    words = look(spec_of("separable", channels=3, filters=2, kernel="random", padding=1)).sentences
    difference = float(re.search(r"largest difference (\S+)\)", words[0])[1])
    assert difference < 1e-12
    ratio = float(re.search(r"factor of \*\*(\S+)\*\*", words[1])[1])
    assert ratio == pytest.approx(1 / 2 + 1 / 9, rel=1e-2)


def test_the_separable_kernel_must_fit() -> None:
    with pytest.raises(ExplainerError, match="does not fit into the picture without padding"):
        look(spec_of("separable", kind="transposed", picture="matrix", kernel_size=5))


@pytest.mark.parametrize("windows", ["fixed", "adaptive", "global"])
def test_pooling_is_torch_s(windows: str) -> None:
    import torch

    spec = spec_of("pooling", windows=windows, pool="average", pool_size=3, pool_stride=2, pool_out=4)
    y = torch.tensor(run_of(spec).y)[None]
    expected = {
        "fixed": lambda: F.avg_pool2d(y, 3, 2),
        "adaptive": lambda: F.adaptive_avg_pool2d(y, 4),
        "global": lambda: F.adaptive_avg_pool2d(y, 1),
    }[windows]()
    np.testing.assert_allclose(look(spec).figures["pooling"].data[1]["z"], expected[0, 0].numpy(), atol=1e-12)


def test_the_impossible_pooling_says_why() -> None:
    with pytest.raises(ExplainerError, match="does not fit"):
        look(spec_of("pooling", picture="matrix", pool_size=4))


def test_a_zero_field_is_said() -> None:
    """One ReLU layer whose middle unit is off has no gradient; some seed of the first ten shows it."""
    words = [
        look(spec_of("field", stack="own", layers="conv1", field_weights="random", seed=s)).sentences[-1]
        for s in range(12)
    ]
    assert all("middle half" in w or "No gradient arrives" in w for w in words)


@pytest.mark.parametrize(
    ("stack", "size", "jump"), [("vgg16", 212, 32), ("resnet18", 435, 32), ("dilated", 31, 1), ("strided", 15, 8)]
)
def test_known_stacks(stack: str, size: int, jump: int) -> None:
    last = look(spec_of("field", stack=stack)).rows[-1]
    assert (last["receptive field"], last["jump"]) == (size, jump)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("", "0 layers"),
        ("conv", "cannot be read"),
        ("dense3", "cannot be read"),
        ("conv0", "kernel and dilation are 1 to"),
        ("conv3s9", "strides 1 to 8"),
        ("pool2p2", "padding alone"),
        ("conv31, conv3p0", "ok"),
        ("pool8, pool8, pool8, pool8", "nothing of the"),
        (", ".join(["conv3"] * 41), "41 layers"),
    ],
)
def test_layers_as_text(layers: str, words: str) -> None:
    spec = spec_of("field", stack="own", layers=layers)
    if words == "ok":
        assert look(spec).rows[-1]["receptive field"] == 33
    else:
        with pytest.raises(ExplainerError, match=words):
            look(spec)


def test_a_control_stands_on_the_page_once() -> None:
    """Photograph and seed have their widget above already where the picture is a photograph or the kernel random."""
    shown = look(spec_of("field", field_weights="random")).params
    assert {"photo", "seed"} <= set(shown)
    assert not {"photo", "seed"} & set(
        look(spec_of("field", field_weights="random", picture="photo", kernel="random")).params
    )


def test_worked_numbers_belong_to_the_state() -> None:
    size, cell, cost = worked(ConvArithmeticSpec(step=0))
    assert size.latex[0].endswith("= 6")
    assert cell.latex[0].endswith("= 34")
    assert cost.latex == [r"6 \cdot 6 \cdot 1 \cdot 1 \cdot 3 \cdot 3 = 324"]


def test_questions_answer_with_the_live_run() -> None:
    spec = ConvArithmeticSpec(step=0, bias=1.0)
    found = {q.slug.split(".")[0]: q for q in questions(spec)}
    assert found["width"].answer == run_of(ConvArithmeticSpec(stride=2)).y.shape[2]
    assert found["double"].answer == 2 * 34 + 1
    assert found["parameters"].answer == 10
    assert found["flat"].answer == "zero"
    deeper = {q.slug.split(".")[0]: q for q in questions(spec_of("field", stack="resnet18", kind="transposed"))}
    assert deeper["field"].answer == 435 + 64
    assert deeper["width"].answer == run_of(ConvArithmeticSpec(kind="transposed", stride=2)).y.shape[2]


def test_thousands_are_grouped() -> None:
    assert grouped(1234567) == "1\u202f234\u202f567"
