"""Files written on one backend are read on another.

Crosses the backends that are installed, all with all in the environment of the
examples. Where there is one, `tests/contract` has looked at its files.
"""

import contextlib
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


def start(backend, log, *folders):
    path = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, TESTS / "files_worker.py", *folders],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folders with the files of each backend, and its results of all files."""
    root = tmp_path_factory.mktemp("files")
    written = {backend: root / f"by_{backend}" for backend in BACKENDS}
    read = {backend: root / f"read_by_{backend}" for backend in BACKENDS}
    for folder in (*written.values(), *read.values()):
        folder.mkdir()
    with contextlib.ExitStack() as stack:
        workers, logs = {}, {}
        for backend in BACKENDS:
            log = stack.enter_context((root / f"{backend}.log").open("w+"))
            folders = (written[backend], read[backend])
            worker = stack.enter_context(start(backend, log, *folders))
            stack.callback(worker.kill)
            workers[backend], logs[backend] = worker, log
        for worker in workers.values():
            # An empty line is the end of the worker, whose log has the reason.
            while worker.stdout.readline() not in ("written\n", ""):
                pass
        for backend, worker in workers.items():
            worker.communicate("\t".join(map(str, written.values())))
            logs[backend].seek(0)
            assert worker.returncode == 0, logs[backend].read()[-4000:]
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
                # Weights to the last bit. What is computed of them is not,
                # even on one backend: in another process the memory of an
                # array begins elsewhere, and PyTorch adds in another order.
                close = name == "outputs"
                scale = np.abs(before[name]).max()
                np.testing.assert_allclose(
                    after[name],
                    before[name],
                    rtol=0,
                    atol=1e-5 * scale if close else 0,
                    err_msg=f"{case}, {kind}, {name}",
                )
