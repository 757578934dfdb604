"""The panel of a training job: Start, Stop, place in the queue, progress, time left; and its pictures while it runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import streamlit as st

from core import jobs
from core.contracts import Snapshot, Spec

POLL = 0.3  # seconds between two looks at a running job


def owner() -> str:
    """This browser tab, as the jobs know it."""
    return st.session_state.setdefault("jobs:owner", uuid.uuid4().hex)


def panel(
    train: Callable[[Spec], Iterator[Snapshot]],
    spec: Spec,
    *,
    start: str,
    show: Callable[[jobs.JobView | None], None],
    again: str = "Train again",
    name: str = "",
) -> None:
    """Draw the buttons and the state of this explainer's job, then `show(view)`; both again while the job runs.

    `start` is the words on the start button, `again` those after the first start. A page with several jobs gives each a `name`. `show` gets None before the first start. Settings may change while a job
    runs: it goes on with the settings that it was started with, until a new start replaces it.
    """
    key = f"{spec.SLUG}:job{name}"

    def begin() -> None:
        st.session_state[key] = jobs.submit(train, spec, owner=owner(), explainer=spec.SLUG)

    def stop() -> None:
        jobs.cancel(st.session_state[key])

    live = _live(_view(key))

    @st.fragment(run_every=POLL if live else None)
    def body() -> None:
        view = _view(key)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                start if view is None else again,
                type="primary",
                icon=":material/play_arrow:",
                key=f"{key}.start",
                on_click=begin,
            )
            st.button("Stop", icon=":material/stop:", key=f"{key}.stop", on_click=stop, disabled=not _live(view))
            if view is not None:
                st.markdown(words(view))
        if view is not None:
            st.progress(min(1.0, view.step / view.total) if view.total else 0.0)
        if view is not None and view.error:
            st.error(view.error)
        show(view)
        if live != _live(view):  # begun or ended: run the page once more, with or without polling
            st.rerun()

    body()


def _view(key: str) -> jobs.JobView | None:
    job = st.session_state.get(key)
    return None if job is None else jobs.view(job)


def _live(view: jobs.JobView | None) -> bool:
    return view is not None and view.state in ("queued", "running")


def words(view: jobs.JobView) -> str:
    """The job's state as a visitor reads it."""
    if view.state == "queued":
        return "Waiting: next in line" if view.position == 0 else f"Waiting: {view.position} before you"
    if view.state == "running" and not view.total:
        return "Starting ..."
    if view.state == "running":
        left = "" if view.seconds_left is None else f", about {max(1, round(view.seconds_left))} s left"
        again = " (started again after its worker died)" if view.attempts > 1 else ""
        return f"Step {view.step} of {view.total}{left}{again}"
    return {"done": "Done", "stopped": f"Stopped at step {view.step} of {view.total}", "failed": "Failed"}[view.state]
