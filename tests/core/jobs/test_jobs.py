"""Real worker processes: streaming, stopping, dying, memory, fairness."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from core import jobs
from core.contracts import Snapshot
from core.jobs.board import DIED, GONE
from core.jobs.pool import ROOT
from tests.core.jobs import trainers
from tests.core.jobs.conftest import ended, lines, seconds_to_stop, until
from tests.core.jobs.trainers import Walk

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("pool")]


def same(received: Snapshot, reference: Snapshot) -> None:
    assert (received.step, received.total, received.metrics) == (reference.step, reference.total, reference.metrics)
    assert received.arrays.keys() == reference.arrays.keys()
    for name, values in reference.arrays.items():
        np.testing.assert_array_equal(received.arrays[name], values)


def family() -> list[psutil.Process]:
    """The pool's process and its workers."""
    (pool,) = [p for p in psutil.Process().children() if "core.jobs" in p.cmdline()]
    return [pool, *(p for p in pool.children() if "spawn_main" in " ".join(p.cmdline()))]


def test_snapshots_arrive_in_order_with_equal_arrays() -> None:
    spec = Walk(total=100, pause=0.02, seed=7)
    reference = list(trainers.walk(spec))
    job = jobs.submit(trainers.walk, spec, owner="ada", explainer="walk")
    seen = []
    while jobs.view(job).state in ("queued", "running"):
        seen.append(jobs.view(job))
        time.sleep(0.05)
    view = jobs.view(job)
    assert view.state == "done"
    np.testing.assert_array_equal(view.metrics["step"], [s.step for s in reference])
    np.testing.assert_array_equal(view.metrics["norm"], [s.metrics["norm"] for s in reference])
    same(view.newest, reference[-1])
    assert 20 <= len(view.film) <= 60
    for frame in view.film:
        same(frame, reference[frame.step - 1])
    assert np.all(np.diff([frame.step for frame in view.film]) > 0)
    assert len({v.step for v in seen}) > 3  # it was told while it ran
    assert [v.seconds_left for v in seen if v.seconds_left is not None and v.seconds_left >= 0]
    with pytest.raises(ValueError, match="read-only"):
        view.newest.arrays["position"][0, 0] = 1.0


def test_stop_acts_within_a_fifth_of_a_second(tmp_path: Path) -> None:
    assert any(seconds_to_stop(tmp_path) < 0.2 for _ in range(20))  # one in time is enough: others may hold the machine


def test_stopping_what_has_ended_or_never_was_does_nothing() -> None:
    job = jobs.submit(trainers.walk, Walk(total=2), owner="ada", explainer="walk")
    assert ended(job).state == "done"
    jobs.cancel(job)
    jobs.cancel("no such job")
    assert jobs.view(job).state == "done"
    assert jobs.view("no such job").error == GONE


def test_a_waiting_job_that_is_stopped_never_starts(tmp_path: Path) -> None:
    busy = [jobs.submit(trainers.walk, Walk(10_000, 0.01), owner=o, explainer="walk") for o in ("ada", "bob")]
    until(lambda: all(jobs.view(job).state == "running" for job in busy))
    waiting = jobs.submit(trainers.walk, Walk(folder=str(tmp_path)), owner="cy", explainer="walk")
    assert (jobs.view(waiting).state, jobs.view(waiting).position) == ("queued", 0)
    jobs.cancel(waiting)
    for job in busy:
        jobs.cancel(job)
    after = jobs.submit(trainers.walk, Walk(), owner="cy", explainer="after")
    assert ended(after).state == "done"
    assert jobs.view(waiting).state == "stopped"
    assert not lines(tmp_path, "starts")


