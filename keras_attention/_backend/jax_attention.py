"""Native form of attention to all positions for JAX, part by part."""

import jax
import jax.numpy as jnp
from jax import lax

# The most weights that are in memory at once.
_WEIGHTS = 2**20


def attend(definition, query, key, value, *, axis):
    """Sums of the values, weighted by the softmax of `query` times `key`.

    The definition keeps the weights of all pairs for its gradient. This one
    computes them twice, and never has more than a part of them.
    """
    if axis == 1:
        query, key, value = (jnp.swapaxes(x, 1, 2) for x in (query, key, value))
    batch, count, channels = query.shape
    sizes = (batch, count, key.shape[1])
    # Sizes that an exported function leaves open are no integers.
    is_known = all(isinstance(size, int) for size in sizes)
    if not is_known or batch * count * key.shape[1] <= _WEIGHTS:
        outputs = definition(query, key, value, axis=2)
    else:
        rows = max(1, _WEIGHTS // (batch * key.shape[1]))
        parts = -(-count // rows)
        query = jnp.pad(query, ((0, 0), (0, parts * rows - count), (0, 0)))
        query = query.reshape(batch, parts, rows, channels).swapaxes(0, 1)
        outputs = lax.map(lambda part: _attend(part, key, value), query)
        outputs = outputs.swapaxes(0, 1).reshape(batch, parts * rows, -1)
        outputs = outputs[:, :count]
    return jnp.swapaxes(outputs, 1, 2) if axis == 1 else outputs


@jax.checkpoint
def _attend(query, key, value):
    scores = query @ jnp.swapaxes(key, 1, 2)
    return jax.nn.softmax(scores, axis=2) @ value
