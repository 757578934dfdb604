"""The race of schedules as a script with torch's schedulers."""

from __future__ import annotations

from core.schedules.compute import rules_of
from core.schedules.spec import SchedulesSpec, chosen
from core.training.race_script import race_script


def script(spec: SchedulesSpec) -> str:
    """The race on screen, one schedule after the other."""
    return race_script(rules_of(spec), list(chosen(spec)), "Learning-rate schedules")
