"""Keras' callbacks: the same places in fit, as methods of an object of their own."""

import keras
import numpy as np

calls = []


class Told(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        calls.append("on_train_begin")

    def on_epoch_begin(self, epoch, logs=None):
        calls.append("on_epoch_begin")

    def on_train_batch_begin(self, batch, logs=None):
        calls.append("on_train_batch_begin")

    def on_train_batch_end(self, batch, logs=None):
        calls.append("on_train_batch_end")

    def on_test_begin(self, logs=None):
        calls.append("on_test_begin")

    def on_test_end(self, logs=None):
        calls.append("on_test_end")

    def on_epoch_end(self, epoch, logs=None):
        calls.append("on_epoch_end")

    def on_train_end(self, logs=None):
        calls.append("on_train_end")


x = np.linspace(-1, 1, 8, dtype="float32")[:, None]
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, 2 * x, batch_size=4, epochs=2, validation_data=(x, 2 * x), verbose=0, callbacks=[Told()])

result = {"training steps": float(calls.count("on_train_batch_end"))}
