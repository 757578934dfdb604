"""The page to take home: its pictures and sentences as a report, and all that its tokens look at as a table."""

from __future__ import annotations

from core.contracts import View
from core.report import Section, section, settings, to_csv
from core.vision_transformer.compute import rollout, view_of
from core.vision_transformer.lenses import about, look, looking
from core.vision_transformer.spec import LENSES, VisionTransformerSpec
from core.vision_transformer.top import pictures


def sections(spec: VisionTransformerSpec) -> list[Section]:
    """The maps, the closer look that is open, settings."""
    view = view_of(spec)
    return [
        section("Where it looks", View([about(view), looking(view)], figures=pictures(view))),
        section(LENSES[spec.lens], look(view)),
        settings(spec),
    ]


def table(spec: VisionTransformerSpec) -> str:
    """CSV: for each layer, head and token (0: the class token), the attention that the chosen token gives it; then its rollout."""
    view = view_of(spec)
    A, row = view.seen.A, view.query + 1
    weights = (
        (layer + 1, head + 1, token, float(A[layer, head, row, token]))
        for layer in range(A.shape[0])
        for head in range(A.shape[1])
        for token in range(A.shape[2])
    )
    mixed = (("all", "rollout", token, float(share)) for token, share in enumerate(rollout(A)[row]))
    return to_csv(("layer", "head", "token", f"weight from token {row}"), (*weights, *mixed))
