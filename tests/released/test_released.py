"""Files saved by a release load in later releases, with the same outputs."""

import json
import zipfile

import keras
import numpy as np
import pytest

import keras_attention
import released_model
from contract.case import assert_close

VERSIONS = sorted(path.stem for path in released_model.FOLDER.glob("*.keras"))


def test_files_of_this_version_exist():
    assert keras_attention.__version__ in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_files_of_releases_load(version):
    with zipfile.ZipFile(released_model.FOLDER / f"{version}.keras") as file:
        writer = json.loads(file.read("metadata.json"))["keras_version"]
    if _version_numbers(writer) > _version_numbers(keras.__version__):
        pytest.skip("This Keras is older than the Keras that wrote the file.")
    model = keras.models.load_model(released_model.FOLDER / f"{version}.keras")
    with np.load(released_model.FOLDER / f"{version}.npz") as file:
        expected = [file[name] for name in file.files]
    assert_close(model(released_model.inputs()), expected)


def _version_numbers(version):
    return [int(part) for part in version.split(".")[:2]]
