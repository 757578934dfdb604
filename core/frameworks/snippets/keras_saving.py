"""Keras saves the whole: model.save("net.keras") keeps layers, weights, optimizer; save_weights only the weights."""

import tempfile
from pathlib import Path

import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, x[:, :1] ** 2, verbose=0)

with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder) / "net.keras")  # a zip: config.json, metadata.json, model.weights.h5
    again = keras.saving.load_model(Path(folder) / "net.keras")  # custom layers: register_keras_serializable
    model.save_weights(Path(folder) / "net.weights.h5")

apart = np.abs(model.predict(x, verbose=0) - again.predict(x, verbose=0)).max()
result = {"largest difference after loading": float(apart)}
