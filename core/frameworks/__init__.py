"""PyTorch and Keras side by side: one net as seven programs, and what differs between the frameworks, computed."""

from __future__ import annotations

from collections.abc import Mapping

from core.contracts import Figure
from core.frameworks import figures as draw
from core.frameworks.code import numbers, script
from core.frameworks.installed import INSTALL, keras_is_here, parity_in_keras
from core.frameworks.lenses import architecture, film_steps, look, parity, worked
from core.frameworks.programs import STEPS, folded, program, text_of
from core.frameworks.questions import questions
from core.frameworks.report import sections, table
from core.frameworks.running import run_of, walk
from core.frameworks.spec import EXAMPLES, FORMS, LAYERS, TOUR
from core.frameworks.spec import FrameworksSpec as SPEC

__all__ = [
    "EXAMPLES",
    "INSTALL",
    "LAYERS",
    "SPEC",
    "TOUR",
    "architecture",
    "both_programs",
    "code_height",
    "draw",
    "figures",
    "film_steps",
    "keras_is_here",
    "look",
    "numbers",
    "parity",
    "parity_in_keras",
    "pictures",
    "questions",
    "script",
    "sections",
    "table",
    "thumbnail",
    "worked",
]


def both_programs(spec: SPEC) -> Mapping[str, str]:
    """The whole text of the two programs on screen, by their titles."""
    return {FORMS[form]: text_of(program(spec, form)) for form in (spec.left, spec.right)}


def pictures(spec: SPEC) -> dict[str, Figure]:
    """The two programs, the tensors of one batch, the losses."""
    sides, at = [folded(spec, form) for form in (spec.left, spec.right)], min(spec.step, len(STEPS) - 1)
    runs = {FORMS[form]: run_of(spec, form).losses for form in ("numpy", "torch")}
    return {
        "code": draw.code_film(*sides, (FORMS[spec.left], FORMS[spec.right]), at),
        "values": draw.values_film(walk(spec), at),
        "losses": draw.losses(runs),
    }


def code_height(spec: SPEC) -> int:
    """Pixels that the two programs need."""
    return draw.code_height(*(folded(spec, form) for form in (spec.left, spec.right)))


def figures(spec: SPEC) -> dict[str, Figure]:
    """Every picture of the page in the state `spec`."""
    return {**pictures(spec), **look(spec).figures}


def thumbnail() -> Figure:
    """The losses of the page's first visit, for the card on the home page."""
    return draw.thumbnail(run_of(SPEC(), "numpy").losses)
