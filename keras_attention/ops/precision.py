"""Conversion of dtypes, and the dtype in which sums do not overflow."""

from keras import ops

from keras_attention._backend import native


def dtype_name(dtype) -> str:
    """Return the name of a dtype of a backend or NumPy.

    A third of the time of Keras' function. It is not cached, as `torch.compile`
    warns of caches.
    """
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.")


@native
def cast(x, dtype):
    """Cast a tensor or variable to a dtype."""
    return ops.cast(x, dtype)


def cast_all(tensors, dtype) -> list:
    """Cast several tensors or variables to a dtype."""
    return [cast(x, dtype) for x in tensors]


def cast_in_range(x, dtype):
    """Cast; beyond the range of float16, to its largest finite numbers."""
    if dtype_name(dtype) == "float16":
        x = ops.clip(x, -65504.0, 65504.0)
    return cast(x, dtype)


def upcast(x):
    """Cast to float32, or leave in float64, so that sums do not overflow."""
    return x if dtype_name(x.dtype) == "float64" else cast(x, "float32")


def upcast_float16(x):
    """Cast float16 to float32, and leave other dtypes.

    Sums over channels and pixels may overflow in float16 even if the result,
    such as a gate, is in range. The range of bfloat16 is large enough.
    """
    return upcast(x) if dtype_name(x.dtype) == "float16" else x
