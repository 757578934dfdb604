"""A decoder writes its own answers: probabilities of what follows, filters, greedy choice, beam and a drawn text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from core.attention.decoding import Beam, Next, beam_search, draw_one, filtered
from core.attention.layout import in_place, words
from core.attention_lab.compute import Subject, run
from core.rng import generator


@dataclass(frozen=True, eq=False)
class Written:
    """The texts that four rules write, the search of the beam, and how many right tokens stand before the followed answer."""

    beams: list[Beam]
    texts: dict[str, tuple[str, float]]  # rule -> (text, sum of log p)
    right: str
    step: int


def writes(who: Subject) -> bool:
    """Whether the transformer of this task writes its answer token by token."""
    return who.model.shape.kind != "encoder" and not in_place(who.task, who.ship.course.kind)


def following(who: Subject) -> Next:
    """The model as a function from beginnings (beam, length) to the log-probabilities of the next token, at the Spec's temperature."""
    blank = len(who.task.vocabulary)
    both = who.model.shape.kind == "both"
    source = who.arranged.keys if both else who.arranged.queries[:, : who.arranged.queries.shape[1] - answers(who)]

    def after(tokens: Int[Tensor, "beam length"]) -> Float[Tensor, "beam token"]:
        behind = torch.cat([torch.full((len(tokens), 1), blank), tokens], 1)
        before = source.expand(len(tokens), -1)
        with torch.no_grad():
            y = who.model((before, behind) if both else torch.cat([before, behind], 1))[:, -1]
        return torch.log_softmax(y / who.spec.temperature, -1)

    return after


def answers(who: Subject) -> int:
    """How many tokens the answer has."""
    return len(who.asked)


def guesses(who: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of all tokens at the followed answer, after the temperature, and after the filters too."""
    s = who.spec
    logits = run(who, who.arranged).logits[0, who.row]
    return filtered(logits, s.temperature).numpy(), filtered(logits, s.temperature, s.top_k, s.top_p).numpy()


def writing(who: Subject) -> Written:
    """All rules on the sequence."""
    n, s = answers(who), who.spec
    after, right = following(who), who.arranged.targets[0][who.asked]
    step = int(np.flatnonzero(who.asked == who.row)[0])
    beams = beam_search(after, n, s.beams)
    drawn = draw_one(after, n, generator(s.seed, "drawn"), s.top_k, s.top_p)
    found = {
        "greedy": beam_search(after, n, 1)[-1].tokens[0],
        f"beam of {s.beams}": beams[-1].tokens[0],
        "drawn after the filters": drawn,
        "right answer": right,
    }
    texts = {rule: (text(who, tokens), _log_probability(after, tokens)) for rule, tokens in found.items()}
    return Written(beams, texts, texts["right answer"][0], step)


def text(who: Subject, tokens: Int[Tensor, " length"]) -> str:
    """Tokens as one word."""
    return "".join(words(who.task, tokens))


def _log_probability(after: Next, tokens: Int[Tensor, " length"]) -> float:
    """Sum of log p of a whole text."""
    return float(sum(after(tokens[None, :k])[0, tokens[k]] for k in range(len(tokens))))
