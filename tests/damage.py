"""Files that went bad on their way, and what may become of them."""

import numpy as np


def cuts(data, rng, count):
    """Yield a file as it is when its writing or its download stopped."""
    for kept in rng.integers(0, len(data), count):
        yield data[:kept]


def flips(data, rng, count):
    """Yield a file with one bit of it turned over."""
    for place in rng.integers(0, len(data), count):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        yield bytes(damaged)


def bursts(data, rng, count, length=16):
    """Yield a file with a run of other bytes in it."""
    for place in rng.integers(0, len(data) - length, count):
        yield data[:place] + rng.bytes(length) + data[place + length :]


def same(weights, others):
    """Return whether two lists of arrays are equal to the last bit."""
    return all(map(np.array_equal, weights, others))
