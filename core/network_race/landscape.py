"""The loss of a net on the plane that holds its racers' weight paths best, and how far the paths are from it.

All places of all racers, less their mean c, are the rows of D (place, P). By its singular value decomposition D = U S V^T, the
first two rows d_1, d_2 of V^T span the plane through c that the places are nearest to, in squares (K. Pearson, 1901); H. Li et al.,
Visualizing the Loss Landscape of Neural Nets, NeurIPS 2018, section 7, draw optimizers' paths on it. S² and V are the eigenvalues
and eigenvectors of D^T D; or, with U those of D D^T, V S = D^T U.

    explained_i = S_i² / Σ_k S_k²       x_i = d_i · (θ − c)       projection θ' = c + x_1 d_1 + x_2 d_2
    surface L(c + x_1 d_1 + x_2 d_2)    distance |θ − θ'|         off-plane error L(θ) − L(θ')

The surface is a cut through a space of hundreds of dimensions. Where the off-plane error is large, a racer is not where the picture
shows it: it is as high as L(θ), and the surface below its mark as high as L(θ').
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from core.errors import ExplainerError
from core.training.networks import NetworkSpec, columns, evaluate, targets

Paths = Float[np.ndarray, "racer point P"]
OnPlane = Float[np.ndarray, "racer point 2"]
PerPoint = Float[np.ndarray, "racer point"]

MAX_GRID = 101
MARGIN = 0.15  # of the paths' extent, on every side
LEAST = 0.2  # the shorter side of the map, as a share of the longer


class Plane(NamedTuple):
    """c, the rows d_1 and d_2 (of length 1, at right angles), and the share of the places' variance along each."""

    centre: Float[np.ndarray, " P"]
    directions: Float[np.ndarray, "2 P"]
    explained: Float[np.ndarray, " 2"]

    def project(self, paths: Paths) -> OnPlane:
        """(x_1, x_2) of every place."""
        return (paths - self.centre) @ self.directions.T

    def lift(self, places: Float[np.ndarray, "*any 2"]) -> Float[np.ndarray, "*any P"]:
        """The weights at (x_1, x_2)."""
        return self.centre + places @ self.directions


class Landscape(NamedTuple):
    """The plane, the paths on it, the map `surface[j, i]` = L at (x[i], y[j]), and for every place on the paths L(θ), L(θ') and
    the distance |θ − θ'|."""

    plane: Plane
    paths: OnPlane
    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " n"]
    surface: Float[np.ndarray, "n n"]
    loss: PerPoint
    projected_loss: PerPoint
    distance: PerPoint

    @property
    def off_plane_error(self) -> PerPoint:
        """L(θ) − L(θ')."""
        return self.loss - self.projected_loss


def fit_plane(paths: Paths) -> Plane:
    """The plane through all racers' paths. Of d and −d, the one whose largest component is positive."""
    places = paths.reshape(-1, paths.shape[-1])
    centre = places.mean(0)
    D = places - centre
    wide = len(D) < D.shape[1]
    S2, vectors = np.linalg.eigh(D @ D.T if wide else D.T @ D)  # of the smaller one: ten times as fast as U S V^T
    leading = vectors[:, :-3:-1]
    directions = np.linalg.qr(D.T @ leading if wide else leading)[0].T  # at right angles even if one S is 0
    largest = np.abs(directions).argmax(1)
    directions = directions * np.sign(directions[[0, 1], largest])[:, None]
    total = (D**2).sum()
    return Plane(centre, directions, np.maximum(S2[:-3:-1], 0.0) / total if total > 0.0 else np.zeros(2))


def landscape(spec: NetworkSpec, paths: Paths, shapes: Bool[np.ndarray, " racer"], n: int = 31) -> Landscape:
    """The training loss on n x n places of the plane, and along the paths (both from `train`'s last snapshot).

    Only the racers marked in `shapes` shape the plane and its borders (all, if none is): one that diverged would stretch
    them to nothing. The others are drawn where they stand on it.
    """
    if not 2 <= n <= MAX_GRID:
        raise ExplainerError(f"grid of {n} x {n} places: n is outside 2 to {MAX_GRID}; try 31")
    chosen = shapes if shapes.any() else ~shapes
    plane = fit_plane(paths[chosen])
    on_plane = plane.project(paths)
    x, y = borders(on_plane[chosen], n)
    grid = np.stack(np.meshgrid(x, y), -1)
    back = plane.lift(on_plane)
    net, data = spec.set_up()
    known = columns(data.X_train), targets(data, data.y_train)

    def losses(theta: Float[np.ndarray, "a b P"]) -> Float[np.ndarray, "a b"]:
        with np.errstate(all="ignore"):
            return evaluate(net, theta.reshape(-1, net.P), *known)[0].reshape(theta.shape[:2])

    distance = np.linalg.norm(paths - back, axis=-1)
    return Landscape(plane, on_plane, x, y, losses(plane.lift(grid)), losses(paths), losses(back), distance)


def borders(places: OnPlane, n: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """The map's x and y: the paths' extent and a margin; never much narrower one way than the other."""
    low, high = places.min((0, 1)), places.max((0, 1))
    extent = high - low
    half = (0.5 + MARGIN) * np.maximum(extent, max(LEAST * extent.max(), 1e-6))
    middle = (low + high) / 2
    x, y = (np.linspace(m - h, m + h, n) for m, h in zip(middle, half, strict=True))
    return x, y
