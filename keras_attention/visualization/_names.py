"""Names of samples and classes in a plot."""

import numpy as np


class Names:
    """Names of samples and classes."""

    def __init__(self, labels, class_names) -> None:
        self._labels = labels
        self._class_names = class_names

    def sample(self, index: int) -> str:
        if self._labels is None:
            return f"image {index}"
        return self._class(self._labels[index])

    def classes(self) -> list[str]:
        return [self._class(label) for label in np.unique(self._labels)]

    def first(self, count: int) -> list[str]:
        """Return the names of samples, or none if there are more than 16."""
        return [self.sample(i) for i in range(count)] if count <= 16 else []

    def _class(self, label) -> str:
        if self._class_names is None:
            return f"class {label}"
        try:
            return str(self._class_names[label])
        except (IndexError, KeyError) as error:
            raise ValueError(
                f"`class_names` must have a name for each class in `labels`, "
                f"and has none for {label}. "
                f"Received: class_names={self._class_names!r}"
            ) from error
