"""Superpixels: a picture cut into about `count` connected-looking pieces of similar colour, or into squares.

`slic` is the k-means of Achanta et al. (SLIC superpixels, IEEE TPAMI 34, 2012), equation 3: a pixel belongs to the centre
with the smallest D^2 = d_colour^2 + (d_place / S)^2 m^2, where S is the spacing of the starting grid and m the compactness.
All centres are compared (the pictures are small), so no search window is needed.
"""

from __future__ import annotations

import numpy as np

ROUNDS = 6


def squares(height: int, width: int, count: int) -> np.ndarray:
    """(height, width) labels 0, 1, ... of a grid of at most `count` near-square cells, at least one."""
    rows = max(1, min(height, round((count * height / width) ** 0.5)))
    columns = max(1, min(width, count // rows))
    row = np.arange(height) * rows // height
    column = np.arange(width) * columns // width
    return (row[:, None] * columns + column[None, :]).astype(np.int64)


def slic(image: np.ndarray, count: int, compactness: float = 1.2) -> np.ndarray:
    """(height, width) labels 0, 1, ... of about `count` pieces of `image` (channels, height, width).

    Colours are taken relative to their standard deviation in the picture, so `compactness` means the same for every picture.
    """
    channels, height, width = image.shape
    start = squares(height, width, count).ravel()
    colour = image.reshape(channels, -1).T.astype(np.float64)
    colour = (colour - colour.mean(0)) / max(float(colour.std()), 1e-12)
    place = np.stack(np.divmod(np.arange(height * width), width), 1).astype(np.float64)
    spacing = (height * width / (start.max() + 1)) ** 0.5
    features = np.concatenate([colour, place * (compactness / spacing)], 1)
    labels = start
    for _ in range(ROUNDS):
        centres = _means(features, labels)
        labels = np.argmin((features**2).sum(1)[:, None] - 2 * features @ centres.T + (centres**2).sum(1), 1)
    return np.unique(labels, return_inverse=True)[1].reshape(height, width)


def _means(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each label's rows; labels that nobody has are dropped."""
    _, labels = np.unique(labels, return_inverse=True)
    sums = np.zeros((labels.max() + 1, features.shape[1]))
    np.add.at(sums, labels, features)
    return sums / np.bincount(labels)[:, None]
