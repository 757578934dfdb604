"""The parameters, presets and tour of the page on encoder and decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

TASKS = {
    "reverse": "Reverse",
    "copy": "Copy",
    "dates": "2026-11-20 → 20 November 2026",
    "undates": "20 November 2026 → 2026-11-20",
}
ATTENTIONS = {"none": "None", "bahdanau": "Bahdanau", "luong": "Luong"}
LENSES = {
    "bottleneck": "The bottleneck", "film": "Alignment while it learns", "exposure": "Teacher forcing", "force": "Force a token",
    "beam": "Greedy and beam search", "training": "Train one yourself",
}  # fmt: skip


@dataclass(frozen=True)
class Seq2SeqSpec(Spec):
    """Everything that the pictures depend on."""

    SLUG: ClassVar[str] = "seq2seq"

    task: str = param("reverse", "Task", options=TASKS)
    attention: str = param("luong", "Attention", options=ATTENTIONS)
    source: str = param("", "Source", max_length=20, help="Type your own; empty: the task's example")
    lens: str = param("bottleneck", "Look closer", options=LENSES)
    place: int = param(3, "Place of the forced token", low=1, high=17)
    token: str = param("", "Token that is forced", max_length=1, hidden=True)
    width: int = param(3, "Beam width", low=1, high=8, unit="hypotheses")
    ratio: float = param(
        1.0,
        "Teacher forcing ratio",
        low=0.0,
        high=1.0,
        step=0.05,
        help="How often the decoder hears the truth while it learns",
    )
    hidden: int = param(32, "Hidden units H", low=4, high=64, step=4)
    steps: int = param(600, "Steps", low=50, high=3000, step=50)
    rate: float = param(0.005, "Learning rate η", low=1e-4, high=0.1, log=True)
    seed: int = param(0, "Seed", low=0, high=9999)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "The bottleneck", "One vector of 32 numbers carries a whole sequence, or the decoder may look back. Accuracy against length, with and without attention.", ("encoder-decoder", "seq2seq", "sequence-to-sequence", "bottleneck", "attention")),
    _preset("none", "Everything through one vector", "Without attention: what the decoder gets is the encoder's last states, and nothing else.", ("encoder", "decoder", "context vector", "gru"), attention="none", lens="force"),
    _preset("dates", "Dates, translated", "2026-11-20 becomes 20 November 2026: the month is read from two digits, the day from the last two.", ("translation", "alignment", "bahdanau", "date format"), task="dates", attention="bahdanau", lens="film"),
    _preset("undates", "Dates, backwards", "From words to digits. A whole month's name becomes two digits.", ("translation", "alignment", "summarization"), task="undates", attention="bahdanau", lens="force"),
    _preset("exposure", "Taught by a teacher, left alone", "A decoder that always heard the truth makes a mistake in use, hears it, and is lost. How much teacher forcing is good?", ("teacher forcing", "exposure bias", "scheduled sampling"), attention="none", lens="exposure"),
    _preset("beam", "A search for the best answer", "Greedy takes the best token each time; a beam keeps several answers in play.", ("beam search", "greedy decoding", "decoding"), attention="none", lens="beam", source="9931437"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Where does it look?", "Each row is a token of the answer, each column one of the source. Light cells: where the decoder looks while it says that token. Outlined cells hold what it needs.", {}),
    TourStop("One vector for everything", "Switch attention off. The picture shows the encoder's states; only the outlined ones go on to the decoder. The curve below says how long a source they can carry.", {"attention": "none"}),
    TourStop("Watch it find the way", "Play the film: the alignment starts even, and a diagonal appears within a few hundred steps.", {"lens": "film"}),
    TourStop("Alone after school", "With teacher forcing the decoder hears the truth while it learns. In use it hears itself. The gap between the two curves is the price.", {"attention": "none", "lens": "exposure"}),
    TourStop("Put a word in its mouth", "Force a token and see what the decoder says after it: with attention it goes on undisturbed.", {"lens": "force"}),
    TourStop("Greedy or beam?", "A beam keeps several beginnings. Here greedy search is wrong: the digit that looks worse at first leads to the more probable answer, and the right one.", {"attention": "none", "lens": "beam", "source": "9931437"}),
)  # fmt: skip
