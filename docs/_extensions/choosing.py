"""Directives for the tables of layers, networks, tests and benchmarks.

`layers`, `family` and `costs` read the cards of the layers, and `costs` the
measured times from `benchmarks/*.json` if there are any. `networks` reads the
docstrings of the builders, `goldens` reads the golden files, `mutations` reads
CONTRIBUTING, `benchmarks` reads `benchmarks/*.md`.
"""

import ast
import json
import re
from pathlib import Path

import numpy as np
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from keras_attention import _cards
from keras_attention import models
from keras_attention._base.card import Card
from keras_attention._base.card import paper_link

DOCS = Path(__file__).parents[1]
MEASURED = ("16x28x28x256", "training")
BACKENDS = {"jax": "JAX", "tensorflow": "TensorFlow", "torch": "PyTorch"}


class Table(SphinxDirective):
    """Base of directives that insert Markdown."""

    def run(self) -> list[nodes.Node]:
        """Return the parsed Markdown."""
        source, _ = self.get_source_info()
        node = nodes.Element()
        text = StringList(self.lines(), source=source)
        self.state.nested_parse(
            text, self.content_offset, node, match_titles=True
        )
        return node.children

    def lines(self) -> list[str]:
        """Return the Markdown, line by line."""
        raise NotImplementedError


class Layers(Table):
    """Table of what each layer acts on, its insertion point and its gain."""

    def lines(self):
        """Return the table."""
        lines = _head("layer", "operation", "insertion point", "reported gain")
        for card in (cls.card for cls in _cards.layers().values()):
            gain = ", ".join(map(paper_link, card.papers[:1])) or "-"
            if card.gain:
                gain = f"{card.gain} ({gain})"
            cells = (_call(card), card.operation, card.insertion, gain)
            lines += _row(*cells)
        return lines


class Family(Table):
    """List of the layers of a family."""

    required_arguments = 1

    def lines(self):
        """Return the names in one line."""
        names = _cards.FAMILIES[self.arguments[0]].__all__
        return [", ".join(f"`{name}`" for name in names)]


class Costs(Table):
    """Table of the cost of each layer, as formulas and as measured times."""

    def lines(self):
        """Return the table, and a note on the measured times."""
        measured = times()
        heads = [f"{BACKENDS[backend]}, ms" for backend in measured]
        lines = _head("layer", "parameters", "multiply-adds", *heads)
        for name, cls in _cards.layers().items():
            card = cls.card
            if not card.parameters:
                continue
            milliseconds = [
                f"{1e3 * seconds[name]:.1f}" if name in seconds else "-"
                for seconds in measured.values()
            ]
            symbols = ", ".join(
                f"${latex(symbol)} = {latex(value)}$"
                for symbol, value in card.symbols.items()
                if symbol not in ("F", "G", "N")
            )
            parameters = f"${latex(card.parameters)}$"
            if symbols:
                parameters += f", {symbols}"
            multiply_adds = f"${latex(card.multiply_adds)}$"
            lines += _row(_call(card), parameters, multiply_adds, *milliseconds)
        note = (
            "The parameters and the multiply-adds are numbers, the latter for "
            "one map. The last columns are the time of a training step for 16 "
            "maps of 28 x 28 x 256 in milliseconds, compiled where the backend "
            "has a compiler, on the machine that [](../validation/speed.md) "
            "names. A dash means that no time was measured."
        )
        if not measured:
            note = "*No times have been measured yet.*"
        return [*lines, "", note]


class Networks(Table):
    """Table of the networks, from the docstrings of their builders."""

    def lines(self):
        """Return the table."""
        lines = _head("builder", "parameters", "options", "paper")
        for name in models.__all__:
            builder = getattr(models, name)
            module = __import__(builder.__module__, fromlist=["__doc__"])
            (count,) = re.findall(r"of ([\d,]+) trainable", builder.__doc__)
            paper = re.search(r"arxiv\.org/abs/([\d.]+)", module.__doc__)[1]
            options = ", ".join(
                f"`{option}`" for option in _options(builder.__wrapped__)
            )
            lines += _row(f"`{name}`", count, options, paper_link(paper))
        return lines


class Goldens(Table):
    """Table of the sources of the golden files, by layer."""

    def lines(self):
        """Return the table, in the order of the names."""
        sources: dict[str, list[str]] = {}
        folder = DOCS.parent / "tests" / "goldens"
        for path in sorted(folder.glob("*.npz")):
            with np.load(path) as file:
                meta = json.loads(str(file["meta"]))
            source = f"{meta['source']} (`{path.stem}`)"
            name = meta.get("layer") or f"ops.{meta['function']}"
            sources.setdefault(name, []).append(source)
        lines = _head("layer or function", "computed by (file)")
        for layer, entries in sorted(sources.items()):
            lines += _row(f"`{layer}`", "; ".join(entries))
        return lines


class Mutations(Table):
    """Table of the mutation tests, from CONTRIBUTING."""

    def lines(self):
        """Return the table."""
        text = (DOCS.parent / "CONTRIBUTING.md").read_text("utf-8")
        return re.findall(
            r"(?m)^\|.*\|$", text.partition("## Mutation tests")[2]
        )


