"""In Keras: build makes the weights when the first shape is known, call does the work. A loss takes labels first."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("own")  # so that a saved model finds the class again
class Swish(keras.layers.Layer):
    def build(self, shape):
        self.beta = self.add_weight(shape=shape[-1:], initializer="ones", name="beta")

    def call(self, x):
        return x * ops.sigmoid(self.beta * x)


def focal_loss(labels, logits, gamma=2.0):
    one_hot = ops.one_hot(ops.reshape(labels, (-1,)), logits.shape[-1], dtype=logits.dtype)
    log_p = ops.sum(one_hot * ops.log_softmax(logits), axis=1)
    return -((1 - ops.exp(log_p)) ** gamma) * log_p


model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), Swish(), keras.layers.Dense(2)])
model.compile("adam", focal_loss)
x, labels = np.random.default_rng(0).normal(size=(5, 3)).astype("float32"), np.array([0, 1, 1, 0, 1])
model.fit(x, labels, verbose=0)

result = {"parameters": float(model.count_params())}
