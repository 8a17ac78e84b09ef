"""Fixtures of the tests of the examples."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent
# Runs examples in one process, because the start of a process takes seconds.
WORKER = """
import contextlib, io, json, runpy, sys, traceback
folder = sys.argv[1]
sys.path.insert(0, folder)
for line in sys.stdin:
    name, options = json.loads(line)
    sys.argv = [f"{folder}/{name}.py", *options]
    output, errors, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            status = 1
            traceback.print_exc()
    result = [status, output.getvalue(), errors.getvalue()]
    print(json.dumps(result), flush=True)
"""


@pytest.fixture(scope="session")
def in_turn():
    """A function that runs an example as a command, on a backend.

    It returns a `subprocess.CompletedProcess`. One process runs all examples of
    a backend. A test of an example that needs its own process starts that
    process itself.
    """
    workers = {}

    def start(backend):
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, EXAMPLES],
            env={
                **os.environ,
                "KERAS_BACKEND": backend,
                "PYTHONIOENCODING": "utf-8",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(name, *options, backend="torch"):
        if backend not in workers:
            workers[backend] = start(backend)
        worker = workers[backend]
        arguments = [name, [str(option) for option in options]]
        print(json.dumps(arguments), file=worker.stdin, flush=True)
        line = worker.stdout.readline()
        assert line, f"the process of {backend} has ended"
        return subprocess.CompletedProcess(arguments, *json.loads(line))

    yield run
    for worker in workers.values():
        with worker:
            worker.kill()
