"""What the visitor chooses: a task, its tokens, a head, a row; mask and temperature; and the transformer that learns live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.attention.tasks import TASKS
from core.contracts import Example, Spec, TourStop, param
from models.positions import POSITIONS
from models.transformer import KINDS, NORMS

MOST_LAYERS, MOST_HEADS = 4, 8
SOURCES = {"task": "Trained on a task", "folder": "Language model from a folder"}
PROMPT = "Once upon a time, there was a little dog named Max. Max loved"
LENSES = {
    "anatomy": "Q, K, V of this head",
    "next": "Probabilities of this row",
    "score": "Scores of the heads",
    "evidence": "Attention and evidence",
    "stream": "Residual stream",
    "cost": "Cost",
    "training": "Training: film, and your own",
}
WHICH = {"main": "The map of the answers", "encoder": "Encoder, itself", "decoder": "Decoder, itself"}
MASKS = {
    "own": "As trained",
    "none": "None",
    "causal": "Causal",
    "local": "Local",
    "padding": "Padding",
    "drawn": "Drawn",
}
TRAINING = ("kind", "layers", "heads", "d", "positions", "norm", "length", "steps", "rate", "seed")


@dataclass(frozen=True)
class AttentionHeatmapSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "attention_heatmap"

    source: str = param("task", "Transformer on screen", options=SOURCES)
    folder: str = param("", "Model", max_length=120, hidden=True, help="A folder with a language model")
    own: str = param("", "Trained here", max_length=32, hidden=True)
    prompt: str = param(PROMPT, "Text", max_length=2500, help="What the language model reads")
    task: str = param(
        "reverse", "Task", options={**{name: task.title for name, task in TASKS.items()}, "text": "Go on with a text"}
    )
    text: str = param("", "Tokens", max_length=160, help="Type your own; empty is the task's example")
    place: str = param(
        "",
        "Layer.head",
        max_length=9,
        hidden=True,
        help="Layer and head, as layer.head; the first choice is the one that looks right most often",
    )
    row: str = param("", "Row", max_length=40, hidden=True, help="The token that looks")  # empty: the first answer
    which: str = param(
        "main", "Maps of", options=WHICH, help="A transformer with encoder and decoder has three kinds of attention"
    )
    mask: str = param("own", "Mask", options=MASKS, help="Which tokens a query may look at")
    window: int = param(2, "Reach of the local mask", low=0, high=16, unit="tokens", help="To either side")
    hidden_end: int = param(
        2,
        "Padding at the end",
        low=0,
        high=16,
        unit="tokens",
        help="So many of the last tokens count as padding: no query may look there",
    )
    crossed: str = param("", "Crossed-out cells", max_length=400, hidden=True)
    temperature: float = param(
        1.0,
        "Temperature of the softmax",
        low=0.05,
        high=20.0,
        log=True,
        help="Scores are divided by it: below 1 sharper, above 1 flatter",
    )
    lens: str = param("anatomy", "Look closer", options=LENSES)
    kind: str = param("encoder", "Transformer", options=KINDS)
    layers: int = param(1, "Layers", low=1, high=MOST_LAYERS)
    heads: int = param(2, "Heads", low=1, high=MOST_HEADS, help="They share the width evenly")
    d: int = param(32, "Width d", low=16, high=128, step=16)
    positions: str = param("sinusoidal", "Positions", options=POSITIONS)
    norm: str = param("pre", "Layer norm", options=NORMS)
    length: int = param(
        10,
        "Length",
        low=4,
        high=32,
        unit="tokens",
        help="Of every training example; a task takes the nearest length that it can have",
    )
    steps: int = param(600, "Steps", low=50, high=4000, step=50, help="Each of 64 new examples")
    rate: float = param(0.003, "Learning rate", low=1e-4, high=0.1, log=True, help="Of Adam, at its highest")
    seed: int = param(0, "Seed", low=0, high=9999, help="First weights and examples")


EXAMPLES: tuple[Example, ...] = (
    Example("start", "Reverse: look at the mirror place", "One layer, two heads, ten digits: the head that does the work draws the other diagonal.", {}, ("attention", "self-attention", "transformer", "heat map", "attention weights")),
    Example("translate", "Dates: cross-attention", "2026-11-20 is written out letter by letter. Each letter looks where it must.", {"task": "dates"}, ("cross-attention", "alignment", "translation", "sequence to sequence", "encoder-decoder")),
    Example("induction", "An induction head", "Two layers find out what followed the last time.", {"task": "induction", "lens": "score"}, ("induction head", "in-context learning", "decoder", "causal mask", "rope")),
    Example("sorting", "Sort: is attention the explanation?", "Five answers to the question where the model looked, and how far they agree.", {"task": "sort", "lens": "evidence"}, ("attention is not explanation", "attention rollout", "integrated gradients", "occlusion", "rank correlation")),
    Example("flat", "Too hot", "A temperature of 5 flattens the softmax: see what becomes of the answers.", {"temperature": 5.0}, ("softmax temperature", "scaled dot-product", "entropy")),
    Example("layers", "Brackets: layer after layer", "What the residual stream holds after each part, read through the last layer.", {"task": "brackets", "lens": "stream"}, ("residual stream", "logit lens", "layer normalisation", "interpretability")),
    Example("local", "A mask that hides the answer", "Each token may see two neighbours to either side.", {"mask": "local", "lens": "cost"}, ("attention mask", "local attention", "quadratic cost", "kv cache", "parameter count")),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Rows look, columns are seen", "Each row is a token that has to answer; the bright cell shows where its head looks. The task is to say the digits backwards, and the dots mark where the answer really stands.", {}),
    TourStop("Not every head helps", "Click the other small map: a head of its own. The score below says how often each head's brightest cell is the right one.", {"lens": "score"}),
    TourStop("A lookup in numbers", "Query times key gives a score, the softmax makes weights of the scores, the weights mix the values. One row, number by number.", {"lens": "anatomy"}),
    TourStop("From one language to another", "The decoder writes a date, the encoder has read it. A letter of the month looks at the month's digits.", {"task": "dates"}),
    TourStop("Is it the reason?", "A weight says where a head looked, not what the answer came from. Compare it with gradients and with what happens when a token is taken away.", {"task": "sort", "lens": "evidence"}),
    TourStop("Watch it form", "The film of the training: noise at first, then a diagonal. Train one yourself below it, with other heads, positions or another task.", {"lens": "training"}),
)  # fmt: skip
