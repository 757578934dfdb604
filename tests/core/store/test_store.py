"""Runs on disk: what is saved comes back, only its owner lists it, and a kill at any moment leaves the old run or the new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from core import store
from core.errors import ExplainerError
from core.store import Run, delete, load, new_key, rename, runs, save

WEIGHTS = {"head.0.weight": np.arange(6.0).reshape(2, 3), "head.0.bias": np.zeros(2, np.float32)}
ARRAYS = {"curve.val_loss": np.array([1.0, 0.5])}


@pytest.fixture(autouse=True)
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSNET_STORE", str(tmp_path / "runs"))
    return tmp_path / "runs"


def some(name="cats", **more) -> Run:
    return Run(name, {"classes": ["Kätzchen", "犬"]}, WEIGHTS, ARRAYS, **more)


def test_what_is_saved_comes_back(shelf):
    key = new_key()
    found = load(save(some(), key))
    assert found.name == "cats"
    assert found.about == {"classes": ["Kätzchen", "犬"]}
    for name, value in WEIGHTS.items():
        np.testing.assert_array_equal(found.weights[name], value)
        assert found.weights[name].dtype == value.dtype
    np.testing.assert_array_equal(found.arrays["curve.val_loss"], [1.0, 0.5])


def test_only_the_owner_lists_renames_and_deletes():
    mine, theirs = new_key(), new_key()
    run_id = save(some(), mine)
    assert [e.id for e in runs(mine)] == [run_id]
    assert runs(theirs) == ()
    for act in (
        lambda: rename(run_id, "x", theirs),
        lambda: delete(run_id, theirs),
        lambda: save(some(id=run_id), theirs),
    ):
        with pytest.raises(ExplainerError):
            act()
    rename(run_id, "  dogs\n and cats ", mine)
    assert load(run_id).name == "dogs and cats"
    delete(run_id, mine)
    assert runs(mine) == ()
    with pytest.raises(ExplainerError, match="no run"):
        load(run_id)


def test_the_key_itself_is_not_stored(shelf):
    key = new_key()
    save(some(), key)
    assert all(key.encode() not in path.read_bytes() for path in shelf.rglob("*") if path.is_file())


def test_saving_again_replaces_and_leaves_no_old_file(shelf):
    key = new_key()
    run_id = save(some(), key)
    first = store.stamp(run_id)
    save(Run("cats", {}, {"w": np.ones(3)}, ARRAYS, id=run_id), key)
    assert set(load(run_id).weights) == {"w"}
    assert store.stamp(run_id) != first
    named = {f["file"] for f in json.loads((shelf / run_id / "manifest.json").read_text())["files"].values()}
    assert {p.name for p in (shelf / run_id).iterdir()} == named | {"manifest.json"}


@pytest.mark.parametrize("run_id", ["../../etc", "a/b", "", "x" * 41, "short", "nul\x00nulnul"])
def test_an_id_is_no_path(run_id):
    with pytest.raises(ExplainerError, match="no id"):
        load(run_id)


@pytest.mark.parametrize(("name", "words"), [("", "0"), ("x" * 81, "81"), ("\x00\n", "0")])
def test_a_name_has_characters(name, words):
    with pytest.raises(ExplainerError, match=words):
        save(some(name), new_key())


def test_a_short_key_is_refused():
    with pytest.raises(ExplainerError, match="16 characters"):
        save(some(), "guess")


def test_damaged_files_are_noticed(shelf):
    run_id = save(some(), new_key())
    path = next((shelf / run_id).glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ExplainerError, match="not those that were saved"):
        load(run_id)


def test_a_folder_without_a_manifest_is_no_run(shelf):
    key = new_key()
    save(some(), key)
    (shelf / "halfwritten").mkdir()
    (shelf / "halfwritten" / "manifest.json").write_text('{"format": 1')
    assert len(runs(key)) == 1


def test_too_many_runs_are_refused(monkeypatch):
    monkeypatch.setattr(store, "MOST_RUNS", 1)
    key = new_key()
    run_id = save(some(), key)
    with pytest.raises(ExplainerError, match="1 runs are kept"):
        save(some(), key)
    assert save(some(id=run_id), key) == run_id


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from core.store import Run, save

steps = int(sys.argv[3])
real = Path.replace

def replace(self, target):  # dies before the rename number `steps`
    global steps
    if steps == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    steps -= 1
    return real(self, target)

Path.replace = replace
save(Run("new", {}, {"w": np.full(4, 2.0)}, {"a": np.full(2, 2.0)}, id=sys.argv[1]), sys.argv[2])
"""


def test_a_kill_in_the_middle_of_a_save_leaves_the_old_run_or_the_new_one():
    key = new_key()
    run_id = save(Run("old", {}, {"w": np.ones(4)}, {"a": np.ones(2)}), key)
    for steps, expected in ((0, "old"), (1, "old"), (2, "old"), (3, "new")):
        subprocess.run(
            [sys.executable, "-c", KILLED, run_id, key, str(steps)], env={**os.environ, "PYTHONPATH": "."}, check=False
        )
        found = load(run_id)
        assert found.name == expected
        assert set(found.weights["w"]) == set(found.arrays["a"]) == {1.0 if expected == "old" else 2.0}
        assert [e.name for e in runs(key)] == [expected]
