"""Layers call their sublayers by the functions of `_base/calls.py`."""

import ast
from pathlib import Path

import pytest

import keras_attention

ROOT = Path(keras_attention.__file__).parent
FILES = [
    path
    for path in sorted(ROOT.rglob("*.py"))
    if path.relative_to(ROOT).parts[0] not in ("_base", "checkpoints")
]


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_kernels_of_sublayers_are_read_in_base_only(path):
    """Keras may have quantized a kernel, which `calls.weights` looks at."""
    tree = ast.parse(path.read_text("utf-8"))
    found = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "kernel"
        and ast.unparse(node.value) != "self"
    ]
    assert not found
