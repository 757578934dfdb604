"""A tape records while it is open; tf.function turns the same lines into a fixed graph with a while node in it."""

import tensorflow as tf

NUMBER = 6


@tf.function  # without this line: run at once, as in PyTorch
def steps(x, n):
    h = x
    while n != 1:  # n is a tensor: AutoGraph writes ONE while node, whatever n is
        if n % 2 == 0:
            h, n = tf.sin(h), n // 2
        else:
            h, n = h * 1.5, 3 * n + 1
    return h**2


x = tf.Variable(0.5, dtype=tf.float64)  # variables are watched; for a constant say tape.watch(x)
with tf.GradientTape() as tape:
    y = steps(x, tf.constant(NUMBER))

result = {"y": float(y), "dy/dx": float(tape.gradient(y, x))}
