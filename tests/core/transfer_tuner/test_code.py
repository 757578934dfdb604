"""The scripts walk the run's own course: run elsewhere, without Glassnet, each gives the curve of `tune`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from core.data.image_sets import chosen, image_set, keep
from core.notebook import to_notebook
from core.transfer_tuner import home
from core.transfer_tuner.code import folder_script, folders_of, pictures_zip, script
from core.transfer_tuner.course import Outcome, data_of, pictures
from core.transfer_tuner.spec import BACKBONES, TuneSpec
from core.transfer_tuner.tuning import tune
from models.pretrained import PRETRAINED
from models.storage import read
from tests.core.transfer_tuner.conftest import SMALL

CASES = {
    "probe, plateau": {"schedule": "plateau", "epochs": 9, "rate": 0.3, "patience": 6, "best": False},
    "partial, one cycle": {"strategy": "partial", "blocks": 2, "schedule": "one_cycle", "optimizer": "adam", "share": 0.4},
    "full, deep head": {"strategy": "full", "depth": 2, "dropout": 0.4, "smoothing": 0.1, "weighted": True, "optimizer": "sgd", "schedule": "cosine"},
    "full, rates by block": {"strategy": "full", "block_decay": 0.5, "schedule": "step", "decay": 0.2, "precision": "single"},
    "scratch": {"strategy": "scratch", "seed": 5, "batch": 7},
    "statistics of each batch": {"backbone": "resnet20-cifar10", "strategy": "partial", "norms": "batch", "epochs": 1},
    "frozen statistics": {"backbone": "resnet20-cifar10", "strategy": "full", "epochs": 1},
    "torchvision, from scratch": {"backbone": "mobilenet_v2", "strategy": "scratch", "epochs": 1, "batch": 4},
    "torchvision, trained": {"backbone": "squeezenet1_1", "strategy": "full", "epochs": 1, "batch": 4},
}  # fmt: skip

DRIVER = """
import json, os, runpy, sys

for folder in sys.argv[1:]:
    os.chdir(folder)
    told = runpy.run_path("train.py")
    asked = told["ask"](told["files"][0])
    print("RESULT", json.dumps([told["curve"], told["at"], list(asked), sum(asked.values()), told["val"].tolist()]))
