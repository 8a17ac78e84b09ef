"""Export formats of Keras, and the runtimes that run them."""

import warnings
from pathlib import Path

import keras
import numpy as np

BACKEND = keras.config.backend()


def saved_model(model, path, inputs):
    model.export(path, format="tf_saved_model", verbose=False)


def onnx(model, path, inputs):
    model.export(path, format="onnx", verbose=False)


def litert(model, path, inputs):
    signature = None
    if BACKEND == "torch":  # whose files have a fixed batch size
        specs = [keras.InputSpec(x.dtype.name, x.shape) for x in inputs]
        signature = [specs] if len(specs) > 1 else specs
    model.export(
        path, format="litert", verbose=False, input_signature=signature
    )


def torch_export(model, path, inputs):
    import torch

    tensors = tuple(torch.tensor(x) for x in inputs)
    arguments = (list(tensors),) if len(tensors) > 1 else tensors
    torch.export.save(torch.export.export(model.eval(), arguments), path)


def int8(model, path, inputs):
    model.quantize("int8")
    model.save(path)


# By name: the function that writes a format, file suffix, and backends.
FORMATS = {
    "SavedModel": (saved_model, "", ("tensorflow", "jax")),
    "ONNX": (onnx, ".onnx", ("tensorflow", "jax", "torch")),
    "LiteRT": (litert, ".tflite", ("tensorflow", "torch")),
    "torch.export": (torch_export, ".pt2", ("torch",)),
    "int8": (int8, ".keras", ("tensorflow", "jax", "torch")),
}


def formats():
    """Return the names of the formats that Keras has on this backend."""
    return [name for name, entry in FORMATS.items() if BACKEND in entry[2]]


def write(name, model, path, inputs):
    """Write a model, and return the expected outputs of the file.

    They are the outputs of the model; for int8 of the quantized model.
    """
    export, ending, _ = FORMATS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call(model, inputs)  # Keras exports only functions that were called
        export(model, f"{path}{ending}", inputs)
        return Path(f"{path}{ending}"), call(model, inputs)


def call(model, inputs):
    """Return the outputs of a model as an array."""
    outputs = model(list(inputs) if len(inputs) > 1 else inputs[0])
    return np.asarray(keras.ops.convert_to_numpy(outputs))
