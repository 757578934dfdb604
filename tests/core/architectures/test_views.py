"""Diagram, looks, scaling, questions: numbers on screen against other ways to get them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.architectures import (
    SPEC,
    as_text,
    clicked,
    detail,
    diagram,
    figures,
    look,
    menus,
    opened_menu,
    questions,
    table,
    worked,
)
from core.architectures.blocks import Layer
from core.architectures.compute import CLASSES, chosen, drawing, plan
from core.architectures.count import count
from core.architectures.layout import Box
from core.architectures.module import module
from core.architectures.scaling import SIDES, law, published, scaled, sizes
from core.architectures.spec import LENSES
from core.architectures.words import large, memory, spoken
from core.architectures.zoo import NETS, rounded
from core.errors import ExplainerError


def overlap(a: Box, b: Box) -> bool:
    gap = 1e-9
    return a.x < b.x + b.w - gap and b.x < a.x + a.w - gap and a.y < b.y + b.h - gap and b.y < a.y + a.h - gap


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("opened", ["", "0, 1, 2, 1.0, 1.0.0, 3, 4"])
def test_boxes_do_not_overlap_unless_one_holds_the_other(net: str, opened: str) -> None:
    drawn = drawing(SPEC(net=net, open=opened))
    boxes = [box for box in drawn.boxes if box.w]
    for k, a in enumerate(boxes):
        assert a.x >= 0
        assert a.y >= 0
        assert a.x + a.w <= drawn.width + 1e-9
        assert a.y + a.h <= drawn.height + 1e-9
        for b in boxes[k + 1 :]:
            assert not overlap(a, b) or (a.opened and b.path.startswith(f"{a.path}."))


def test_every_layer_is_drawn_when_all_is_open() -> None:
    spec = SPEC(net="resnet", open="0, 1, 2, 3, 4, 1.0, 1.1, 2.0, 2.1, 3.0, 3.1")
    drawn = {box.path for box in drawing(spec).boxes if isinstance(box.node, Layer)}
    assert drawn == {row.path for row in plan(spec).count.rows if row.layer is not None}


def test_a_click_opens_closes_and_chooses() -> None:
    spec = SPEC(open="")
    opened = clicked(spec, "1")
    assert opened == {"open": "1", "layer": "1"}
    deeper = clicked(SPEC(**opened), "1.0")
    assert deeper["open"] == "1, 1.0"
    assert clicked(SPEC(**deeper), "1")["open"] == ""
    assert clicked(SPEC(**deeper), "1.0.0.0.1") == {"layer": "1.0.0.0.1"}


def test_colours_of_a_measure_are_shares_of_the_whole() -> None:
    figure, _ = diagram(SPEC(net="alexnet", scale="full", shade="parameters", open=""))
    text = next(trace for trace in figure.data if trace["mode"] == "markers+text")["text"]
    part = plan(SPEC(net="alexnet", scale="full")).count.within("3").parameters
    assert part == 58_631_144
    assert text[3].endswith(f"{100 * part / 60_965_224:.2g} %")


def test_what_is_chosen_is_a_layer_of_this_network() -> None:
    assert chosen(SPEC(layer="99")) == "1.0.0.0.0"
    assert chosen(SPEC(open="")) == "0.0"
    assert chosen(SPEC(layer="1")) == "1"
    assert chosen(SPEC(net="lenet", layer="1.0")) == "3"  # the dense head is closed
    assert menus(SPEC(layer="1"))["layer"][1] == "1"
    assert opened_menu(SPEC(open="1, 77"))["open"][1] == ["1"]


def test_formulas_of_a_layer_hold() -> None:
    for spec in (SPEC(net="lenet", layer="0"), SPEC(net="lenet", layer="6.1"), SPEC(net="nin", layer="1"), SPEC()):
        assert detail(spec).latex
    text = detail(SPEC(net="lenet", layer="0")).latex
    assert text[0].endswith("+ 1 = 28")
    assert "6 \\cdot 1 \\cdot 5^2 + 6 = 156" in text[1]
    assert 28**2 * 6 * 25 == 117_600
    assert text[1].endswith("= 117600")


def test_as_text_is_the_same_network() -> None:
    for net in NETS:
        spec = SPEC(net=net)
        mine = SPEC(**{**spec.as_dict(), **as_text(spec)})
        assert plan(mine).count == plan(spec).count
    assert plan(SPEC(**as_text(SPEC(net="vgg", scale="full")))).count.last.went == (1000,)


@pytest.mark.parametrize("side", SIDES)
def test_sides_are_those_of_torch(side: int) -> None:
    net = NETS["resnet"].small(CLASSES)
    seen, at = sizes(net, 1), SIDES.index(side)
    x, sides = torch.zeros(1, 1, side, side), []
    for part in module(net, (1, side, side)).eval():
        x = part(x)
        sides += [x.shape[-1]] if x.ndim == 4 else []
    assert seen.left[-2, at] == sides[-1]


def test_what_does_not_fit_is_blank_from_there_on() -> None:
    seen = sizes(NETS["lenet"].small(CLASSES), 1)
    assert seen.least == 16
    assert seen.left[:, SIDES.index(8)].tolist()[:2] == [4, 2]
    assert np.isnan(seen.left[2:, SIDES.index(8)]).all()
    assert not np.isnan(seen.left[:, SIDES.index(16) :]).any()
    rows = look(SPEC(net="lenet", lens="size")).rows
    assert rows[0]["last map"] == "does not fit"
    assert "window of 5 x 5" in rows[0]["why not"]


def test_the_compound_law() -> None:
    spec = SPEC(lens="scaling", phi=3)
    assert law(spec, 3) == pytest.approx((1.2 * 1.1**2 * 1.15**2) ** 3)
    assert law(spec, 0) == 1
    assert scaled(SPEC(phi=0)).plan.net == NETS["efficientnet"].full()
    assert scaled(spec).side == round(224 * 1.15**3)
    assert published()[0].macs == count(NETS["efficientnet"].full(), (3, 224, 224)).macs
    ratios = [c.macs / published()[0].macs for c in published()]
    assert ratios == sorted(ratios)
    assert 60 < ratios[-1] < 130  # about 2^7 less what was rounded away


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(32, 32), (38.4, 40), (8.9, 16), (1, 8), (12, 16), (11, 16), (35.2, 32), (100.1, 104), (60, 64)],
)
def test_channels_are_rounded_as_in_torchvision(given: float, wanted: int) -> None:
    from torchvision.models._utils import _make_divisible

    assert rounded(given) == wanted == _make_divisible(given, 8)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("net", ["lenet", "efficientnet", "own"])
def test_every_look_at_every_kind_of_network(lens: str, net: str) -> None:
    spec = SPEC(net=net, lens=lens, blocks=2)
    if lens == "skips" and net == "lenet":
        with pytest.raises(ExplainerError, match="has no short cuts"):
            look(spec)
        return
    view = look(spec)
    assert view.sentences
    assert view.rows
    assert len(figures(spec)) == 1 + len(view.figures)
    assert worked(spec)


def test_shares_add_up() -> None:
    for trace in look(SPEC(net="vgg", scale="full")).figures["shares"].data:
        assert math.isclose(trace["x"].sum(), 100)


def test_questions_are_answered_by_the_counts() -> None:
    asked = {q.slug.split(".")[0]: q for q in questions(SPEC(net="alexnet", scale="full"))}
    assert asked["heaviest"].answer.endswith("head")
    assert asked["more"].answer == "yes"
    assert asked["doubled"].right(asked["doubled"].answer)
    assert {q.slug.split(".")[0]: q for q in questions(SPEC(net="nin"))}["more"].answer == "no"


def test_numbers_in_words() -> None:
    assert [large(n) for n in (0, 12, 431, 999.7, 61_706, 999_600, 138_357_544, 15.47e9)] == ["0", "12", "431", "1 k", "61.7 k", "1 M", "138 M", "15.5 G"]  # fmt: skip
    assert [memory(n) for n in (1, 256, 2**18, 2**28)] == ["4 bytes", "1 KiB", "1 MiB", "1 GiB"]
    assert spoken("3.0.join") == "4.1.join"


def test_the_table_has_a_row_for_each_layer() -> None:
    assert len(table(SPEC()).splitlines()) == 1 + len(plan(SPEC()).count.rows)
