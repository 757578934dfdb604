"""The run table: pin what is on screen, lay pinned runs over each other, see in what they differ, take them home as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.contracts import Spec
from core.plots.curves import overlay
from pages._ui.charts import chart
from pages._ui.frame import focused

MOST = 12


@dataclass(frozen=True)
class Run:
    """One pinned run: its name, all its settings, its numbers and its curve."""

    name: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    curve: Sequence[float]


def table(current: Spec, metrics: Mapping[str, float], curve: Sequence[float], *, x_title: str, y_title: str) -> None:
    """The pin button for the run on screen and, once there is one, the table of pinned runs with their curves."""
    if focused():
        return
    pinned: list[Run] = st.session_state.setdefault(f"{current.SLUG}:runs", [])
    _buttons(current, pinned, metrics, curve)
    if not pinned:
        return
    st.dataframe(_rows(pinned), hide_index=True, key=f"{current.SLUG}:runs.table")
    curves = {run.name: run.curve for run in pinned}
    chart(overlay(curves, x_title, y_title), key=f"{current.SLUG}:runs.chart", height=300)


def _buttons(current: Spec, pinned: list[Run], metrics: Mapping[str, float], curve: Sequence[float]) -> None:
    def pin() -> None:
        number = st.session_state[f"{current.SLUG}:pinned"] = st.session_state.get(f"{current.SLUG}:pinned", 0) + 1
        pinned.append(Run(f"run {number}", current.as_dict(), dict(metrics), list(curve)))
        del pinned[:-MOST]

    with st.container(horizontal=True):
        st.button(
            "Pin this run",
            icon=":material/push_pin:",
            key=f"{current.SLUG}:pin",
            on_click=pin,
            help=f"Keep it to compare; the newest {MOST} stay",
        )
        if pinned:
            st.button("Remove all", key=f"{current.SLUG}:unpin", on_click=pinned.clear)
            st.download_button(
                "CSV",
                to_csv(pinned),
                f"{current.SLUG}-runs.csv",
                "text/csv",
                on_click="ignore",
                key=f"{current.SLUG}:runs.csv",
            )


def _rows(pinned: Sequence[Run]) -> list[dict[str, Any]]:
    """Per run: its numbers, and only those settings in which the pinned runs differ."""
    differ = [k for k in pinned[0].settings if len({str(run.settings[k]) for run in pinned}) > 1]
    return [{"run": run.name, **run.metrics, **{k: str(run.settings[k]) for k in differ}} for run in pinned]


def to_csv(pinned: Sequence[Run]) -> str:
    """All runs with all settings, numbers and the curve as one column a step."""
    out = io.StringIO()
    length = max(len(run.curve) for run in pinned)
    rows = [
        {
            "run": run.name,
            **run.metrics,
            **{k: _cell(v) for k, v in run.settings.items()},
            **{f"step {k}": v for k, v in enumerate(run.curve)},
        }
        for run in pinned
    ]
    fields = list(dict.fromkeys(name for row in rows for name in row if not name.startswith("step ")))
    writer = csv.DictWriter(out, [*fields, *(f"step {k}" for k in range(length))], restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _cell(setting: Any) -> Any:
    """Text that a spreadsheet would run as a formula is marked as text: settings may come from someone else's link."""
    return (
        f"'{setting}" if isinstance(setting, str) and setting.startswith(("=", "+", "-", "@", "\t", "\r")) else setting
    )
