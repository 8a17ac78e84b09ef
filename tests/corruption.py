"""Ways in which the bytes of a file are corrupted."""

import numpy as np


def truncated(data, rng, count):
    """Yield a file that is cut off at random lengths."""
    for kept in rng.integers(0, len(data), count):
        yield data[:kept]


def with_flipped_bits(data, rng, count):
    """Yield a file with one random bit flipped."""
    for index in rng.integers(0, len(data), count):
        corrupted = bytearray(data)
        corrupted[index] ^= 1 << int(rng.integers(8))
        yield bytes(corrupted)


def with_random_bytes(data, rng, count, length=16):
    """Yield a file with a run of random bytes in it."""
    for start in rng.integers(0, len(data) - length, count):
        yield data[:start] + rng.bytes(length) + data[start + length :]


def all_equal(weights, others):
    """Return whether two lists of arrays are exactly equal."""
    return all(map(np.array_equal, weights, others))
