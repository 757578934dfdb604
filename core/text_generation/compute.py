"""From the Spec to a model, and from the model to a text: sampling, hidden states, bits per character.

With logits z_t of the model after it has read c_1 .. c_t, the next character is drawn from

    q = softmax(z_t / τ),   kept: the k largest (top k), of these the fewest whose sum reaches p (top p);   divided by their sum

by the inverse of its distribution function: the first sign x with Σ_{y ≤ x} q_y > u, u uniform in [0, 1), signs by falling probability.
Surprise of a character is −log2 of the model's own p, at temperature 1. Bits per character are its mean over held-out text,

    bits = −1/N Σ log2 p(c_t | c_{t−1}, ...),    perplexity = 2^bits

in chunks whose first characters are only read; the n-grams of core/data/ngrams.py are judged on the same characters.
Sampling: A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020 (top p); A. Fan, M. Lewis, Y. Dauphin, ACL 2018 (top k).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from core.contracts import Snapshot
from core.data.corpora import Corpus, encode, own, python, sentences
from core.data.ngrams import ORDERS, counts, judged, ngram_bits, warm
from core.data.shelf import Shelf
from core.rng import generator, numpy_generator
from core.text_generation.spec import TextGenerationSpec

SHIPPED, FOLDER = "char-lstm", "text"
AT_ONCE = 0.4  # seconds that a model may train while the page opens
SAMPLES, SAMPLE = 20, 180  # samples in a film, characters of each
OWN: Shelf[Corpus] = Shelf(own)
Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Model:
    """A net and what it has read. `trained` says in words where its weights come from; `steps` is how long it learned here."""

    net: Any
    corpus: Corpus
    steps: int
    trained: str


@dataclass(frozen=True, eq=False)
class Writing:
    """A written text. `codes` (T,) with the prompt's `read` first; for place t: `p` (T, V) what the model thought of the next character,
    `q` what it was drawn from, `h` (T, H) its last layer's state after character t, `surprise` (T,) of the character that follows t."""

    codes: Int[Array, " T"]
    read: int
    p: Float[Array, "T V"]
    q: Float[Array, "T V"]
    h: Float[Array, "T H"]
    corpus: Corpus

    @property
    def text(self) -> str:
        """Prompt and what was written."""
        return "".join(self.corpus.signs[c] for c in self.codes)

    @property
    def surprise(self) -> Float[Array, " T"]:
        """−log2 p of each character; NaN for the first, which nobody foretold."""
        told = self.p[np.arange(len(self.codes) - 1), self.codes[1:]]
        return np.concatenate([[np.nan], -np.log2(told)])


def resolved(spec: TextGenerationSpec) -> tuple[TextGenerationSpec, str]:
    """The Spec with a text that can be had here, and a sentence that says so where another was asked for."""
    if spec.corpus == "own" and OWN.get(spec.own) is None:
        return replace(spec, corpus="python"), (
            "Your own text is not here: paste it above. It is kept in memory only, so a link cannot bring it. Until then the model has read Python's help pages."
        )
    return spec, ""


def corpus_of(spec: TextGenerationSpec) -> Corpus:
    """The text that a resolved Spec names."""
    return OWN.get(spec.own) if spec.corpus == "own" else {"python": python, "sentences": sentences}[spec.corpus]()


def net_part(spec: TextGenerationSpec) -> TextGenerationSpec:
    """What the training depends on."""
    names = ("corpus", "own", "cell", "width", "layers", "steps", "window", "rate", "seed")
    return TextGenerationSpec(**{name: getattr(spec, name) for name in names})


def untrained(spec: TextGenerationSpec, corpus: Corpus) -> Any:
    """The net with its first weights."""
    from models.charnet import CharNet, first_weights

    net = CharNet(spec.cell, len(corpus.signs), spec.width, spec.layers)
    return first_weights(net, generator(spec.seed, "weights", spec.cell))


