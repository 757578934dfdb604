"""Random changes of pictures, each picture with draws of its own, a whole batch at a time. x is (N, C, S, S) in 0..1.

    mirror, upside    x[..., ::-1],  x[..., ::-1, :]
    turn              y(p) = x(R(a) p),  a in −A..A degrees, p from the centre, bilinear, 0 beyond the edge
    shift             y(i, j) = x(i + dy, j + dx),  dy, dx whole numbers in −k..k, 0 beyond the edge: a crop after k cells of padding
    zoom              a square of u S² cells, u in 1 − A..1, anywhere, made as large as the picture again (bilinear)
    brightness        y = clip(f x, 0, 1),  f in max(0, 1 − A)..1 + A
    colour            y = clip(f x + (1 − f) grey, 0, 1),  grey = 0.2989 R + 0.587 G + 0.114 B
    erase             a rectangle of u S² cells, u in 0.02..A, with sides in the ratio r, log r even in log 0.3..log 3.3, becomes 0
    mixup             x̃ = λ x + (1 − λ) x',  t̃ = λ t + (1 − λ) t',  λ ~ Beta(α, α)
    cutmix            a rectangle of (1 − λ) S² cells about a random point comes from x';  t̃ = λ' t + (1 − λ') t', λ' the area that stays

x' is the picture before in the batch, t a label as K probabilities. Every change happens to a picture with its own probability p.
Each is what torchvision.transforms.v2 does with the same draws; there the draws come from a state that all threads share, here from
a generator of one run. Sources: E. Cubuk et al., "RandAugment", 2020 (the list of changes); Z. Zhong et al., "Random erasing data
augmentation", AAAI 2020; H. Zhang et al., "mixup", ICLR 2018, equations 1 and 2; S. Yun et al., "CutMix", ICCV 2019, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

Draws = Mapping[str, Tensor]  # one value a picture


def even(g: torch.Generator, n: int, low: float, high: float) -> Float[Tensor, "n"]:
    """n numbers, all in low..high equally likely."""
    return low + (high - low) * torch.rand(n, generator=g, dtype=torch.float64)


def whole(g: torch.Generator, high: Int[Tensor, "n"]) -> Int[Tensor, "n"]:
    """For each n a whole number in 0..high, all equally likely."""
    return (torch.rand(len(high), generator=g, dtype=torch.float64) * (high + 1)).long()


def mirrored(x: Tensor) -> Tensor:
    """Left and right change places."""
    return x.flip(3)


def upended(x: Tensor) -> Tensor:
    """Above and below change places."""
    return x.flip(2)


def turned(x: Tensor, degrees: Tensor) -> Tensor:
    """Each picture turned about its centre, counter-clockwise."""
    S = x.shape[3]
    a = torch.deg2rad(degrees.to(x.dtype))
    cos, sin = torch.cos(a).view(-1, 1, 1), torch.sin(a).view(-1, 1, 1)
    along = torch.arange(S, dtype=x.dtype) - (S - 1) / 2
    px, py = along.view(1, 1, S), along.view(1, S, 1)
    grid = torch.stack([px * cos - py * sin, px * sin + py * cos], dim=3) / (S / 2)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def shifted(x: Tensor, dy: Tensor, dx: Tensor) -> Tensor:
    """Each picture moved by whole cells; 0 comes in."""
    N, _, S, _ = x.shape
    rows, columns = torch.arange(S) + dy[:, None], torch.arange(S) + dx[:, None]
    inside = ((rows >= 0) & (rows < S))[:, None, :, None] & ((columns >= 0) & (columns < S))[:, None, None, :]
    picked = x[torch.arange(N)[:, None, None], :, rows.clamp(0, S - 1)[:, :, None], columns.clamp(0, S - 1)[:, None]]
    return picked.permute(0, 3, 1, 2) * inside


def zoomed(x: Tensor, top: Tensor, left: Tensor, side: Tensor) -> Tensor:
    """The square from row `top`, column `left` of each picture, made as large as the picture."""
    S = x.shape[3]

    def weights(start: Tensor) -> Tensor:  # (N, S, S): new cell from old cells, each row sums to 1
        place = (torch.arange(S) + 0.5) * side[:, None] / S - 0.5
        place = torch.minimum(place.clamp(min=0), side[:, None] - 1.0) + start[:, None]
        return (1 - (place[:, :, None] - torch.arange(S)).abs()).clamp(min=0).to(x.dtype)

    return weights(top)[:, None] @ x @ weights(left)[:, None].mT


def brightened(x: Tensor, factor: Tensor) -> Tensor:
    """All values times a factor."""
    return (x * factor.to(x.dtype).view(-1, 1, 1, 1)).clamp(0, 1)


def recoloured(x: Tensor, factor: Tensor) -> Tensor:
    """0: grey; 1: as it is; above: stronger colours. A grey picture stays what it is."""
    if x.shape[1] == 1:
        return x
    f = factor.to(x.dtype).view(-1, 1, 1, 1)
    grey = torch.tensor([0.2989, 0.587, 0.114], dtype=x.dtype).view(1, 3, 1, 1).mul(x).sum(1, keepdim=True)
    return (f * x + (1 - f) * grey).clamp(0, 1)


def erased(x: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """A rectangle of each picture becomes 0."""
    return x * ~rectangle(x.shape[3], top, left, top + height, left + width)


def rectangle(S: int, top: Tensor, left: Tensor, bottom: Tensor, right: Tensor) -> Tensor:
    """(N, 1, S, S): True from row `top` to before `bottom`, from column `left` to before `right`."""
    at = torch.arange(S)
    rows = (at >= top[:, None]) & (at < bottom[:, None])
    columns = (at >= left[:, None]) & (at < right[:, None])
    return rows[:, None, :, None] & columns[:, None, None, :]


def no_draws(g: torch.Generator, N: int, S: int, amount: float) -> Draws:
    return {}


def draw_turn(g: torch.Generator, N: int, S: int, amount: float) -> Draws:
    return {"degrees": even(g, N, -amount, amount)}


def draw_shift(g: torch.Generator, N: int, S: int, amount: float) -> Draws:
    k = torch.full((N,), round(amount * S))
    return {"dy": whole(g, 2 * k) - k, "dx": whole(g, 2 * k) - k}


def draw_zoom(g: torch.Generator, N: int, S: int, amount: float) -> Draws:
    side = (S * even(g, N, 1 - amount, 1).sqrt()).round().long()
    return {"top": whole(g, S - side), "left": whole(g, S - side), "side": side}


def draw_factor(g: torch.Generator, N: int, S: int, amount: float) -> Draws:
    return {"factor": even(g, N, max(0.0, 1 - amount), 1 + amount)}


def draw_erase(g: torch.Generator, N: int, S: int, amount: float) -> Draws:
    area = S * S * even(g, N, min(0.02, amount), amount)
    ratio = even(g, N, math.log(0.3), math.log(3.3)).exp()
    height = (area * ratio).sqrt().round().long().clamp(max=S - 1)
    width = (area / ratio).sqrt().round().long().clamp(max=S - 1)
    return {"top": whole(g, S - height), "left": whole(g, S - width), "height": height, "width": width}


@dataclass(frozen=True)
class Change:
    """One kind of change: its name on screen, how its draws are made, what it does with them, and torchvision's line for it."""

    title: str
    draw: Callable[[torch.Generator, int, int, float], Draws]
    apply: Callable[..., Tensor]
    line: Callable[[float, float, int], str]  # amount, p, S


