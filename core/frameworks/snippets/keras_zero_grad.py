"""A tape returns new gradients each time: there is nothing to clear."""

import tensorflow as tf

x = tf.constant([[1.0, 2.0], [3.0, -1.0]], tf.float64)
y = tf.constant([1.0, 2.0], tf.float64)
w = tf.Variable([0.0, 0.0], dtype=tf.float64)
for _ in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((tf.linalg.matvec(x, w) - y) ** 2)
    gradient = tape.gradient(loss, w)  # the same each time

result = {"gradient after one backward": float(tf.norm(gradient))}
