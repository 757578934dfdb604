"""How far a map can be trusted: numbers for one attribution of one example.

    infidelity     mean over patches of (c (I . Phi) - (f(x) - f(x - I)))^2, with the best factor c: does the map predict what
                   happens when a square is covered?                                    (Yeh et al. 2019, definition 2.1 and section 3)
    sensitivity    max over small noise n of |Phi(x + n) - Phi(x)| / |Phi(x)|           (Yeh et al. 2019, definition 3.1)
    gap            sum Phi - (what the method promises: f(x) - f(b), or f(x))           (Sundararajan et al. 2017, section 3)
    deletion,      the probability of the class while the pixels are covered, most important first, or uncovered, and the area
    insertion      under that curve                                                     (Petsiuk et al. 2018, section 3)
    pointing, IoU  against the true mask: does the highest pixel lie in it (Zhang et al. 2016), how well do the k highest cover
                   it, k being the mask's own number of pixels

Sources: C.-K. Yeh, C.-Y. Hsieh, A. Suggala, D. Inouye, P. Ravikumar, "On the (in)fidelity and sensitivity of explanations", NeurIPS
2019; V. Petsiuk, A. Das, K. Saenko, "RISE", BMVC 2018; J. Zhang et al., "Top-down neural attention by excitation backprop", ECCV 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from captum import metrics as captum
from torch import Tensor, nn

from core.attribution.methods import Method, described
from core.attribution.twin import tensor, twin
from core.rng import generator

RADIUS = 0.02  # of the noise that tests sensitivity, as a share of the range of the picture's values


def heat(attribution: np.ndarray, method: str) -> np.ndarray:
    """(channels, height, width) -> (height, width): the sum over the channels; a CAM says the same in each, so its first."""
    return attribution[0] if method == "grad_cam" else attribution.sum(0)


def importance(heat_map: np.ndarray, sign: str) -> np.ndarray:
    """What pixels are ranked by: "positive" evidence alone, the "absolute" value, or the "signed" value itself."""
    return {"positive": lambda h: np.maximum(h, 0.0), "absolute": np.abs, "signed": lambda h: h}[sign](heat_map)


@dataclass(frozen=True)
class Infidelity:
    """`value` in squared logits, and `share` of it in what a map of zeros would get: 0 is a perfect forecast, 1 is none."""

    value: float
    share: float


def infidelity(
    model: nn.Module,
    inputs: np.ndarray,
    target: int,
    attribution: np.ndarray,
    method: str,
    *,
    baseline: float | np.ndarray = 0.0,
    size: int = 4,
    patches: int = 200,
    seed: int = 0,
) -> Infidelity:
    """Cover `patches` random squares of `size` pixels with the baseline, and compare the forecast with the logit's change.

    `inputs` and `attribution` are (1, channels, height, width). The forecast of a local method is its slope times the change of
    the picture, of the others the sum of their amounts under the square.
    """
    x, phi = tensor(inputs), tensor(attribution)
    net, blank = twin(model, x.dtype), torch.as_tensor(baseline, dtype=x.dtype).expand_as(x)
    where, local = generator(seed, "infidelity"), described(method).local
    changes: list[Tensor] = []

    def cover(pictures: Tensor) -> tuple[Tensor, Tensor]:
        mask = _squares(len(pictures), x.shape[-2], x.shape[-1], size, where).to(x.dtype).expand_as(pictures)
        covered = torch.where(mask > 0, blank.expand_as(pictures), pictures)
        with torch.no_grad():
            changes.append((net(x) - net(covered))[:, target])
        return mask * (pictures - blank) if local else mask, covered

    value = captum.infidelity(
        net, cover, x, phi, target=target, n_perturb_samples=patches, max_examples_per_batch=patches, normalize=True
    )
    before = torch.cat(changes).square().mean()
    return Infidelity(float(value), float(value / before) if float(before) else 0.0)


def _squares(count: int, height: int, width: int, size: int, where: torch.Generator) -> Tensor:
    """(count, 1, height, width) masks with a square of ones, all of it inside."""
    size = min(size, height, width)
    top = torch.randint(height - size + 1, (count, 1, 1, 1), generator=where)
    left = torch.randint(width - size + 1, (count, 1, 1, 1), generator=where)
    row, column = torch.arange(height)[:, None], torch.arange(width)[None, :]
    return (row >= top) & (row < top + size) & (column >= left) & (column < left + size)


def sensitivity(
    explain: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    *,
    radius: float = RADIUS,
    draws: int = 5,
    seed: int = 0,
) -> float:
    """The largest relative change of `explain(pictures)` under uniform noise of up to `radius` times the range of `inputs`."""
    x, where = tensor(inputs), generator(seed, "sensitivity")
    reach = radius * float(x.max() - x.min())

    def shake(pictures: Any) -> tuple[Tensor, ...]:
        p = pictures[0] if isinstance(pictures, tuple) else pictures
        return (p + reach * (2 * torch.rand(p.shape, generator=where, dtype=p.dtype) - 1),)

    def told(pictures: Any) -> tuple[Tensor, ...]:
        p = pictures[0] if isinstance(pictures, tuple) else pictures
        return (torch.as_tensor(explain(p.detach().numpy())),)

    return float(captum.sensitivity_max(told, x, shake, n_perturb_samples=draws, max_examples_per_batch=draws)[0])


def completeness_gap(
    model: nn.Module,
    inputs: np.ndarray,
    target: int,
    attribution: np.ndarray,
    method: str,
    *,
    baseline: float | np.ndarray = 0.0,
) -> float | None:
    """Sum of the attribution minus what it should add up to, in logits; None where the method promises no sum."""
    about: Method = described(method)
    if not about.complete:
        return None
    x = tensor(inputs)
    net = twin(model, x.dtype)
    with torch.no_grad():
        promised = net(x)[0, target]
        if about.complete == "difference":
            promised = promised - net(torch.as_tensor(baseline, dtype=x.dtype).expand_as(x))[0, target]
    return float(attribution.sum() - promised)


@dataclass(frozen=True, eq=False)
class Curve:
    """The probability of the class after each share of the pixels, and the area under it (0 to 1)."""

    shares: np.ndarray
    probability: np.ndarray

    @property
    def area(self) -> float:
        """By trapezoids."""
        return float(np.trapezoid(self.probability, self.shares))


def deletion(
    model: nn.Module,
    inputs: np.ndarray,
    target: int,
    ranking: np.ndarray,
    *,
    blank: float | np.ndarray = 0.0,
    steps: int = 32,
) -> Curve:
    """From the picture to `blank`: the pixels go in the order of `ranking` (height, width), highest first. Low area is good."""
    return _change(model, inputs, target, ranking, blank, steps, start=0)


def insertion(
    model: nn.Module,
    inputs: np.ndarray,
    target: int,
    ranking: np.ndarray,
    *,
    blank: float | np.ndarray = 0.0,
    steps: int = 32,
) -> Curve:
    """From `blank` to the picture, highest pixels first. High area is good."""
    return _change(model, inputs, target, ranking, blank, steps, start=1)


def _change(
    model: nn.Module,
    inputs: np.ndarray,
    target: int,
    ranking: np.ndarray,
    blank: float | np.ndarray,
    steps: int,
    start: int,
) -> Curve:
    x = tensor(inputs)
    ends = [x[0], torch.as_tensor(blank, dtype=x.dtype).expand_as(x)[0]]
    place = torch.as_tensor(places(ranking))
    counts = np.unique(np.rint(np.linspace(0, place.numel(), steps + 1)).astype(int))
    pictures = torch.stack([torch.where(place < n, ends[1 - start], ends[start]) for n in counts.tolist()])
    with torch.no_grad():
        probability = twin(model, x.dtype)(pictures).softmax(1)[:, target]
    return Curve(counts / place.numel(), probability.numpy())


def places(ranking: np.ndarray) -> np.ndarray:
    """Each pixel's place, 0 for the highest; ties in reading order."""
    order = np.argsort(-ranking.ravel(), kind="stable")
    place = np.empty(ranking.size, int)
    place[order] = np.arange(ranking.size)
    return place.reshape(ranking.shape)


def pointing(ranking: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the highest pixel lies in the mask; of several, the first in reading order."""
    return bool(mask.ravel()[int(np.argmax(ranking))])


def iou(ranking: np.ndarray, mask: np.ndarray) -> float:
    """|top and mask| / |top or mask|, where top are the k highest pixels and k is the number of pixels of the mask."""
    top, mask = places(ranking) < mask.sum(), mask.astype(bool)
    either = int((top | mask).sum())
    return float((top & mask).sum() / either) if either else 0.0


def chance_iou(mask: np.ndarray) -> float:
    """What pixels drawn blindly get: of k of them a share p = k / all falls into the mask, so p k / (2 k - p k) = p / (2 - p)."""
    p = float(np.mean(mask.astype(bool)))
    return p / (2 - p)
