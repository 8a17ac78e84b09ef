"""Snapshot of the public names and their signatures.

`python tests/public_surface.py "a sentence of the CHANGELOG"` writes
the current names, and the sentence that describes the change.
"""

import hashlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path

import keras

ROOT = Path(__file__).parent.parent
SNAPSHOT = ROOT / "tests" / "surface" / "surface.json"
CHANGELOG = ROOT / "CHANGELOG.md"


def surface():
    """Return all public names with their signatures."""
    # Imported here, as a test replaces the package by a copy.
    import keras_attention
    from keras_attention import models
    from keras_attention import ops

    modules = {"keras_attention": keras_attention}
    modules |= {"keras_attention.ops": ops, "keras_attention.models": models}
    for info in pkgutil.iter_modules(models.__path__):
        if not info.name.startswith("_"):
            family = getattr(models, info.name)
            modules[f"keras_attention.models.{info.name}"] = family
    names = {}
    for path, module in modules.items():
        for name in module.__all__:
            value = getattr(module, name)
            names[f"{path}.{name}"] = signature(value)
            if isinstance(value, type):
                for method, function in methods(value).items():
                    names[f"{path}.{name}.{method}"] = function
    return dict(sorted(names.items()))


def methods(cls):
    """Return the methods of a class that users call."""
    return {
        name: signature(getattr(cls, name))
        for name in ("attention", "call", "locations")
        if name in dir(cls) and issubclass(cls, keras.layers.Layer)
    }


def signature(value):
    """Return names, kinds and defaults, which are all that a caller sees."""
    own = inspect.signature(value)
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in own.parameters.values()
    ]
    return str(
        own.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    )


def digest(names):
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]


def changelog():
    """Return the CHANGELOG as one line, as sentences go over several."""
    return " ".join(CHANGELOG.read_text().split())


def write(sentence):
    """Write the current surface with the sentence that describes it."""
    sentences = (
        json.loads(SNAPSHOT.read_text())["changelog"]
        if SNAPSHOT.exists()
        else {}
    )
    names = surface()
    if digest(names) in sentences:
        raise SystemExit("Nothing has changed.")
    if sentence in sentences.values() or sentence not in changelog():
        raise SystemExit("This is no new sentence of CHANGELOG.md.")
    sentences[digest(names)] = sentence
    text = json.dumps({"changelog": sentences, "names": names}, indent=1)
    SNAPSHOT.write_text(f"{text}\n")


if __name__ == "__main__":
    write(sys.argv[1])
