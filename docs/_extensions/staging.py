"""The examples as the gallery wants them: a title, a picture, the code.

The scripts stay what they are. What is written here are copies whose docstring
is reStructuredText; they are shown, and never run.
"""

import ast
import re
import shutil
from pathlib import Path

from PIL import Image
from PIL import ImageDraw
from sphinx_gallery.sorting import _SortKey

# In the order of reading, each with the picture that it has drawn.
EXAMPLES = {
    "digits": "digits_cbam",
    "attention_maps": "attention_maps",
    "every_layer": "every_layer_spatial",
    "spatial_transformer": "spatial_transformer",
    "recurrent_attention": "recurrent_attention",
    "dynamic_capacity": "dynamic_capacity",
    "fusion": "fusion",
    "upgrade_pretrained": "upgrade_pretrained",
    "several_devices": None,
    "published_weights": None,
}
HEADER = """\
Examples
========

Each of these scripts trains small networks on handwritten digits in a few
minutes, on any backend, prints a table and draws the picture that you see. They
are in the folder ``examples`` of the repository: run them there, change them,
take from them what you need. :doc:`/results` has the tables that they printed.
"""


class ReadingOrder(_SortKey):
    """Sorts the examples as they are listed above."""

    def __call__(self, filename: str) -> int:
        """Return the place of one."""
        return list(EXAMPLES).index(Path(filename).stem)


def stage(scripts: Path, folder: Path) -> None:
    """Write the copies of the scripts, and nothing else, to a folder."""
    # What the gallery made of them the last time is not to be taken for new.
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
    """Return a script with a docstring that the gallery can show."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    title, _, text = docstring.partition("\n")
    title = title.rstrip(".")
    # What is indented is code, and names are in single backticks.
    text = re.sub(
        r"(?:^|(?<=\n))\n((?:    .*\n)+)",
        r"\n.. code-block:: console\n\n\1",
        text,
    )
    text = re.sub(r"`([^`]+)`", r"``\1``", text)
    parts = [f"{title}\n{'=' * len(title)}", text.strip()]
    if picture:
        parts.append(
            f".. image:: /pictures/{picture}.png\n   :alt: What it drew"
        )
    code = source.split('"""', 2)[2].lstrip("\n")
    code = re.sub(r"^# ruff: noqa.*\n\n?", "", code)
    thumb = f"# sphinx_gallery_thumbnail_path = 'pictures/{picture}.png'\n"
    newdoc = "\n\n".join(parts)
    return f'r"""{newdoc}\n"""\n{thumb if picture else ""}{code}'


def _draw_icon(path: Path) -> None:
    """Draw what stands for an example that has no picture."""
    icon = Image.new("RGB", (400, 280), "#1b1044")
    draw = ImageDraw.Draw(icon)
    draw.ellipse((120, 60, 280, 220), "#b5367a")
    draw.ellipse((162, 102, 238, 178), "#fcfdbf")
    icon.save(path)


def setup(app):
    """Do nothing: `conf.py` calls `stage`."""
    return {"parallel_read_safe": True}
