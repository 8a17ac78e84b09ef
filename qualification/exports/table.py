"""Table of export formats by layer and backend, from trials.

`python qualification/exports/table.py` tries all formats on the backend that
`KERAS_BACKEND` names, writes the results to `results.json`, and writes the page
of the docs from the results of all backends. With names of layers as arguments
it tries these, and keeps the other rows.
"""

import functools
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RESULTS = HERE / "results.json"
PAGE = ROOT / "docs" / "robustness" / "exports.md"
sys.path[:0] = [str(ROOT / "tests"), str(HERE)]

import formats  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

INTRODUCTION = """\
# Export to other runtimes

Use this page to see which layers run in another runtime without this package.
If a layer cannot be exported from one backend, save the model, load it on
another backend, and export it there. Exported files are for inference only.

A number in a table says that the export works. It is the largest difference
between the outputs of the exported file and those of the source, relative to
the largest output. `no` refers to the error message below the table. In the
column `int8` the model was quantized by `model.quantize`, saved and reloaded,
and is compared with the quantized model.

- ONNX files from JAX are written by jax2onnx, which supports the fewest
  operations.
- SavedModels from JAX contain the output of XLA, and run in TensorFlow only.

`tox run -e export-jax`, `export-tensorflow` and `export-torch` export every
layer and three small networks to each format that Keras writes, with Keras
{version}, and run the files in a process without this package."""

NETWORKS = ("se_torch", "cbam", "sk")
TOLERANCE = 1e-4


def subjects():
    """Yield the name, a model and inputs of each layer and three networks."""
    from cases import EVERYTHING
    from small_networks import small

    seen = set()
    for case in EVERYTHING:
        name = case.layer_cls.__name__
        if name not in seen:
            seen.add(name)
            inputs = keras.tree.flatten(case.inputs())
            yield name, functools.partial(alone, case), inputs
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 64, 64, 3)).astype("float32")
    for family in NETWORKS:

        def network(family=family):
            keras.utils.set_random_seed(0)
            return small(family, input_shape=(64, 64, 3))

        yield f"network {family}", network, [images]


def alone(case):
    """Return a model of one layer, which takes one tensor if that does."""
    inputs = case.symbols()
    outputs = case.generic()(*inputs)
    inputs = keras.tree.flatten(inputs)
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def run(folder, names=None, only=None):
    """Return the error of each file, or the message, by subject and format.

    `only` are parts of the names of subjects.
    """
    found, manifest, expected = {}, [], {}
    for subject, make, inputs in subjects():
        if only and not any(part in subject for part in only):
            continue
        of_inputs = folder / f"{len(expected)}-{len(found)}.npz"
        np.savez(of_inputs, *inputs)
        found[subject] = {}
        for name in names or formats.formats():
            path = folder / f"{subject}-{name}".replace(" ", "-")
            try:
                path, outputs = formats.write(name, make(), path, inputs)
            except Exception as error:
                found[subject][name] = error_text(error)
                continue
            finally:
                keras.utils.clear_session()
                gc.collect()
            if name == "int8":
                again = formats.call(keras.models.load_model(path), inputs)
                found[subject][name] = distance(again, outputs)
            else:
                manifest.append((name, str(path), str(of_inputs)))
                expected[str(path)] = subject, name, outputs
        print(subject, found[subject], flush=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    run_elsewhere(folder, [path for _, path, _ in manifest])
    for path, (subject, name, outputs) in expected.items():
        said = Path(f"{path}.said").read_text()
        found[subject][name] = said or distance(np.load(f"{path}.npy"), outputs)
    return found


def run_elsewhere(folder, paths):
    """Run files in processes without this package, past those that crash."""
    start = 0
    while start < len(paths):
        command = [sys.executable, str(HERE / "runner.py"), str(folder)]
        ended = subprocess.run(
            [*command, str(start)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": "", "PYTHONSAFEPATH": "1"},
        )
        while start < len(paths) and Path(f"{paths[start]}.said").exists():
            start += 1
        if start < len(paths):
            said = f"The process ended with {ended.returncode}."
            Path(f"{paths[start]}.said").write_text(said)


def distance(found, right):
    """Return how far outputs are off, relative to the largest."""
    if found.shape != right.shape:
        return f"shape {found.shape}, not {right.shape}"
    return float(np.abs(found - right).max() / np.abs(right).max())


def error_text(error):
    """Return an error in words."""
    return f"{type(error).__name__}: {error}"


def anywhere(text):
    """Return a message without the folders of the machine that wrote it.

    >>> anywhere("no /tmp/x1/a.onnx in scope: b/c # /home/me/b.py:3")
    'no a.onnx in scope: b/c'
    """
    text = re.sub(r"\s*# /\S*", "", text)
    return re.sub(r"(?<![\w:/])/(?:[\w.-]+/)+", "", text)


def shortened(text):
    """Return the first words of an error, without colors and backticks."""
    text = re.sub(r"\x1b\[\d*m|[`|]", "", text)
    # Keras says where before it says what, and then with what.
    text = re.sub(r"Exception encountered when calling \S+\s+", "", text)
    text = text.partition("Arguments received")[0]
    text = text.rpartition("Original error: ")[2]
    return textwrap.shorten(text, 140, placeholder=" ...")


def works(result):
    return isinstance(result, float) and result <= TOLERANCE


def page(found):
    """Return the page of the docs: one table per backend, with the errors."""
    from importlib import metadata

    lines = INTRODUCTION.format(version=metadata.version("keras")).split("\n")
    for backend, of_backend in sorted(found.items()):
        names = [
            name
            for name in formats.FORMATS
            if any(name in results for results in of_backend.values())
        ]
        notes = []
        lines += ["", f"## {backend}", "", f"| | {' | '.join(names)} |"]
        lines += [f"|---{'|---' * len(names)}|"]
        for subject, results in sorted(of_backend.items()):
            cells = []
            for name in names:
                result = results.get(name, "It was not tried.")
                if works(result):
                    cells.append(f"{result:.0e}" if result else "0")
                else:
                    if isinstance(result, float):
                        result = f"off by {result:.1e}"
                    text = shortened(result)
                    if text not in notes:
                        notes.append(text)
                    cells.append(f"no ({notes.index(text) + 1})")
            lines.append(f"| {subject} | {' | '.join(cells)} |")
        lines += [""] * bool(notes)
        lines += [f"{i + 1}. `{note}`" for i, note in enumerate(notes)]
    return "\n".join(lines) + "\n"


def write(own, *, keep=False):
    """Write the results and the page, with the rows of before if `keep`."""
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    before = found.get(formats.BACKEND, {}) if keep else {}
    found[formats.BACKEND] = before | {
        subject: {
            name: anywhere(result) if isinstance(result, str) else result
            for name, result in results.items()
        }
        for subject, results in own.items()
    }
    RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(found))


def main(only):
    with tempfile.TemporaryDirectory() as folder:
        write(run(Path(folder), only=only), keep=bool(only))


if __name__ == "__main__":
    main(sys.argv[1:])
