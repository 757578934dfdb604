"""Four ways in which the game goes wrong, each told by a rule on measured numbers, and what usually cures it.

    no pull       D ranks at least 95 % of all pairs right, and half of the generated points feel a gradient below 0.01: G cannot learn
    collapse      G fills less than a third of the cells that the data fill, and gets to fewer than half of the places
    oscillation   over the last 8 frames, 60 % of the generated points changed their place from one frame to the next
    diverged      a parameter grew beyond a million

No rule is asked in the first tenth of the rounds, where every G is still a blot.

Sources: I. Goodfellow et al., NeurIPS 2014, section 3 and M. Arjovsky, L. Bottou, ICLR 2017, theorem 2.4 (no pull); L. Metz et al.,
ICLR 2017, section 2.1 (collapse and wandering); L. Mescheder et al., ICML 2018, section 2 (oscillation). The limits are this page's own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.gan_lab.compute import Run

RANKED, PULL, VARIETY, MOVED, WINDOW, QUIET = 0.95, 0.01, 1 / 3, 0.6, 8, 0.1


class Alarm(NamedTuple):
    """A rule: its name, its words, where it is raised (frame), the numbers it reads (name -> frame), and its usual cures."""

    name: str
    rule: str
    raised: np.ndarray
    values: dict[str, np.ndarray]
    cure: str


def alarms(run: Run) -> list[Alarm]:
    """All four."""
    m, half = run.measures, len(run.source.places) / 2
    late = run.rounds >= max(1.0, QUIET * run.rounds[-1])
    wander = windowed(m["moved"])
    end = np.zeros(len(run.rounds), bool)
    end[-1] = run.diverged
    return [
        Alarm(
            "no pull on G", f"D ranks ≥ {100 * RANKED:.0f} % of pairs right and the median gradient is < {PULL:g}",
            late & (m["ranked"] >= RANKED) & (m["pull"] < PULL), {"pairs ranked right": m["ranked"], "median gradient": m["pull"]},
            "the non-saturating loss or WGAN-GP, fewer updates of D, a lower rate of D",
        ),
        Alarm(
            "collapse", f"variety < 1/3 and fewer than {half:g} places covered",
            late & (m["variety"] < VARIETY) & (m["covered"] < half), {"variety": m["variety"], "places covered": m["covered"]},
            "as many updates of D as of G, a lower rate of G, WGAN-GP",
        ),
        Alarm(
            "oscillation", f"over {WINDOW} frames, ≥ {100 * MOVED:.0f} % of points change their place from frame to frame",
            late & (wander >= MOVED), {"points that moved": wander},
            "a smaller β₁, more updates of D in a round, lower rates",
        ),
        Alarm(
            "diverged", "a parameter is beyond a million", end, {"largest parameter": np.abs(np.hstack([run.G, run.D])).max(1)},
            "lower rates, Adam, a softer penalty",
        ),
    ]  # fmt: skip


def windowed(values: np.ndarray) -> np.ndarray:
    """The mean of the last 8 values, or of those there are; the first frame has nothing before it and is left out."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    k = np.arange(1, len(values) + 1)
    first = np.maximum(1, k - WINDOW)  # value 0 tells of no move
    return np.where(k > first, (sums[k] - sums[first]) / np.maximum(k - first, 1), 0.0)
