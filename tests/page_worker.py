"""Runs the Python code of pages as a newcomer does: in a fresh process.

`python page_worker.py BACKEND PAGE ...` runs the blocks of each page from top
to bottom. Each page must select the backend before its first import of Keras,
because Keras uses TensorFlow where nothing is selected.

Pages select JAX. An environment of the tests has one backend, which is not JAX
in all of them, so the name of JAX in this line, and nothing else, is replaced.
"""

import ast
import os
import pathlib
import sys
import warnings
from functools import partial

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from pages import Page

README = "README.md"
SELECTION = 'os.environ["KERAS_BACKEND"] = '


def run(path, backend):
    """Run the code of a page, and return its names."""
    # What an earlier page has selected does not count.
    os.environ.pop("KERAS_BACKEND", None)
    names = {"__name__": "page"}
    for block in Page(path).blocks("python"):
        block = block.replace(f'{SELECTION}"jax"', f"{SELECTION}{backend!r}")
        for statement in ast.parse(block).body:
            if imports_keras(statement):
                check_selection(path, backend)
            code = compile(ast.Module([statement], []), path, "exec")
            exec(code, names)
            # Not earlier: it is the page that imports Keras. The README has
            # small networks, and runs where pytest is missing.
            if "keras_attention" in sys.modules and path != README:
                use_small_networks()
    return names


def imports_keras(statement):
    """Return whether a statement imports Keras or this package."""
    modules = []
    if isinstance(statement, ast.Import):
        modules = [alias.name for alias in statement.names]
    elif isinstance(statement, ast.ImportFrom):
        modules = [statement.module]
    packages = {module.partition(".")[0] for module in modules}
    return bool(packages & {"keras", "keras_attention"})


def check_selection(path, backend):
    """Raise an error if the page has not selected the backend."""
    selected = os.environ.get("KERAS_BACKEND")
    if selected != backend:
        raise ValueError(
            f'{path} must have {SELECTION}"jax" before its first import of '
            f"Keras. Received: {selected} for {backend}"
        )


def use_small_networks():
    """Replace large networks by small ones with the same names of weights."""
    import keras

    from keras_attention import models
    from small_networks import small
    from surgery_networks import residual

    parts = {"depths": (1,), "widths": (16,)}
    models.SEResNet50 = partial(small, "se", parts)
    models.SEResNet18 = partial(small, "se_basic", parts)
    keras.applications.ResNet50 = lambda **kwargs: residual()
    # As in the other tests, but not for imports, in which backends may warn.
    warnings.filterwarnings("error")
    warnings.filterwarnings("ignore", "__array__", DeprecationWarning)


if __name__ == "__main__":
    name, *pages = sys.argv[1:]
    for page in pages:
        results = run(page, name)
    assert sys.modules["keras"].config.backend() == name
    if pages == [README]:
        assert results["model"].count_params() > 0
        assert tuple(results["gate_of_channels"].shape) == (1, 1, 1, 64)
        assert tuple(results["gate_of_positions"].shape) == (1, 30, 30, 1)
