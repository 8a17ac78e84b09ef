"""Directives that insert docstrings into pages.

`head` inserts the text of a docstring before its sections, the summary of a
layer and its equations, from its card when not to use it, and the picture of
its attention. `public` inserts the documentation of every public name of a
module. `stage` writes the pages of the layers, one for each class, to which
`overview` leads from the page of a family. `methods` inserts the table of the
methods of a class.
"""

import importlib
import inspect
import re
import shutil
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature
from sphinx.util.parsing import nested_parse_to_nodes

import keras_attention
from keras_attention import _cards
from keras_attention import models

# Methods of layers that are documented beside the class.
METHODS = ("attention", "locations")
# What methods do that Keras names, which have no docstring.
SUMMARIES = {
    "__init__": "Make the layer, with the arguments below.",
    "build": "Create the weights for a shape of the input.",
    "call": "Compute the outputs: see the call arguments below.",
    "attention": "Return the attention that `call` applies.",
    "compute_attention_shape": "Return the shapes of the attention.",
    "compute_output_shape": "Return the shape of the outputs.",
    "get_config": "Return the arguments, to save or copy the layer.",
}
PAGE = """\
# {name}

[](../../layers/{family}.md{anchor}) introduces this layer.

```{{methods}} {name}
```

```{{eval-rst}}
.. autoclass:: keras_attention.{name}
{methods}
```
"""
PICTURES = Path(__file__).parents[1] / "pictures" / "layers"
# What the picture of a layer shows, by the kinds of its attention.
SHOWN = {
    "channel": "the gate of each channel, and its differences between classes",
    "spatial": "the weight of each position",
    "grouped": "the weight of each position, as the mean of the groups",
    "mixed": "the weight of each position, as the mean of the channels, and "
    "the mean gate of each channel",
    "rows": "the weight of each row and its mean for each channel",
    "columns": "the weight of each column and its mean for each channel",
    "position pairs": "the weights of all positions for the one that is marked",
    "column pairs": "the weights of the row and column of the position that is "
    "marked",
    "row pairs": "the own position is counted once",
    "channel pairs": "the weights of all channels for each channel",
    "units": "the weights of the units that differ most between positions",
    "branches": "the weight of each branch, by class",
    "fusion": "the weight of the input `x` at each position, and of both "
    "inputs by class",
    "pixel offsets": "the length and the direction of the offsets of pixels",
    "kernel offsets": "the length of the offsets, and the window with the "
    "largest offsets",
    "kernel weights": "the weights of its taps",
    "group offsets": "the length of the offsets, and the window with the "
    "largest offsets",
    "group weights": "the weights of its points",
    "locations": "the points that the query in the middle reads",
    "location weights": "their weights",
}
# Kinds of attention that a layer does not have by default.
OPTIONAL = {"GlobalContext": ["channel"]}


class Head(SphinxDirective):
    """The start of a docstring, the limits, and the picture of a layer."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the text as paragraphs, and the picture if there is one."""
        layer = getattr(keras_attention, self.arguments[0])
        docstring = inspect.getdoc(layer) or ""
        head = re.split(r"^Args:$", docstring, maxsplit=1, flags=re.M)[0]
        # Code has one backtick on cards, as in the Markdown of the tables.
        limits = layer.card.limits.replace("`", "``")
        limits = f"**When not to use it.** {limits}"
        lines = [*head.splitlines(), "", limits, "", *_picture(layer)]
        return _parsed(self, lines)


def _picture(layer) -> list[str]:
    """Return the figure of a layer, whose file may not be there."""
    path = PICTURES / f"{layer.__module__.rpartition('.')[2]}.png"
    if not path.exists():
        return []
    optional = OPTIONAL.get(layer.__name__, ())
    kinds = [x for x in dict.fromkeys(layer.card.kinds) if x not in optional]
    shown = "; ".join(SHOWN[kind] for kind in kinds)
    alt = f"Attention of {layer.__name__} on digits: {shown}".replace("`", "")
    source = ":doc:`examples/every_layer.py </gallery/every_layer>`"
    return [
        f".. figure:: /pictures/layers/{path.name}",
        f"   :alt: {alt}",
        "",
        f"   {shown[0].upper()}{shown[1:]}. Plotted by {source}.",
    ]


