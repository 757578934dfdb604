"""Encoder-decoders: saying an answer with all alignments, against torch's GRU that shows none; beam search against a naive one; the page.

Prints the ratio of `unroll` (every alignment kept) to the same encoder with a teacher-forced nn.GRU as decoder, which is computed in one call
and cannot use its own tokens; the ratio of our beam to one that says every beginning anew; the time in which the page's pictures are made
anew for a typed source; and, with `--train`, the steps and seconds until dates written backwards are learned.
"""

from __future__ import annotations

import argparse
import json
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from bench.attention_heatmap import best, interleaved, learned
from core.plots.encode import encode
from core.rng import generator
from core.seq2seq import SPEC, run_of, top
from core.seq2seq.decoding import answer_of, beam, finals
from core.seq2seq.shipped import course_of, model_of
from core.seq2seq.training import train
from models.seq2seq import KINDS, Seq2Seq, seq2seq, true_tokens

BATCH, LENGTH, WIDTH = 64, 12, 5
LIMITS = {"page": 0.150, "train": 180.0}  # seconds


class Fused(nn.Module):
    """Our encoder, and the decoder without attention as one call of nn.GRU over the true tokens."""

    def __init__(self, ours: Seq2Seq) -> None:
        super().__init__()
        self.ours = ours
        self.decoder = nn.GRU(ours.say.embedding_dim, ours.hidden, batch_first=True)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(self.decoder, f"{name}_l0").data.copy_(getattr(ours.decoder, name).data)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        heard = torch.cat([torch.full((len(x), 1), self.ours.begin), y[:, :-1]], 1)
        _, s = self.ours.encode(x)
        return self.ours.W_o(self.decoder(self.ours.say(heard), s[None])[0])


@torch.no_grad()
def unrolled() -> None:
    """The same batch through our three decoders and through torch's own."""
    x = torch.randint(10, (BATCH, LENGTH), generator=generator(0, "bench"))
    models = {kind: seq2seq(kind, 10, 10, 32, generator(1, "bench")) for kind in KINDS}
    fused = Fused(models["none"])
    assert torch.allclose(fused(x, x), models["none"].unroll(x, LENGTH, true_tokens(x))[0], atol=1e-5)
    rival, *ours = interleaved(
        partial(fused, x, x), *(partial(m.unroll, x, LENGTH, true_tokens(x)) for m in models.values())
    )
    for kind, seconds in zip(models, ours, strict=True):
        print(f"{kind}, {BATCH} answers of {LENGTH} tokens: {1e3 * seconds:.2f} ms, nn.GRU without alignments {1e3 * rival:.2f} ms, ratio {seconds / rival:.1f}")  # fmt: skip


@torch.no_grad()
def naive(model: Seq2Seq, x: Tensor, length: int, width: int) -> list[list[int]]:
    """Beam search that says every beginning from its start."""
    kept: list[tuple[float, list[int]]] = [(0.0, [])]
    for _ in range(length):
        longer = []
        for total, tokens in kept:
            heard = torch.tensor([[*tokens, 0]])
            z = model.unroll(x, len(tokens) + 1, true_tokens(heard))[0][0, -1].log_softmax(0)
            longer += [(total + p, [*tokens, t]) for t, p in enumerate(z.tolist())]
        kept = sorted(longer, key=lambda found: -found[0])[:width]
    return [tokens for _, tokens in kept]


def beams() -> None:
    """The shipped model without attention, whose beams are wide awake."""
    model, x = model_of("reverse", "none"), torch.tensor([[9, 9, 3, 1, 4, 3, 7]])
    nodes = beam(model, x, 7, WIDTH)
    assert [answer_of(nodes, at) for at in finals(nodes)] == naive(model, x, 7, WIDTH)
    ours, rival = interleaved(partial(beam, model, x, 7, WIDTH), partial(naive, model, x, 7, WIDTH))
    print(f"beam of {WIDTH} over 7 tokens: {1e3 * ours:.2f} ms, every beginning anew {1e3 * rival:.2f} ms, {rival / ours:.1f} times as fast")  # fmt: skip


def page() -> None:
    """Typed sources that were never seen: the answer and its pictures, as JSON."""
    top(run_of(SPEC()))  # loads the weights
    sources = iter("".join(map(str, row)) for row in np.random.default_rng(0).integers(10, size=(100, 12)))
    seconds = best(lambda: json.dumps([encode(figure) for figure in top(run_of(SPEC(source=next(sources)))).values()]))
    print(f"new source, pictures and JSON: {1e3 * seconds:.1f} ms, limit {1e3 * LIMITS['page']:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", action="store_true", help="time the trainings too")
    torch.set_num_threads(1)
    unrolled()
    beams()
    page()
    if parser.parse_args().train:
        for kind in ("bahdanau", "luong"):
            learned(f"undates, {kind}", train(course_of("undates", kind)), "whole", 0.99, LIMITS["train"])
