"""The closer looks say the numbers of the runs; questions are answered by them; what goes home is the model on screen."""

from __future__ import annotations

import io
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from safetensors.numpy import load as read_tensors

from core import transfer_tuner
from core.contracts import Snapshot
from core.data.image_sets import keep
from core.errors import ExplainerError
from core.transfer_tuner import home, lenses, metrics
from core.transfer_tuner.course import Outcome, data_of, resolved
from core.transfer_tuner.questions import questions
from core.transfer_tuner.spec import LENSES
from core.transfer_tuner.tuning import best_epoch
from models.pretrained import PRETRAINED
from tests.core.transfer_tuner.conftest import SMALL


def test_the_confusion_counts_and_its_cell(runs, data):
    spec = replace(SMALL, cell="0,1")
    seen = lenses.errs(spec, runs)
    C = np.array(seen.figures["confusion"].data[0]["z"])
    y, answer = data.labels[data.val], runs["probe"].arrays["logits_val"].argmax(1)
    assert C.sum() == len(y)
    assert C[0, 1] == ((y == 0) & (answer == 1)).sum()
    assert f"answers {np.trace(C)} of {len(y)}" in seen.sentences[0]
    assert lenses.cell_of(replace(SMALL, cell="9,9"), 6) is None
    assert lenses.cell_of(replace(SMALL, cell="x"), 6) is None


@pytest.mark.parametrize("lens", [name for name in LENSES if name not in ("size", "rate", "cost")])
def test_every_look_without_a_run_says_what_to_do(lens):
    seen = lenses.look(replace(SMALL, lens=lens), {})
    assert seen.sentences


def test_a_new_picture_is_answered_by_the_network(runs, data):
    picture = data.pictures[data.val[3]]
    seen = lenses.predict(replace(SMALL, strategy="full"), runs, picture)
    P = metrics.probabilities(runs["full"].arrays["logits_val"])[3]
    assert f"answers **{data.classes[P.argmax()]}**" in seen.sentences[0] or "**unknown**" in seen.sentences[0]
    np.testing.assert_allclose(sorted(seen.figures["probabilities"].data[0]["x"]), sorted(P), rtol=1e-6)


def test_the_questions_answers_are_the_run_s(runs, data):
    found = {q.slug: q for q in questions(SMALL, runs)}
    y, Z = data.labels[data.val], runs["probe"].arrays["logits_val"]
    assert found["accuracy"].answer == pytest.approx(100 * (Z.argmax(1) == y).mean())
    lowest = {name: run.curve("val_loss").min() for name, run in runs.items()}
    assert found["winner"].answer == transfer_tuner.STRATEGIES[min(lowest, key=lowest.get)]
    assert "winner" not in {q.slug for q in questions(SMALL, {"probe": runs["probe"]})}


def test_the_summary_is_of_the_best_epoch(runs):
    rows = {row["strategy"]: row for row in lenses.summary(runs)}
    run = runs["full"]
    assert rows["Full"]["best epoch"] == best_epoch(run.curve("val_accuracy"), run.curve("val_loss"))


def test_what_is_not_here_is_replaced_and_said(monkeypatch, tmp_path, pictures):
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    monkeypatch.setenv("GLASSNET_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("models.pretrained._cache", lambda model: tmp_path / "none")
    spec, why = resolved(replace(SMALL, backbone="resnet18", data="mnist"))
    assert spec == SMALL
    assert "MNIST is not on this computer" in why[0]
    assert "ResNet-18 are not on this computer" in why[1]
    assert resolved(replace(SMALL, data="own"))[0] == SMALL
    own = replace(SMALL, data="own", own=keep(pictures))
    assert resolved(own) == (own, [])
    assert data_of(own).classes == pictures.classes


def test_checkpoints_are_named_by_their_epoch(told):
    film = [Snapshot(s.step, s.total, {}, {f"probe/{n}": v for n, v in s.arrays.items()}) for s in told["probe"] if s.arrays]  # fmt: skip
    found = home.checkpoints(film, "probe")
    assert list(found) == ["epoch 2", "epoch 1", "epoch 0"]
    assert home.checkpoints(film, "full") == {}


def test_weights_and_card_are_the_run_s(runs, data):
    run = runs["partial"]
    files = home.files(run)
    stored = read_tensors(files["tinyvgg-cifar10-partial.safetensors"][0]())
    for name, value in stored.items():
        np.testing.assert_array_equal(value, run.arrays[f"weights/{name}"])
    accuracy = (run.arrays["logits_val"].argmax(1) == data.labels[data.val]).mean()
    assert f"Validation accuracy {accuracy:.4g}" in home.card(run)
    with np.load(io.BytesIO(home.packed_pictures(run)), allow_pickle=False) as packed:
        np.testing.assert_array_equal(packed["images"], data.pictures)


def test_the_exported_program_gives_the_same_answers(runs, data):
    run = runs["full"]
    program = torch.export.load(io.BytesIO(home.exported(run))).module()
    _, x = home.whole(run)
    np.testing.assert_allclose(program(x).detach(), run.arrays["logits_val"][:2], rtol=1e-4, atol=1e-4)
    assert program(x[:1]).shape == (1, len(data.classes))


def test_onnx_is_the_same_or_says_what_is_missing(runs):
    run = runs["probe"]
    if find_spec("onnxscript") is None:
        with pytest.raises(ExplainerError, match=r"requirements-deploy\.txt"):
            home.onnx(run)
        return
    content = home.onnx(run)
    runtime = pytest.importorskip("onnxruntime")
    _, x = home.whole(run)
    (logits,) = runtime.InferenceSession(content).run(None, {"pictures": x.numpy()})
    np.testing.assert_allclose(logits, run.arrays["logits_val"][:2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", PRETRAINED)
def test_the_script_for_a_folder_is_python(name, runs):
    script = home.folder_script(Outcome(replace(SMALL, backbone=name, strategy="full"), runs["full"].arrays))
    compile(script, "train.py", "exec")
    assert PRETRAINED[name].enum in script


def test_a_gallery_puts_each_picture_in_its_place():
    pictures = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    figure = transfer_tuner.draw.gallery(pictures, ["a", "b", "c"], [True, False, True], "Three", columns=2)
    whole = figure.data[0]["z"]
    assert whole.shape == (10, 10, 4)
    np.testing.assert_array_equal(whole[6:, :4, :3], pictures[2])
    assert not whole[6:, 6:, 3].any()
    assert "2 of 3" in figure.alt
