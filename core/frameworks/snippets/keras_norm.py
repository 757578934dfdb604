"""Keras' batch norm: momentum=0.99, epsilon=0.001, the variance of the batch divided by its size."""

import keras
import numpy as np

batches = 3 + 2 * np.random.default_rng(0).normal(size=(60, 16, 1))
norm = keras.layers.BatchNormalization(dtype="float64")  # momentum=0.99, epsilon=1e-3
mean, variance = 0.0, 1.0
for batch in batches:
    norm(batch, training=True)
    mean = 0.99 * mean + 0.01 * batch.mean()
    variance = 0.99 * variance + 0.01 * batch.var()

found = [keras.ops.convert_to_numpy(v).item() for v in (norm.moving_mean, norm.moving_variance)]
result = {"mean": found[0], "mean by hand": float(mean), "variance": found[1], "variance by hand": float(variance)}
