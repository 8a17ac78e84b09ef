"""Copies of the examples for the gallery: a title, a picture, the code.

The docstrings of the copies are converted to reStructuredText. The gallery
shows the copies and does not run them. The scripts themselves do not change.
"""

import ast
import re
import shutil
from pathlib import Path

from PIL import Image
from PIL import ImageDraw
from sphinx_gallery.sorting import _SortKey

# In the order of the gallery, each with its picture.
EXAMPLES = {
    "digits": "digits_cbam",
    "compare": "compare",
    "attention_maps": "attention_maps",
    "every_layer": "layers/cbam",
    "spatial_transformer": "spatial_transformer",
    "recurrent_attention": "recurrent_attention",
    "dynamic_capacity": "dynamic_capacity",
    "fusion": "fusion",
    "segmentation": "segmentation",
    "upgrade_pretrained": "upgrade_pretrained",
    "several_devices": None,
    "published_weights": "published_ram",
}
HEADER = """\
Examples
========

Each of these scripts trains small networks on handwritten digits in a few
minutes, on any backend, prints a table and plots the picture on its page. The
scripts are in the folder ``examples`` of the repository, where you can run and
change them. :doc:`/results` has the tables that they printed.
"""


class ReadingOrder(_SortKey):
    """Sorts the examples in the order of `EXAMPLES`."""

    def __call__(self, filename: str) -> int:
        """Return the index of an example."""
        return list(EXAMPLES).index(Path(filename).stem)


def stage(scripts: Path, folder: Path) -> None:
    """Write the copies of the scripts to a folder, which is emptied first."""
    # Pages of an earlier build must not be taken for new ones.
    for old in (folder, folder.with_name("gallery")):
        shutil.rmtree(old, ignore_errors=True)
    folder.mkdir()
    (folder / "GALLERY_HEADER.rst").write_text(HEADER, encoding="utf-8")
    _draw_icon(folder / "icon.png")
    for name, picture in EXAMPLES.items():
        source = (scripts / f"{name}.py").read_text(encoding="utf-8")
        path = folder / f"{name}.py"
        path.write_text(_shown(source, picture), encoding="utf-8")


def _shown(source: str, picture: str | None) -> str:
    """Return a script whose docstring is reStructuredText."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    title, _, text = docstring.partition("\n")
    title = title.rstrip(".")
    # Indented text is code, and names are in single backticks.
    text = re.sub(
        r"(?:^|(?<=\n))\n((?:    .*\n)+)",
        r"\n.. code-block:: console\n\n\1",
        text,
    )
    text = re.sub(r"`([^`]+)`", r"``\1``", text)
    parts = [f"{title}\n{'=' * len(title)}", text.strip()]
    if picture:
        parts.append(
            f".. image:: /pictures/{picture}.png\n   :alt: Plot of this example"
        )
    code = source.split('"""', 2)[2].lstrip("\n")
    code = re.sub(r"^# ruff: noqa.*\n\n?", "", code)
    thumb = f"# sphinx_gallery_thumbnail_path = 'pictures/{picture}.png'\n"
    newdoc = "\n\n".join(parts)
    return f'r"""{newdoc}\n"""\n{thumb if picture else ""}{code}'


def _draw_icon(path: Path) -> None:
    """Draw the icon of examples that have no picture."""
    icon = Image.new("RGB", (400, 280), "#1b1044")
    draw = ImageDraw.Draw(icon)
    draw.ellipse((120, 60, 280, 220), "#b5367a")
    draw.ellipse((162, 102, 238, 178), "#fcfdbf")
    icon.save(path)


def setup(app):
    """Return the metadata of the extension; `conf.py` calls `stage`."""
    return {"parallel_read_safe": True}