def _maybe(inner: str, p: float) -> str:
    return inner if p >= 1 else f"v2.RandomApply([{inner}], p={p:g})"


CHANGES: Mapping[str, Change] = {
    "mirror": Change("Mirror", no_draws, mirrored, lambda a, p, S: f"v2.RandomHorizontalFlip(p={p:g})"),
    "upside": Change("Upside down", no_draws, upended, lambda a, p, S: f"v2.RandomVerticalFlip(p={p:g})"),
    "turn": Change("Turn", draw_turn, turned, lambda a, p, S: _maybe(f"v2.RandomRotation({a:g}, interpolation=v2.InterpolationMode.BILINEAR)", p)),
    "shift": Change("Shift", draw_shift, shifted, lambda a, p, S: _maybe(f"v2.RandomCrop({S}, padding={round(a * S)})", p)),
    "zoom": Change("Zoom in", draw_zoom, zoomed, lambda a, p, S: _maybe(f"v2.RandomResizedCrop({S}, scale=({1 - a:g}, 1), ratio=(1, 1))", p)),
    "brightness": Change("Brightness", draw_factor, brightened, lambda a, p, S: _maybe(f"v2.ColorJitter(brightness={a:g})", p)),
    "colour": Change("Colour", draw_factor, recoloured, lambda a, p, S: _maybe(f"v2.ColorJitter(saturation={a:g})", p)),
    "erase": Change("Erase", draw_erase, erased, lambda a, p, S: f"v2.RandomErasing(p={p:g}, scale=({min(0.02, a):g}, {a:g}))"),
}  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """One change in a pipeline: which, how strongly, and with what probability a picture gets it."""

    name: str
    amount: float
    p: float


