"""The page to take home: text, pictures and the closer look as a report, and every place of the text as a table."""

from __future__ import annotations

from core.contracts import Figure
from core.report import Section, plain, section, settings, to_csv
from core.text_generation import figures as draw
from core.text_generation.compute import model_of, resolved, write
from core.text_generation.lenses import about, look
from core.text_generation.spec import LENSES, TextGenerationSpec


def sections(spec: TextGenerationSpec) -> list[Section]:
    """The text with its pictures, the lens that is open, settings."""
    spec, _ = resolved(spec)
    model = model_of(spec)
    made = write(model, spec)
    pictures: dict[str, Figure] = {"The text": draw.text(made, spec.colour, spec.unit % made.h.shape[1], spec.at), "The next character": draw.following(made, spec.at)}  # fmt: skip
    return [
        Section("What the model wrote", [plain(about(model, made, spec)), made.text], (), pictures),
        section(LENSES[spec.lens], look(model, made, spec)),
        settings(spec),
    ]


def table(spec: TextGenerationSpec) -> str:
    """CSV: place, character, whether it was read or written, its surprise, and the chosen unit after it."""
    spec, _ = resolved(spec)
    made = write(model_of(spec), spec)
    unit = spec.unit % made.h.shape[1]
    return to_csv(
        ("place", "character", "from", "surprise", f"unit {unit}"),
        (
            (t + 1, sign, "seed text" if t < made.read else "model", float(made.surprise[t]), float(made.h[t, unit]))
            for t, sign in enumerate(made.text)
        ),
    )
