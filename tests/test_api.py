"""The public surface, and what importing it costs and brings along."""

import ast
import importlib.metadata
import inspect
import os
import pathlib
import pkgutil
import subprocess
import sys
from typing import Unpack

import keras
import pytest

import keras_attention
from keras_attention import models
from keras_attention._base.options import LayerOptions


def test_public_names_are_there():
    for name in keras_attention.__all__:
        assert getattr(keras_attention, name).__doc__


def test_folders_export_what_the_package_does():
    folders = (
        "channel",
        "spatial",
        "mixed",
        "self_attention",
        "fusion",
        "hard",
    )
    folders += ("checkpoints", "registry", "surgery", "visualization")
    modules = [getattr(keras_attention, folder) for folder in folders]
    exported = [name for module in modules for name in module.__all__]
    assert sorted(exported) == sorted(keras_attention.__all__)


def test_networks_are_those_of_their_families():
    names = [info.name for info in pkgutil.iter_modules(models.__path__)]
    families = [getattr(models, name) for name in names if name[0] != "_"]
    common = {"decode_predictions", "preprocess_input"}
    exported = []
    for family in families:
        assert common <= set(family.__all__)
        exported += set(family.__all__) - common
    assert sorted(exported) == sorted(models.__all__)
    for name in models.__all__:
        assert getattr(models, name).__name__ == name


def test_each_class_has_a_file_of_its_name():
    for name in keras_attention.__all__:
        value = getattr(keras_attention, name)
        folder, file = value.__module__.rpartition(".")[::2]
        assert file.replace("_", "") == name.replace("_", "").lower()
        assert folder.count(".") == 1


def test_type_checkers_report_keywords_that_do_not_exist():
    """`tests/typed.py` has calls of users, which mypy checks."""
    package = pathlib.Path(keras_attention.__file__).parent
    assert (package / "py.typed").is_file()
    for name in keras_attention.list_attentions():
        signature = inspect.signature(getattr(keras_attention, name))
        annotation = signature.parameters["kwargs"].annotation
        assert annotation == Unpack[LayerOptions], name


def test_version_is_that_of_the_distribution():
    version = importlib.metadata.version("keras-vision-attention")
    assert version == keras_attention.__version__


@pytest.mark.skipif(
    "TOX_ENV_NAME" not in os.environ,
    reason="outside tox one may well test the checkout",
)
def test_the_wheel_is_tested_not_the_checkout():
    package = pathlib.Path(keras_attention.__file__).parent
    assert package.parent.name == "site-packages"


def test_importing_brings_no_backend_and_no_option():
    """Nothing comes along that Keras has not imported itself."""
    code = """
import sys, keras
before = set(sys.modules)
sys.modules["matplotlib"] = None  # which Keras may have, and we shall not
import keras_attention
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(new - sys.stdlib_module_names))
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KERAS_BACKEND": keras.config.backend()},
    )
    assert run.stdout.split() == ["keras_attention"]


def run_code(code, *arguments):
    """Return what a new process prints."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KERAS_BACKEND": keras.config.backend()},
    ).stdout.split()


def test_networks_and_tools_are_imported_at_first_use():
    imported = run_code("""
import sys, keras_attention
print(*(name for name in keras_attention._LATER
        if f"keras_attention.{name}" in sys.modules))
""")
    assert imported == []


def test_names_are_there_before_their_first_use():
    """Completion asks `dir`, and pickles import by name."""
    missing = run_code("""
import pickle, keras_attention
names = [*keras_attention.__all__, *keras_attention._LATER]
print(*set(names) - set(dir(keras_attention)))
for name in keras_attention.__all__:
    assert pickle.loads(pickle.dumps(getattr(keras_attention, name)))
""")
    assert missing == []


def test_type_checkers_see_what_is_imported_at_first_use():
    tree = ast.parse(inspect.getsource(keras_attention))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: f"{node.module}.{alias.name}".split(".")[1]
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen.pop("models") == "models"
    assert seen == keras_attention._PACKAGES


def test_unknown_names_raise_attribute_errors():
    with pytest.raises(AttributeError, match=r"no attribute 'CBAN'"):
        keras_attention.CBAN  # noqa: B018


def test_saved_networks_load_before_any_other_use(tmp_path):
    network = models.SEResNet18(
        include_top=False,
        weights=None,
        attention=None,
        input_shape=(3, 32, 32),
        data_format="channels_first",
    )
    changed = keras_attention.attach(network, "cbam", network.output_names)
    path = str(tmp_path / "changed.keras")
    changed.save(path)
    names = run_code(
        """
import sys, keras, keras_attention
network = keras.saving.load_model(sys.argv[1])
print(type(network).__name__, *network.output_names)
print(*{type(layer).__name__ for layer in network.layers})
""",
        path,
    )
    assert names[:2] == ["NamedOutputs", *changed.output_names]
    assert "ChannelsFirstConv2D" in names
