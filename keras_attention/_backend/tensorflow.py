"""TensorFlow: a gather per sample, whose gradient is the quick one."""

import functools

import tensorflow as tf

from keras_attention._backend import plain


def _gather_rows(maps, rows, columns):
    batch, height, width, channels = tf.unstack(tf.shape(maps))
    flat = tf.reshape(maps, (batch, height * width, channels))
    return tf.gather(flat, rows * width + columns, batch_dims=1)


grid_sample = functools.partial(plain.grid_sample, gather=_gather_rows)
