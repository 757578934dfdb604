"""What a busy, a killed or a crowded store does: never half a run, nothing left lying, no room without end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from core import store
from core.errors import ExplainerError
from core.store import Run, delete, load, new_key, rename, runs, save


@pytest.fixture(autouse=True)
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSNET_STORE", str(tmp_path / "runs"))
    return tmp_path / "runs"


def filled(value: float, run_id: str = "", size: int = 1000) -> Run:
    return Run(f"run {value:g}", {"value": value}, {"w": np.full(size, value)}, {"a": np.full(size, value)}, run_id)


def consistent(run_id: str) -> float:
    """The run's number, which its name, words, weights and arrays must all hold."""
    found = load(run_id)
    values = {found.about["value"], *np.unique(found.weights["w"]), *np.unique(found.arrays["a"])}
    assert len(values) == 1
    assert found.name == f"run {values.copy().pop():g}"
    return values.pop()


SAVES = """
import itertools, sys
import numpy as np
from core.store import Run, save

for k in itertools.count():
    v = float(k % 7)
    save(Run(f"run {v:g}", {"value": v}, {"w": np.full(300_000, v)}, {"a": np.full(1000, v)}, sys.argv[1]), sys.argv[2])
    print(k, flush=True)
"""


def test_a_server_killed_while_it_saves_leaves_a_whole_run(shelf):
    """Killed again and again at whatever it is at; each time the run is one that was saved, and the next save clears up."""
    key = new_key()
    run_id = save(filled(0.0), key)
    for turn in range(4):
        command = [sys.executable, "-c", SAVES, run_id, key]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}) as process:
            for _ in range(3 + turn):
                process.stdout.readline()
            process.kill()
        assert 0 <= consistent(run_id) < 7
        assert len(runs(key)) == 1
    save(filled(9.0, run_id), key)
    assert consistent(run_id) == 9.0
    assert len(list((shelf / run_id).iterdir())) == 3


def test_many_threads_that_save_load_and_rename_one_run_see_whole_ones(shelf):
    key = new_key()
    run_id = save(filled(0.0), key)
    wrong: list[BaseException] = []

    def repeated(act):
        try:
            for k in range(25):
                act(float(k % 5))
        except BaseException as problem:
            wrong.append(problem)

    acts = [lambda v: save(filled(v, run_id), key), lambda v: save(filled(v + 5, run_id), key), lambda v: consistent(run_id), lambda v: runs(key)]  # fmt: skip
    threads = [threading.Thread(target=repeated, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(list((shelf / run_id).iterdir())) == 3  # a manifest and what it names


def test_a_rename_cannot_bring_a_deleted_run_back(shelf):
    key = new_key()
    run_id = save(filled(1.0), key)
    delete(run_id, key)
    with pytest.raises(ExplainerError, match="no run"):
        rename(run_id, "again", key)
    assert not (shelf / run_id).exists()


def test_what_killed_saves_left_lying_is_cleared_away(shelf):
    key = new_key()
    run_id = save(filled(1.0), key)
    (shelf / run_id / ".x.safetensors.1234.part").write_bytes(b"half")
    old, new, other = shelf / "oldoldold", shelf / "newnewnew", shelf / "not a run"
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "x.safetensors").write_bytes(b"x")
    long_ago = time.time() - 2 * store.STALE
    os.utime(old, (long_ago, long_ago))
    os.utime(other, (long_ago, long_ago))
    save(filled(2.0, run_id), key)
    assert consistent(run_id) == 2.0
    assert not list((shelf / run_id).glob(".*"))
    assert [folder.exists() for folder in (old, new, other)] == [False, True, True]


def test_a_manifest_that_lacks_something_hides_no_other_run(shelf):
    key = new_key()
    run_id, broken = save(filled(1.0), key), save(filled(2.0), key)
    path = shelf / broken / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in manifest.items() if name != "owner"}))
    assert [entry.id for entry in runs(key)] == [run_id]
    with pytest.raises(ExplainerError, match="no run"):
        load(broken)


def test_the_store_has_an_end_for_all_owners_together(monkeypatch):
    """Keys are free, so a limit for each owner alone would be none."""
    run_id = save(filled(1.0), mine := new_key())
    monkeypatch.setattr(store, "MOST_STORED", runs(mine)[0].bytes + 100)
    with pytest.raises(ExplainerError, match="no room for another"):
        save(filled(2.0), new_key())
    assert save(filled(1.0, run_id), mine) == run_id  # what it replaces does not count


def test_a_run_that_cannot_be_written_leaves_no_trace(shelf):
    with pytest.raises(TypeError):
        save(Run("x", {"set": {1, 2}}, {"w": np.ones(3)}), new_key())
    assert not shelf.exists() or not list(shelf.iterdir())


@pytest.mark.parametrize("run_id", ["..", "../runs", "/etc/passwd", "aaaaaaaa/../bbbbbbbb", "aaaaaaaa\n", "äaaaaaaaa", "a" * 8 + "\\..", "%2e%2e%2f%2e%2e"])  # fmt: skip
@pytest.mark.parametrize("act", [load, store.weights_file, store.stamp, lambda i: delete(i, "k" * 20), lambda i: rename(i, "n", "k" * 20), lambda i: save(filled(1.0, i), "k" * 20)])  # fmt: skip
def test_no_id_leads_out_of_the_store(run_id, act):
    with pytest.raises(ExplainerError, match="no id of a run"):
        act(run_id)
