"""Peak memory of a training step, as the backend accounts for it.

For JAX and XLA, this is the size of the buffers of a compiled function:
arguments, outputs and temporary arrays. For PyTorch, it is the peak of what the
allocator gives to tensors. Both are exact: unlike the memory of a process, they
are the same in each run. TensorFlow without XLA is not measured, as the order
of a graph's operations, and with it the peak, differs from call to call.
"""

from typing import NamedTuple

from benchmarks import layers
from benchmarks import runners
from benchmarks.cases import QUICK
from benchmarks.cases import USUAL
from benchmarks.cases import Case

_WAYS = {"jax": "aot", "tensorflow": "xla", "torch": "eager"}


class Peak(NamedTuple):
    """Bytes of a training step per sample of 56 x 56 x 64."""

    layer: str
    ours: float
    baseline: float


def measure(case: Case, *, quick: bool = False) -> Peak:
    """Return the memory of a training step of each side."""
    shape = (QUICK if quick else USUAL)[0]
    ours, baseline = (
        runners.active().peak_bytes(make()) / shape.batch
        for make in layers.training_steps(case, shape, _WAYS[runners.BACKEND])
    )
    return Peak(case.name, ours, baseline)
