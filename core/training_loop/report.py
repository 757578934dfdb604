"""The loop to take home: settings, pictures and sentences as a report; the history and the checkpoints as files."""

from __future__ import annotations

from core.contracts import View
from core.report import Section, section, settings
from core.training_loop.compute import run_of
from core.training_loop.events import event_file, history
from core.training_loop.events import table as history_table
from core.training_loop.lenses import about, checkpoint, look, pictures
from core.training_loop.loop import to_bytes
from core.training_loop.spec import LENSES, TrainingLoopSpec


def sections(spec: TrainingLoopSpec) -> list[Section]:
    """The loop and its course, the closer look that is open, settings."""
    run = run_of(spec)
    return [
        section("The loop and its course", View([about(run)], figures=pictures(run))),
        section(LENSES[spec.lens], look(run)),
        settings(spec),
    ]


def table(spec: TrainingLoopSpec) -> str:
    """CSV: every number that the loop logged, as tag, step, value."""
    return history_table(run_of(spec))


def events(spec: TrainingLoopSpec, when: float) -> bytes:
    """The same numbers as TensorBoard's event file, dated `when` (seconds since 1970)."""
    return event_file(history(run_of(spec)), when)


def checkpoint_file(spec: TrainingLoopSpec, which: str) -> bytes:
    """The state with the lowest validation loss ("best") or the last one as an .npz file."""
    return to_bytes(checkpoint(run_of(spec), which))
