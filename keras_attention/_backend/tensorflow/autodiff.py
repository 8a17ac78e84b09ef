"""Derivatives."""

import tensorflow as tf


def gradient(function, x):
    """Return the gradient at `x` of a function to numbers."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = function(x)
    return tf.convert_to_tensor(tape.gradient(value, x))
