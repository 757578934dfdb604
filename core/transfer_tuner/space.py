"""Where pictures lie in feature space, epoch by epoch: one plane for the whole film.

    PCA      the first two columns of Z_t (core/transfer_tuner/watch.py): one basis for all epochs, so distances can be compared
    t-SNE    y minimises  KL(P, Q) = Σ_ij p_ij log (p_ij / q_ij),   q_ij ∝ 1 / (1 + |y_i − y_j|²),
             p_ij ∝ exp(−|x_i − x_j|² / 2 σ_i²) made symmetric, σ_i such that each row has the chosen perplexity

t-SNE is scikit-learn's (with the Barnes-Hut approximation) on the first COMPONENTS principal components; every epoch starts from the picture of the one before,
and all frames are drawn in one size.
Source: L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", JMLR 9, 2008, eqs. 1 and 4, section 3;
L. van der Maaten, "Accelerating t-SNE using tree-based algorithms", JMLR 15, 2014.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from core.transfer_tuner.course import Outcome

FIRST, NEXT = 600, 300  # iterations of the first frame, and of those that start from the one before
SPREAD = 1e-4  # deviation of the first frame's start along its first axis, as scikit-learn starts it


def perplexity_of(wanted: int, count: int) -> float:
    """The perplexity that `count` points allow: at most a third of the others."""
    return float(max(1.0, min(wanted, (count - 1) / 3)))


def plane(run: Outcome, kind: str, perplexity: int) -> Float[np.ndarray, "T n 2"]:
    """The points of all frames by "pca" or "tsne"."""
    points = run.arrays["film/points"]
    if kind == "tsne" and points.shape[1] > 3 and points.shape[2]:
        return _tsne(run, perplexity_of(perplexity, points.shape[1]))
    flat = np.zeros((*points.shape[:2], 2))
    flat[..., : min(2, points.shape[2])] = points[..., :2]
    return flat


@lru_cache(maxsize=32)
def _tsne(run: Outcome, perplexity: float) -> Float[np.ndarray, "T n 2"]:
    return neighbours_kept(run.arrays["film/points"].astype(np.float64), perplexity)


def neighbours_kept(Z: Float[np.ndarray, "T n k"], perplexity: float) -> Float[np.ndarray, "T n 2"]:
    """t-SNE of each frame, the first from its principal components, the others from the frame before; no chance is left in it."""
    from sklearn.manifold import TSNE  # here, for scikit-learn takes a second to import

    about = {"perplexity": perplexity, "random_state": 0, "learning_rate": "auto"}
    Y = np.zeros((Z.shape[1], 2))
    Y[:, : min(2, Z.shape[2])] = Z[0, :, :2]
    Y *= SPREAD / (Y[:, 0].std() or 1.0)
    found = []
    for k, frame in enumerate(Z):
        more = {"max_iter": NEXT, "early_exaggeration": 1.0} if k else {"max_iter": FIRST}
        Y = TSNE(2, init=Y.astype(np.float32), **about, **more).fit_transform(frame).astype(np.float64)
        found.append(sized(Y))
    return np.stack(found)


def sized(Y: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    """Centred, with a mean square distance of 1 from the middle: t-SNE gives sizes no meaning."""
    Y = Y - Y.mean(axis=0)
    return Y / (np.sqrt((Y**2).sum(axis=1).mean()) or 1.0)
