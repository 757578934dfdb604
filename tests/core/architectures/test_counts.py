"""Counts by formula against hooks on the modules, torchvision's own networks, the papers and measured gradients."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from core.architectures.blocks import Chain, Layer, chain, conv, layers, pool, without_skips
from core.architectures.compute import CLASSES, SMALL
from core.architectures.count import Row, count, smallest, steps, where_it_breaks, windows
from core.architectures.module import Branches, module
from core.architectures.text import parse
from core.architectures.zoo import EFFICIENT_SIZES, MORE, NETS, alexnet, efficientnet, googlenet
from core.errors import ExplainerError
from models.lenet import LeNet5

MODELS = torchvision.models
SMALL_NETS = {name: about.small(CLASSES) for name, about in NETS.items()}
TORCHVISION = {
    "alexnet": alexnet(widths=(64, 192, 384, 256, 256), groups=1, lrn=False),
    "vgg16": NETS["vgg"].full(),
    "vgg11": MORE["vgg"][1](),
    "googlenet": googlenet(norm=True, five=3),
    "resnet50": NETS["resnet"].full(),
    "resnet18": MORE["resnet"][1](),
    "resnet101": MORE["resnet-101"][1](),
    "densenet121": NETS["densenet"].full(),
    "mobilenet_v2": NETS["mobilenet_v2"].full(),
    "squeezenet1_0": NETS["squeezenet"].full(),
    "squeezenet1_1": MORE["squeezenet"][1](),
    **{f"efficientnet_b{k}": efficientnet(width=w, depth=d) for k, (w, d, _) in enumerate(EFFICIENT_SIZES)},
}


def hooked(net: nn.Module, shape: tuple[int, ...]) -> list[tuple[int, int, tuple[int, ...], tuple[int, ...]]]:
    """(parameters, multiply-adds, shape in, shape out) of every layer and join, in the order in which they compute."""
    found = []

    def see(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        macs = output.numel() * layer.weight[0].numel() if isinstance(layer, (nn.Conv2d, nn.Linear)) else 0
        own = sum(p.numel() for p in layer.parameters(recurse=False))
        found.append((own, macs, tuple(inputs[0].shape[1:]), tuple(output.shape[1:])))

    for m in net.modules():
        if not isinstance(m, (nn.Sequential, nn.ModuleList)):
            m.register_forward_hook(see)
    net.eval()(torch.empty(1, *shape, device="meta"))
    return found


def check(net: Chain, shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        built = module(net, shape)
    rows = count(net, shape).rows
    assert hooked(built, shape) == [(r.parameters, r.macs, r.came, r.went) for r in rows]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("side", [28, 32, 45])
def test_every_row_of_a_small_network_is_what_hooks_see(name: str, side: int) -> None:
    check(SMALL_NETS[name], (1, side, side))
    check(without_skips(SMALL_NETS[name]), (1, side, side))


@pytest.mark.parametrize("name", NETS)
def test_every_row_of_a_published_network_is_what_hooks_see(name: str) -> None:
    check(NETS[name].full(), NETS[name].input)


@pytest.mark.parametrize("name", TORCHVISION)
def test_parameters_are_those_of_torchvision(name: str) -> None:
    more = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        theirs = MODELS.get_model(name, weights=None, **more)
    assert count(TORCHVISION[name], (3, 224, 224)).parameters == sum(p.numel() for p in theirs.parameters())


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "vgg11", "googlenet", "resnet50", "resnet18", "resnet101", "densenet121", "mobilenet_v2", "squeezenet1_0", "efficientnet_b0", "efficientnet_b1"])  # fmt: skip
def test_multiply_adds_are_those_that_torchvision_states(name: str) -> None:
    about = next(iter(MODELS.get_model_weights(name))).meta
    side = 240 if name == "efficientnet_b1" else 224
    assert count(TORCHVISION[name], (3, side, side)).macs / 1e9 == pytest.approx(about["_ops"], abs=2e-3, rel=6e-3)


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        ("lenet", 61_706, 416_520), ("alexnet", 60_965_224, 724_406_816), ("nin", 966_986, 222_486_528), ("vgg", 138_357_544, 15_470_264_320),
        ("googlenet", 6_998_552, 1_582_671_872), ("mobilenet", 4_231_976, 568_740_352),
    ],
)  # fmt: skip
def test_published_counts(name: str, parameters: int, macs: int) -> None:
    found = count(NETS[name].full(), NETS[name].input)
    assert (found.parameters, found.macs) == (parameters, macs)


def test_lenet_is_the_one_that_the_project_trains_elsewhere() -> None:
    assert count(SMALL_NETS["lenet"], SMALL).parameters == sum(p.numel() for p in LeNet5().parameters())


def test_activations_are_all_numbers_given_out_but_flatten() -> None:
    found = count(parse("conv2k3, relu, max2, flatten, dense3"), (1, 4, 4))
    assert [row.values for row in found.rows] == [32, 32, 8, 0, 3]
    assert found.values == 75


@pytest.mark.parametrize("n", range(1, 24))
def test_windows_are_torch_s_also_when_the_last_hangs_over_the_edge(n: int) -> None:
    for k, s, p, ceil in ((2, 2, 0, True), (3, 2, 0, True), (3, 2, 1, True), (3, 2, 1, False), (5, 3, 2, True), (2, 3, 1, True), (3, 1, 1, True)):  # fmt: skip
        if n + 2 * p >= k:
            out = nn.MaxPool2d(k, s, p, ceil_mode=ceil)(torch.zeros(1, 1, n, n)).shape[-1]
            assert windows(pool("max", k, s, p, ceil), n) == out


def positive(net: nn.Module) -> nn.Module:
    """Weights with which every path adds to what arrives, in eval mode."""
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(0.01)
    return net.double().eval()


@pytest.mark.parametrize(
    "text",
    [
        "conv2k3, conv2k3s2, conv2k5",
        "conv2k7s2, avg3s2p1, res( conv2, conv2 ), res( conv4s2, conv4 | conv4k1s2 )",
        "cat( conv2k1 | conv2k3 | conv2k5 | avg3s1p1, conv2k1 ), avg2, conv2",
        "conv2k2p0, avg2, cat( | conv2k3 ), dw3s2",
    ],
)
def test_the_field_is_where_the_gradient_is_not_zero(text: str) -> None:
    shape, net = (1, 64, 64), parse(text)
    x = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    y = positive(module(net, shape))(x)
    unit = y.shape[-1] // 2
    (g,) = torch.autograd.grad(y[0, :, unit, unit].sum(), x)
    seen = g[0, 0].abs().sum(0).nonzero().flatten()
    first, last = count(net, shape).last.field.box(unit)
    assert (int(seen[0]), int(seen[-1])) == (first, last)


def test_mean_and_flatten_see_the_whole_picture() -> None:
    for head in ("mean", "flatten, dense3"):
        field = count(parse(f"conv2p0, max2, {head}"), (1, 10, 10)).last.field
        assert field.box(0) == (0, 9)


def test_a_gate_is_left_out_of_the_field() -> None:
    assert count(parse("conv2, gate( mean, conv2k1, sigmoid )"), (1, 9, 9)).last.field.size == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conv16, dense10", r"layer 2, dense 10, wants a row of numbers, but a picture of 16 × 8 × 8 comes in; put flatten"),
        ("flatten, conv8", r"layer 2, conv 3 × 3, wants a picture .* but 64 numbers come in; put it before flatten"),
        ("4*( max2 )", r"layer 4, .* window of 2 x 2, but a picture of 1 x 1 comes in"),
        ("res( conv8s2 )", r"block 1 meet, 8 × 4 × 4 and 1 × 8 × 8 cannot be added.*res\( \.\.\. \| conv8k1s2 \)"),
        ("res( flatten )", r"64 numbers and 1 × 8 × 8 cannot be added.*same strides"),
        ("cat( conv8 | max2 )", r"8 × 8 × 8 and 1 × 4 × 4 come together.*same height and width"),
        ("gate( conv8 )", r"cannot be multiplied.*conv1k1, sigmoid"),
        ("conv6g4", r"4 groups, which must divide the 1 channels that come in and the 6 that go out; try 1"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_explained(text: str, words: str) -> None:
    with pytest.raises(ExplainerError, match=words):
        count(parse(text), (1, 8, 8))


@pytest.mark.parametrize("name", NETS)
def test_the_smallest_picture_fits_and_no_smaller_one_does(name: str) -> None:
    net = SMALL_NETS[name]
    least = smallest(net, 1)
    fits = [not where_it_breaks(net, 1, side) for side in range(1, least + 12)]
    assert fits == [False] * (least - 1) + [True] * 12


def test_a_net_that_no_picture_fits_has_no_smallest() -> None:
    assert smallest(parse("conv2, dense3"), 1) == 0


def test_steps_go_as_far_as_the_picture() -> None:
    found = list(steps(parse("conv2, max2, max2, max2"), (1, 4, 4)))
    assert [row.went for row in found] == [(2, 4, 4), (2, 2, 2), (2, 1, 1)]
    assert all(isinstance(row, Row) for row in found)


def test_without_skips_sums_keep_their_body_and_inception_stays() -> None:
    net = parse("res( conv4 | conv4k1 ), cat( | conv2 ), cat( conv1k1 | conv2 ), gate( mean, conv3k1 )")
    assert without_skips(net) == parse("conv4, conv2, cat( conv1k1 | conv2 ), gate( mean, conv3k1 )")


def test_branches_meet_as_their_names_say() -> None:
    x, two = torch.randn(2, 3, 4, 4), nn.Conv2d(3, 3, 1)
    for join, wanted in (("add", x + two(x)), ("multiply", x * two(x)), ("concat", torch.cat([x, two(x)], 1))):
        torch.testing.assert_close(Branches(join, [nn.Sequential(), two])(x), wanted)


def test_chains_without_a_title_dissolve() -> None:
    net = chain("a", chain("", conv(3), chain("", conv(4))), conv(5))
    assert [part.out for part in net.parts if isinstance(part, Layer)] == [3, 4, 5]
    assert len(list(layers(net))) == 3
