"""Keras passes the mode along: fit calls with training=True, predict and evaluate with training=False."""

import keras
import numpy as np

rng = np.random.default_rng(0)
x = (3 + 2 * rng.normal(size=(64, 1))).astype("float32")
norm = keras.layers.BatchNormalization()
in_training = norm(x, training=True)
in_evaluation = norm(x)  # a layer called without the word is not in training

drop = keras.layers.Dropout(0.5)
same = drop(x)  # unchanged
halved = drop(x, training=True)

result = {"batch norm in training, mean": float(np.mean(keras.ops.convert_to_numpy(in_training)))}
