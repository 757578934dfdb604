"""tf.data: a chain of steps; a Keras PyDataset: batch i, also from several processes."""

import keras
import numpy as np
import tensorflow as tf

BUFFER = 50

numbers = np.arange(500)
pipeline = (
    tf.data.Dataset.from_tensor_slices((numbers[:, None].astype("float32"), numbers))
    .shuffle(BUFFER, seed=0)  # before batch: examples are mixed, not batches
    .batch(32)
    .prefetch(tf.data.AUTOTUNE)  # the next batch is made while this one trains
)
first = next(iter(pipeline))[1].numpy()


class Squares(keras.utils.PyDataset):
    def __len__(self):
        return 16  # batches

    def __getitem__(self, k):
        rows = numbers[32 * k : 32 * k + 32]
        return rows[:, None].astype("float32"), rows


result = {"batches in an epoch": float(len(list(pipeline))), "most that the first 32 can be": float(BUFFER + 30)}
assert first.max() <= BUFFER + 30
assert len(Squares()[15][1]) == 500 - 32 * 15
