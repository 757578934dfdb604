"""Keras' padding="same": n / s outputs, rounded up."""

import keras
import numpy as np

SIZE = 6
KERNEL = 3
STRIDE = 2

x = np.arange(1.0, SIZE + 1).reshape(1, SIZE, 1)
layer = keras.layers.Conv1D(1, KERNEL, strides=STRIDE, padding="same", use_bias=False, dtype="float64")
layer.build(x.shape)
layer.set_weights([np.arange(1.0, KERNEL + 1).reshape(KERNEL, 1, 1)])
same = keras.ops.convert_to_numpy(layer(x))[0, :, 0]

result = {"outputs in Keras": float(len(same)), "first output in Keras": float(same[0])}
