"""Whose turn it is, and what is heard of a job."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts import Snapshot
from core.jobs.board import DIED, GONE, KEPT, KEPT_PER_OWNER, Board, Job, fair_order


def waiting(owners: str) -> list[Job]:
    return [Job(f"{owner}{n}", owner, f"x{n}", b"") for n, owner in enumerate(owners)]


def names(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


WORKERS = [f"tls://{n}" for n in range(9)]


def begun(board: Board) -> Job:
    job = board.take(WORKERS)
    assert job is not None
    board.begin(job.run, 512 * 2**20)
    return job


def test_owners_take_turns() -> None:
    assert names(fair_order(waiting("aaabbc"), [], {})) == ["a0", "b3", "c5", "a1", "b4", "a2"]


def test_an_owner_with_a_job_on_a_worker_waits_a_round() -> None:
    assert names(fair_order(waiting("aab"), [Job("x", "a", "", b"")], {})) == ["b2", "a0", "a1"]


def test_within_a_round_the_owner_served_longest_ago_comes_first() -> None:
    assert names(fair_order(waiting("abc"), [], {"a": 5, "b": 3})) == ["c2", "b1", "a0"]


@given(st.text("abcd", max_size=30))
def test_no_owner_is_two_jobs_ahead_of_one_who_still_waits(owners: str) -> None:
    started, total = Counter(), Counter(owners)
    for job in fair_order(waiting(owners), [], {}):
        started[job.owner] += 1
        assert all(started[job.owner] - started[o] <= 1 for o in total if started[o] < total[o])
    assert started == total


def test_positions_and_workers() -> None:
    board = Board()
    ids = [board.add(owner, f"x{n}", b"") for n, owner in enumerate("aab")]
    assert [board.view(job).position for job in ids] == [0, 2, 1]
    first, second = board.take(WORKERS[:2]), board.take(WORKERS[:2])
    assert [first.id, second.id] == [ids[0], ids[2]]
    assert [first.worker, second.worker] == WORKERS[:2]
    assert board.take(WORKERS[:2]) is None
    assert board.view(ids[0]).position is None
    assert board.view(ids[1]).position == 0
    board.end(first.run, "done")
    board.release(first)
    third = board.take(WORKERS[:2])
    assert (third.id, third.worker) == (ids[1], WORKERS[0])
    assert board.take(WORKERS) is None


def test_newest_wins_for_one_owner_and_explainer_only() -> None:
    board = Board()
    old, other_owner, other_page = board.add("a", "x", b""), board.add("b", "x", b""), board.add("a", "y", b"")
    new = board.add("a", "x", b"")
    assert [board.view(j).state for j in (old, other_owner, other_page, new)] == ["stopped", *["queued"] * 3]


def test_a_stopped_job_keeps_its_worker_until_its_work_has_ended() -> None:
    board = Board()
    job = board.add("a", "x", b"")
    taken = begun(board)
    board.stop(job)
    board.add("b", "y", b"")
    assert board.on_workers() == [taken]
    assert board.take(WORKERS[:1]) is None
    board.release(taken)
    assert board.on_workers() == []
    assert board.take(WORKERS[:1]) is not None
    assert board.view(job).state == "stopped"


def test_a_job_whose_worker_dies_is_queued_once_more_with_a_clean_sheet() -> None:
    board = Board()
    job = board.add("a", "x", b"payload")
    taken = begun(board)
    first = taken.run
    board.hear(first, [Snapshot(1, 9, {"loss": 4.0}), Snapshot(2, 9, {"loss": 3.0})], None)
    board.release(taken)
    assert (board.view(job).state, board.view(job).step) == ("queued", 0)
    assert begun(board).run != first
    board.hear(first, [Snapshot(3, 9, {"loss": 2.0})], None)  # was still on its way
    board.end(first, "failed", "late")
    board.hear(taken.run, [Snapshot(1, 9, {"loss": 4.5})], None)
    view = board.view(job)
    np.testing.assert_array_equal(view.metrics["loss"], [4.5])
    assert (view.step, view.attempts, view.state, taken.payload) == (1, 2, "running", b"payload")
    board.release(taken)
    assert (board.view(job).state, board.view(job).error) == ("failed", DIED)
    assert board.take(WORKERS) is None


def test_a_cluster_that_tries_again_by_itself_is_understood() -> None:
    board = Board()
    job = board.add("a", "x", b"")
    taken = begun(board)
    for attempts in (2, 2):
        board.hear(taken.run, [Snapshot(1, 9), Snapshot(2, 9)], None)
        assert board.view(job).step == 2
        board.begin(taken.run, 0)
        assert board.view(job).attempts == attempts
        assert board.view(job).step == (0 if board.view(job).state == "running" else 2)
    assert (board.view(job).state, board.view(job).error) == ("failed", DIED)


def test_a_job_that_is_stopped_before_it_begins_is_known_to_have_begun() -> None:
    board = Board()
    job = board.add("a", "x", b"")
    taken = board.take(WORKERS)
    board.stop(job)
    assert not taken.begun
    board.begin(taken.run, 0)
    assert taken.begun  # so that it can be halted
    assert board.view(job).state == "stopped"


@pytest.mark.parametrize(("worker", "words"), [(WORKERS[0], "512 MiB"), (WORKERS[1], "ended without a word")])
def test_a_death_at_the_memory_limit_is_told_apart(worker: str, words: str) -> None:
    board = Board()
    job = board.add("a", "x", b"")
    board.release(begun(board))
    taken = begun(board)
    board.outgrew(worker)
    board.release(taken)
    assert words in board.view(job).error


def test_the_first_end_counts() -> None:
    board = Board()
    job = board.add("a", "x", b"")
    run = begun(board).run
    board.stop(job)
    board.hear(run, [Snapshot(1, 2)], None)
    board.end(run, "done")
    assert (board.view(job).state, board.view(job).step) == ("stopped", 0)


def test_without_workers_those_who_wait_are_told() -> None:
    board = Board()
    running, queued = board.add("a", "x", b""), board.add("b", "x", b"")
    begun(board)
    board.fail_waiting("no worker")
    assert [board.view(j).state for j in (running, queued)] == ["running", "failed"]
    assert board.view(queued).error == "no worker"


def test_forget_stops_and_drops_one_owner() -> None:
    board = Board()
    ours, theirs = board.add("a", "x", b""), board.add("b", "x", b"")
    taken = begun(board)
    board.forget("a")
    assert (board.view(ours).state, board.view(ours).error) == ("stopped", GONE)
    assert board.view(theirs).state == "queued"
    assert board.on_workers() == [taken]


@pytest.mark.parametrize(("owners", "kept"), [("a" * 20, KEPT_PER_OWNER), (range(300), KEPT)])
def test_ended_jobs_are_kept_within_bounds(owners: object, kept: int) -> None:
    board, ids = Board(), []
    for number, owner in enumerate(owners):
        ids.append(board.add(str(owner), f"x{number}", b""))
        board.stop(ids[-1])
    board.add("last", "x", b"")
    board.add("a", "x", b"")
    known = [board.view(job).error != GONE for job in ids]
    assert known == [False] * (len(ids) - kept) + [True] * kept
