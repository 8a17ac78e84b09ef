"""Files written on one backend are read on another.

Crosses the backends that are installed, all with all in the environment of the
examples. Where there is one, `tests/contract` has looked at its files.
"""

import importlib.util
import itertools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from files_worker import CASES
from files_worker import is_read

BACKENDS = [
    backend
    for backend in ("jax", "tensorflow", "torch", "openvino")
    if importlib.util.find_spec(backend)
]
# Its convolutions are those of JAX.
if "jax" in BACKENDS:
    BACKENDS.append("numpy")
TESTS = pathlib.Path(__file__).parent


def work(backend, *arguments):
    path = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    run = subprocess.run(
        [sys.executable, TESTS / "files_worker.py", *arguments],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folders with the files of each backend, and its results of all files."""
    root = tmp_path_factory.mktemp("files")
    written = {backend: root / f"by_{backend}" for backend in BACKENDS}
    read = {backend: root / f"read_by_{backend}" for backend in BACKENDS}
    for folder in (*written.values(), *read.values()):
        folder.mkdir()
    for backend, folder in written.items():
        work(backend, "write", folder)
    for backend, folder in read.items():
        work(backend, "read", folder, *written.values())
    return written, read


@pytest.mark.parametrize(
    ("writer", "reader"), list(itertools.product(BACKENDS, repeat=2))
)
def test_files_are_read_as_written(writer, reader, files):
    written, read = files
    folder = written[writer]
    results = read[reader] / folder.name
    cases = [
        (index, case)
        for index, case in enumerate([*CASES, "a trained network"])
        if is_read(index, writer, reader)
    ]
    assert cases
    for index, case in cases:
        before = np.load(folder / f"{index}.npz")
        for kind in ("keras", "h5"):
            after = np.load(results / f"{index}-{kind}.npz")
            assert set(before.files) ^ set(after.files) <= {"outputs"}
            for name in set(before.files) & set(after.files):
                # Weights to the last bit. What is computed of them is so too
                # on one backend; another one adds in another order.
                close = name == "outputs" and writer != reader
                scale = np.abs(before[name]).max()
                np.testing.assert_allclose(
                    after[name],
                    before[name],
                    rtol=0,
                    atol=1e-5 * scale if close else 0,
                    err_msg=f"{case}, {kind}, {name}",
                )
