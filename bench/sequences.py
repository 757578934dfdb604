"""How fast a character model writes and n-grams are counted. `python -m bench.sequences`

Writing: the state of the cell is carried from character to character. The rival reads the whole text again for every character, as a
model without a state must. Counting: sorted arrays of whole numbers against a dictionary of tuples, on the same text. Timed in turns in one run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from core.data.corpora import Corpus, sentences
from core.data.ngrams import Counts
from core.text_generation.compute import Model, model_of, shaped, write
from core.text_generation.spec import TextGenerationSpec

ROUNDS = 5
SPEC = TextGenerationSpec(corpus="sentences", cell="lstm", width=64, steps=20, prompt="the ", length=240)


def reread(model: Model, spec: TextGenerationSpec) -> None:
    """Every character from the whole text before it."""
    codes = [model.corpus.signs.index(sign) for sign in spec.prompt]
    with torch.no_grad():
        for _ in range(spec.length):
            z = model.net(torch.tensor([codes]))[0][0, -1].numpy()
            codes.append(int(shaped(z, spec.temperature, 1, 1.0).argmax()))


def dictionary(corpus: Corpus) -> None:
    """Counts of all runs of up to five signs, and of what follows how often."""
    codes, seen, total, kinds = corpus.codes.tolist(), {}, {}, {}
    for n in range(1, 6):
        for k in range(len(codes) - n + 1):
            gram = tuple(codes[k : k + n])
            u = (n, *gram[:-1])
            kinds[u] = kinds.get(u, 0) + (gram not in seen)
            seen[gram] = seen.get(gram, 0) + 1
            total[u] = total.get(u, 0) + 1


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compared(name: str, ours: Callable[[], object], rival: Callable[[], object], against: str) -> None:
    """Print the median ratio of the two times."""
    pairs = [(timed(ours), timed(rival)) for _ in range(ROUNDS)]
    mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{name}: {mine:.3f} s, {against} {other:.3f} s, {other / mine:.1f} times as fast")


def main() -> None:
    torch.set_num_threads(1)
    model, corpus = model_of(SPEC), sentences()
    spec = replace(SPEC, top_k=1)
    compared("writing 240 characters", lambda: write(model, spec), lambda: reread(model, spec), "reading all again")
    compared(
        "counting 113,000 characters",
        lambda: Counts(corpus.codes, len(corpus.signs)),
        lambda: dictionary(corpus),
        "a dictionary",
    )


if __name__ == "__main__":
    main()
