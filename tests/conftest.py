"""Fixtures and options of all tests: random seed, data formats."""

import gc
import importlib.util
import itertools
import os
from typing import NamedTuple

if importlib.util.find_spec("torch"):
    import torch  # before tensorflow, whose libraries clash otherwise

import openvino_float32  # noqa: F401  # isort: skip (before Keras)
import keras
import numpy as np
import pytest

pytest.register_assert_rewrite("contract", "golden")


TESTS = itertools.count(1)


class Sampled(NamedTuple):
    """Files and folders of which the default run takes every n-th test.

    `torch` and `compiled` are this number on PyTorch, and on JAX and
    TensorFlow, which spend most of the test time on compilation. Without names
    it is all others.
    """

    names: tuple[str, ...]
    torch: int
    compiled: int

    def holds(self, path: str) -> bool:
        """Return whether a file is one of these."""
        if not self.names:
            return True
        return any(f"{path}/".startswith(f"{name}/") for name in self.names)


# A file is in the first group that has its name.
SAMPLED = (
    # Two modes take turns in the tests of training.
    Sampled(("contract/test_training.py",), torch=1, compiled=1),
    # Graphs, files and names rather than values.
    Sampled(
        ("contract/test_attention.py", "contract/test_saving.py"),
        torch=2,
        compiled=16,
    ),
    Sampled(
        (
            "checkpoints",
            "contract/test_configuration.py",
            "files",
            "surface",
            "surgery",
            "visualization",
        ),
        torch=1,
        compiled=16,
    ),
    # Comparisons with other backends, and what `contract.selection` samples.
    Sampled(
        (
            "contract",
            "parity",
            "stress/test_regressions.py",
            "test_files_across_backends.py",
            "test_inference_backends.py",
        ),
        torch=1,
        compiled=1,
    ),
    # Native forms, all of which coverage asks for, and derivatives.
    Sampled(
        (
            "backend/test_every_form.py",
            "backend/test_products.py",
            "backend/test_tensorflow.py",
        ),
        torch=1,
        compiled=1,
    ),
    Sampled(("backend", "test_goldens.py"), torch=1, compiled=2),
    Sampled(("derivatives", "training"), torch=3, compiled=1),
    # The code of the README, which a newcomer runs on each backend.
    Sampled(("test_readme.py",), torch=1, compiled=1),
    Sampled(("stress",), torch=4, compiled=4),
    Sampled((), torch=1, compiled=12),
)

if keras.config.backend() == "torch" and torch.get_num_threads() == 1:
    # With one thread, PyTorch 2.13 on a processor without AVX-512 writes out of
    # bounds in the backward pass of a 1x1 convolution with a stride of 2 over
    # fewer than 8 channels, which small networks of tests have.
    torch.set_num_threads(2)


def pytest_runtest_teardown():
    """Exclude permanent objects from garbage collection.

    Backends keep compiled functions, and Keras collects garbage for each kernel
    that it quantizes. Scanning these objects each time took a tenth of the test
    time on JAX.
    """
    if next(TESTS) % 50 == 0:
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(config, items):
    """Select every n-th test of each group.

    JAX and TensorFlow run different ones, where there is no reason to expect a
    difference between them. If files or folders are given, all of their tests
    are run, unless `TESTS=some` or `TESTS=few` asks for the sample.
    """
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    size = os.environ.get("TESTS", "some" if everything else "all")
    if size == "all":
        return
    backend = keras.config.backend()
    tests = config.rootpath / "tests"
    groups = {group: [] for group in SAMPLED}
    for item in items:
        # Examples and benchmarks are in other folders.
        if item.path.is_relative_to(tests):
            path = item.path.relative_to(tests).as_posix()
            groups[next(it for it in SAMPLED if it.holds(path))].append(item)
    left_out = set()
    for group, group_items in groups.items():
        is_torch = backend == "torch" and size != "few"
        stride = group.torch if is_torch else group.compiled
        start = stride // 2 if backend == "tensorflow" else 0
        left_out |= set(group_items) - set(group_items[start::stride])
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)
    yield
    keras.utils.clear_session(free_memory=False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["channels_last", "channels_first"])
def data_format(request):
    return request.param
