"""Reading the weights in ONNX files."""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from itertools import islice
from typing import Any
from typing import BinaryIO

import numpy as np

from keras_attention.checkpoints import _archives
from keras_attention.checkpoints._errors import NotNumbersError

# What the converter of Paddle adds to the name of a parameter.
_COPY = re.compile(r"_deepcopy_\d+$")


def read(file: BinaryIO) -> Mapping:
    """Return the initializers and constants of the graph in an ONNX file.

    `onnx.load` would also read the files that a model names. They could be any
    files of the machine.
    """
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "Reading an '.onnx' file needs the onnx library: "
            "`pip install onnx`. "
            f"Received: source={file.name!r}"
        ) from error
    graph = onnx.ModelProto.FromString(file.read()).graph
    # Before they are converted, which takes longer than to find them.
    tensors = list(islice(_tensors(graph), _archives.MAX_ARRAYS + 1))
    if len(tensors) > _archives.MAX_ARRAYS:
        raise _archives.too_many_arrays(file)
    arrays: dict[str, np.ndarray] = {}
    for name, tensor in tensors:
        if name in arrays:
            raise ValueError(f"Two tensors have the name {name!r}.")
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise NotNumbersError(
                name,
                "a tensor whose numbers are in another file",
                "Save the model with its weights in one file, by "
                "`onnx.save(onnx.load(path), path)`.",
            )
        arrays[name] = onnx.numpy_helper.to_array(tensor)
    return _without_copies(arrays)


def _tensors(graph: Any) -> Iterator[tuple[str, Any]]:
    """Yield the tensors of a graph with their names."""
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield node.output[0], attribute.t


def _without_copies(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays by the names of parameters, where these are unique."""
    names = {name: _COPY.sub("", name) for name in arrays}
    if len(set(names.values())) < len(names):
        return arrays
    return {names[name]: array for name, array in arrays.items()}
