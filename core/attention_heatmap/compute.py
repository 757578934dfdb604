"""From the Spec to what the pictures show: one pass of a trained transformer, its heads scored, its layers read, its cost counted.

    norms     |x| of the residual stream after every part
    lens      softmax(W LN(x) + b) for the state x after every part, as if the rest of the layers were not there
    cost      multiply-adds of one pass over n tokens: L (12 n d^2 + 2 n^2 d) + n d C for one stack with 4 d hidden units;
              maps: L h n^2 numbers; a cache of keys and values: 2 L n d numbers

All in float64. Sources: nostalgebraist, "Interpreting GPT: the logit lens", 2020; J. Kaplan et al., arXiv:2001.08361, table 1 (counts).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from core.attention.layout import Arranged, arrange, words
from core.attention.masks import drawn, local
from core.attention.measures import Scores, entropy, score
from core.attention.shipped import shipped
from core.attention.tasks import IGNORED, Task
from core.attention.tracing import Maps, Trace, trace
from core.attention.training import Course
from core.attention_heatmap.spec import AttentionHeatmapSpec
from core.attention_heatmap.subjects import Subject, resolved, subject
from models.attention import attention_scores, causal
from models.positions import alibi
from models.transformer import Shape

GRADED = 300  # examples that the heads are scored on
NEAR = 32  # answers that are read off layer by layer


@dataclass(frozen=True, eq=False)
class Reading:
    """One pass over one sequence. `layer`, `head` and `row` are what is selected, in the maps of `kind`."""

    spec: AttentionHeatmapSpec
    subject: Subject
    task: Task
    arranged: Arranged
    seen: Trace
    mask: Bool[Tensor, "query key"] | None
    graded: Scores
    kind: str
    layer: int
    head: int
    row: int

    @property
    def model(self) -> torch.nn.Module:
        """The transformer on screen, in float64."""
        return self.subject.model

    @property
    def maps(self) -> Maps:
        """All heads of the kind that is shown."""
        return self.seen.maps[self.kind]

    @property
    def weights(self) -> np.ndarray:
        """(query, key) of the selected head."""
        return self.maps.weights[0, self.layer, self.head].numpy()

    @property
    def main(self) -> bool:
        """Whether the maps are those of the answers, for which the truth is known."""
        return self.kind == self.seen.main

    @property
    def rows(self) -> list[str]:
        """The tokens that look."""
        return words(self.task, self.arranged.keys[0] if self.kind == "encoder" else self.arranged.queries[0])

    @property
    def columns(self) -> list[str]:
        """The tokens that are looked at."""
        return words(self.task, self.arranged.queries[0] if self.kind == "decoder" else self.arranged.keys[0])

    @property
    def truth(self) -> np.ndarray:
        """(query, key): where the answers stand; nothing in maps that give no answers."""
        return self.arranged.truth[0].numpy() if self.main else np.zeros(self.weights.shape, bool)

    @property
    def asked(self) -> np.ndarray:
        """The rows of the main maps that have to answer."""
        return np.flatnonzero(self.arranged.targets[0].numpy() != IGNORED)

    @property
    def near(self) -> np.ndarray:
        """The asked rows, of a long sequence the NEAR nearest to the selected one."""
        asked = self.asked
        return np.sort(asked[np.argsort(np.abs(asked - self.row), kind="stable")[:NEAR]])

    @property
    def answers(self) -> np.ndarray:
        """The likeliest token at every row of the main maps."""
        return self.seen.logits[0].argmax(-1).numpy()

    @property
    def right(self) -> int:
        """How many of the asked answers are right."""
        return int((self.answers == self.arranged.targets[0].numpy())[self.asked].sum())


def mask_of(spec: AttentionHeatmapSpec, arranged: Arranged, kind: str) -> Bool[Tensor, "query key"] | None:
    """The chosen mask for a transformer of this kind; None for its own. A decoder stays causal under all masks but "none"."""
    n, m = arranged.queries.shape[1], arranged.keys.shape[1]
    everything = torch.ones(n, m, dtype=torch.bool)
    chosen = {
        "own": lambda: None,
        "none": lambda: everything,
        "causal": lambda: everything.tril(),
        "local": lambda: local(n, spec.window, m),
        "padding": lambda: everything & (torch.arange(m) < m - spec.hidden_end),
        "drawn": lambda: drawn(n, m, spec.crossed),
    }[spec.mask]()
    return chosen & causal(n) if chosen is not None and kind == "decoder" and spec.mask != "none" else chosen


def passed(spec: AttentionHeatmapSpec, shown: Subject, arranged: Arranged) -> Trace:
    """One pass of the transformer, with the Spec's mask and temperature."""
    mask = mask_of(spec, arranged, shown.kind)
    with torch.no_grad():
        return trace(shown.model, arranged.inputs, mask=mask, temperature=spec.temperature)


