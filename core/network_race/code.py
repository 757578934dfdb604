"""The race on screen as a script; every racer has the rate that it has there, tuned or not."""

from __future__ import annotations

from core.network_race.compute import rules_of
from core.network_race.spec import NetworkRaceSpec, field
from core.training.race_script import race_script


def script(spec: NetworkRaceSpec) -> str:
    """The race, every racer with the rate that it has on screen, as a script."""
    return race_script(rules_of(spec), [entry.label for entry in field(spec)], "Optimizer race on a real network")
