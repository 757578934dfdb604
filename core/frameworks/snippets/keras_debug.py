"""Keras compiles the step: switch that off to debug, then print and breakpoint() work inside call."""

import keras
import numpy as np

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
model.summary(print_fn=lambda _: None)  # 1. shapes: known before any data
x, labels = np.random.default_rng(0).normal(size=(8, 4)).astype("float32"), np.arange(8) % 3
first = model.evaluate(x, labels, verbose=0)  # 2. about log 3
model.fit(x, labels, epochs=200, verbose=0)  # 3. eight examples by heart

result = {"parameters": float(model.count_params()), "first loss": float(first)}