@lru_cache(maxsize=32)
def _passed(spec: AttentionHeatmapSpec, key: str) -> tuple[Arranged, Trace, Scores]:
    shown = subject(spec)
    arranged = arrange(shown.task, shown.kind, shown.sample(spec))
    return arranged, passed(spec, shown, arranged), _graded(dataclasses.replace(spec, text=""), key)


@lru_cache(maxsize=2)
def _spoken(spec: AttentionHeatmapSpec, key: str) -> tuple[Arranged, Trace, Scores]:
    """As `_passed`, for a language model: its maps are large, and nobody knows where it should look."""
    shown = subject(spec)
    arranged = arrange(shown.task, shown.kind, shown.sample(spec))
    seen = passed(spec, shown, arranged)
    unknown = torch.full(seen.weights.shape[1:3], torch.nan, dtype=torch.float64)
    return arranged, seen, Scores(unknown, unknown, entropy(seen.weights[0]).mean(-1).double())


@lru_cache(maxsize=32)
def _graded(spec: AttentionHeatmapSpec, key: str) -> Scores:
    """All heads over other examples of the task, whatever tokens are typed."""
    shown = subject(spec)
    tests = next(shown.course.batches("scored", GRADED))
    return score(passed(spec, shown, tests).weights, tests.truth)


def core_of(spec: AttentionHeatmapSpec) -> AttentionHeatmapSpec:
    """What the pass depends on; the rest at default, so that another selection costs nothing anew."""
    speaks = spec.source == "folder"
    asked = {"source": spec.source, "folder": spec.folder, "prompt": spec.prompt} if speaks else {"task": spec.task, "own": spec.own, "text": spec.text}  # fmt: skip
    return AttentionHeatmapSpec(mask=spec.mask, window=spec.window, hidden_end=spec.hidden_end, crossed=spec.crossed,
                                temperature=spec.temperature, **asked)  # fmt: skip


def read(spec: AttentionHeatmapSpec) -> Reading:
    """The pass, and what is selected in it; a selection that does not exist falls back to the first.

    Where the transformer that the Spec asks for is not here, it is that of the task which ships.

    Raises:
        ExplainerError: the typed tokens do not fit the model, or the drawn mask is no list of cells.
    """
    spec, _ = resolved(spec)
    shown = subject(spec)
    arranged, seen, graded = (_passed if shown.read is None else _spoken)(core_of(spec), shown.key)
    kind = spec.which if spec.which in seen.maps else seen.main
    layer, head = place_of(spec, graded, kind == seen.main)
    rows = seen.maps[kind].weights.shape[-2]
    first = _first_row(shown, arranged, kind == seen.main)
    row = _row(spec.row, rows, first)
    return Reading(spec, shown, shown.task, arranged, seen, mask_of(spec, arranged, shown.kind), graded, kind, layer, head, row)  # fmt: skip


def place_of(spec: AttentionHeatmapSpec, graded: Scores, main: bool) -> tuple[int, int]:
    """The selected head as (layer, head) from 0: the one in the Spec, else the most often right one (the first of other maps)."""
    layers, heads = graded.accuracy.shape
    layer, _, head = spec.place.partition(".")
    if layer.isdecimal() and head.isdecimal() and 1 <= int(layer) <= layers and 1 <= int(head) <= heads:
        return int(layer) - 1, int(head) - 1
    best = int(graded.accuracy.nan_to_num(-1).argmax()) if main else 0
    return best // heads, best % heads


def _first_row(shown: Subject, arranged: Arranged, main: bool) -> int:
    """The row that the page opens with: the first answer; of a text the last token, or the first hidden one inside it."""
    if shown.read is None:
        return int(arranged.truth[0].any(-1).int().argmax()) if main else 0
    inside = np.flatnonzero(arranged.targets[0, 1:-1].numpy() == IGNORED)
    return int(inside[0]) + 1 if len(inside) else arranged.targets.shape[1] - 1


def _row(text: str, rows: int, first: int) -> int:
    """The row that "3: x" names; the first answer where there is no such row."""
    number = text.partition(":")[0]
    return int(number) if number.isascii() and number.isdecimal() and int(number) < rows else first


