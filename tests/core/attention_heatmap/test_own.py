"""A transformer that the visitor trains: what its snapshots carry, how the views come to show it, its script, and the report."""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from core import attention_heatmap as page
from core.attention.training import train as lessons
from core.attention_heatmap import SPEC, read
from core.attention_heatmap.compute import course_of
from core.contracts import Snapshot
from core.report import to_html

SMALL = {"steps": 50, "length": 4, "d": 16, "heads": 2}


@dataclass
class Job:
    """An ended job, as the page sees it."""

    newest: Snapshot | None
    state: str = "done"
    film: list[Snapshot] = field(default_factory=list)


@pytest.fixture(scope="module")
def snapshots() -> list[Snapshot]:
    return list(page.train(SPEC(positions="alibi", layers=2, **SMALL)))


def test_all_views_show_what_was_trained(snapshots: list[Snapshot]):
    spec = SPEC(positions="alibi", layers=2, lens="training", **SMALL)
    change = page.adopted(Job(snapshots[-1]), spec)
    own = SPEC(**{**spec.as_dict(), **change})
    found = read(own)
    assert found.subject.course == course_of(spec)
    assert found.graded.accuracy.shape == (2, 2)
    weights = snapshots[-1].arrays
    model = found.subject.course.model()
    model.load_state_dict({n.removeprefix("weights "): torch.from_numpy(v.astype(np.float32)) for n, v in weights.items() if n.startswith("weights ")})  # fmt: skip
    with torch.no_grad():
        logits = model.eval().double()(found.arranged.inputs)
    torch.testing.assert_close(found.seen.logits, logits)
    assert "Your own transformer" in page.look(found).sentences[0]
    assert not torch.allclose(read(spec).seen.logits, logits)
    for lens in page.SPEC.params()["lens"].options:
        assert page.look(read(SPEC(**{**own.as_dict(), "lens": lens}))).sentences


def test_its_script_and_formula_have_its_bias(snapshots: list[Snapshot]):
    change = page.adopted(Job(snapshots[-1]), SPEC())
    for place in ("1.1", "2.2"):
        spec = SPEC(**{**change, "place": place, "text": "314159"})
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(page.script(spec), "script", "exec"), {})
        printed = dict(line.split(" = ") for line in out.getvalue().splitlines() if " = " in line)
        numbers = page.numbers(spec)
        assert printed.keys() == numbers.keys()
        for name, number in numbers.items():
            assert float(printed[name]) == pytest.approx(number, rel=1e-9, abs=1e-12), name
        found = read(spec)
        j = int(found.weights[found.row].argmax())
        score = found.maps.scores[0, found.layer, found.head, found.row, j]
        assert page.worked(spec)[0].latex[0].endswith(f"= {float(score):.4f}")


def test_only_an_ended_run_of_this_task_that_did_not_diverge(snapshots: list[Snapshot]):
    last = snapshots[-1]
    assert page.adopted(Job(last, "running"), SPEC()) == {}
    assert page.adopted(Job(None), SPEC()) == {}
    assert page.adopted(Job(last), SPEC(task="sort")) == {}
    lost = Snapshot(last.step, last.total, {**last.metrics, "diverged": 1.0}, last.arrays)
    assert page.adopted(Job(lost), SPEC()) == {}
    assert page.adopted(Job(last, "stopped"), SPEC())["own"]


def test_a_key_that_is_not_kept_or_of_another_task_shows_the_one_that_ships(snapshots: list[Snapshot]):
    own = page.adopted(Job(snapshots[-1]), SPEC())["own"]
    for spec in (SPEC(own="0" * 16), SPEC(own=own, task="copy")):
        shown, why = page.resolved(spec)
        assert "no longer kept" in why
        assert shown.own == ""
        assert read(spec).subject.record is not None
    assert page.resolved(SPEC(own=own)) == (SPEC(own=own), "")


def test_the_snapshots_are_those_of_the_course(snapshots: list[Snapshot]):
    plain = list(lessons(course_of(SPEC(positions="alibi", layers=2, **SMALL))))
    assert [s.metrics for s in plain] == [s.metrics for s in snapshots]


@pytest.mark.parametrize("settings", [{}, {"task": "dates", "lens": "stream"}, {"mask": "local", "lens": "score"}], ids=str)  # fmt: skip
def test_the_report_and_its_table(settings: dict):
    spec = SPEC(**settings)
    found = read(spec)
    made = to_html("Attention", page.sections(spec), "", "")
    assert all(words in made for words in ("Settings", "temperature", "Thumbnails"))
    assert "**" not in made.partition("<script>")[0]
    rows = list(csv.DictReader(io.StringIO(page.table(spec))))
    n, m = found.weights.shape
    assert len(rows) == n * m
    for row in (rows[0], rows[-1], rows[m]):
        i, j = int(row["query"]), int(row["key"])
        assert float(row["weight"]) == float(found.weights[i, j])
        assert (row["score"] == "") == bool(not torch.isfinite(found.maps.scores[0, found.layer, found.head, i, j]))
        assert int(row["holds the answer"]) == found.truth[i, j]