def test_after_a_kill_the_job_runs_once_more_while_others_go_on(tmp_path: Path) -> None:
    other = jobs.submit(trainers.walk, Walk(10_000, 0.02), owner="bob", explainer="walk")
    until(lambda: jobs.view(other).step > 2)
    spec = Walk(total=40, pause=0.01, seed=3, folder=str(tmp_path))
    job = jobs.submit(trainers.deadly_once, spec, owner="ada", explainer="walk")
    steps = []
    while jobs.view(job).state in ("queued", "running"):
        if len(lines(tmp_path, "starts")) == 1:
            steps.append(jobs.view(other).step)
        time.sleep(0.02)
    view = jobs.view(job)
    assert (view.state, view.attempts) == ("done", 2)
    assert len({start.split()[0] for start in lines(tmp_path, "starts")}) == 2
    np.testing.assert_array_equal(view.metrics["step"], np.arange(1, 41))  # the second attempt alone
    same(view.newest, list(trainers.walk(Walk(total=40, seed=3)))[-1])
    assert len(set(steps)) > 5  # meanwhile the other owner's job went on
    jobs.cancel(other)
    np.testing.assert_array_equal(np.diff(jobs.view(other).metrics["step"]), 1)
    assert jobs.view(other).attempts == 1


def test_a_job_whose_worker_dies_twice_fails_in_plain_words() -> None:
    view = ended(jobs.submit(trainers.deadly, Walk(), owner="ada", explainer="deadly"))
    assert (view.state, view.error, view.attempts) == ("failed", DIED, 2)
    assert ended(jobs.submit(trainers.walk, Walk(), owner="ada", explainer="walk")).state == "done"


def test_a_job_over_its_memory_limit_fails_and_the_pool_works_on() -> None:
    view = ended(jobs.submit(trainers.hoarder, Walk(total=500), owner="ada", explainer="hoarder"), 60)
    assert view.state == "failed"
    assert "more than the 900 MiB of memory" in view.error
    assert ended(jobs.submit(trainers.walk, Walk(), owner="ada", explainer="walk")).state == "done"
    view = ended(jobs.submit(trainers.greedy, Walk(), owner="ada", explainer="greedy"))
    assert (view.state, "more than the 900 MiB of memory" in view.error) == ("failed", True)


