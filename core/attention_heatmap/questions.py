"""Predict, then reveal: questions answered by the transformer on screen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.attention_heatmap.compute import Reading, read, row_entropy
from core.attention_heatmap.lenses import draw_word
from core.contracts import Question

HOT = 10.0


def questions(found: Reading) -> list[Question]:
    """At most three; one that the model does not decide is left out."""
    return [q for q in (_best_head(found), _entropy(found), _hot(found)) if q is not None]


def _best_head(found: Reading) -> Question | None:
    accuracy = found.graded.accuracy.numpy()
    L, H = accuracy.shape
    if L * H < 2 or np.isnan(accuracy).any():
        return None
    options = tuple(f"layer {k + 1}, head {j + 1}" for k in range(L) for j in range(H))[:8]
    best = int(accuracy.argmax())
    return Question(
        f"best.{found.subject.key}.{found.spec.mask}.{found.spec.temperature}",
        "Which head looks at the right token most often, over many examples?",
        options[best],
        f"It does so in {100 * accuracy.max():.1f} % of the answers; all heads together: {', '.join(f'{100 * a:.0f} %' for a in accuracy.ravel())}.",
        options,
    )


def _entropy(found: Reading) -> Question:
    bits, n = row_entropy(found), len(found.columns)
    return Question(
        f"entropy.{found.subject.key}.{found.spec.text}.{found.spec.prompt}.{found.kind}.{found.layer}.{found.head}.{found.row}.{found.spec.temperature}",
        f"How spread out is row {found.row} ({draw_word(found.rows[found.row])})? Its entropy in bits: 0 for one token alone, {np.log2(n):.2f} for all {n} evenly. 0.3 either way counts as right.",
        round(bits, 4),
        f"{bits:.3f} bits, as spread out as {2**bits:.2f} tokens with equal weights.",
        tolerance=0.3,
    )


def _hot(found: Reading) -> Question | None:
    if found.spec.temperature >= HOT:
        return None
    hot = read(replace(found.spec, temperature=HOT))
    n = len(found.asked)
    return Question(
        f"hot.{found.subject.key}.{found.spec.text}.{found.spec.prompt}.{found.spec.mask}",
        f"Now {found.right} of {n} answers are right. How many are left at temperature {HOT:g}, with nearly flat weights? One either way counts as right.",
        float(hot.right),
        f"{hot.right} of {n}. Flat weights mix all values evenly: a head cannot pick out one token any more.",
        tolerance=1.0,
    )
