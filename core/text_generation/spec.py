"""The writing page's parameters, presets and tour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.contracts import Example, Spec, TourStop, param

CORPORA = {"python": "Python's help pages", "sentences": "A small grammar", "own": "Your own text"}
CELLS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
COLOURS = {"unit": "One hidden unit", "surprise": "Surprise"}
LENSES = {
    "units": "What the units follow", "temperature": "Temperature", "ngrams": "Against n-grams",
}  # fmt: skip
MOST_UNITS = 128


@dataclass(frozen=True)
class TextGenerationSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "text_generation"

    corpus: str = param("python", "Text to learn from", options=CORPORA)
    own: str = param("", "Pasted text", max_length=64, hidden=True)
    cell: str = param("lstm", "Cell", options=CELLS)
    width: int = param(128, "Width", low=8, high=MOST_UNITS, log=True, unit="units")
    layers: int = param(1, "Layers", low=1, high=2)
    steps: int = param(400, "Training steps", low=20, high=5000, log=True, help="Each on 32 windows of the text")
    window: int = param(50, "Window", low=10, high=100, step=10, unit="characters", help="How far back a gradient goes")
    rate: float = param(0.005, "Learning rate η", low=1e-4, high=0.1, log=True, help="Under Adam")
    seed: int = param(0, "Seed", low=0, high=9999, help="First weights and windows")
    prompt: str = param("The ", "Seed text", max_length=80, help="What the model reads before it writes")
    temperature: float = param(
        0.7, "Temperature τ", low=0.1, high=2.0, step=0.1, help="Below 1: safer. Above 1: more daring"
    )
    top_k: int = param(0, "Top k", low=0, high=40, help="Only the k most probable characters may be written; 0: all")
    top_p: float = param(
        1.0,
        "Top p",
        low=0.1,
        high=1.0,
        step=0.05,
        help="Only the most probable characters that together have this share",
    )
    length: int = param(240, "Length", low=60, high=480, step=20, unit="characters")
    draw: int = param(0, "Draw", low=0, high=9999, help="Another draw writes another text")
    colour: str = param("unit", "Colour by", options=COLOURS)
    unit: int = param(0, "Unit", low=0, high=MOST_UNITS - 1, help="Of the last layer")
    at: int = param(-1, "Character shown", low=-1, high=600, hidden=True)  # −1: the first one that is written
    lens: str = param("ngrams", "Look closer", options=LENSES)


def _preset(slug: str, title: str, summary: str, topics: Sequence[str], **settings: object) -> Example:
    return Example(slug, title, summary, settings, topics)


EXAMPLES: tuple[Example, ...] = (
    _preset("start", "A trained model writes", "An LSTM that read Python's help pages writes some of its own, one character at a time.", ("text generation", "character model", "language model", "character LSTM", "sampling", "autoregressive")),
    _preset("cold", "Almost no temperature", "The most probable character again and again: the text begins to run in circles.", ("temperature", "greedy decoding", "repetition"), temperature=0.1, lens="temperature", prompt="If the "),
    _preset("hot", "Hot, with and without a net under it", "At temperature 1.5 every rare character gets its chance. Top p takes the worst of them away.", ("temperature", "top-k", "top-p", "nucleus sampling"), temperature=1.5, top_p=0.9, colour="surprise", lens="temperature"),
    _preset("units", "What does a unit follow?", "Colour the text by one hidden unit, and ask which units follow the length of a word, spaces, quotes or brackets.", ("hidden state", "interpretability", "sentiment neuron", "visualizing recurrent networks"), lens="units", unit=114, prompt='print("', temperature=0.5),
    _preset("grammar", "Learn a small grammar, here and now", "Four thousand sentences in which the verb must agree with a noun five words before: a GRU learns them in under a minute.", ("train RNN", "agreement", "long-range dependency", "GRU", "perplexity"), corpus="sentences", cell="gru", width=32, steps=600, rate=0.01, prompt="the "),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("It writes", "The model has read a text and learned one thing: what the next character may be. Play the film. The bars show its guesses at each place, and the one that was drawn.", {}),
    TourStop("Colder", "A low temperature sharpens the guesses: the likeliest character nearly always wins. The text becomes safe, and soon repeats itself.", {"temperature": 0.1, "prompt": "If the ", "lens": "temperature"}),
    TourStop("Hotter", "A high temperature flattens them. Top p cuts off the improbable tail: set it back to 1 and see what came from there.", {"temperature": 1.5, "top_p": 0.9, "colour": "surprise", "lens": "temperature"}),
    TourStop("Inside", "Each colour is one hidden unit, blue below 0 and orange above. The table names units that follow something we can name.", {"lens": "units", "unit": 114, "prompt": 'print("', "temperature": 0.5}),
    TourStop("How good is it?", "Bits per character on text that was kept aside. Counting which character follows the last four gives a strong rival; look at how the bars stand.", {"lens": "ngrams"}),
    TourStop("Your turn", "Train a small model on the grammar and watch its samples turn from noise into sentences.", {"corpus": "sentences", "cell": "gru", "width": 32, "steps": 600, "rate": 0.01, "prompt": "the "}),
)  # fmt: skip