class Benchmarks(Table):
    """The tables that `python -m benchmarks` wrote for a backend.

    Their page has a section for each table, and a table of layers is divided
    by the shapes of the maps.
    """

    required_arguments = 1

    def lines(self):
        """Return the Markdown with lower headings, or a note."""
        path = DOCS / "benchmarks" / f"{self.arguments[0]}.md"
        if not path.exists():
            return ["*There are no tables yet.*"]
        text = path.read_text("utf-8").replace("](", "](../benchmarks/")
        # The page has the title of the first machine.
        text = re.sub(r"\A# .*\n", "", text)
        first, *others = re.split(r"(?m)^# .*, another machine\n", text)
        lines = [*divided(first, "##")]
        for other in others:
            lines += ["## Newer layers", "", *divided(other, "###")]
        return lines


def divided(text: str, heading: str) -> list[str]:
    r"""Return Markdown with a heading and a table for each shape.

    >>> table = ["## Speed", "", "| layer | shape | s |", "|:--|:--|--:|"]
    >>> table += ["| A | 8x8 | 1 |", "| A | 4x4 first | 2 |", "| B | 8x8 | 3 |"]
    >>> print("\n".join(divided("\n".join(table), "##")))
    ## Speed, 8x8
    <BLANKLINE>
    | layer | s |
    |:--|--:|
    | A | 1 |
    | B | 3 |
    <BLANKLINE>
    ## Speed, 4x4 first
    <BLANKLINE>
    | layer | s |
    |:--|--:|
    | A | 2 |
    <BLANKLINE>
    """
    lines: list[str] = []
    for section in re.split(r"(?m)^(?=## )", text):
        title, _, rest = section.partition("\n")
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in rest.splitlines()
            if line.startswith("|")
        ]
        if not title.startswith("## "):
            lines += section.splitlines()
        elif not rows or rows[0][1] != "shape":
            lines += [f"{heading}{title[2:]}", *rest.splitlines()]
        else:
            head, rule, *body = ([row[0], *row[2:]] for row in rows)
            shapes = [row[1] for row in rows[2:]]
            for shape in dict.fromkeys(shapes):
                lines += [f"{heading}{title[2:]}, {shape}", "", *_row(*head)]
                lines += ["|" + "|".join(rule) + "|"]
                for own, row in zip(shapes, body, strict=True):
                    lines += _row(*row) if own == shape else []
                lines += [""]
    return lines


def times() -> dict[str, dict[str, float]]:
    """Return the measured seconds of each layer, by backend."""
    by_backend: dict[str, dict[str, float]] = {}
    for path in sorted((DOCS / "benchmarks").glob("*.json")):
        layers = json.loads(path.read_text("utf-8")).get("layers", [])
        # Compiled times, where there are any, replace eager ones.
        for way in ("eager", "compiled"):
            for result in layers:
                measured = result["shape"], result["pass_"], result["way"]
                if measured == (*MEASURED, way):
                    seconds = by_backend.setdefault(path.stem, {})
                    seconds[result["layer"]] = result["ratio"]["seconds"]
    return by_backend


def latex(formula: str) -> str:
    r"""Return a Python expression in LaTeX.

    >>> print(latex("H * W * (159 * U / 32 + 2 * C**2)"))
    H W \left(\frac{159 U}{32} + 2 C^{2}\right)
    """
    return _latex(ast.parse(formula, mode="eval").body)


def _latex(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Constant(value=value):
            return str(value)
        case ast.BinOp(left, ast.Add(), right):
            return f"{_latex(left)} + {_latex(right)}"
        case ast.BinOp(left, ast.Sub(), right):
            return f"{_latex(left)} - {_latex(right)}"
        case ast.BinOp(left, ast.Pow(), right):
            return f"{_latex(left)}^{{{_latex(right)}}}"
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_latex(left)}}}{{{_latex(right)}}}"
        case ast.BinOp(left, ast.FloorDiv(), right):
            return f"{_latex(left)} / {_latex(right)}"
        case ast.BinOp(left, ast.Mult(), right):
            return f"{_factor(left)} {_factor(right)}"
        case ast.Call(ast.Name(id=name), arguments):
            joined = ", ".join(map(_latex, arguments))
            return rf"\{name}({joined})"
    raise ValueError(f"not a formula: {ast.unparse(node)}")


def _factor(node: ast.AST) -> str:
    """Return a factor, in brackets if it is a sum."""
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return rf"\left({_latex(node)}\right)"
    return _latex(node)


def _options(function) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def _call(card: Card) -> str:
    return f"`{card.call}`"


def _head(*cells: str) -> list[str]:
    return [*_row(*cells), "|" + ":--|" * len(cells)]


def _row(*cells: str) -> list[str]:
    return [f"| {' | '.join(cells)} |"]


def setup(app):
    """Register the directives."""
    app.add_directive("layers", Layers)
    app.add_directive("family", Family)
    app.add_directive("costs", Costs)
    app.add_directive("networks", Networks)
    app.add_directive("goldens", Goldens)
    app.add_directive("mutations", Mutations)
    app.add_directive("benchmarks", Benchmarks)
    return {"parallel_read_safe": True}
