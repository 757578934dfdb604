"""The same weights in Keras: as they are."""

import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(4, 3))
kernel, bias = rng.normal(size=(3, 5)), rng.normal(size=5)

dense = keras.layers.Dense(5, dtype="float64")
dense.build((None, 3))
dense.set_weights([kernel, bias])
y = keras.ops.convert_to_numpy(dense(x))

result = {"largest difference after transfer": float(np.abs(y - (x @ kernel + bias)).max())}
