"""A gather per sample, whose gradient is the quick one."""

import functools

import tensorflow as tf

from keras_attention._backend.plain import sampling


def take_rows(maps, rows, columns):
    """Return the channels at `rows` and `columns`, both of rank 3."""
    batch, height, width, channels = tf.unstack(tf.shape(maps))
    flat = tf.reshape(maps, (batch, height * width, channels))
    return tf.gather(flat, rows * width + columns, batch_dims=1)


def take_along(values, index, axis):
    """Return the values at an index of their own along an axis, of three.

    Keras' own would move the axis, and gather from each line apart.
    """
    shape = tf.shape(values)
    others = [
        tf.reshape(tf.range(shape[i]), [-1 if j == i else 1 for j in range(3)])
        for i in range(3)
    ]
    others[axis] = index
    first, second, third = others
    places = (first * shape[1] + second) * shape[2] + third
    return tf.gather(tf.reshape(values, [-1]), places)


weighted_rows = functools.partial(sampling.weighted_rows, gather=take_rows)
grid_sample = functools.partial(
    sampling.grid_sample, weighted_rows=weighted_rows
)
