"""Runs exported files in a process that has no keras_attention.

Reads the manifest of a folder, a list of `[format, file, inputs]`, and writes
the outputs of each file, or the error, beside it. After a crash there is no
output: run the script again from the next file.
"""

import json
import sys
from pathlib import Path

import numpy as np

# The package may lie on the path; here nobody gets at it.
sys.modules["keras_attention"] = None


def saved_model(path, inputs):
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    inputs = [tf.constant(x) for x in inputs]
    return loaded.serve(inputs if len(inputs) > 1 else inputs[0]).numpy()


def litert(path, inputs):
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_path=path)
    # Not in the order of the model's inputs, but named by it.
    details = sorted(interpreter.get_input_details(), key=lambda d: d["name"])
    for detail, x in zip(details, inputs, strict=True):
        interpreter.resize_tensor_input(detail["index"], x.shape)
    interpreter.allocate_tensors()
    for detail, x in zip(details, inputs, strict=True):
        interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def onnx(path, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = [entry.name for entry in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))[0]


def torch_export(path, inputs):
    import torch

    tensors = [torch.tensor(x) for x in inputs]
    program = torch.export.load(path).module()
    arguments = (tensors,) if len(tensors) > 1 else tensors
    return program(*arguments).detach().numpy()


RUNNERS = {
    "SavedModel": saved_model,
    "LiteRT": litert,
    "ONNX": onnx,
    "torch.export": torch_export,
}


def main(folder, start):
    """Run the files of the manifest from index `start` on, and write errors."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, path, inputs in manifest[start:]:
        with np.load(inputs) as file:
            arrays = [file[key] for key in sorted(file)]
        try:
            np.save(f"{path}.npy", RUNNERS[name](path, arrays))
            said = ""
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        Path(f"{path}.said").write_text(said)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