def augment(x: Tensor, stages: Sequence[Stage], g: torch.Generator) -> Tensor:
    """A batch through the pipeline."""
    for stage in stages:
        change = CHANGES[stage.name]
        draws = change.draw(g, len(x), x.shape[3], stage.amount)
        on = torch.rand(len(x), generator=g) < stage.p
        x = torch.where(on.view(-1, 1, 1, 1), change.apply(x, **draws), x)
    return x


def mixed(x: Tensor, t: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """MixUp: `share` of each picture and label, the rest from the one before it in the batch."""
    return share * x + (1 - share) * x.roll(1, 0), share * t + (1 - share) * t.roll(1, 0)


def pasted(x: Tensor, t: Tensor, box: Sequence[int]) -> tuple[Tensor, Tensor]:
    """CutMix: the cells of `box` (top, left, bottom, right) from the picture before; the label by the area that stays."""
    S = x.shape[3]
    top, left, bottom, right = box
    share = 1 - (bottom - top) * (right - left) / (S * S)
    cut = rectangle(S, *(torch.tensor([edge]) for edge in box))
    return torch.where(cut, x.roll(1, 0), x), share * t + (1 - share) * t.roll(1, 0)


def share_of(g: torch.Generator, alpha: float) -> float:
    """λ ~ Beta(α, α), as G₁ / (G₁ + G₂) of two Gamma(α) draws; each of those by Marsaglia and Tsang, 2000."""
    a, b = (_gamma(g, alpha) for _ in range(2))
    return a / (a + b) if a + b > 0 else 0.5


def _gamma(g: torch.Generator, alpha: float) -> float:
    if alpha < 1:
        return _gamma(g, alpha + 1) * float(torch.rand((), generator=g, dtype=torch.float64)) ** (1 / alpha)
    d = alpha - 1 / 3
    while True:
        z = float(torch.randn((), generator=g, dtype=torch.float64))
        v = (1 + z / math.sqrt(9 * d)) ** 3
        u = float(torch.rand((), generator=g, dtype=torch.float64))
        if v > 0 and u > 0 and math.log(u) < 0.5 * z * z + d * (1 - v + math.log(v)):
            return d * v


def box_of(g: torch.Generator, S: int, share: float) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of CutMix's rectangle: half a side is int(√(1 − λ) S / 2); what lies outside is cut off."""
    y, x = (int(torch.randint(S, (), generator=g)) for _ in range(2))
    half = int(0.5 * math.sqrt(1 - share) * S)
    return max(y - half, 0), max(x - half, 0), min(y + half, S), min(x + half, S)


def blend(x: Tensor, t: Tensor, kind: str, alpha: float, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures and labels mixed within the batch, by "mixup", "cutmix" or not at all."""
    if kind == "none":
        return x, t
    share = share_of(g, alpha)
    return mixed(x, t, share) if kind == "mixup" else pasted(x, t, box_of(g, x.shape[3], share))
