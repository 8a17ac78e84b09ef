"""The text and the code of pages in Markdown."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


class Page:
    """A page in Markdown."""

    def __init__(self, path):
        self.text = (ROOT / path).read_text(encoding="utf-8")

    def blocks(self, language):
        """Return the blocks of code in one language."""
        fence = rf"^```{language}\n(.*?)^```"
        return re.findall(fence, self.text, re.M | re.S)

    def links(self):
        """Return the targets of links and pictures."""
        return re.findall(r"\]\(([^)\s]+)\)", self.text)


def run(folder, backend, *paths, python=sys.executable):
    """Run the Python code of pages in a fresh process.

    The process has no variables of Keras and no configuration file, so a page
    must select the backend. The other variables are those of the tests, by
    which backends compile faster.

    Args:
        folder: The working directory, an empty folder.
        backend: The backend of the environment.
        *paths: The pages.
        python: The interpreter.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KERAS_")
    }
    variables["KERAS_HOME"] = str(folder / "keras")
    if "PYTHONPATH" in variables:
        folders = variables["PYTHONPATH"].split(os.pathsep)
        variables["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, folders))
    return subprocess.run(
        [python, ROOT / "tests" / "page_worker.py", backend, *paths],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
