"""Whether every layer works on the versions that are installed here.

Prints one line of JSON: the versions, how many cases computed what their
float64 reference do, came back from a file and were trained, and what did not.
"""

import json
import platform
import sys
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import importlib.util

if importlib.util.find_spec("torch"):
    import torch  # noqa: F401  before tensorflow
import openvino_float32  # noqa: F401  # isort: skip (before Keras)
import keras
import numpy as np

BACKEND = keras.config.backend()
# The packages of a backend, if they have another name than the backend.
PACKAGES = {"tensorflow": ("tensorflow_cpu", "tensorflow")}
TRAINS = BACKEND in ("jax", "tensorflow", "torch")


def computes(case, folder):
    import references
    from contract.case import assert_close

    layer, inputs = case.generic(), case.inputs()
    assert_close(layer(*inputs), references.run(layer, inputs)[0], 2e-5)


def is_saved(case, folder):
    from contract.case import assert_close

    model, inputs = case.model(), case.inputs()
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    assert_close(loaded(inputs), model(inputs), 1e-6)


def is_trained(case, folder):
    model = case.model()
    model.compile("sgd", "mse")
    losses = model.fit(case.inputs(), case.cotangent(), verbose=0).history
    assert np.isfinite(losses["loss"]).all()


def version(names):
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "?"


def main():
    from cases import CASES
    from cases import GLIMPSES

    steps = [computes, is_saved, *([is_trained] if TRAINS else [])]
    worked, failed = {step.__name__: 0 for step in steps}, {}
    first = {case.layer_cls: case for case in reversed(CASES + GLIMPSES)}
    for case in first.values():
        for step in steps:
            try:
                with (
                    tempfile.TemporaryDirectory() as folder,
                    warnings.catch_warnings(),
                ):
                    warnings.simplefilter("ignore")
                    step(case, Path(folder))
                worked[step.__name__] += 1
            except Exception as error:
                name = f"{case.layer_cls.__name__} {step.__name__}"
                failed[name] = f"{type(error).__name__}: {error}"[:300]
    own = version(PACKAGES.get(BACKEND, (BACKEND,)))
    line = {
        "python": platform.python_version(),
        "keras": metadata.version("keras"),
        "backend": f"{BACKEND} {own}",
        "layers": len(first),
        "worked": worked,
        "failed": failed,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
