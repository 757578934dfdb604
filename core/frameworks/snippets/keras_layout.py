"""Keras' convolution takes N, H, W, C and kernels of height, width, in, out."""

import keras
import numpy as np

rng = np.random.default_rng(0)
pictures = rng.normal(size=(2, 4, 5, 3))
kernel = rng.normal(size=(3, 3, 3, 2))

layer = keras.layers.Conv2D(2, 3, use_bias=False, dtype="float64", data_format="channels_last")
layer.build(pictures.shape)
layer.set_weights([kernel])
maps = keras.ops.convert_to_numpy(layer(pictures))

windows = np.lib.stride_tricks.sliding_window_view(pictures, (3, 3), axis=(1, 2))
by_hand = np.tensordot(windows, kernel, ([3, 4, 5], [2, 0, 1]))
result = {"largest difference of the maps": float(np.abs(maps - by_hand).max())}
