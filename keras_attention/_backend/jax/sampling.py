"""Indexing by sample, row and column, which XLA makes a row gather."""

import functools

import jax.numpy as jnp

from keras_attention._backend.plain import sampling


def take_rows(maps, rows, columns):
    """Return the channels at `rows` and `columns`, both of rank 3."""
    sample = jnp.arange(maps.shape[0])[:, None, None]
    return maps[sample, rows, columns]


grid_sample = functools.partial(sampling.grid_sample, gather=take_rows)
weighted_rows = functools.partial(sampling.weighted_rows, gather=take_rows)
