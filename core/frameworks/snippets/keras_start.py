"""Keras' dense layer: glorot_uniform for the kernel, zeros for the bias."""

import keras
import numpy as np

INPUTS = 64
OUTPUTS = 32

layer = keras.layers.Dense(OUTPUTS)
layer.build((None, INPUTS))
kernel, bias = layer.get_weights()

result = {"variance in Keras": float(np.square(kernel).mean()), "largest bias": float(np.abs(bias).max())}
