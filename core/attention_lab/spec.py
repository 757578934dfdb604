"""What the visitor does to a trained transformer: heads switched off, a pattern forced, activations patched, a decoder that writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.attention.tasks import TASKS
from core.contracts import Example, Spec, TourStop, param
from models.positions import POSITIONS

LENSES = {
    "ablate": "Switch heads off",
    "force": "Force a pattern",
    "patch": "Patch activations",
    "write": "Let the decoder write",
    "cache": "Keep keys and values",
    "learn": "A language model learns",
}
CORPORA = {"python": "Python's help pages", "own": "Your own text"}
PATTERNS = {
    "truth": "Where the answer stands",
    "uniform": "Everywhere alike",
    "self": "Itself",
    "before": "The token before",
    "first": "The first token",
}


@dataclass(frozen=True)
class AttentionLabSpec(Spec):
    """Everything that the page's pictures depend on."""

    SLUG: ClassVar[str] = "attention_lab"

    task: str = param(
        "induction", "Task", options={**{name: task.title for name, task in TASKS.items()}, "text": "Go on with a text"}
    )
    text: str = param("", "Tokens", max_length=160, help="Type your own; empty is the task's example")
    lens: str = param("ablate", "Operation", options=LENSES)
    off: str = param("", "Heads switched off", max_length=200, hidden=True, help="Their output is replaced by zeros")
    place: str = param("", "Head", max_length=20, hidden=True, help="The head whose weights are forced")
    pattern: str = param("uniform", "It has to look at", options=PATTERNS)
    row: str = param("", "Answer", max_length=12, hidden=True, help="The answer that is followed")
    only: bool = param(False, "Force this row alone", help="Else every row of the map")
    other: int = param(
        0, "Other sequence", low=0, high=99, help="The sequence whose run gets activations of the first one"
    )
    temperature: float = param(
        1.0,
        "Temperature of the output",
        low=0.1,
        high=10.0,
        log=True,
        help="Logits are divided by it before the softmax",
    )
    top_k: int = param(0, "Top-k", low=0, high=20, help="Keep the k likeliest tokens; 0 keeps all")
    top_p: float = param(
        1.0, "Top-p", low=0.05, high=1.0, step=0.05, help="Keep the likeliest tokens that together have this share"
    )
    beams: int = param(3, "Beams", low=1, high=8, help="How many beginnings the search keeps; 1 is greedy")
    seed: int = param(0, "Seed", low=0, high=9999, help="Of the drawn sequence")
    written: int = param(96, "Tokens to write", low=16, high=256, step=16, unit="tokens")
    depth: int = param(2, "Layers", low=1, high=4)
    width: int = param(64, "Width d", low=32, high=256, step=32, help="Shared by four heads")
    positions: str = param("rope", "Positions", options=POSITIONS)
    corpus: str = param("python", "Text to learn from", options=CORPORA)
    own: str = param("", "Pasted text", max_length=64, hidden=True)
    steps: int = param(300, "Steps", low=20, high=3000, log=True, help="Each on 16 windows of 128 characters")


EXAMPLES: tuple[Example, ...] = (
    Example("start", "Which heads does it need?", "Every head of the induction transformer switched off in turn: what the loss says.", {}, ("ablation", "head pruning", "induction head", "interpretability", "importance of heads")),
    Example("prune", "One layer without heads", "All heads of the first layer off: the second has nothing to match with.", {"off": "decoder 1.1, decoder 1.2, decoder 1.3, decoder 1.4"}, ("pruning", "ablation", "composition of heads")),
    Example("uniform", "A head that looks everywhere", "The reversing head gets even weights in place of its own.", {"task": "reverse", "lens": "force"}, ("intervention", "causal", "attention pattern")),
    Example("patch", "Where does the answer travel?", "Activations of one run put into another, place by place.", {"task": "lookup", "lens": "patch"}, ("activation patching", "causal tracing", "residual stream", "circuits")),
    Example("beam", "Greedy, beam, top-k, top-p", "The date writer at a high temperature: how the next letter is chosen.", {"task": "dates", "lens": "write", "temperature": 5.0}, ("beam search", "sampling", "top-k", "nucleus sampling", "decoding")),
    Example("language", "A transformer writes Python's help pages", "A character language model goes on with a text: greedy, with a temperature, with top-k and top-p.", {"task": "text", "lens": "write", "temperature": 0.8}, ("language model", "GPT", "character model", "text generation", "decoder-only transformer")),
    Example("cache", "What a cache saves", "A decoder writes 96 tokens twice, with and without its keys and values kept: every step timed.", {"lens": "cache", "width": 128}, ("kv cache", "key-value cache", "inference", "autoregressive decoding", "memory")),
)  # fmt: skip

TOUR: tuple[TourStop, ...] = (
    TourStop("Off, one at a time", "Each cell is a head that is switched off: how much the loss over other examples rises. Click a cell to leave the head off, and look at what is left.", {}),
    TourStop("Make it look elsewhere", "The head's weights are replaced by even ones; everything after it is computed anew. The answers show whether its aim was needed.", {"task": "reverse", "lens": "force"}),
    TourStop("Swap a thought", "Two sequences, two runs. One state of the first run is put into the second: where that is enough to turn the answer, the information passes.", {"task": "lookup", "lens": "patch"}),
    TourStop("Write", "A decoder gives probabilities, and a rule chooses. Greedy takes the likeliest token, a beam keeps several beginnings, sampling draws.", {"task": "dates", "lens": "write", "temperature": 5.0}),
    TourStop("Go on with a text", "The same rules with a language model: it has read Python's help pages, and nothing tells where its heads ought to look. The last operation shows how it learned, against counting.", {"task": "text", "lens": "write", "temperature": 0.8}),
    TourStop("Do not compute it twice", "While a decoder writes, keys and values of what it has written stay the same. Kept, they make every step cost nearly as little as the first.", {"lens": "cache", "width": 128}),
)  # fmt: skip
