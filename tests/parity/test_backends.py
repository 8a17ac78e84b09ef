"""Comparison of the results of all backends.

The NumPy backend of Keras has none of the package's native forms, so that its
outputs are the definition. It has no gradients: those are compared with
PyTorch's. OpenVINO's backend predicts only. `CASES=60` takes as many cases of
each layer and function, and `COMPILED=1` has TensorFlow compile them by XLA, as
`tox run -e parity` does. By default there are two cases, of which JAX computes
one and TensorFlow the other one.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from parity import compare
from parity.generated import STRATEGIES

TESTS = pathlib.Path(__file__).parents[1]
CASES = int(os.environ.get("CASES", "2"))
# Most of the time they compile.
TURNS = {} if "CASES" in os.environ else {"jax": "0", "tensorflow": "1"}
REFERENCE = "torch"
BACKENDS = [
    backend
    for backend in ("jax", "tensorflow", "torch", "openvino")
    if importlib.util.find_spec(backend)
]
# Its convolutions are those of JAX.
if importlib.util.find_spec("jax"):
    BACKENDS.append("numpy")
OTHERS = [backend for backend in BACKENDS if backend != REFERENCE]
# Limits of backends, by the text of the error.
LIMITS = {
    "numpy": ("needs the Keras backend jax, tensorflow or torch",),
    "openvino": ("needs the Keras backend jax, tensorflow or torch",),
}

pytestmark = pytest.mark.skipif(
    REFERENCE not in BACKENDS or not OTHERS,
    reason="With one backend there is nothing to compare.",
)


@pytest.fixture(scope="module")
def results(tmp_path_factory, request):
    """The results of each backend, by backend, case and array name.

    And, by case and array, how far rounding moves it. Of the names alone whose
    tests are selected.
    """
    names = {
        item.callspec.params["name"]
        for item in request.session.items
        if "results" in item.fixturenames and hasattr(item, "callspec")
    }
    folder = tmp_path_factory.mktemp("parity")
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    runs = {}
    for backend in BACKENDS:
        out = folder / f"{backend}.npz"
        options = ["--rounding"] if backend == REFERENCE else []
        if backend == "tensorflow" and "COMPILED" in os.environ:
            options.append("--compiled")
        if backend in TURNS:
            options += ["--turn", TURNS[backend]]
        with (folder / f"{backend}.log").open("w") as log:
            runs[backend] = subprocess.Popen(
                [
                    *(sys.executable, "-m", "parity.worker"),
                    *(*options, out, str(CASES), *sorted(names)),
                ],
                env={
                    **os.environ,
                    "KERAS_BACKEND": backend,
                    "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                    # After its imports, the worker turns warnings into errors.
                    "PYTHONWARNINGS": "ignore",
                    "JAX_TRACEBACK_IN_LOCATIONS_LIMIT": "0",
                },
                stdout=log,
                stderr=log,
            )
    found, rounding = {}, {}
    for backend, run in runs.items():
        code = run.wait()
        log = (folder / f"{backend}.log").read_text()
        assert code == 0, f"{backend} ended with {code}:\n{log[-4000:]}"
        with np.load(folder / f"{backend}.npz") as arrays:
            found[backend], moved = compare.cases(arrays)
            rounding |= moved
    return found, rounding


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("name", STRATEGIES)
def test_backends_compute_the_same(name, backend, results):
    found, rounding = results
    wrong, limited, count = [], 0, 0
    for case, arrays in found[backend].items():
        if case.partition("/")[0] != name:
            continue
        if limit(backend, arrays):
            limited += 1
            continue
        count += 1
        expected = reference(case, backend, found)
        different = compare.differences(
            arrays, expected, rounding.get(case, {})
        )
        wrong += [
            f"{expected['about']}: {part} {what}"
            for part, what in different.items()
        ]
    assert not wrong, "\n".join(wrong)
    if limited and not count:
        pytest.skip(f"{backend} cannot compute any of {limited} cases.")
    assert count


def limit(backend, arrays):
    error = str(arrays.get("error", ""))
    return any(words in error for words in LIMITS.get(backend, ()))


def reference(case, backend, found):
    """Return the expected results of a backend."""
    of_torch = found[REFERENCE][case]
    assert "error" not in of_torch, of_torch["error"]
    if backend in ("numpy", "openvino"):
        return {
            name: array
            for name, array in of_torch.items()
            if name != "loss" and not name.startswith("gradients/")
        }
    defined = found.get("numpy", {}).get(case, {})
    if "error" in defined:
        defined = {}
    return of_torch | defined


def test_few_comparisons_are_left_to_rounding(results):
    found, rounding = results
    loose = [
        case
        for case, arrays in found[REFERENCE].items()
        if compare.is_loose(arrays, rounding.get(case, {}))
    ]
    assert len(loose) < 0.05 * len(found[REFERENCE]), loose
