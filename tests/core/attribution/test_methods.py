"""Attributions against closed forms: linear and ReLU networks, Grad-CAM by hand, completeness, randomness."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from core.attribution import METHODS, attribute, layers
from core.attribution.segments import slic, squares
from core.errors import ExplainerError
from tests.core.attribution import nets

X = np.array([[1.0, 2.0, -1.0, 0.5], [0.0, -1.0, 2.0, 1.0]])
B = np.array([[0.5, 0.0, 0.0, 0.5]])


def forgiving(method: str) -> dict[str, object]:
    """Parameters that leave nothing to chance on a linear network."""
    return {
        "gradient_shap": {"noise": 0.0, "samples": 4},
        "smooth_grad": {"samples": 3},
        "lrp": {"epsilon": 1e-9},
        "occlusion": {"window": 1, "stride": 1},
        "lime": {"ridge": 1e-6, "samples": 60},
        "kernel_shap": {"samples": 60},
    }.get(method, {})


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("method", [m for m in METHODS if "cam" not in m])
def test_a_linear_network(method: str, target: int) -> None:
    """f = W x: slopes are W, amounts are W (x - b), and what hands back the output itself gives W x."""
    w = nets.W.numpy()[target].astype(float)
    found = attribute(nets.linear(), X, target, method, baseline=B, **forgiving(method))
    expected = {
        "saliency": np.broadcast_to(abs(w), X.shape),
        "smooth_grad": np.broadcast_to(w, X.shape),
        "guided_backprop": np.broadcast_to(w, X.shape),
        "deconvolution": np.broadcast_to(w, X.shape),
        "input_x_gradient": w * X,
        "lrp": w * X,
    }.get(method, w * (X - B))
    np.testing.assert_allclose(found, expected, atol=1e-5 if method in ("lime", "kernel_shap") else 1e-9)


def test_one_unit_that_is_silent_at_the_baseline() -> None:
    """f = ReLU(x1 + x2 - 1) at (2, 1): the way from 0 is flat for its first third."""
    x = np.array([[2.0, 1.0]])
    np.testing.assert_allclose(attribute(nets.OneUnit(), x, 0, "saliency"), [[1.0, 1.0]])
    np.testing.assert_allclose(attribute(nets.OneUnit(), x, 0, "input_x_gradient"), [[2.0, 1.0]])
    found = attribute(nets.OneUnit(), x, 0, "integrated_gradients", steps=300, rule="midpoint")
    np.testing.assert_allclose(found, [[4 / 3, 2 / 3]], atol=0.01)
    np.testing.assert_allclose(attribute(nets.OneUnit(), x, 0, "deep_lift"), [[4 / 3, 2 / 3]], atol=1e-9)
    np.testing.assert_allclose(attribute(nets.OneUnit(), x, 0, "lrp", epsilon=1e-9), [[2.0, 1.0]], atol=1e-6)
    np.testing.assert_allclose(attribute(nets.OneUnit(), x, 0, "occlusion", window=1, stride=1), [[2.0, 1.0]])
    shapley = attribute(
        nets.OneUnit(), x, 0, "kernel_shap", samples=1000
    )  # f({}) = 0, f({1}) = 1, f({2}) = 0, f({1,2}) = 2
    np.testing.assert_allclose(shapley, [[1.5, 0.5]], atol=0.05)  # the two middle sets are drawn, not counted
    np.testing.assert_allclose(shapley.sum(), 2.0, atol=1e-4)


def test_two_ways_back_through_a_relu() -> None:
    """f = 2 ReLU(x1 - x2) - 3 ReLU(x1 + x2) + ReLU(-x1) at (1, 0.5): the third unit is off, the second counts against."""
    x = np.array([[1.0, 0.5]])
    np.testing.assert_allclose(attribute(nets.two_units(), x, 0, "smooth_grad", noise=0.0), [[-1.0, -5.0]])
    np.testing.assert_allclose(attribute(nets.two_units(), x, 0, "guided_backprop"), [[2.0, -2.0]])
    np.testing.assert_allclose(attribute(nets.two_units(), x, 0, "deconvolution"), [[2.0 - 1.0, -2.0]])


def test_smooth_grad_of_a_square() -> None:
    """f = sum x^2: the mean slope is 2 x, the mean square 4 x^2 + 4 s^2, the variance 4 s^2."""
    x, settings = np.array([[1.0, -0.5, 0.0]]), {"samples": 1000, "noise": 0.2, "seed": 3}
    s = 0.2 * 1.5
    np.testing.assert_allclose(attribute(nets.Square(), x, 0, "smooth_grad", **settings), 2 * x, atol=0.07)
    square = attribute(nets.Square(), x, 0, "smooth_grad", average="square", **settings)
    np.testing.assert_allclose(square, 4 * x**2 + 4 * s**2, atol=0.15)
    variance = attribute(nets.Square(), x, 0, "smooth_grad", average="variance", **settings)
    np.testing.assert_allclose(variance, np.full((1, 3), 4 * s**2), rtol=0.15)


def test_gradient_shap_of_a_square_is_its_integral() -> None:
    """f = sum x^2 from b: the mean of 2 (x - b)(b + a (x - b)) over a is x^2 - b^2."""
    x = np.array([[1.0, -2.0]])
    found = attribute(nets.Square(), x, 0, "gradient_shap", samples=1000, noise=0.0, baseline=0.5)
    np.testing.assert_allclose(found, x**2 - 0.25, rtol=0.1)


def test_grad_cam_by_hand() -> None:
    """A1 = x, A2 = -x, f = 3 mean(A1) + mean(A2): every slope is 3/4 or 1/4, so the map is ReLU(3/4 x - 1/4 x)."""
    x = np.array([[[[1.0, -2.0], [3.0, 0.0]]]])
    np.testing.assert_allclose(attribute(nets.Head(), x, 0, "grad_cam", "maps"), [[[[0.5, 0.0], [1.5, 0.0]]]])
    against = attribute(nets.Head(), x, 0, "grad_cam", "maps", evidence="against")
    np.testing.assert_allclose(against, [[[[0.0, 1.0], [0.0, 0.0]]]])
    guided = attribute(nets.Head(), x, 0, "guided_grad_cam", "maps")  # no ReLU: the slope itself, (3 - 1) / 4
    np.testing.assert_allclose(guided, 0.5 * np.array([[[[0.5, 0.0], [1.5, 0.0]]]]))


def test_grad_cam_is_enlarged_between_the_pixels_of_its_map() -> None:
    """A map (1, 3) over four columns: bilinear, with the centres of its pixels at columns 0.5 and 2.5."""
    x = np.repeat(np.array([[[[2.0, 2.0, 6.0, 6.0]] * 4]]), 3, 1)
    net = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.AvgPool2d(2), nn.AvgPool2d(2), nn.Flatten()).double()
    with torch.no_grad():
        net[0].weight.fill_(1 / 3)
    found = attribute(net, x, 0, "grad_cam", "1")
    np.testing.assert_allclose(found[0, :, 0], [[0.5, 0.75, 1.25, 1.5]] * 3)  # slope 1/4 times (2, 6)


def test_occlusion_is_the_mean_over_the_windows_that_cover_a_value() -> None:
    w = nets.W.numpy()[0] * X[:1]
    pairs = w[:, :-1] + w[:, 1:]
    found = attribute(nets.linear(), X[:1], 0, "occlusion", window=2, stride=1)
    expected = [[pairs[0, 0], pairs[0, :2].mean(), pairs[0, 1:].mean(), pairs[0, 2]]]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", ["integrated_gradients", "deep_lift", "lrp"])
def test_nothing_gets_lost(method: str, seed: int) -> None:
    """The sum is f(x) - f(b); of LRP it is f(x), on a network whose layers have no bias to keep a part."""
    net, x, more = nets.conv(seed, bias=method != "lrp"), nets.pictures(), {}
    if method == "integrated_gradients":
        more = {"steps": 500}
    if method == "lrp":
        more = {"epsilon": 1e-9}
    found = attribute(net, x, [0, 2], method, **more)
    with torch.no_grad():
        f, start = net(x).numpy(), net(torch.zeros_like(x)).numpy()
    promised = f if method == "lrp" else f - start
    np.testing.assert_allclose(found.sum((1, 2, 3)), promised[[0, 1], [0, 2]], atol=1e-3)


@pytest.mark.parametrize("rule", ["gamma", "alpha1beta0"])
def test_lrp_by_hand_with_other_rules(rule: str) -> None:
    """z = (w1 x1, w2 x2) = (2, -1), f = ReLU(z1 + z2) = 1. gamma: w+ counts (1 + gamma)-fold; alpha1beta0: only w+ counts."""
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU()).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[2.0, -1.0]]))
    found = attribute(net, np.array([[1.0, 1.0]]), 0, "lrp", rule=rule, **({"gamma": 0.5} if rule == "gamma" else {}))
    expected = [[3.0 / 2.0, -1.0 / 2.0]] if rule == "gamma" else [[1.0, 0.0]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


class Watched(nn.Module):
    """A network that fails when it is asked to; its second activation is used twice if `twice`."""

    def __init__(self, fails: bool = False, twice: bool = False) -> None:
        super().__init__()
        self.net, self.relu, self.fails, self.twice = nets.conv(), nn.ReLU(), fails, twice
        self.drop = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.drop(self.relu(self.net(x)))
        if self.fails:
            raise RuntimeError("no batch, please")
        return self.relu(out - 0.1) if self.twice else out


def state_of(model: nn.Module) -> list[object]:
    """Everything that an attribution might leave behind."""
    return [
        (
            name,
            module.training,
            *(len(h) for h in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)),
            len(module._backward_pre_hooks),
            sorted(vars(module)),
        )
        for name, module in model.named_modules()
    ] + [
        (name, p.requires_grad, p.grad is None, p.detach().clone().numpy().tolist())
        for name, p in model.named_parameters()
    ]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_the_model_stays_as_it_was(method: str, fails: bool) -> None:
    model = Watched(fails=fails, twice=True).double()
    model.train()
    model.net[0].eval()
    model.net[0].weight.requires_grad_(False)
    model.net[3].weight.grad = None
    model.net[7].register_forward_hook(lambda *_: None)
    before = state_of(model)
    layer = "net.3" if METHODS[method].needs_layer else None
    refused = fails or method == "deep_lift"
    with pytest.raises(ExplainerError) if refused else nullcontext():
        attribute(model, nets.pictures(), 1, method, layer)
    assert state_of(model) == before


def test_a_reused_activation_is_refused_in_words() -> None:
    with pytest.raises(
        ExplainerError, match=r"DeepLIFT cannot follow this network.*a module of its own that is used once"
    ):
        attribute(Watched(twice=True), nets.pictures(), 0, "deep_lift")


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_map_also_when_four_run_at_once(method: str) -> None:
    net, x = nets.conv(), nets.pictures()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = attribute(net, x, 1, method)
    with ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _: attribute(net, x, 1, method), range(4)))
    assert all(np.array_equal(first, other) for other in others)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert (numpy_state == np.random.get_state()[1]).all()
    if METHODS[method].random:
        assert not np.array_equal(first, attribute(net, x, 1, method, seed=1))


@pytest.mark.parametrize("method", [m for m, about in METHODS.items() if not about.random])
def test_a_batch_is_its_pictures_one_by_one(method: str) -> None:
    net, x = nets.conv(channels=3), nets.pictures(3, channels=3)
    together = attribute(net, x, [0, 2, 1], method)
    apart = [attribute(net, x[n : n + 1], t, method) for n, t in enumerate([0, 2, 1])]
    np.testing.assert_allclose(together, np.concatenate(apart), atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_every_end_of_every_parameter(method: str) -> None:
    net, x = nets.conv(), nets.pictures(1)
    for name, about in METHODS[method].params.items():
        for value in about.options or (about.low, about.high):
            if name == "samples" and value == 1000:
                continue
            found = attribute(net, x.float(), 0, method, **{name: value})
            assert found.shape == x.shape
            assert found.dtype == np.float32
            assert np.isfinite(found).all()


def test_what_cannot_be_asked_is_refused_in_words() -> None:
    net, x = nets.conv(), nets.pictures(1)
    for wrong, words in [
        ({"method": "magic"}, "method 'magic' is unknown; choose saliency"),
        ({"method": "saliency", "target": 3}, "target 3 is not possible"),
        ({"method": "saliency", "target": [0, 1]}, "2 targets for 1 inputs"),
        ({"method": "saliency", "target": None}, "3 outputs; say which one"),
        ({"method": "grad_cam", "layer": "nowhere"}, "layer 'nowhere' is not part of this model"),
        ({"method": "grad_cam", "layer": nn.ReLU()}, "a ReLU from elsewhere is not part"),
        ({"method": "occlusion", "window": 0}, "Window 0 is outside 1 to 64"),
        ({"method": "saliency", "steps": 3}, "Saliency has no parameter 'steps'; it has none"),
        ({"method": "lime", "steps": 3}, "it takes pieces, cut, samples, width, ridge or seed"),
        ({"method": "deep_lift", "baseline": np.zeros(5)}, r"a baseline of shape \(5,\) does not fit"),
    ]:
        with pytest.raises(ExplainerError, match=words):
            attribute(net, x, **{"target": 0, **wrong})
    with pytest.raises(ExplainerError, match="no layer that gives maps"):
        attribute(nets.linear(), X, 0, "grad_cam")
    with pytest.raises(ExplainerError, match="NaN or infinity"):
        attribute(net, x * np.nan, 0, "saliency")
    with pytest.raises(ExplainerError, match="give a batch"):
        attribute(net, np.zeros(3), 0, "saliency")


def test_the_layers_of_a_network_and_a_layer_by_itself() -> None:
    net, x = nets.conv(), nets.pictures(1)
    assert layers(net, x) == {
        "0": (4, 12, 12), "1": (4, 12, 12), "2": (4, 6, 6), "3": (6, 6, 6), "4": (6, 6, 6), "5": (6, 3, 3)
    }  # fmt: skip
    by_name, by_module = attribute(net, x, 0, "grad_cam", "5"), attribute(net, x, 0, "grad_cam", net[5])
    assert np.array_equal(by_name, by_module)
    assert np.array_equal(by_name, attribute(net, x, 0, "grad_cam"))


def test_squares_and_superpixels() -> None:
    labels = squares(6, 9, 6)
    assert sorted(np.unique(labels, return_counts=True)[1]) == [9] * 6
    assert squares(5, 5, 1).max() == 0
    image = np.zeros((3, 20, 20))
    image[:, 5:12, 8:15] = 1.0
    pieces = slic(image, 16)
    inside = set(np.unique(pieces[5:12, 8:15]))
    outside = set(np.unique(pieces)) - inside
    assert inside
    assert outside
    for label in np.unique(pieces):
        colours = image[0][pieces == label]
        assert colours.min() == colours.max(), "a piece must not cross the edge"
    assert slic(np.zeros((1, 8, 8)), 4).shape == (8, 8)


@pytest.mark.parametrize(
    ("picture", "baseline", "expected"),
    [
        ([1, 4, 2, 3], [0, 1, 0, 0], [0, 6, 0, 0]),  # the same winner: 2 (4 - 1)
        (
            [1, 4, 2, 3],
            [0, 0, 3, 1],
            [0, 2, 0, 0],
        ),  # another one: max(4, 3) - 3 to the picture's, 4 - 4 to the baseline's
        ([1, 4, 2, 3], [9, 0, 2, 3], [-10, 0, 0, 0]),  # max(4, 9) - 9 and 4 - 9
    ],
)
def test_deep_lift_s_rule_for_max_pooling_holds_behind_a_relu(picture, baseline, expected) -> None:
    """2 max(x) behind a ReLU: the change up to the larger maximum goes to the picture's winner, the rest to the baseline's; by hand."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 1)).double()
    with torch.no_grad():
        net[0].weight.fill_(1.0), net[0].bias.zero_(), net[4].weight.fill_(2.0)
    x, b = (np.array(values, float).reshape(1, 1, 2, 2) for values in (picture, baseline))
    found = attribute(net, x, 0, "deep_lift", baseline=b)
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-12)
    assert isinstance(net[2], nn.MaxPool2d)