# One head taken apart


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The selected head's way from q and k to what it reads: `products` q k^T, `scores` scaled and masked, `weights`, v, z."""

    q: np.ndarray  # (query, d_k)
    k: np.ndarray  # (key, d_k)
    v: np.ndarray  # (key, d_k)
    products: np.ndarray
    scores: np.ndarray
    weights: np.ndarray
    z: np.ndarray  # (query, d_k)


def anatomy(found: Reading) -> Anatomy:
    """All matrices of the selected head."""
    m = found.maps
    q, k, v, scores, weights, z = (t[0, found.layer, found.head] for t in (m.q, m.k, m.v, m.scores, m.weights, m.z))
    products = attention_scores(q, k) * q.shape[-1] ** 0.5
    return Anatomy(*(t.numpy() for t in (q, k, v, products, scores, weights, z)))


def bias_of(found: Reading) -> np.ndarray | None:
    """(query, key): what ALiBi adds to the selected head's scores, before the temperature; None for other positions."""
    if found.model.shape.positions != "alibi" or found.kind == "cross":
        return None
    return alibi(found.model.shape.heads, *found.weights.shape)[found.head].numpy()


def inputs_of(found: Reading) -> tuple[Tensor, Tensor]:
    """What the selected head's queries, and its keys and values, are made from: (query, d), (key, d)."""
    model, streams = found.model, found.seen.streams
    stack = "encoder" if found.kind == "encoder" else "decoder"
    before = f"{stack}.{found.layer}.self" if found.kind == "cross" else f"{stack}.{found.layer - 1}.feed"
    x = streams.get(before, streams[f"{stack}.embedding"])[0]
    block = block_of(found)
    norm = block.norm_cross if found.kind == "cross" else block.norm_attention
    x = norm(x) if block.pre else x
    if found.kind != "cross":
        return x, x
    return x, model.encoder.norm(streams[f"encoder.{model.shape.layers - 1}.feed"][0])


def block_of(found: Reading) -> torch.nn.Module:
    """The block that the selected head stands in."""
    model = found.model
    stack = model.encoder if found.kind == "encoder" and model.shape.kind == "both" else model.stack
    return stack.blocks[found.layer]


# The residual stream


@dataclass(frozen=True, eq=False)
class Lens:
    """After every part of the last stack: `norms` (state, token), and at the asked rows `near` the answer that is read off and how likely the right one is."""

    states: list[str]
    norms: np.ndarray
    likely: np.ndarray  # (state, answer)
    said: np.ndarray  # (state, answer): tokens


def stream(found: Reading) -> Lens:
    """The residual stream of the stack that answers."""
    model = found.model
    states = {name: x for name, x in found.seen.streams.items() if name.startswith(f"{model.main}.")}
    asked = torch.from_numpy(found.near)
    with torch.no_grad():
        p = torch.stack([torch.softmax(model.head(model.stack.norm(x[0, asked])), -1) for x in states.values()])
    right = found.arranged.targets[0, asked]
    likely = p.gather(-1, right.expand(len(p), -1)[..., None])[..., 0]
    names = [_state(name) for name in states]
    return Lens(names, found.seen.residual[0].numpy(), likely.numpy(), p.argmax(-1).numpy())


PARTS = {"self": "attention", "cross": "cross-attention", "feed": "feed-forward", "whole": "whole layer"}


def _state(name: str) -> str:
    """ "decoder.0.feed" as "1: feed-forward"."""
    _, layer, *part = name.split(".")
    return f"{int(layer) + 1}: {PARTS[part[0]]}" if part else layer


# Cost


@dataclass(frozen=True)
class Cost:
    """Counts by formula: weights by part, multiply-adds by part, and numbers held."""

    parameters: dict[str, int]
    linear: int  # multiply-adds that grow with n
    quadratic: int  # multiply-adds that grow with n^2
    maps: int  # attention weights of all heads
    cache: int  # keys and values of all layers of the stack that answers
    generate: int  # multiply-adds to write all n answers one by one, with a cache
    regenerate: int  # the same with everything computed anew for each token


MATRICES = ("Linear", "SharedHeads", "Conv1D")
SPOKEN = (
    ("norm", "layer norms"), ("ln_", "layer norms"), ("embed", "embedding"), ("wte", "embedding"), ("wpe", "embedding"), ("att", "attention"),
    ("feed", "feed-forward"), ("mlp", "feed-forward"), ("intermediate", "feed-forward"), ("encoder", "feed-forward"), ("head", "output"), ("cls", "output"),
)  # fmt: skip


