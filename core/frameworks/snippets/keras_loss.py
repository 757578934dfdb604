"""Keras' losses take probabilities unless told from_logits=True; they cut them to 1e-7 ... 1 - 1e-7."""

import keras
import numpy as np

GAP = 40.0

logits, label = np.array([[GAP, 0.0]], "float32"), np.array([1])
p = np.exp(logits - logits.max())
p /= p.sum()

right = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(label, logits)
cut = keras.losses.SparseCategoricalCrossentropy()(label, p)

result = {"from logits": float(right), "probabilities, cut as in Keras": float(cut)}
