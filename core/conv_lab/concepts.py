"""Does a concept matter to a class: a direction in a layer's space, and how the class's logit changes along it.

For each picture, h is the vector of the means of a layer's maps. Pictures with a planted concept and without it are told apart by
ridge regression on h,

    v = argmin_v sum_n (t_n - <v, h_n - mean h>)^2 + lambda |v|^2,     t = +1 with the concept, -1 without it,

and v is the concept's direction. For a picture of class k, with A its maps and h'_k(A) its logit,

    S = sum_c v_c sum_ij d logit_k / d A_c[i, j]       (the directional derivative: v at every place)

TCAV is the share of the class's pictures with S > 0. Control: the same with directions that tell random halves apart.

Source: B. Kim et al., "Interpretability beyond feature attribution: quantitative testing with concept activation vectors (TCAV)", ICML 2018,
equations 1 and 2. There h is the whole layer and the separator logistic or an SVM; means of maps suit the few pictures of a page.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from core.convolution.probe import with_activations
from core.errors import ExplainerError

RIDGE = 1e-2  # times the mean variance of h


def direction(h: Float[np.ndarray, "N C"], has: Bool[np.ndarray, "N"]) -> Float[np.ndarray, "C"]:
    """v of length 1, pointing to the concept; zeros where all h are alike.

    Raises:
        ExplainerError: all pictures have the concept, or none has.
    """
    if has.all() or not has.any():
        raise ExplainerError("a direction needs pictures with the concept and pictures without it; give some of each")
    centred = h - h.mean(axis=0)
    t = np.where(has, 1.0, -1.0)
    C = h.shape[1]
    covariance = centred.T @ centred
    penalty = RIDGE * np.trace(covariance) / C
    if penalty == 0:
        return np.zeros(C)
    v = np.linalg.solve(covariance + penalty * np.eye(C), centred.T @ (t - t.mean()))
    return v / np.linalg.norm(v)


def told_apart(v: np.ndarray, h: Float[np.ndarray, "N C"], has: Bool[np.ndarray, "N"]) -> float:
    """The share of pictures on the right side, the border halfway between the two groups' means."""
    along = h @ v
    border = (along[has].mean() + along[~has].mean()) / 2
    return float(((along > border) == has).mean())


def derivatives(
    model: nn.Module, layer: str, x: Tensor, k: int, v: Float[np.ndarray, "C *D"]
) -> Float[np.ndarray, "N *D"]:
    """S of each picture; for directions as columns, one column for each."""
    maps, logits = with_activations(model, layer, x)
    (slope,) = torch.autograd.grad(logits[:, k].sum(), maps)
    return slope.sum(dim=(2, 3)).detach().numpy() @ v


def score(S: Float[np.ndarray, "N"]) -> float:
    """TCAV: the share above 0; NaN where there is no picture."""
    return float((S > 0).mean()) if len(S) else float("nan")


def striped(pictures: Float[np.ndarray, "N C H W"]) -> Float[np.ndarray, "N C H W"]:
    """With diagonal stripes of six pixels over them, half as strong as the picture's range."""
    y, x = np.mgrid[: pictures.shape[2], : pictures.shape[3]]
    return np.clip(pictures + 0.25 * np.sign(np.sin(2 * np.pi * (x + y + 0.5) / 12)), 0, 1).astype(pictures.dtype)


def framed(pictures: Float[np.ndarray, "N C H W"]) -> Float[np.ndarray, "N C H W"]:
    """With a white frame of a sixteenth of the picture round them."""
    out, edge = pictures.copy(), max(1, pictures.shape[2] // 16)
    out[:, :, :edge], out[:, :, -edge:], out[..., :edge], out[..., -edge:] = 1, 1, 1, 1
    return out


def brightened(pictures: Float[np.ndarray, "N C H W"]) -> Float[np.ndarray, "N C H W"]:
    """Brighter by a quarter of the range."""
    return np.clip(pictures + 0.25, 0, 1).astype(pictures.dtype)


CONCEPTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "stripes": striped,
    "frame": framed,
    "brightness": brightened,
}
