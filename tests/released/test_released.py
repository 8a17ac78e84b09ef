"""What a release saved, every later one loads, to the same numbers."""

import json
import zipfile

import keras
import numpy as np
import pytest

import keras_attention
import released_model
from contract.case import assert_close

VERSIONS = sorted(path.stem for path in released_model.FOLDER.glob("*.keras"))


def test_this_version_has_left_its_files():
    assert keras_attention.__version__ in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_files_of_a_release_are_read(version):
    with zipfile.ZipFile(released_model.FOLDER / f"{version}.keras") as file:
        writer = json.loads(file.read("metadata.json"))["keras_version"]
    if _numbers(writer) > _numbers(keras.__version__):
        pytest.skip("Keras need not read what a later Keras has written")
    model = keras.models.load_model(released_model.FOLDER / f"{version}.keras")
    with np.load(released_model.FOLDER / f"{version}.npz") as file:
        expected = [file[name] for name in file.files]
    assert_close(model(released_model.inputs()), expected)


def _numbers(version):
    return [int(part) for part in version.split(".")[:2]]
