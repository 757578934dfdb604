"""Keras' Adam: the step for a gradient of 1e-7."""

import keras
import numpy as np

EPSILON = 1e-7

w = keras.Variable(np.zeros(1), dtype="float64")
optimizer = keras.optimizers.Adam(1.0, epsilon=EPSILON)
optimizer.build([w])
optimizer.apply([keras.ops.convert_to_tensor(np.full(1, 1e-7))], [w])

result = {"with the second epsilon, Keras": abs(float(keras.ops.convert_to_numpy(w.value)[0]))}
