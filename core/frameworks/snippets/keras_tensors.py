"""The same operations in TensorFlow; keras.ops has them for every backend under NumPy's names."""

import numpy as np
import tensorflow as tf

t = tf.reshape(tf.range(6, dtype=tf.float64), (2, 3))
V = tf.ones((3, 2), tf.float64)

operations = {
    "sum over the rows": tf.reduce_sum(t, axis=0),
    "mean of each row, kept as a column": tf.reduce_mean(t, axis=1, keepdims=True),
    "matrix product": t @ V,
    "product element by element": t * t,
    "transposed": tf.transpose(t),
    "other shape": tf.reshape(t, (3, 2)),
    "a new axis": tf.expand_dims(t, 1),
    "one above the other": tf.concat([t, t], axis=0),
    "where it is above 2": tf.where(t > 2, t, 0.0),
    "place of the largest in each row": tf.argmax(t, axis=1),
    "standard deviation": tf.math.reduce_std(t),
    "decimal number, as it comes": tf.constant(0.1),
}
# t[0, 0] = 10.0 is an error: tensors never change; a tf.Variable has assign

result = {f"{name}: sum": float(np.sum(value.numpy(), dtype=float)) for name, value in operations.items()}
