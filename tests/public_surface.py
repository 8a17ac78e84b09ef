"""What users may rely on: every public name, and how it is called.

`python tests/public_surface.py "a sentence of the CHANGELOG"` writes down what
there is now, and that this sentence tells of what is new.
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
    """Return all public names with what they are called with."""
    # Anew each time, as a test puts another copy in its place.
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
    """Return what of a class users call; the rest is between it and Keras."""
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
    """Write down what there is now, which a sentence tells."""
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
