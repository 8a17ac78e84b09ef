"""Directives for the tables of layers and of networks.

`layers` and `costs` are made from `choosing.toml`, and what was measured from
`benchmarks/*.json` if there are any. `networks` is made from the builders,
`mutations` from CONTRIBUTING, `benchmarks` from `benchmarks/*.md`.
"""

import ast
import json
import re
import tomllib
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from keras_attention import models

DOCS = Path(__file__).parents[1]
MEASURED = ("16x28x28x256", "training")
PAPER = "[{0}](https://arxiv.org/abs/{0})"


def rows() -> list[dict]:
    """Return what `choosing.toml` says of each layer."""
    return tomllib.loads((DOCS / "choosing.toml").read_text("utf-8"))["layer"]


class Table(SphinxDirective):
    """A table, written in Markdown."""

    def run(self) -> list[nodes.Node]:
        """Return it."""
        source, _ = self.get_source_info()
        node = nodes.Element()
        text = StringList(self.lines(), source=source)
        self.state.nested_parse(text, self.content_offset, node)
        return node.children

    def lines(self) -> list[str]:
        """Return the Markdown, line by line."""
        raise NotImplementedError


class Layers(Table):
    """What each layer acts on, where it goes and what it gained."""

    def lines(self):
        """Return the table."""
        lines = _head(
            "layer", "acts on", "where it goes", "what a paper gained"
        )
        for row in rows():
            gain = row.get("gain", "")
            paper = PAPER.format(row["source"])
            sentence = f"{gain} ({paper})" if gain else paper
            lines += _row(_link(row), row["acts_on"], row["goes"], sentence)
        return lines


class Costs(Table):
    """What each layer costs, as formulas and as measured."""

    def lines(self):
        """Return the table, and a line where nothing was measured."""
        measured = times()
        lines = _head("layer", "parameters", "multiply-adds", *measured)
        for row in rows():
            if "parameters" not in row:
                continue
            name = row["call"].partition("(")[0]
            found = [
                f"{1e3 * seconds[name]:.1f} ms" if name in seconds else ""
                for seconds in measured.values()
            ]
            symbols = ", ".join(
                f"${latex(symbol)} = {latex(value)}$"
                for symbol, value in row.get("where", {}).items()
                if symbol not in ("F", "G", "N")
            )
            parameters = f"${latex(row['parameters'])}$"
            if symbols:
                parameters += f", {symbols}"
            products = f"${latex(row['products'])}$"
            lines += _row(_link(row), parameters, products, *found)
        sentence = (
            "The last columns are the time of a training step for 16 maps of "
            "28 x 28 x 256, compiled where the backend has a compiler, on the "
            "machine that [](../validation/speed.md) names."
        )
        if not measured:
            sentence = (
                "*Times are not measured yet. They will be columns here.*"
            )
        return [*lines, "", sentence]


class Networks(Table):
    """The networks, with what their docstrings say."""

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
            lines += _row(f"`{name}`", count, options, PAPER.format(paper))
        return lines


class Mutations(Table):
    """The deliberate mutations, as CONTRIBUTING lists them."""

    def lines(self):
        """Return the table."""
        text = (DOCS.parent / "CONTRIBUTING.md").read_text("utf-8")
        return re.findall(r"(?m)^\|.*\|$", text.partition("## Deliberate")[2])


class Benchmarks(Table):
    """What `python -m benchmarks` wrote, a section a backend."""

    def lines(self):
        """Return its Markdown, a level lower, or that there is none."""
        lines: list[str] = []
        for path in sorted((DOCS / "benchmarks").glob("*.md")):
            text = path.read_text("utf-8")
            text = re.sub(r"(?m)^#", "##", text)
            text = text.replace("](", "](../benchmarks/")
            lines += [*text.splitlines(), ""]
        return lines or ["*There are no tables yet.*"]


def times() -> dict[str, dict[str, float]]:
    """Return the seconds of each layer by backend, as far as measured."""
    found: dict[str, dict[str, float]] = {}
    for path in sorted((DOCS / "benchmarks").glob("*.json")):
        layers = json.loads(path.read_text("utf-8")).get("layers", [])
        # Where a backend has a compiler, that counts.
        for way in ("eager", "compiled"):
            for result in layers:
                measured = result["shape"], result["pass_"], result["way"]
                if measured == (*MEASURED, way):
                    seconds = found.setdefault(path.stem, {})
                    seconds[result["layer"]] = result["ratio"]["seconds"]
    return found


def latex(formula: str) -> str:
    r"""Return a formula of Python in LaTeX.

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
        case ast.BinOp(left, ast.Pow(), right):
            return f"{_latex(left)}^{{{_latex(right)}}}"
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_latex(left)}}}{{{_latex(right)}}}"
        case ast.BinOp(left, ast.FloorDiv(), right):
            return f"{_latex(left)} / {_latex(right)}"
        case ast.BinOp(left, ast.Mult(), right):
            return f"{_factor(left)} {_factor(right)}"
        case ast.Call(ast.Name(id=name), arguments):
            terms = ", ".join(map(_latex, arguments))
            return rf"\{name}({terms})"
    raise ValueError(f"not a formula: {ast.unparse(node)}")


def _factor(node: ast.AST) -> str:
    """Return a factor, in brackets if it is a sum."""
    match node:
        case ast.BinOp(op=ast.Add()):
            return rf"\left({_latex(node)}\right)"
    return _latex(node)


def _options(function) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def _link(row: dict) -> str:
    return f"`{row['call']}`"


def _head(*cells: str) -> list[str]:
    return [*_row(*cells), "|" + ":--|" * len(cells)]


def _row(*cells: str) -> list[str]:
    return [f"| {' | '.join(cells)} |"]


def setup(app):
    """Register the directives."""
    app.add_directive("layers", Layers)
    app.add_directive("costs", Costs)
    app.add_directive("networks", Networks)
    app.add_directive("mutations", Mutations)
    app.add_directive("benchmarks", Benchmarks)
    return {"parallel_read_safe": True}
