"""Where did the answer come from? Five ways to say it for every token, and how far they agree.

For an answer y, the logit of the token that the model says at row q, the importance of token j is

    raw attention         mean over heads of the last layer's weight a_qj
    rollout               row q of A_L ... A_1, A = (mean over heads + identity) / 2
    attention x gradient  |sum over layers and heads of a_qj dy/da_qj|
    integrated gradients  |sum over d of (x_j - x'_j) mean_alpha dy/dx_j|, along the straight line from x' to x
    occlusion             |y(x) - y(x with x_j = x'_j)|

x_j is the embedded token with its position, x'_j the mean of all tokens' vectors with the same position: the token is taken away, its
place stays. With an encoder and a decoder, the tokens are those of the encoder, and raw attention is the cross-attention's; rollout is its
row times the encoder's rollout. Agreement is Spearman's rho over the tokens that the row may see, mean over the answers.

Sources: S. Abnar, W. Zuidema, ACL 2020; M. Sundararajan, A. Taly, Q. Yan, ICML 2017, eq. 1; M. D. Zeiler, R. Fergus, ECCV 2014; S. Jain,
B. C. Wallace, "Attention is not explanation", NAACL 2019; S. Wiegreffe, Y. Pinter, "Attention is not not explanation", EMNLP 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.attention.measures import rank_correlation, rollout
from core.attention.tracing import Tracer
from core.attention_heatmap.compute import Reading
from core.errors import ExplainerError
from models.attention import causal

STEPS = 32  # of the line of integrated gradients
MOST = 128  # tokens
PRODUCTS = 3e11  # multiply-adds that a visitor waits for
LOGITS = 2**25  # that are held at once
TOGETHER = 2**18  # weights of a head that are held at once, over all copies of the sequence
METHODS = {
    "raw": "raw attention",
    "rollout": "rollout",
    "gradient": "attention × gradient",
    "integrated": "integrated gradients",
    "occlusion": "occlusion",
}


@dataclass(frozen=True, eq=False)
class Evidence:
    """`importance[method]` (answer, token); `rho` (method, method); `hits`, of the answers for which right tokens are known the share
    whose first token is one.

    `gap` is the largest |sum of integrated gradients - (y(x) - y(x'))| over the answers: 0 for infinitely many steps.
    """

    importance: dict[str, np.ndarray]
    rho: np.ndarray
    hits: dict[str, float]
    gap: float


def explained(found: Reading) -> np.ndarray:
    """The rows whose answers are explained: all that are asked, in a language model only the selected one.

    Raises:
        ExplainerError: the sequence is too long to take its tokens away one by one, in this model.
    """
    n = max(found.arranged.keys.shape[1], found.arranged.queries.shape[1])
    if n > (most := _most(found)):
        raise ExplainerError(f"{n} tokens are too many to take away one by one; type at most {most}")
    return found.asked if found.subject.read is None else np.array([found.row])


def _most(found: Reading) -> int:
    """The longest sequence: n tokens take n + 3 STEPS passes (a gradient is as long as three), each n times the model's weights."""
    if found.subject.read is None:
        return MOST
    weights = sum(values.numel() for values in found.model.parameters())
    return next((n for n in range(MOST, 1, -1) if weights * n * (n + 3 * STEPS) <= PRODUCTS), 1)


def _portion(answers: Answers) -> int:
    """How many copies of the sequence go through the model at once: all heads' weights and all logits are held."""
    n = len(answers.x)
    return max(1, min(TOGETHER // n**2, LOGITS // (n * answers.found.seen.logits.shape[-1])))


class Answers:
    """The explained answers of a reading as functions of the embedded tokens."""

    def __init__(self, found: Reading) -> None:
        self.found, self.model = found, found.model
        self.both = self.model.shape.kind == "both"
        embed = self.model.source if self.both else self.model.embedding
        tokens = found.arranged.keys
        self.x = embed(tokens)[0]  # (token, d)
        self.base = self.x - embed.tokens(tokens)[0] + embed.tokens.weight[: len(found.task.vocabulary)].mean(0)
        self.rows, self.said = torch.from_numpy(explained(found)), torch.from_numpy(found.answers[explained(found)])

    def logits(self, x: Tensor, tracer: Tracer | None = None) -> Tensor:
        """x (batch, token, d) -> the logits of all answers' tokens at their rows, (batch, answer)."""
        tracer = tracer or Tracer()
        about = {"temperature": self.found.spec.temperature, "watch": tracer}
        mask = self.found.mask
        if self.both:
            memory = self.model.encoder(x, **about)
            y = self.model.embedding(self.found.arranged.queries).expand(len(x), -1, -1)
            z = self.model.read(y, None, memory, mask, **about)
        else:
            z = self.model.read(x, mask, **about)
        return z[:, self.rows, self.said]

    def gradients(self, x: Tensor) -> Tensor:
        """x (batch, answer, token, d) -> the gradient of each answer at its own x."""
        B, n = x.shape[:2]
        x = x.detach().flatten(0, 1).requires_grad_()
        y = self.logits(x).unflatten(0, (B, n)).diagonal(dim1=1, dim2=2)
        return torch.autograd.grad(y.sum(), x)[0].unflatten(0, (B, n))


def evidence(found: Reading) -> Evidence:
    """All five ways for all answers of the sequence."""
    answers = Answers(found)
    integrated, gap = _integrated(answers)
    importance = {
        "raw": _raw(found),
        "rollout": _rollout(found),
        "gradient": _gradient(answers),
        "integrated": integrated.abs().numpy(),
        "occlusion": _occlusion(answers).abs().numpy(),
    }
    truth = found.arranged.truth[0].numpy()[explained(found)]
    known = np.flatnonzero(truth.any(1))
    hits = {n: float(truth[known, v[known].argmax(1)].mean()) if len(known) else np.nan for n, v in importance.items()}
    return Evidence(importance, _agreement(importance, _visible(found)), hits, gap)


def _raw(found: Reading) -> np.ndarray:
    return found.seen.weights[0, -1].mean(0)[explained(found)].numpy()


def _rollout(found: Reading) -> np.ndarray:
    if found.seen.main != "cross":
        return rollout(found.seen.weights[0])[explained(found)].numpy()
    return _raw(found) @ rollout(found.seen.maps["encoder"].weights[0]).numpy()


def _gradient(answers: Answers) -> np.ndarray:
    """One copy of the sequence for each answer, so that one backward pass serves all."""
    n, tracer = len(answers.rows), Tracer()
    x = answers.x.expand(n, -1, -1).clone().requires_grad_()
    y = answers.logits(x, tracer).diagonal()
    weights = [part["weights"] for part in tracer.parts[answers.found.seen.main]]
    slopes = torch.autograd.grad(y.sum(), weights)
    each = torch.arange(n)
    total = sum((a * g).sum(1)[each, answers.rows] for a, g in zip(weights, slopes, strict=True))
    return total.detach().abs().numpy()


def _integrated(answers: Answers) -> tuple[Float[Tensor, "answer token"], float]:
    n, way = len(answers.rows), answers.x - answers.base
    alphas = ((torch.arange(STEPS, dtype=torch.float64) + 0.5) / STEPS).to(way)
    line = (answers.base + alphas[:, None, None] * way)[:, None].expand(-1, n, -1, -1)
    slope = sum(answers.gradients(part).sum(0) for part in line.split(max(1, _portion(answers) // n))) / STEPS
    parts = (slope * way).sum(-1).detach()
    with torch.no_grad():
        there, before = (answers.logits(x[None])[0] for x in (answers.x, answers.base))
    return parts, float((parts.sum(1) - (there - before)).abs().max())


def _occlusion(answers: Answers) -> Float[Tensor, "answer token"]:
    x, base = answers.x, answers.base
    gone = torch.where(torch.eye(len(x), dtype=torch.bool)[..., None], base, x)
    with torch.no_grad():
        left = torch.cat([answers.logits(part) for part in gone.split(_portion(answers))])
        return (answers.logits(x[None]) - left).T


def _visible(found: Reading) -> np.ndarray:
    """(answer, token): what the row may see."""
    n, m = found.arranged.queries.shape[1], found.arranged.keys.shape[1]
    own = causal(n) if found.seen.main == "decoder" else torch.ones(n, m, dtype=torch.bool)
    return (own if found.mask is None else found.mask).numpy()[explained(found)]


def _agreement(importance: dict[str, np.ndarray], visible: np.ndarray) -> np.ndarray:
    """(method, method): mean over the answers; an answer for which one of the two has no order does not count."""
    names = list(importance)
    rho = np.full((len(visible), len(names), len(names)), np.nan)
    for a, seen in enumerate(visible):
        for i, one in enumerate(names):
            for j, other in enumerate(names[: i + 1]):
                rho[a, i, j] = rho[a, j, i] = rank_correlation(importance[one][a, seen], importance[other][a, seen])
    known = ~np.isnan(rho)
    return np.where(known.any(0), np.nansum(rho, 0) / np.maximum(known.sum(0), 1), np.nan)
