"""The panel of a job in each of its states, with a runner that says what the test wants."""

from __future__ import annotations

import numpy as np
import pytest

from core.contracts import Snapshot
from core.home import figures
from core.home.compute import start
from core.home.spec import HomeSpec
from core.jobs import JobView
from pages._ui.jobs import words
from tests.pages.conftest import components, turn_to


class Runner:
    """Stands in for core.jobs: remembers what it was asked, shows `now`."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.now = JobView("queued", position=0)

    def submit(self, train, spec, *, owner: str, explainer: str) -> str:
        self.asked.append(("submit", spec, owner, explainer))
        return f"job {len(self.asked)}"

    def cancel(self, job: str) -> None:
        self.asked.append(("cancel", job))

    def view(self, job: str) -> JobView:
        return self.now


@pytest.fixture
def runner(monkeypatch) -> Runner:
    runner = Runner()
    for name in ("submit", "cancel", "view"):
        monkeypatch.setattr(f"core.jobs.{name}", getattr(runner, name))
    return runner


SNAPSHOT = start(HomeSpec())


def seen(state: str, **more) -> JobView:
    metrics = {name: np.array([value, value]) for name, value in SNAPSHOT.metrics.items()} | {"step": np.array([0, 20])}
    metrics["epoch"] = np.array([0.0, 1.0])
    film = tuple(Snapshot(step, 40, SNAPSHOT.metrics, SNAPSHOT.arrays) for step in (0, 20))
    return JobView(state, metrics=metrics, newest=film[-1], film=film, step=20, total=40, **more)


def press(at, which: str):
    at.button(key=f"home:job.{which}").click().run()
    assert not at.exception
    return at


def told(at, text: str) -> bool:
    return text in [m.value for m in at.markdown]


def test_before_the_first_start(open_page, runner):
    at = open_page("home")
    assert at.button(key="home:job.start").label == "Train the net"
    assert at.button(key="home:job.stop").disabled
    assert not at.progress
    assert not components(at, "transport")
    assert not components(at, "pad")
    assert runner.asked == []


def test_start_submits_the_spec_on_screen_under_this_session_s_name(open_page, runner):
    first, second = open_page("home", {"home.hidden": "8"}), open_page("home")
    press(first, "start")
    press(second, "start")
    (_, spec, owner, explainer), (_, other_spec, other, _) = runner.asked
    assert (spec, explainer) == (HomeSpec(hidden=8), "home")
    assert other_spec == HomeSpec()
    assert owner != other


def test_waiting(open_page, runner):
    runner.now = JobView("queued", position=3)
    at = press(open_page("home"), "start")
    assert told(at, "Waiting: 3 before you")
    assert not at.button(key="home:job.stop").disabled
    assert at.progress[0].value == 0
    assert components(at, "chart")["home.curves"]["figure"], "the untrained net stays on screen"


def test_running_shows_progress_pictures_and_stop(open_page, runner):
    runner.now = seen("running", seconds_left=12.4)
    at = press(open_page("home"), "start")
    assert told(at, "Step 20 of 40, about 12 s left")
    assert at.progress[0].value == 50
    assert not components(at, "transport"), "the film comes at the end"
    press(at, "stop")
    assert runner.asked[-1] == ("cancel", "job 1")


def test_settings_may_change_while_it_runs(open_page, runner):
    runner.now = seen("running")
    at = press(open_page("home"), "start")
    at.slider(key="home.hidden").set_value(16).run()
    assert [ask[0] for ask in runner.asked] == ["submit"]
    press(at, "start")
    assert runner.asked[-1][1] == HomeSpec(hidden=16)


@pytest.mark.parametrize(("state", "said"), [("done", "Done"), ("stopped", "Stopped at step 20 of 40")])
def test_the_end_brings_the_film_the_questions_and_the_pad(open_page, runner, state, said):
    runner.now = seen(state)
    at = press(open_page("home"), "start")
    assert told(at, said)
    assert at.button(key="home:job.stop").disabled
    assert at.button(key="home:job.start").label == "Train again"
    assert len(components(at, "transport")["home.transport"]["steps"]) == 2
    assert len(components(at, "chart")["home.weights"]["figure"]["frames"]) == 2
    assert len(components(at, "chart")["home.confusion"]["figure"]["frames"]) == 2
    assert "home.pad" in components(at, "pad")
    assert any(b.label == "Reveal" for b in at.button)


def test_failed_says_why_and_the_untrained_net_stays(open_page, runner):
    runner.now = JobView("failed", error="The run needed more memory than 1 GiB; try fewer units.")
    at = press(open_page("home"), "start")
    assert told(at, "Failed")
    assert [e.value for e in at.error] == ["The run needed more memory than 1 GiB; try fewer units."]
    assert "home.curves" in components(at, "chart")
    runner.now = seen("running")
    assert not press(at, "start").error


def test_the_run_survives_a_visit_to_another_page(open_page, runner):
    runner.now = seen("running")
    at = press(open_page("home"), "start")
    turn_to(at, "backprop_stepper")
    assert not at.exception
    turn_to(at, "home")
    assert told(at, "Step 20 of 40")
    assert [ask[0] for ask in runner.asked] == ["submit"]


def test_before_the_start_the_untrained_net_is_the_spec_s(open_page, runner):
    at = open_page("home", {"home.hidden": "4", "home.seed": "5"})
    assert components(at, "chart")["home.weights"]["alt"] == figures(HomeSpec(hidden=4, seed=5))["weights"].alt


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (JobView("queued", position=0), "Waiting: next in line"),
        (JobView("queued", position=7), "Waiting: 7 before you"),
        (JobView("running", step=0, total=0), "Starting ..."),
        (JobView("running", step=3, total=9, seconds_left=0.2), "Step 3 of 9, about 1 s left"),
        (JobView("running", step=3, total=9, attempts=2), "Step 3 of 9 (started again after its worker died)"),
        (JobView("done", step=9, total=9), "Done"),
        (JobView("stopped", step=4, total=9), "Stopped at step 4 of 9"),
        (JobView("failed", error="x"), "Failed"),
    ],
)
def test_words_for_each_state(view, said):
    assert words(view) == said
