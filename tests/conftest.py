"""Fixtures and options of all tests: random seed, data formats."""

import gc
import importlib.util
import itertools

if importlib.util.find_spec("torch"):
    import torch  # before tensorflow, whose libraries clash otherwise

import keras
import numpy as np
import pytest

from autodiff import THOROUGH

pytest.register_assert_rewrite("contract", "golden")


TESTS = itertools.count(1)
# Compiled backends run all of these, unless `STRIDES` has a file of them:
# values, derivatives, native forms.
OF_BACKENDS = (
    "backend",
    "contract",
    "derivatives",
    "training",
    "test_docstrings.py",
    "test_goldens.py",
)

# Tests of graphs, files and names rather than of values.
OF_KERAS = (
    "checkpoints",
    "contract/test_attention.py",
    "contract/test_configuration.py",
    "contract/test_saving.py",
    "files",
    "surface",
    "surgery",
    "visualization",
)

# Of these every n-th is run, and of those in no group every fourth. Three, as
# two modes take turns in the tests of training.
STRIDES = {OF_KERAS: 8, ("contract/test_training.py",): 3}

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
    """Select every n-th test for compiled backends.

    JAX and TensorFlow spend most of the test time on compilation; PyTorch runs
    all tests. JAX and TensorFlow run different ones, where there is no reason
    to expect a difference between them. If files or folders are given, all of
    their tests are run.
    """
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if THOROUGH or not everything:
        return
    tests = config.rootpath / "tests"
    left_out = set()
    on_tensorflow = keras.config.backend() == "tensorflow"
    for names, stride in {**STRIDES, None: 4}.items():
        group = [
            item
            for item in items
            if _is_selected(item.path.relative_to(tests).as_posix(), names)
        ]
        start = stride // 2 if on_tensorflow else 0
        left_out |= set(group) - set(group[start::stride])
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def _is_selected(path, names):
    """Return whether a file is one of these; what is in no group is in `None`.

    Names are those of files and folders.
    """

    def is_in(names):
        return any(f"{path}/".startswith(f"{name}/") for name in names)

    if names is None:
        return not any(map(is_in, (OF_BACKENDS, *STRIDES)))
    return is_in(names)


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
