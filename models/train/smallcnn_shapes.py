"""The small network on generated shapes: 6,000 pictures for training, 1,000 others for the test. No data folder is needed."""

import torch

from core.data.shapes import shapes
from core.rng import generator
from models.catalogue import MODELS
from models.train.common import Recipe, asked, train

NAME = "smallcnn-shapes"
RECIPE = Recipe(epochs=15, rate=0.1, flip=True, bf16=True)
SCRIPT = "models/train/smallcnn_shapes.py"
DATA = "generated shapes of 64 x 64 pixels (core/data/shapes.py), drawn for the seed; tested on others, drawn for the same seed and another purpose"
COUNTS = {"train": 6000, "test": 1000}


def planted(seed: int) -> tuple[torch.Tensor, ...]:
    """Normalised training pictures and labels, normalised test pictures and labels."""
    parts = (shapes(count, generator(seed, "shapes", part)) for part, count in COUNTS.items())
    x, y, x_test, y_test = (torch.from_numpy(array) for p in parts for array in (p.images, p.labels))
    return MODELS[NAME].normalise(x), y, MODELS[NAME].normalise(x_test), y_test


if __name__ == "__main__":
    _, recipe = asked(__doc__, RECIPE)
    train(NAME, planted(recipe.seed), recipe, SCRIPT, DATA)
