"""The code on pages, run as a reader would: from top to bottom."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]


class Page:
    """A page in Markdown."""

    def __init__(self, path):
        self.text = (ROOT / path).read_text(encoding="utf-8")

    def blocks(self, language):
        """Return the blocks of code in one language."""
        fence = rf"^```{language}\n(.*?)^```"
        return re.findall(fence, self.text, re.M | re.S)

    def run(self):
        """Run its Python in one namespace, and return that."""
        names = {"__name__": "page"}
        for block in self.blocks("python"):
            exec(block, names)
        return names

    def links(self):
        """Return the targets of links and pictures."""
        return re.findall(r"\]\(([^)\s]+)\)", self.text)
