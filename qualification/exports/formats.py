"""How a model leaves Keras, and what runs it without."""

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
    if BACKEND == "torch":  # whose files are for one size of the batch
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


# By name: what writes it, how its files end, and which backends have it.
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
    """Write a model, and return what the file is expected to compute.

    That is what the model computes, for int8 after it was quantized.
    """
    export, ending, _ = FORMATS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call(model, inputs)  # Keras exports nothing that was never called
        export(model, f"{path}{ending}", inputs)
        return Path(f"{path}{ending}"), call(model, inputs)


def call(model, inputs):
    """Return what a model computes, as an array."""
    outputs = model(list(inputs) if len(inputs) > 1 else inputs[0])
    return np.asarray(keras.ops.convert_to_numpy(outputs))
