"""The weights of a target by their paths of attributes."""

import keras


def weights_by_path(target: keras.layers.Layer) -> dict[str, keras.Variable]:
    """Return the weights of a target by path, such as `"conv.kernel"`."""
    return {
        weight.path.removeprefix(f"{target.path}/").replace("/", "."): weight
        for weight in target.weights
    }