print("USED", *sorted({"core", "models", "streamlit", "safetensors", "sklearn", "captum"} & sys.modules.keys()))
"""


@pytest.fixture(scope="module")
def few():
    """Ten textures of two classes, whose names no disk would take as they are."""
    whole = image_set("textures", 60, 1)
    found = chosen(whole, [n for n, label in enumerate(whole.labels) if label < 2][:10])
    return replace(found, classes=("up/right", "up:right"))


@pytest.fixture(scope="module")
def runs_and_scripts(few, tmp_path_factory: pytest.TempPathFactory):
    """Case -> its run, and what its script said in a process of its own."""
    folder = tmp_path_factory.mktemp("scripts")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GLASSNET_WEIGHTS", str(folder))
        net = PRETRAINED["squeezenet1_1"].build()
        torch.save(net.state_dict(), folder / "squeezenet1_1.pt")
        found = {}
        for name, settings in CASES.items():
            own = {"data": "own", "own": keep(few)} if settings.get("backbone", "") in PRETRAINED else {}
            found[name] = run_of(replace(SMALL, **settings, **own))
        said = ran_elsewhere([laid_out(run, folder / str(k)) for k, run in enumerate(found.values())])
    return {name: (run, words) for (name, run), words in zip(found.items(), said, strict=True)}


def run_of(spec) -> Outcome:
    *_, last = tune(spec, pictures(spec))
    return Outcome(spec, last.arrays)


def laid_out(run: Outcome, folder: Path) -> Path:
    """A folder with the script, the pictures and what else the page gives."""
    folder.mkdir()
    (folder / "train.py").write_text(folder_script(run), encoding="utf-8")
    zipfile.ZipFile(io.BytesIO(pictures_zip(data_of(run.spec)))).extractall(folder)
    (folder / "resnet20-cifar10.safetensors").write_bytes(read("resnet20-cifar10"))
    return folder


def ran_elsewhere(folders: Sequence[Path]) -> list:
    command = [sys.executable, "-I", "-W", "error", "-c", DRIVER, *map(str, folders)]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "USED"  # torch, torchvision and what these bring
    return [json.loads(line.removeprefix("RESULT")) for line in run.stdout.splitlines() if line.startswith("RESULT")]


@pytest.mark.parametrize("case", CASES)
def test_the_folder_script_gives_the_run_s_curve(case, runs_and_scripts):
    run, (curve, at, *_) = runs_and_scripts[case]
    names = ("val_loss", "val_accuracy", "train_loss")
    expected = np.stack([run.curve(name) for name in names], axis=1)
    exact = run.spec.backbone == "tinyvgg-cifar10" and run.spec.precision == "auto"
    np.testing.assert_allclose(curve, expected, rtol=1e-9 if exact else 1e-4, atol=1e-12 if exact else 1e-5)
    if exact:
        assert run.arrays["logits_val"].shape[0] == len(data_of(run.spec).val)
        best = run.curve("val_accuracy").max() if run.spec.best else run.curve("val_accuracy")[-1]
        assert curve[at][1] == pytest.approx(best)


@pytest.mark.parametrize("case", CASES)
def test_the_split_is_the_page_s_and_the_model_answers(case, runs_and_scripts):
    run, (_, _, classes, total, val) = runs_and_scripts[case]
    assert val == data_of(run.spec).val.tolist()
    assert classes == list(folders_of(data_of(run.spec).classes))
    assert total == pytest.approx(1.0, abs=1e-6)


def test_early_stopping_stops_the_script_too(runs_and_scripts):
    run, (curve, *_) = runs_and_scripts["probe, plateau"]
    assert len(curve) == len(run.curve("val_loss"))


BEFORE = {"norms": {"backbone": "resnet20-cifar10"}, "block_decay": {"blocks": 3}}  # where a setting can be seen
AFTER = {
    "backbone": "resnet20-cifar10", "strategy": "full", "epochs": 3, "batch": 9, "rate": 0.02, "body_rate": 0.2, "block_decay": 0.9, "blocks": 2,
    "norms": "batch", "depth": 2, "dropout": 0.1, "smoothing": 0.2, "weighted": True, "optimizer": "sgd", "schedule": "step", "decay": 0.3,
    "patience": 4, "best": False, "share": 0.3, "precision": "single", "seed": 9,
}  # fmt: skip


@pytest.mark.parametrize("name", [f.name for f in fields(TuneSpec)])
def test_every_setting_of_a_run_changes_the_script(name, runs):
    spec = replace(SMALL, strategy="partial", **BEFORE.get(name, {}))
    arrays = runs["partial"].arrays
    plain, changed = (folder_script(Outcome(s, arrays)) for s in (spec, replace(spec, **{name: AFTER[name]})))
    assert plain.split("\n\n", 2)[2] != changed.split("\n\n", 2)[2]  # below the title


def test_a_plain_run_needs_no_branches(runs):
    text = folder_script(Outcome(replace(SMALL, best=False), runs["probe"].arrays))
    for word in ("Dropout", "label_smoothing", "weight=weight", "plateau", "def share", "BatchNorm2d)", "SHARES", "kept", "break  # early"):  # fmt: skip
        assert word not in text.replace("isinstance(layer, nn.BatchNorm2d):\n            layer.reset", ""), word


@pytest.mark.parametrize("backbone", [name for name in BACKBONES if name != "tinyvgg-cifar10"])
@pytest.mark.parametrize("strategy", ["partial", "scratch"])
def test_the_script_of_every_backbone_is_python(backbone, strategy, runs):
    spec = replace(SMALL, backbone=backbone, strategy=strategy, norms="batch")
    text = folder_script(Outcome(spec, runs["partial"].arrays))
    compile(text, "train.py", "exec")
    if backbone in PRETRAINED and strategy == "partial":
        assert f"{PRETRAINED[backbone].enum}.IMAGENET1K_V1" in text


def test_the_notebook_is_the_script(runs):
    run = runs["full"]
    notebook = nbformat.reads(home.files(run)["train.ipynb"][0](), as_version=4)
    nbformat.validate(notebook)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    lines = {line for cell in cells for line in cell.splitlines()}
    assert lines >= {line for line in folder_script(run).splitlines() if line and not line.startswith("#")}
    assert to_notebook(folder_script(run)) == home.files(run)["train.ipynb"][0]()


def test_the_zip_holds_the_page_s_squares_in_its_order(runs, data):
    archive = zipfile.ZipFile(io.BytesIO(home.files(runs["probe"])["pictures.zip"][0]()))
    names = sorted(archive.namelist(), key=lambda name: Path(name).name)
    assert [Path(name).parent.name for name in names] == [data.classes[label] for label in data.labels]
    for name, picture in zip(names, data.pictures, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(archive.open(name))), picture)


@pytest.mark.parametrize(
    ("classes", "folders"),
    [
        (("cat", "Katze"), ("cat", "Katze")),
        (("a/b", "a:b"), ("0 a_b", "1 a_b")),
        (("Cat", "cat"), ("0 Cat", "1 cat")),
        (("..", "日本"), ("_", "日本")),
    ],
)
def test_a_class_is_a_folder_that_every_disk_takes(classes, folders):
    assert folders_of(classes) == folders


def test_the_page_s_script_is_the_same_course(runs):
    """What stands between pictures and numbers does not differ."""
    spec = replace(SMALL, strategy="partial")
    ours, folder = script(spec), folder_script(Outcome(spec, runs["partial"].arrays))
    part = ours[ours.index("# ## Equal squares") : ours.index("# ## The loop")]
    assert part in folder
