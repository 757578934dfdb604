"""A network as text and back, and what the text must not hold."""

from __future__ import annotations

import pytest

from core.architectures.blocks import (  # fmt: skip
    FLATTEN,
    IDENTITY,
    NORM,
    RELU,
    Layer,
    chain,
    conv,
    dense,
    depthwise,
    layers,
    pool,
    split,
)
from core.architectures.compute import CLASSES
from core.architectures.spec import OWN
from core.architectures.text import MOST_LAYERS, parse, render
from core.architectures.zoo import NETS
from core.errors import ExplainerError


@pytest.mark.parametrize("name", NETS)
def test_every_network_comes_back_from_its_text(name: str) -> None:
    for net in (NETS[name].small(CLASSES), NETS[name].full()):
        assert parse(render(net)) == net


def test_what_a_text_stands_for() -> None:
    found = parse(
        "conv16k5s2p0g2b0, NORM, stage 1( res( relu | conv8k1 ), 2*( dw3s2 ) ), max3s2p1c, avg2, flatten, dense10"
    )
    stage = chain("stage 1", split("add", RELU, conv(8, 1)), depthwise(3, 2), depthwise(3, 2))
    first = Layer("conv", 16, 5, 2, 0, 2, bias=False)
    assert found == chain("", first, NORM, stage, pool("max", 3, 2, 1, ceil=True), pool("avg", 2), FLATTEN, dense(10))  # fmt: skip


def test_a_branch_may_be_empty_and_need_not_be_written() -> None:
    assert parse("res( relu )") == parse("res( relu | )") == chain("", split("add", RELU, IDENTITY))
    assert parse("gate( relu )") == parse("gate( | relu )") == chain("", split("multiply", IDENTITY, RELU))
    assert render(parse("res( | relu )")) == "res(  | relu )"
    assert parse(render(parse("res( | relu )"))) == parse("res( | relu )")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no layer; write layers with commas"),
        ("3*( )", "there is no layer"),
        ("conv16 relu", "'conv16 relu' is read as one layer; put a comma"),
        ("konv16", "'konv16' cannot be read; layers are conv16k3s2p1"),
        ("conv", "'conv' cannot be read"),
        ("conv16k3)", r"'\)' is one too many"),
        ("res( conv8", r"bracket after 'res' is not closed; add \)"),
        ("foo( conv8 | relu )", "'foo' has branches; only res, cat and gate"),
        ("1a( conv8 )", "'1a' is no name of a block"),
        ("cat( conv8 )", r"cat\( ... \) has one branch"),
        ("res( relu ) relu", "a comma is missing before 'relu'"),
        ("dw3k3", "dw has no setting 'k'; allowed: s, p"),
        ("dense10k3", "dense has no setting 'k'; allowed: none"),
        ("conv8k3c", "only pooling may hang over the edge"),
        ("conv0", "channels and units are 1 to 8,192"),
        ("dense9000", "channels and units are 1 to 8,192"),
        ("conv8g0", "at least 1 group; for one group a channel write dw3"),
        ("conv8k0", "a window is 1 to 31 and a stride 1 to 8"),
        ("conv8k3s0", "a window is 1 to 31"),
        ("max2s9", "a window is 1 to 31"),
        ("conv8k3p3", "padding 3 lets a window see padding alone; try p1"),
        ("max2p2", "padding 2 lets a window see padding alone"),
        ("51*( relu )", "51 repeats are outside 1 to 50"),
        ("0*( relu )", "0 repeats are outside"),
        ("50*( 9*( relu ) )", f"more than {MOST_LAYERS} layers"),
        ("a(" * 11 + "relu" + ")" * 11, "brackets stand 11 deep"),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        parse(text)


def test_the_text_on_the_first_visit_is_a_network_for_the_digits() -> None:
    assert len(list(layers(parse(OWN)))) == 18
