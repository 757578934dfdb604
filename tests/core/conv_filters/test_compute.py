"""The page's maps and numbers against the network run by hand; every lens and every click."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.conv_filters import SPEC, draw, layers_of, learning, look, picked, pictures, questions, worked
from core.conv_filters.compute import (
    chosen_layer,
    entering,
    filters,
    inside,
    network,
    numbers,
    over_examples,
    see,
    seen_by_cell,
)
from core.conv_filters.kernels import similarity
from core.conv_filters.spec import LENSES
from core.data.own import keep
from core.errors import ExplainerError
from models import MODELS, load


def lenet(**settings: object) -> SPEC:
    return SPEC(**{"network": "lenet5-mnist", **settings})


LENET = lenet(layer="conv2", unit=7, picture=1)


def by_hand(stop: str) -> torch.Tensor:
    """LeNet's layers, applied one after the other."""
    about, net = MODELS["lenet5-mnist"], load("lenet5-mnist").double()
    picture = torch.as_tensor(see(lenet(picture=1)).picture[None], dtype=torch.float64)
    x = (picture - about.mean[0]) / about.std[0]
    with torch.no_grad():
        for name in ("conv1", "act1", "pool1", "conv2", "act2", "pool2"):
            if name == stop:
                return x
            x = getattr(net, name)(x)
    return x


def test_maps_and_probabilities_are_the_network_s() -> None:
    seen = see(lenet(picture=1))
    np.testing.assert_allclose(seen.maps["conv2"], by_hand("act2")[0].numpy(), rtol=1e-12)
    assert seen.probabilities.sum() == pytest.approx(1.0, rel=1e-12)
    assert seen.answer == seen.about.classes[int(seen.probabilities.argmax())]