def test_more_than_twenty_jobs_at_once_take_turns_and_all_finish(tmp_path: Path) -> None:
    owners = ("ada", "bob", "cy")
    submitted = []
    for seed in range(21):
        spec = Walk(total=5, pause=0.02, seed=seed, folder=str(tmp_path))
        submitted.append(jobs.submit(trainers.walk, spec, owner=owners[seed // 7], explainer=f"walk{seed}"))
    assert sum(jobs.view(job).state == "queued" for job in submitted) > 10
    assert [ended(job).state for job in submitted] == ["done"] * 21
    turns = [int(start.split()[1]) // 7 for start in lines(tmp_path, "starts")]
    for now in range(5, 20):  # the first owner's first jobs may have started before the others came
        counts = [turns[:now].count(owner) for owner in range(3)]
        assert max(counts) - min(counts) <= 3, turns


def test_newest_wins(tmp_path: Path) -> None:
    old = jobs.submit(trainers.walk, Walk(10_000, 0.01, folder=str(tmp_path)), owner="ada", explainer="walk")
    until(lambda: jobs.view(old).step > 0)
    new = jobs.submit(trainers.walk, Walk(total=5), owner="ada", explainer="walk")
    assert jobs.view(old).state == "stopped"
    assert ended(new).state == "done"
    until(lambda: lines(tmp_path, "left"))


def test_the_words_of_a_user_s_mistake_arrive() -> None:
    view = ended(jobs.submit(trainers.refused, Walk(), owner="ada", explainer="refused"))
    assert (view.state, view.error) == ("failed", "learning rate 3.0 is outside 1e-5 to 1; try 0.1")
    assert view.attempts == 1


def test_a_mistake_of_ours_is_one_calm_sentence_with_an_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "glassnet"):
        view = ended(jobs.submit(trainers.broken, Walk(), owner="ada", explainer="broken"))
    assert view.state == "failed"
    assert "secret" not in view.error
    number = view.error.split("(id ")[1].split(")")[0]
    (record,) = [r.getMessage() for r in caplog.records if number in r.getMessage()]
    assert "KeyError: 'a secret inside'" in record


def test_a_function_that_no_worker_can_import_is_refused_at_once() -> None:
    with pytest.raises(Exception, match="pickle"):
        jobs.submit(lambda spec: iter(()), Walk(), owner="ada", explainer="lambda")


def test_a_diverged_run_is_a_result() -> None:
    view = ended(jobs.submit(trainers.diverging, Walk(), owner="ada", explainer="diverging"))
    assert (view.state, view.error) == ("done", "")
    np.testing.assert_array_equal(view.metrics["loss"], [1.0, np.nan])


def test_forget_stops_and_drops_an_owner_s_jobs(tmp_path: Path) -> None:
    job = jobs.submit(trainers.walk, Walk(10_000, 0.01, folder=str(tmp_path)), owner="ada", explainer="walk")
    kept = jobs.submit(trainers.walk, Walk(total=5), owner="bob", explainer="walk")
    until(lambda: jobs.view(job).step > 0)
    jobs.forget("ada")
    until(lambda: lines(tmp_path, "left"))
    assert jobs.view(job).error == GONE
    assert ended(kept).state == "done"


def test_a_job_that_does_not_leave_loses_its_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("core.jobs.runner.GRACE", 0.2)
    busy = jobs.submit(trainers.walk, Walk(10_000, 0.01), owner="bob", explainer="walk")
    job = jobs.submit(trainers.stubborn, Walk(), owner="ada", explainer="stubborn")
    until(lambda: jobs.view(job).step == 1)
    jobs.cancel(job)
    assert jobs.view(job).state == "stopped"
    assert ended(jobs.submit(trainers.walk, Walk(), owner="ada", explainer="walk"), 60).state == "done"
    assert (jobs.view(busy).state, jobs.view(busy).attempts) == ("running", 1)


def test_workers_give_way_use_one_thread_and_import_no_streamlit(tmp_path: Path) -> None:
    spec = Walk(folder=str(tmp_path))
    assert ended(jobs.submit(trainers.circumstances, spec, owner="ada", explainer="about")).state == "done"
    about = json.loads(lines(tmp_path, "about")[0])
    assert (about["nice"], about["torch_threads"], about["omp"], about["modules"]) == (10, 1, "1", [])
    assert "pytest" not in about["main"]


def test_only_this_machine_can_reach_the_pool() -> None:
    sockets = [s for p in family() for s in p.net_connections("tcp") if s.status == psutil.CONN_LISTEN]
    assert len(sockets) >= 3
    assert {s.laddr.ip for s in sockets} == {"127.0.0.1"}


def test_starting_twice_starts_one_pool() -> None:
    before = family()[0]
    jobs.start()
    assert family()[0] == before


def test_a_pool_that_dies_is_replaced_and_its_job_runs_once_more(tmp_path: Path) -> None:
    spec = Walk(total=100, pause=0.02, folder=str(tmp_path))
    job = jobs.submit(trainers.walk, spec, owner="ada", explainer="walk")
    until(lambda: jobs.view(job).step > 2)
    until(lambda: len(family()) == 3)
    before = family()
    before[0].kill()
    view = ended(job, 60)
    assert (view.state, view.attempts, view.step) == ("done", 2, 100)
    gone, alive = psutil.wait_procs(before, timeout=10)
    assert not alive
    assert len(gone) == 3


SERVER = """
import signal, sys, time
from core import jobs
from tests.core.jobs import trainers
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    job = jobs.submit(trainers.walk, trainers.Walk(10_000, 0.01, folder=sys.argv[1]), owner="a", explainer="b")
    while jobs.view(job).step < 3:
        time.sleep(0.01)
    print("runs", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A server of its own, started from another folder, with a running job."""
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(tmp_path)]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "runs\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_server(server: subprocess.Popen[str], how: signal.Signals) -> None:
    processes = psutil.Process(server.pid).children(recursive=True)
    assert len(processes) >= 3
    server.send_signal(how)
    gone, alive = psutil.wait_procs(processes, timeout=15)
    assert not alive
    assert len(gone) == len(processes)
