"""What the visitor chooses: an encoding, its size, one pair of dimensions, two positions; and the decoder that learns live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param
from models.positions import POSITIONS

LENSES = {
    "distance": "Likeness by distance",
    "waves": "Wavelengths",
    "rotation": "RoPE turns",
    "slopes": "ALiBi's slopes",
    "order": "Does order matter?",
    "length": "Longer than trained",
}


@dataclass(frozen=True)
class PositionsSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "positions"

    kind: str = param("sinusoidal", "Encoding", options=POSITIONS)
    length: int = param(48, "Positions", low=8, high=64, step=1, help="Tokens of the sentence")
    d: int = param(
        32,
        "Width",
        low=4,
        high=128,
        step=4,
        unit="numbers",
        help="Of a sinusoidal encoding, or of RoPE's queries and keys",
    )
    base: float = param(
        10000.0,
        "Base",
        low=10.0,
        high=1e6,
        log=True,
        help="The slowest wave is about 2π times as long; 10,000 in both papers",
    )
    pair: int = param(2, "Pair of columns", low=0, high=63, help="Columns 2i and 2i + 1 share one frequency")
    heads: str = param(
        "8",
        "Heads",
        options={"4": "4", "8": "8", "12": "12", "16": "16"},
        help="ALiBi gives each head a slope of its own",
    )
    query: int = param(6, "Position of the query", low=0, high=63)
    offset: int = param(
        3,
        "Key before it by",
        low=0,
        high=32,
        unit="positions",
        help="How many positions the key stands before the query",
    )
    lens: str = param("distance", "Look closer", options=LENSES)
    seed: int = param(0, "Seed", low=0, high=9999, help="Of queries, keys, sentences, orders and first weights")


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "Sines and cosines", "One vector for each position, added to the token: what is near, is alike.", ("positional encoding", "sinusoidal", "transformer", "attention is all you need")),
    _preset("waves", "From fast waves to slow ones", "Each pair of columns is a clock hand; the fast ones tell neighbours apart, the slow ones far places.", ("wavelength", "frequency", "positional encoding"), lens="waves", pair=4),
    _preset("rope", "RoPE: turn, and only the distance is left", "Queries and keys are turned by their positions; their product knows the distance alone. Proven on random vectors.", ("rope", "rotary embedding", "relative position"), kind="rope", lens="rotation"),
    _preset("alibi", "ALiBi: a penalty for distance", "No vectors at all: each head takes away a slope times the distance from its scores.", ("alibi", "linear bias", "relative position"), kind="alibi", lens="slopes"),
    _preset("order", "Without positions a sentence is a bag", "Shuffle the words: a decoder without positions says the same, to the last digit.", ("permutation invariance", "order", "bag of words"), kind="none", lens="order"),
    _preset("length", "Trained on 16 tokens, tested on 64", "Five decoders of the same size, five encodings. Who still knows what to do beyond the length of training?", ("length extrapolation", "train short test long", "long context"), kind="rope", lens="length"),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("A place as a pattern", "Attention by itself does not see order. So each position gets a vector of its own. Left: the vectors, one row for each position. Right: how alike any two of them are.", {}),
    TourStop("Clock hands", "Every pair of columns is a hand that turns at its own speed. The first one goes round in 6 positions, the last one hardly moves.", {"lens": "waves"}),
    TourStop("Turning in place of adding", "RoPE turns queries and keys by their positions. Move both positions together: the angle between them, and with it the score, stays.", {"kind": "rope", "lens": "rotation"}),
    TourStop("Nothing but a slope", "ALiBi takes a slope times the distance away from each score. Steep heads look near, flat heads look far.", {"kind": "alibi", "lens": "slopes"}),
    TourStop("Shuffle the words", "The last token's answer, before and after all words before it were shuffled. Only the decoder without positions cannot tell.", {"kind": "none", "lens": "order"}),
    TourStop("Longer than ever seen", "Trained on 16 tokens, asked about 64. Vectors for places that were never trained fail at once; what depends on distance alone goes on for longer.", {"kind": "rope", "lens": "length"}),
)  # fmt: skip
