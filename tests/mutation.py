"""Deliberate mutations: a copy of the package with a text replaced."""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import sys

import keras

PACKAGE = "keras_attention"


@contextlib.contextmanager
def mutated(module, old, new):
    """Import a copy of the package in which `old` in a module is `new`.

    At the end of the context the original package and its registrations with
    Keras are restored.
    """
    ours = {name: sys.modules.pop(name) for name in _loaded()}
    registered = keras.saving.get_custom_objects()
    names = dict(registered)
    finder = _Finder(f"{PACKAGE}.{module}", old, new)
    sys.meta_path.insert(0, finder)
    try:
        package = importlib.import_module(PACKAGE)
        # The package imports networks and tools at their first use.
        importlib.import_module(f"{PACKAGE}.{module}")
        assert finder.used, f"{module} was not imported"
        yield package
    finally:
        sys.meta_path.remove(finder)
        for name in _loaded():
            del sys.modules[name]
        sys.modules.update(ours)
        registered.clear()
        registered.update(names)


def _loaded():
    return [
        name for name in sys.modules if f"{name}.".startswith(f"{PACKAGE}.")
    ]


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module, old, new):
        self.module, self.old, self.new = module, old, new
        self.used = False

    def find_spec(self, name, path, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if name == self.module:
            self.used = True
            spec.loader = _Loader(spec.loader.path, name, self.old, self.new)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, path, name, old, new):
        super().__init__(name, path)
        self.old, self.new = old, new

    def get_code(self, fullname):
        source = self.get_source(fullname)
        count = source.count(self.old)
        assert count == 1, f"stands {count} times in {fullname}: {self.old!r}"
        return compile(source.replace(self.old, self.new), self.path, "exec")
