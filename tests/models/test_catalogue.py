"""MODELS and load: every name works, and what ships is what was measured."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save

from core.data import shapes as planted
from core.data import vision
from core.data.vision import dataset
from core.errors import ExplainerError
from core.rng import generator
from models import MODELS, PRETRAINED, load, storage
from models.storage import FOLDER, LIMIT, manifest, read, restore, stored
from tests.samples import sample

SETS = {source.title: name for name, source in vision.DATASETS.items()}
AT_LEAST = {
    "lenet5-mnist": 0.99,
    "smallcnn-fashion": 0.90,
    "tinyvgg-cifar10": 0.60,
    "resnet20-cifar10": 0.80,
    "smallcnn-shapes": 0.98,
}


@pytest.mark.parametrize("name", MODELS)
def test_load_gives_a_network_ready_to_predict(name: str):
    model, module = MODELS[name], load(name)
    assert not module.training
    logits = module(model.normalise(torch.full((2, *model.input_shape), 0.5)))
    assert logits.shape == (2, len(model.classes))
    assert model.name == name
    assert len(model.mean) == len(model.std) == model.input_shape[0]


@pytest.mark.parametrize("name", MODELS)
def test_two_loads_are_equal_and_share_nothing(name: str):
    first, second = load(name), load(name)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.data_ptr() != b.data_ptr()


def test_normalise_and_back():
    model = MODELS["resnet20-cifar10"]
    x = torch.rand(2, 3, 4, 4, generator=generator(0, "test"), dtype=torch.float64)
    by_hand = (x[0, 1, 2, 3] - 0.4822) / 0.2435
    torch.testing.assert_close(model.normalise(x)[0, 1, 2, 3], by_hand)
    torch.testing.assert_close(model.restore_colours(model.normalise(x)), x)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ExplainerError, match=r"lenet5-mnist, .*vit_b_16"):
        load("alexnet")


def test_classes_are_those_of_the_data():
    assert MODELS["lenet5-mnist"].classes == vision.DIGITS
    assert MODELS["smallcnn-fashion"].classes == vision.CLOTHES
    assert MODELS["resnet20-cifar10"].classes == MODELS["tinyvgg-cifar10"].classes == vision.OBJECTS
    assert MODELS["smallcnn-shapes"].classes == planted.SHAPES
    assert {m.dataset for m in MODELS.values()} == {*SETS, "generated shapes"}
    assert not MODELS.keys() & PRETRAINED.keys()


# What ships


def test_the_manifest_is_complete():
    records = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    assert list(records) == list(MODELS)
    for name, record in records.items():
        for key in ("data", "optimizer", "script", "stored_as", "torch"):
            assert record[key], (name, key)
        for key in ("pictures", "epochs", "seconds", "parameters", "test_pictures"):
            assert record[key] > 0, (name, key)
        assert isinstance(record["seed"], int)
        script = (FOLDER.parents[1] / record["script"]).read_bytes()
        assert record["script_sha256"] == hashlib.sha256(script).hexdigest(), f"{name}: the script has changed since"
        assert record["teacher"] is None or "trained on all 50,000" in record["teacher"]
    assert {record["file"] for record in records.values()} == {p.name for p in FOLDER.glob("*.safetensors")}


@pytest.mark.parametrize("name", MODELS)
def test_shipped_files_are_small_and_are_those_that_were_measured(name: str):
    content, record = read(name), manifest()[name]
    assert len(content) == record["bytes"] <= LIMIT
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    assert sum(p.numel() for p in load(name).parameters()) == record["parameters"]


@pytest.mark.parametrize("name", MODELS)
def test_recorded_accuracy_is_high_enough(name: str):
    assert MODELS[name].test_accuracy == manifest()[name]["test_accuracy"] >= AT_LEAST[name]


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].dataset in SETS])
def test_accuracy_again_on_real_pictures(name: str):
    """500 of the test pictures: four standard errors around the recorded share of right answers."""
    model = MODELS[name]
    data = SETS[model.dataset]
    found = dataset(data, "test", folder=sample(vision.DATASETS[data].folder).parent)
    x = model.normalise(torch.from_numpy(found.fractions()[:500]))
    with torch.inference_mode():
        share = (load(name)(x).argmax(1).numpy() == found.labels[:500]).mean()
    p = model.test_accuracy
    assert abs(share - p) < 4 * (p * (1 - p) / 500) ** 0.5


def test_accuracy_again_on_shapes_drawn_anew():
    model = MODELS["smallcnn-shapes"]
    drawn = planted.shapes(200, generator(99, "never seen"), model.input_shape[1])
    with torch.inference_mode():
        answers = load(model.name)(model.normalise(torch.from_numpy(drawn.images))).argmax(1).numpy()
    assert (answers == drawn.labels).mean() > 0.95


def test_the_answer_is_in_the_shape():
    """The shape's own pixels, set on the plain mean colour of another picture's ground, get the same answer."""
    model = MODELS["smallcnn-shapes"]
    drawn = planted.shapes(200, generator(98, "never seen"), model.input_shape[1])
    mean = np.array([image[:, ~mask].mean(axis=1) for image, mask in zip(drawn.images, drawn.masks, strict=True)])
    own, other = (
        np.where(drawn.masks[:, None], drawn.images, ground[..., None, None]) for ground in (mean, mean[::-1])
    )
    seen = (np.abs(mean - mean[::-1]) < 0.1).all(axis=1)  # so that the shape still stands out
    with torch.inference_mode():
        answers = [load(model.name)(model.normalise(torch.from_numpy(x))).argmax(1).numpy() for x in (own, other)]
    assert (answers[0] == drawn.labels).mean() > 0.9
    assert (answers[1] == drawn.labels)[seen].mean() > 0.9


# Storage


def test_stored_weights_come_back_as_float16_would():
    module = MODELS["lenet5-mnist"].build(seed=5)
    again = restore(MODELS["lenet5-mnist"].build(seed=6), stored(module))
    for before, after in zip(module.parameters(), again.parameters(), strict=True):
        assert torch.equal(before.half().float(), after)


def test_files_that_do_not_fit_are_refused():
    lenet = MODELS["lenet5-mnist"]
    good = stored(lenet.build())
    with pytest.raises(ExplainerError, match="another network"):
        restore(MODELS["tinyvgg-cifar10"].build(), good)
    state = lenet.build().state_dict()
    for changed in ({**state, "extra": torch.zeros(1)}, {**state, "conv1.weight": torch.zeros(6, 1, 3, 3)}, dict(list(state.items())[1:])):  # fmt: skip
        with pytest.raises(ExplainerError, match="another network"):
            restore(lenet.build(), save(changed))
    with pytest.raises(ExplainerError, match="not finite"):
        restore(lenet.build(), save({**state, "conv1.bias": torch.full((6,), torch.nan)}))
    for damaged in (b"", good[:1000], b"\xff" * 100, b"\x80\x02cos\nsystem\n."):
        with pytest.raises(ExplainerError, match="damaged"):
            restore(lenet.build(), damaged)
    with pytest.raises(ExplainerError, match="allowed are 1,500,000"):
        restore(lenet.build(), bytes(LIMIT + 1))
    with pytest.raises(ExplainerError, match="narrower"):
        stored(torch.nn.Linear(1000, 1000))


def test_a_file_that_was_changed_or_lost_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "FOLDER", tmp_path)
    name = "lenet5-mnist"
    with pytest.raises(ExplainerError, match="missing"):
        read(name)
    (tmp_path / manifest()[name]["file"]).write_bytes(stored(MODELS[name].build()))
    with pytest.raises(ExplainerError, match="not the file that was measured"):
        read(name)
