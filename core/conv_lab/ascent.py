"""What does a unit want to see: a picture is changed, step by step, until the unit answers as strongly as it can.

    maximise over theta   J(theta) = f(x(theta)) - lambda TV(x(theta)) - mu D(x(theta)),      x = sigmoid(p(theta)) in 0..1

f is what is asked for: one cell of a map (neuron), the mean of a map (channel), the mean square of all maps (layer: DeepDream),
or a logit. The picture's parameters theta are its pixels, p = theta, or its frequencies, p = F^-1(theta / max(f, 1/size)): a
step then moves coarse forms further than fine ones, as 1 / f, and the fine noise that pixels fall into is held back.

Against pictures that excite the unit but show nothing:
    jitter       before each step the picture is moved by up to J pixels, round the edge
    blur         after each step p is blurred with a Gaussian of width sigma, exp(-2 pi^2 sigma^2 f^2) on its frequencies
    TV           sum of the sizes of the differences between neighbouring pixels, a pixel
    diversity    several pictures at once; D is the mean cosine of their layers' Gram matrices G = A A^T

Sources: D. Erhan et al., "Visualizing higher-layer features of a deep network", 2009; J. Yosinski et al., "Understanding neural networks
through deep visualization", 2015 (blur); A. Mordvintsev, C. Olah, M. Tyka, "Inceptionism", 2015 (DeepDream, jitter);
A. Mahendran, A. Vedaldi, CVPR 2015 (total variation); C. Olah, A. Mordvintsev, L. Schubert, "Feature visualization", Distill 2017
(frequencies, diversity).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.contracts import Snapshot
from core.convolution.probe import before_activation, until
from core.errors import ExplainerError
from core.rng import generator

FRAMES = 40  # snapshots of a run at most
DIVERSE = 4  # pictures at once


@dataclass(frozen=True)
class Wish:
    """What to maximise, and how. `start` (1, C, H, W) in 0..1 is a picture to begin with, None for faint noise."""

    objective: str
    layer: str
    unit: int
    shape: tuple[int, int, int]
    steps: int = 128
    rate: float = 0.05
    frequencies: bool = True
    jitter: int = 0
    blur: float = 0.0
    variation: float = 0.0
    diversity: float = 0.0
    seed: int = 0
    entering: bool = True  # of an activation, take what enters it: one that is off has no slope to climb


def ascend(
    model: nn.Module, wish: Wish, normalise: Callable[[Tensor], Tensor], start: Tensor | None = None
) -> Iterator[Snapshot]:
    """Climb, and report the pictures: at the start, at most FRAMES times on the way, and at the end."""
    theta = beginning(wish, start).requires_grad_()
    g = generator(wish.seed, "jitter")
    optimizer = torch.optim.Adam([theta], lr=wish.rate)
    frames = FRAMES // 2 if wish.diversity else FRAMES  # four pictures weigh more than one
    shown = {round(wish.steps * k / frames) for k in range(1, frames + 1)}
    yield _report(model, wish, normalise, theta, 0)
    for step in range(1, wish.steps + 1):
        x = picture(theta, wish)
        moved = _moved(x, wish.jitter, g)
        loss = -gain(model, wish, normalise(moved)).sum() + wish.variation * variation(x).sum()
        (theta.grad,) = torch.autograd.grad(loss, theta)
        optimizer.step()
        if wish.blur:
            with torch.no_grad():
                theta.copy_(blurred(theta, wish))
        if step in shown:
            yield _report(model, wish, normalise, theta, step)


def gain(model: nn.Module, wish: Wish, x: Tensor) -> Tensor:
    """f for each picture (N,), less the diversity term when it is on."""
    if wish.objective == "logit":
        return model(x)[:, wish.unit]
    maps = (before_activation if wish.entering else until)(model, wish.layer, x)
    if maps.ndim != 4 or wish.unit >= maps.shape[1]:
        raise ExplainerError(
            f"layer {wish.layer!r} has no map {wish.unit}; choose a layer of maps and a smaller number"
        )
    f = _asked(wish, maps)
    return f - wish.diversity * likeness(maps) if wish.diversity else f


def _asked(wish: Wish, maps: Tensor) -> Tensor:
    match wish.objective:
        case "neuron":
            return maps[:, wish.unit, maps.shape[2] // 2, maps.shape[3] // 2]
        case "channel":
            return maps[:, wish.unit].mean(dim=(1, 2))
        case "layer":
            return maps.square().mean(dim=(1, 2, 3))
    raise ExplainerError(f"the objective {wish.objective!r} is unknown; choose neuron, channel, layer or logit")


def likeness(maps: Tensor) -> Tensor:
    """Of each picture: the mean cosine of its Gram matrix with those of the others (N,)."""
    flat = maps.flatten(2)
    gram = torch.nn.functional.normalize((flat @ flat.transpose(1, 2)).flatten(1), dim=1)
    N = len(maps)
    return (gram @ gram.T).sum(1).sub(1.0) / max(N - 1, 1)


def variation(x: Tensor) -> Tensor:
    """TV of each picture (N,), a pixel."""
    down, across = (x[..., 1:, :] - x[..., :-1, :]).abs(), (x[..., :, 1:] - x[..., :, :-1]).abs()
    return (down.sum(dim=(1, 2, 3)) + across.sum(dim=(1, 2, 3))) / x[0].numel()


# ---- the picture and its parameters -----------------------------------------------------------------------------------


def beginning(wish: Wish, start: Tensor | None) -> Tensor:
    """theta for a picture to begin with, or for faint noise."""
    N = DIVERSE if wish.diversity else 1
    if start is None:
        noise = torch.randn((N, *wish.shape), generator=generator(wish.seed, "start"), dtype=torch.float32)
        p = 0.1 * noise
    else:
        p = torch.logit(start.expand(N, -1, -1, -1).clamp(0.01, 0.99)).float()
    return torch.view_as_real(torch.fft.rfft2(p, norm="ortho") * _falling(wish)) if wish.frequencies else p.clone()


def picture(theta: Tensor, wish: Wish) -> Tensor:
    """x in 0..1, (N, C, H, W)."""
    return torch.sigmoid(_raw(theta, wish))


def _raw(theta: Tensor, wish: Wish) -> Tensor:
    if not wish.frequencies:
        return theta
    spectrum = torch.view_as_complex(theta) / _falling(wish)
    return torch.fft.irfft2(spectrum, s=wish.shape[1:], norm="ortho")


def _frequency(wish: Wish) -> Tensor:
    """f of every cell of the half spectrum, in cycles a pixel."""
    H, W = wish.shape[1:]
    return torch.hypot(torch.fft.fftfreq(H)[:, None], torch.fft.rfftfreq(W)[None])


def _falling(wish: Wish) -> Tensor:
    """max(f, 1 / size), so that p's frequencies fall off as 1 / f; 1 at half a cycle a pixel."""
    return 2 * _frequency(wish).clamp_min(1 / max(wish.shape[1:]))


def blurred(theta: Tensor, wish: Wish) -> Tensor:
    """theta of the picture whose p is blurred."""
    passed = torch.exp(-2 * math.pi**2 * wish.blur**2 * _frequency(wish) ** 2)
    if wish.frequencies:
        return theta * passed[..., None]
    return torch.fft.irfft2(torch.fft.rfft2(theta) * passed, s=wish.shape[1:])


def _moved(x: Tensor, most: int, g: torch.Generator) -> Tensor:
    if not most:
        return x
    down, across = torch.randint(-most, most + 1, (2,), generator=g).tolist()
    return torch.roll(x, (down, across), dims=(2, 3))


@torch.no_grad()
def _report(model: nn.Module, wish: Wish, normalise: Callable[[Tensor], Tensor], theta: Tensor, step: int) -> Snapshot:
    x = picture(theta, wish)
    f = gain(model, wish, normalise(x))
    metrics = {"answer": float(f.mean()), "variation": float(variation(x).mean())}
    return Snapshot(step, wish.steps, metrics, {"images": x.numpy().copy()})
