"""Modules are imported in one direction, and each of them alone."""

import ast
import graphlib
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import keras_attention

ROOT = Path(keras_attention.__file__).parent
MODULES = {
    ".".join(
        ("keras_attention", *path.relative_to(ROOT).with_suffix("").parts)
    ).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
# Each folder imports those before it, and layers those of their own kind.
FOLDERS = [
    ("_utils",),
    ("_backend",),
    ("ops",),
    ("_base",),
    ("channel", "spatial", "mixed", "self_attention", "fusion", "hard"),
    ("_cards",),
    ("registry",),
    ("checkpoints",),
    ("models",),
    ("surgery", "visualization"),
]
LEVELS = {name: level for level, names in enumerate(FOLDERS) for name in names}


def folder(module):
    """Return the folder of the package that a module is in."""
    return (*module.split("."), "")[1]


def imported(module):
    """Yield the modules that one imports, in its functions as well."""
    path = MODULES[module]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [n if n in MODULES else node.module for n in names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and node.attr == "import_module":
            # The name is unknown here: it may be any module beside this one.
            package = (
                module if path.stem == "__init__" else module.rpartition(".")[0]
            )
            names = [n for n in MODULES if n.rpartition(".")[0] == package]
        else:
            continue
        yield from (name for name in names if name in MODULES)


GRAPH = {module: set(imported(module)) - {module} for module in MODULES}


def test_no_module_imports_itself_through_others():
    assert len(GRAPH) > 100
    # Raises an error that names the modules of a circle.
    assert set(graphlib.TopologicalSorter(GRAPH).static_order()) == set(MODULES)


def test_folders_import_only_those_before_them():
    wrong = [
        f"{module} imports {name}"
        for module, names in GRAPH.items()
        for name in names
        if folder(module) in LEVELS
        and LEVELS[folder(module)] < LEVELS.get(folder(name), -1)
    ]
    assert not wrong


def test_no_layer_imports_private_names_of_another_folder():
    layers = FOLDERS[4]
    wrong = [
        f"{module} imports {name}"
        for module, names in GRAPH.items()
        if folder(module) in layers
        for name in names
        if folder(name) != folder(module)
        and name.rpartition(".")[2].startswith("_")
        and folder(name) not in ("_utils", "_backend", "_base")
    ]
    assert not wrong


SCRIPT = """
import importlib, sys, types
from pathlib import Path
import keras

root, *modules = sys.argv[1:]
for module in modules:
    for name in [n for n in sys.modules if n.startswith("keras_attention")]:
        del sys.modules[name]
    # The folders that the module is in are there, but import nothing.
    parents = module.split(".")[:-1]
    for end in range(1, len(parents) + 1):
        package = types.ModuleType(".".join(parents[:end]))
        package.__path__ = [str(Path(root, *parents[:end]))]
        sys.modules[package.__name__] = package
    importlib.import_module(module)
"""


def test_every_module_is_imported_alone():
    backend = importlib.import_module("keras").config.backend()
    others = {"jax", "tensorflow", "torch"} - {backend}
    modules = [
        name
        for name in MODULES
        if name.removeprefix("keras_attention._backend.").split("_")[0]
        not in others
    ]
    assert len(modules) > 100
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(ROOT.parent), *modules],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_packages_have_no_other_modules():
    found = pkgutil.walk_packages(keras_attention.__path__, "keras_attention.")
    assert {info.name for info in found} == set(MODULES) - {"keras_attention"}
