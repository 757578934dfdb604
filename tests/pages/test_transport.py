"""Formulas as MathML: the numbers that belong there, and nothing that a browser would run."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from latex2mathml.converter import convert

from pages._ui.transport import _skeleton, mathml


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{\partial L}{\partial w} = 0.25 \times -1.5000 = -0.3750",
        r"0.0 + 0.00 + 10.05 \cdot 3",
        r"\sigma(2.5) = \frac{1}{1 + e^{-2.5}}",
        r"x_{1.5}^{2.25}",
        r"\mathrm{relu}(z)",
        r"1.5e-05",
        r"a < b \& c",
    ],
)
def test_numbers_left_open_give_the_same_formula_as_a_direct_conversion(latex):
    assert mathml(latex) == convert(latex)


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<img src=x onerror=alert(1)>}",
        r"\text{<b>bold</b>}",
        r"\text{<mi onclick='alert(1)'>x</mi>}",
        r"\text{<mi xmlns='http://www.w3.org/1999/xhtml'>x</mi>}",
        r"\href{javascript:alert(1)}{x}",
        r"\frac{1",
        "{{{",
        "",
    ],
)
def test_markup_in_a_formula_stays_text(latex):
    tree = ElementTree.fromstring(mathml(latex))
    assert all(e.tag.startswith("{http://www.w3.org/1998/Math/MathML}m") for e in tree.iter())
    assert not any(name.startswith(("on", "href")) for e in tree.iter() for name in e.attrib)


def test_a_film_converts_each_formula_once():
    _skeleton.cache_clear()
    for k in range(100):
        mathml(rf"w - 0.1 \times {k / 7:.4f}")
    assert _skeleton.cache_info().misses == 1