def test_the_sum_is_the_map_and_its_inputs_are_the_layer_before() -> None:
    found = inside(LENET)
    np.testing.assert_allclose(found.inputs, by_hand("conv2")[0].numpy(), rtol=1e-12)
    np.testing.assert_allclose(found.sum.total, see(lenet(picture=1)).maps["conv2"][7], rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(found.map, see(lenet(picture=1)).maps["conv2"][7])
    assert (found.conv, found.unit) == ("conv2", 7)
    loud = np.abs(found.sum.parts).mean(axis=(1, 2))
    assert loud[found.order[0]] == loud.max()


def test_a_layer_after_an_activation_names_its_convolution() -> None:
    found = inside(SPEC(network="lenet5-mnist", layer="pool2", unit=99))
    assert (found.conv, found.unit) == ("conv2", 15)
    found = inside(SPEC(network="resnet20-cifar10", layer="stage1.1.relu2"))
    assert found.conv == "stage1.1.conv2"


def test_the_unit_of_no_choice_is_the_one_with_the_largest_value() -> None:
    found = inside(SPEC(network="lenet5-mnist", layer="act1"))
    assert found.map.max() == see(lenet(picture=0)).maps["act1"].max()


def test_numbers_are_those_of_the_map_and_the_filter() -> None:
    found, shown = inside(LENET), numbers(LENET)
    assert shown["map mean"] == pytest.approx(found.map.mean(), rel=1e-12)
    assert shown["map share of zeros"] == (found.map == 0).mean()
    _, bank = filters(LENET)
    rho = np.abs(np.corrcoef(bank.reshape(16, -1)) * 0 + similarity(bank))
    np.fill_diagonal(rho, 0)
    assert shown["likeness to the nearest other filter"] == pytest.approx(rho[7].max(), rel=1e-12)


def test_entering_leaves_no_hook() -> None:
    entering("conv2", see(lenet(picture=1)))
    assert not network("lenet5-mnist").conv2._forward_pre_hooks


def test_unknown_layers_are_refused_and_the_menu_falls_back() -> None:
    bad = SPEC(network="lenet5-mnist", layer="conv9")
    with pytest.raises(ExplainerError, match=r"no layer 'conv9'; choose conv1"):
        chosen_layer(bad, see(lenet(picture=0)))
    assert layers_of(bad)[1] == "act1"


@pytest.mark.parametrize("scaling", ["map", "layer", "network"])
def test_colours_end_at_the_largest_value_of_what_is_asked(scaling: str) -> None:
    largest = {"a": np.array([4.0, 0.5]), "b": np.array([8.0]), "dark": np.zeros(1)}
    expected = {
        "map": {"a": [4, 0.5], "b": [8], "dark": [1]},
        "layer": {"a": [4, 4], "b": [8], "dark": [1]},
        "network": {"a": [8, 8], "b": [8], "dark": [8]},
    }
    assert {name: ends.tolist() for name, ends in draw.bounds(largest, scaling).items()} == expected[scaling]


def test_a_click_chooses_what_was_clicked() -> None:
    spec = SPEC(network="lenet5-mnist", layer="act2")
    whole, end = np.asarray(pictures(spec)["overview"].data[0]["z"]), draw.CELL + 2
    assert whole.shape == (draw.MAPS_SHOWN * end - 2, 6 * end - 2)
    assert picked(spec, (2 * end + 5, 3 * end + 1), None) == {"layer": "conv2", "unit": 2, "cell": -1}
    assert picked(spec, (7 * end, 0), None) == {}  # the first layer has six maps
    assert picked(spec, None, (11, 22)) == {
        "unit": 4 + 2,
        "cell": -1,
    }  # maps of 10 x 10 with a gap of one, four in a row
    assert picked(spec, None, None) == {}


@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_speaks_in_sentences(lens: str) -> None:
    spec = SPEC(network="lenet5-mnist", layer="act2", unit=3, lens=lens)
    seen = look(spec)
    assert all(sentence.endswith(".") for sentence in seen.sentences)
    assert worked(spec)[0].latex
    for question in questions(spec):
        assert question.right(question.answer)


def test_the_statistics_on_screen_are_those_of_the_maps() -> None:
    about = over_examples("lenet5-mnist")["act1"]
    maps = np.stack([see(lenet(picture=k)).maps["act1"] for k in range(4)])
    assert (about.high >= maps.max(axis=(0, 2, 3)) - 1e-4).all()
    assert 0 < about.zeros.mean() < 1
    bars = look(SPEC(network="lenet5-mnist", layer="act1", lens="statistics")).figures["statistics"].data
    np.testing.assert_allclose(bars[1]["y"], 100 * about.zeros)


def test_before_training_the_untrained_network_is_shown() -> None:
    shown = learning(None, SPEC())
    assert list(shown) == ["curves", "filters", "maps"]
    assert not shown["filters"].frames


@pytest.mark.parametrize("settings", [{"layer": "act1", "unit": 2}, {"layer": "conv2", "unit": 3, "cell": 7}])
def test_what_a_cell_sees_lies_in_its_box_and_is_the_gradient(settings: dict) -> None:
    spec = lenet(lens="field", picture=1, **settings)
    found, seen = seen_by_cell(spec), see(spec)
    map_ = seen.maps[found.layer][found.unit]
    assert found.value == map_.ravel()[settings.get("cell", int(map_.argmax()))]
    top, bottom, left, right = found.box
    outside = np.ones(found.field.shape, bool)
    outside[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1] = False
    assert not found.field[outside].any()
    assert found.field.any()
    assert picked(spec, cell=(1, 2)) == {"lens": "field", "cell": map_.shape[1] + 2}


def test_the_measured_field_is_the_slope_by_differences() -> None:
    spec = lenet(layer="conv1", unit=4, picture=1)
    found, kernel = seen_by_cell(spec), filters(spec)[1][4, 0]
    row, column = found.cell
    top, left = int(found.box[0]), int(found.box[2])
    expected = np.abs(kernel) / MODELS["lenet5-mnist"].std[0]
    inside_ = found.field[max(0, top) : top + 5, max(0, left) : left + 5]
    np.testing.assert_allclose(
        inside_, expected[max(0, -top) :, max(0, -left) :][: inside_.shape[0], : inside_.shape[1]], rtol=1e-9
    )
    assert (row, column) == tuple(np.unravel_index(found_map(spec).argmax(), found_map(spec).shape))


def found_map(spec: SPEC) -> np.ndarray:
    return inside(spec).map


def test_an_own_picture_takes_the_example_s_place_everywhere() -> None:
    key = keep(np.random.default_rng(0).integers(0, 255, (50, 60, 3)).astype(np.uint8))
    own = lenet(layer="conv2", unit=7, own=key)
    assert see(own).index == -1
    assert see(own).label == ""
    assert not np.array_equal(see(own).maps["conv2"], see(lenet()).maps["conv2"])
    assert see(lenet(own="gone", picture=3)).index == 3
    assert numbers(own) != numbers(lenet(layer="conv2", unit=7))


def test_large_maps_are_shrunk_to_fit_and_still_found_by_a_click() -> None:
    assert draw.grid_size((16, 10, 10)) == (16, (10, 10))
    count, shape = draw.grid_size((1000, 80, 80))
    assert count == draw.MOST
    assert count * shape[0] * shape[1] <= 1.3 * draw.CELLS