def train_on(corpus: Corpus, spec: TextGenerationSpec) -> Iterator[Snapshot]:
    """Learn, and report: before the first step, and about twenty times on the way. Metrics [bits]: `loss` of the windows since the last
    report, `held_out`. Arrays: the weights, and `sample`, the codes of a text that the net writes at this moment."""
    import torch

    from models.charnet import fit

    spec = net_part(spec)
    net, codes = untrained(spec, corpus), torch.from_numpy(corpus.codes[: corpus.border])
    every = max(1, spec.steps // SAMPLES)
    asked, signs, lately = np.array(spec.to_json()), np.array(corpus.signs), [float("nan")]

    def report(step: int) -> Snapshot:
        model = Model(net, corpus, step, "")
        sample = write(model, replace(TextGenerationSpec(), prompt="", length=SAMPLE)).codes
        arrays = {f"net {name}": w.detach().numpy().copy() for name, w in net.state_dict().items()}
        metrics = {"loss": float(np.nanmean(lately)) if step else math.log2(len(corpus.signs)), "held_out": bits(model)}
        return Snapshot(step, spec.steps, metrics, {**arrays, "spec": asked, "sample": sample, "signs": signs})

    yield report(0)
    g = generator(spec.seed, "windows")
    for step, loss in enumerate(fit(net, codes, spec.steps, spec.rate, min(spec.window, len(codes) - 2), g), start=1):
        lately.append(loss / math.log(2))
        if step % every == 0 or step == spec.steps:
            yield report(step)
            lately.clear()


def trainer(spec: TextGenerationSpec) -> Any:
    """`train_on` with the resolved Spec's text in its hands, for a job in another process."""
    return partial(train_on, corpus_of(spec))


def belongs(arrays: Mapping[str, Array], spec: TextGenerationSpec) -> bool:
    """Whether a Snapshot's net is the one that the Spec asks for."""
    return str(arrays["spec"]) == net_part(spec).to_json()


def learned(snapshot: Snapshot, spec: TextGenerationSpec) -> Model:
    """The net of a Snapshot."""
    import torch

    corpus = corpus_of(spec)
    net = untrained(spec, corpus)
    state = {
        n.removeprefix("net "): torch.from_numpy(np.array(w))
        for n, w in snapshot.arrays.items()
        if n.startswith("net ")
    }
    net.load_state_dict(state)
    return Model(net, corpus, snapshot.step, f"It was trained here for {snapshot.step} of {snapshot.total} steps.")


def is_shipped(spec: TextGenerationSpec) -> bool:
    """Whether this net has been trained before anyone came."""
    return (spec.corpus, spec.cell, spec.width, spec.layers) == ("python", "lstm", 128, 1)


@lru_cache(maxsize=1)
def shipped() -> Model:
    """The model of models/weights/text, in float64."""
    import torch

    from models.charnet import CharNet
    from models.storage import manifest, read, restore

    record = manifest(FOLDER)[SHIPPED]
    half = restore(
        CharNet(record["kind"], len(record["signs"]), record["width"], record["layers"], torch.float32),
        read(SHIPPED, FOLDER),
    )
    return Model(
        half.double().eval(), python(), record["steps"],
        f"Its weights ship with Glassnet: {record['steps']:,} steps on these pages, by {record['script']}.",
    )  # fmt: skip


def quick_steps(spec: TextGenerationSpec) -> int:
    """So many steps take about `AT_ONCE` seconds on one quiet core."""
    each = 2e-4 * spec.window * spec.layers * (0.3 + (spec.width / 64) ** 1.5)
    return max(5, min(spec.steps, int(AT_ONCE / each)))


@lru_cache(maxsize=16)
def _quick(spec: TextGenerationSpec) -> Snapshot:
    """The same training, stopped early and reported once."""
    import torch

    from models.charnet import fit

    corpus = corpus_of(spec)
    net, codes = untrained(spec, corpus), torch.from_numpy(corpus.codes[: corpus.border])
    steps = quick_steps(spec)
    for _ in islice(
        fit(net, codes, steps, spec.rate, min(spec.window, len(codes) - 2), generator(spec.seed, "windows")), steps
    ):
        pass
    return Snapshot(steps, spec.steps, {}, {f"net {n}": w.detach().numpy().copy() for n, w in net.state_dict().items()})


def model_of(spec: TextGenerationSpec) -> Model:
    """What the page opens with: the shipped model where it is the one that is asked for, else a few steps of training."""
    return shipped() if is_shipped(spec) else learned(_quick(net_part(spec)), spec)


def readable(prompt: str, corpus: Corpus) -> tuple[str, str]:
    """The prompt's known characters (a first sign of the text if none is left), and a sentence on what was left out."""
    known = "".join(sign for sign in prompt if sign in corpus.signs)
    lost = "".join(dict.fromkeys(sign for sign in prompt if sign not in corpus.signs))
    note = f"The model does not know {' '.join(lost[:20])}: left out of the seed text." if lost else ""
    return known or corpus.text[0], note


def shaped(z: Float[Array, " V"], temperature: float, top_k: int, top_p: float) -> Float[Array, " V"]:
    """q: softmax of z / τ, cut to the k largest and then to the fewest that reach top_p."""
    e = np.exp((z - z.max()) / temperature)
    q = e / e.sum()
    order = np.argsort(-q, kind="stable")
    if top_k:
        q[order[top_k:]] = 0.0
        q /= q.sum()
    if top_p < 1:
        before = np.cumsum(q[order]) - q[order]
        q[order[before >= top_p]] = 0.0
        q /= q.sum()
    return q


def drawn(q: Float[Array, " V"], u: float) -> int:
    """The sign at which the distribution function, signs by falling probability, passes u."""
    order = np.argsort(-q, kind="stable")
    return int(order[min(np.searchsorted(np.cumsum(q[order]), u, side="right"), np.count_nonzero(q) - 1)])


def write(model: Model, spec: TextGenerationSpec) -> Writing:
    """Read the prompt, then write `length` characters, each from what was read and written so far."""
    import torch

    start = encode(readable(spec.prompt, model.corpus)[0], model.corpus.signs)
    g = numpy_generator(spec.draw, "writing")
    codes, rows_z, rows_q, rows_h, state = start.tolist(), [], [], [], None
    with torch.no_grad():
        for t in range(len(start) + spec.length):
            h, state = model.net.cell(model.net.embed(torch.tensor([[codes[t]]])), state)
            z = model.net.readout(h)[0, 0].numpy()
            q = shaped(z, spec.temperature, spec.top_k, spec.top_p)
            rows_z.append(z)
            rows_q.append(q)
            rows_h.append(h[0, 0].numpy())
            if t >= len(start) - 1:
                codes.append(drawn(q, g.random()))
    codes = codes[: len(start) + spec.length]
    return Writing(
        np.array(codes),
        len(start),
        np.exp(log_softmax(np.stack(rows_z))),
        np.stack(rows_q),
        np.stack(rows_h),
        model.corpus,
    )


def log_softmax(z: Float[Array, "N V"]) -> Float[Array, "N V"]:
    """Natural logarithms of the probabilities, the largest logit taken out first."""
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def bits(model: Model) -> float:
    """The model's bits per character on held-out text."""
    import torch

    chunks = judged(model.corpus)
    with torch.no_grad():
        z = model.net(torch.from_numpy(chunks[:, :-1]))[0].numpy()
    told = log_softmax(z.reshape(-1, z.shape[-1])).reshape(z.shape)
    of = np.take_along_axis(told, chunks[:, 1:, None], axis=2)[:, warm(chunks) - 1 :]
    return float(-of.mean() / math.log(2))


def ngram_text(corpus: Corpus, order: int, spec: TextGenerationSpec, length: int) -> str:
    """What counting alone writes after the prompt, at the same temperature, top k and top p."""
    found, g = counts(corpus), numpy_generator(spec.draw, "writing", str(order))
    pad = [int(corpus.codes[0])] * ORDERS[-1]
    codes = pad + encode(readable(spec.prompt, corpus)[0], corpus.signs).tolist()
    for _ in range(length):
        p = found.next_sign(order, codes[-(ORDERS[-1] - 1) :])
        codes.append(drawn(shaped(np.log(p), spec.temperature, spec.top_k, spec.top_p), g.random()))
    return "".join(corpus.signs[c] for c in codes[len(codes) - length :])


def numbers(spec: TextGenerationSpec) -> dict[str, float]:
    """What the script prints: bits on held-out text, of the model and of the n-grams; the text's surprise and its characters' codes."""
    spec, _ = resolved(spec)
    model = model_of(spec)
    made = write(model, spec)
    out = {"bits": bits(model)} | {f"bits {n}-gram": value for n, value in ngram_bits(model.corpus).items()}
    weights = np.arange(1, len(made.codes) + 1)
    return out | {"mean surprise": float(np.nanmean(made.surprise)), "checksum": float(weights @ made.codes)}