class Public(SphinxDirective):
    """The documentation of all public names of a module."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the entries."""
        module = importlib.import_module(self.arguments[0])
        lines: list[str] = []
        for name in module.__all__:
            value = getattr(module, name)
            path = f"{_home(module, name)}.{name}"
            if inspect.isclass(value):
                lines += [f".. autoclass:: {path}", ""]
                lines += [
                    f"   .. automethod:: {path}.{method}"
                    for method in METHODS
                    if inspect.getdoc(getattr(value, method, None))
                ]
            elif inspect.isfunction(value):
                lines += [f".. autofunction:: {path}"]
            lines += [""]
        return _parsed(self, lines)


class Overview(SphinxDirective):
    """Table of the classes of a family, or of all, with links to their pages.

    On the page of a family, its classes are the pages below it.
    """

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        folder = "classes/"
        families = self.arguments or list(_cards.FAMILIES)
        head = (
            ["class", "operation"]
            if self.arguments
            else ["class", "family", "operation"]
        )
        lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        pages = []
        for family in families:
            for name in _cards.FAMILIES[family].__all__:
                cells = [f"`{name}`", _cards.layers()[name].card.operation]
                if not self.arguments:
                    cells.insert(1, f"[](./{family}.md)")
                lines.append(f"| {' | '.join(cells)} |")
                pages.append(f"{folder}{name}")
        if self.arguments:
            lines += ["", "```{toctree}", ":hidden:", "", *pages, "```"]
        return _markdown(self, lines)


class Methods(SphinxDirective):
    """Table of the public methods that a layer has."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        layer = getattr(keras_attention, self.arguments[0])
        lines = ["| method | description |", "|---|---|"]
        for name in methods(layer):
            lines.append(f"| `{name}` | {_summary(layer, name)} |")
        return _markdown(self, lines)


def methods(layer: type) -> list[str]:
    """Return the names of the methods that this package gives to a layer.

    >>> methods(keras_attention.CBAM)[:3]
    ['__init__', 'attention', 'build']
    """
    names = {
        name
        for cls in layer.__mro__
        if cls.__module__.startswith("keras_attention.")
        for name, value in vars(cls).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    documented = [
        name
        for name in names
        if name in SUMMARIES
        or name in METHODS
        or (name in vars(layer) and inspect.getdoc(vars(layer)[name]))
    ]
    return ["__init__", *sorted(documented)]


def _summary(layer: type, name: str) -> str:
    """Return the first line of a docstring, or the sentence of Keras' name."""
    has_own = name in vars(layer) and inspect.getdoc(vars(layer)[name])
    if name in SUMMARIES and (name == "__init__" or not has_own):
        return SUMMARIES[name]
    text = inspect.getdoc(getattr(layer, name)) or ""
    return text.partition("\n\n")[0].replace("\n", " ")


def stage(folder: Path) -> None:
    """Write a page for each layer to a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for family, module in _cards.FAMILIES.items():
        for name in module.__all__:
            layer = getattr(module, name)
            documented = "".join(
                f"\n   .. automethod:: keras_attention.{name}.{method}"
                for method in METHODS
                if hasattr(layer, method)
                and inspect.getdoc(getattr(layer, method))
            )
            text = PAGE.format(
                name=name,
                family=family,
                anchor=f"#{name.lower()}",
                methods=documented,
            )
            path = folder / f"{name}.md"
            path.write_text(text, encoding="utf-8")


def _markdown(directive: SphinxDirective, lines: list[str]) -> list[nodes.Node]:
    """Return parsed Markdown."""
    source, _ = directive.get_source_info()
    node = nodes.Element()
    text = StringList(lines, source=source)
    directive.state.nested_parse(text, directive.content_offset, node)
    return node.children


def _home(module, name: str) -> str:
    """Return the name of the module from which users import a name."""
    for public in (keras_attention, models):
        if name in public.__all__:
            return public.__name__
    return module.__name__


def _parsed(directive: SphinxDirective, lines: list[str]) -> list[nodes.Node]:
    source, _ = directive.get_source_info()
    return nested_parse_to_nodes(
        directive.state, StringList(lines, source=source)
    )


def sign(app, what, name, value, options, signature, returns):
    """Return the signature of a class, which Keras' `__new__` would hide."""
    if what == "class":
        signature = inspect.signature(value)
        signature = signature.replace(return_annotation=signature.empty)
        return stringify_signature(signature, unqualified_typehints=True), ""
    return signature, returns


def setup(app):
    """Register the directives."""
    app.connect("autodoc-process-signature", sign)
    app.add_directive("head", Head)
    app.add_directive("public", Public)
    app.add_directive("overview", Overview)
    app.add_directive("methods", Methods)
    return {"parallel_read_safe": True}
