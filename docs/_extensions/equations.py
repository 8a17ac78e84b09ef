r"""Equations with a line each, for screens of any width.

Docstrings write them one after another, with `\qquad` between, or in lines with
an empty one between. KaTeX does not break lines, and a phone is narrow.
"""

import re

from docutils import nodes

SEPARATOR = r"\\qquad|\n\s*\n"
RELATIONS = ("=", r"\sim", r"\longrightarrow")


def aligned(latex: str) -> str:
    r"""Return equations below each other, by their first sign of relation.

    >>> print(aligned(r"z = x^2, \qquad y_{i=1} = z"))
    \begin{aligned}
    z &= x^2, \\[0.5em]
    y_{i=1} &= z
    \end{aligned}
    """
    if r"\begin" in latex:
        return latex
    parts = [part.strip() for part in re.split(SEPARATOR, latex)]
    parts = [part for part in parts if part]
    if len(parts) == 1 and "&" not in latex:
        return latex.strip()
    lines = " \\\\[0.5em]\n".join(map(_marked, parts))
    return f"\\begin{{aligned}}\n{lines}\n\\end{{aligned}}"


def _marked(equation: str) -> str:
    """Return an equation with `&` before the first relation out of braces."""
    if "&" in equation:
        return equation
    depth = 0
    for place, letter in enumerate(equation):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if not depth and equation.startswith(RELATIONS, place):
            return f"{equation[:place]}&{equation[place:]}"
    return equation


def align(app, doctree):
    """Do so with each equation of a page that stands apart."""
    for equation in doctree.findall(nodes.math_block):
        equation.children = [nodes.Text(aligned(equation.astext()))]


def setup(app):
    """Look through each page when it has been read."""
    app.connect("doctree-read", align)
    return {"parallel_read_safe": True}