def cost(shape: Shape, queries: int, keys: int) -> Cost:
    """What the transformer costs for `queries` rows and `keys` columns of the main maps (equal, unless it has an encoder and a decoder)."""
    d, L, h, C = shape.d, shape.layers, shape.heads, shape.classes or shape.vocabulary
    f, both = shape.hidden or 4 * d, shape.kind == "both"
    stacks, norms = 1 + both, 2 * d * (shape.norm == "pre")
    learned = shape.length * d * (shape.positions == "learned")
    parameters = {
        "embedding": stacks * (shape.vocabulary * d + learned),
        "attention": (stacks + both) * L * 4 * (d * d + d),
        "feed-forward": stacks * L * (2 * d * f + f + d),
        "layer norms": stacks * (L * 4 * d + norms) + both * L * 2 * d,
        "output": d * C + C,
    }
    return Cost(
        parameters, _linear(shape, queries, keys), _quadratic(shape, queries, keys),
        maps=L * h * (queries * queries + both * (queries * keys + keys * keys)),
        cache=2 * L * d * (queries + both * keys),
        generate=_linear(shape, queries, keys) + sum(_one_more(shape, t, keys) for t in range(1, queries + 1)) + both * L * 2 * keys * keys * d,
        regenerate=sum(_linear(shape, t, keys) + _quadratic(shape, t, keys) for t in range(1, queries + 1)),
    )  # fmt: skip


def spoken_cost(model: torch.nn.Module, n: int) -> Cost:
    """The cost of a language model for n tokens, by counting its matrices: each of its numbers is used once for every token.

    The output matrix is used also where it is the embedding; scores and weighted sums take 2 d for each pair of tokens and layer.
    """
    shape = model.shape
    matrices = sum(m.weight.numel() for m in model.modules() if type(m).__name__ in MATRICES)
    pairs, cached = 2 * shape.layers * shape.d, 2 * shape.layers * shape.d * shape.kv_heads // shape.heads
    parameters: dict[str, int] = {}
    for name, values in model.named_parameters():  # a shared matrix counts once
        part = next((words for sign, words in SPOKEN if sign in name.lower()), "other")
        parameters[part] = parameters.get(part, 0) + values.numel()
    once = pairs * n * (n + 1) // 2
    return Cost(parameters, matrices * n, pairs * n * n, maps=shape.layers * shape.heads * n * n, cache=cached * n,
                generate=matrices * n + once, regenerate=matrices * n * (n + 1) // 2 + pairs * sum(t * t for t in range(1, n + 1)))  # fmt: skip


def _linear(shape: Shape, queries: int, keys: int) -> int:
    """Projections, feed-forward parts and output. Cross-attention projects queries and outputs of the decoder, keys and values of the encoder."""
    d, both = shape.d, shape.kind == "both"
    token = 4 * d * d + 2 * d * (shape.hidden or 4 * d)
    other = keys * (token + 2 * d * d) + queries * 2 * d * d if both else 0
    return shape.layers * (queries * token + other) + queries * d * (shape.classes or shape.vocabulary)


def _quadratic(shape: Shape, queries: int, keys: int) -> int:
    """Scores and weighted sums of all layers: 2 d for each pair of tokens."""
    pairs = queries * queries + (queries * keys + keys * keys if shape.kind == "both" else 0)
    return shape.layers * 2 * shape.d * pairs


def _one_more(shape: Shape, t: int, keys: int) -> int:
    """Scores and sums of the t-th token alone."""
    return shape.layers * 2 * shape.d * (t + keys * (shape.kind == "both"))


# Numbers on screen


def row_entropy(found: Reading) -> float:
    """Entropy of the selected row in bits."""
    return float(entropy(found.maps.weights[0, found.layer, found.head, found.row]))


def numbers(spec: AttentionHeatmapSpec) -> dict[str, float]:
    """What the script prints: the selected row of the selected head."""
    found = read(spec)
    parts = anatomy(found)
    row = {f"score {j}": float(s) for j, s in enumerate(parts.scores[found.row]) if np.isfinite(s)}
    weights = {f"weight {j}": float(w) for j, w in enumerate(parts.weights[found.row])}
    return {**row, **weights, "entropy": row_entropy(found), "output norm": float(np.linalg.norm(parts.z[found.row]))}


def course_of(spec: AttentionHeatmapSpec) -> Course:
    """What the visitor's own transformer learns."""
    task = shipped(spec.task).course.about()
    length = min(max(spec.length, task.shortest), task.longest)
    return Course(spec.task, spec.kind, spec.layers, spec.heads, spec.d, spec.positions, spec.norm, length,
                  spec.steps, 64, spec.rate, spec.seed)  # fmt: skip
