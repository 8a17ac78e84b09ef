r"""Equations: one per line, for screens of any width, and not searched.

Docstrings separate equations by `\qquad` or by an empty line. KaTeX does not
break lines, so several equations in one line are too wide for a phone.
"""

import re

from docutils import nodes

SEPARATOR = r"\\qquad|\n\s*\n"
RELATIONS = ("=", r"\sim", r"\longrightarrow")


def aligned(latex: str) -> str:
    r"""Return equations below each other, aligned at their first relation.

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
    """Return an equation with `&` before its first relation outside braces."""
    if "&" in equation:
        return equation
    depth = 0
    for index, letter in enumerate(equation):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if not depth and equation.startswith(RELATIONS, index):
            return f"{equation[:index]}&{equation[index:]}"
    return equation


def align(app, doctree):
    """Align each displayed equation of a page."""
    for equation in doctree.findall(nodes.math_block):
        equation.children = [nodes.Text(aligned(equation.astext()))]


def hide(app, doctree):
    """Keep the LaTeX of equations out of the index of the search."""
    for kind in (nodes.math, nodes.math_block):
        for equation in doctree.findall(kind):
            equation["classes"].append("no-search")


def setup(app):
    """Register what runs after a page was read."""
    app.connect("doctree-read", align)
    app.connect("doctree-read", hide)
    # Results of the search show the text of pages, also without LaTeX.
    app.add_js_file("search.js", defer="defer")
    return {"parallel_read_safe": True}
