"""Copies of the examples for the gallery: a title, a picture, the code.

The docstrings of the copies are converted to reStructuredText. The gallery
shows the copies and does not run them. The scripts themselves do not change.
"""

import ast
import json
import re
import shutil
import zipfile
from pathlib import Path

from PIL import Image
from PIL import ImageDraw
from sphinx_gallery.sorting import _SortKey

# In the order of the gallery, each with its picture.
EXAMPLES = {
    "digits": "digits_transformer",
    "compare": "compare",
    "deformable": "deformable",
    "noisy_labels": "noisy_labels",
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
# In the order of reading.
TUTORIALS = (
    "first_layer",
    "fine_tune_checkpoint",
    "straighten",
    "see_attention",
)
SIZE = (400, 280)  # of an icon, whose colors follow
DARK, RED, LIGHT = "#1b1044", "#b5367a", "#fcfdbf"
HEADER = """\
Examples
========

Each of these scripts trains small networks on handwritten digits in a few
minutes, on any backend, prints a table and plots the picture on its page. The
scripts are in the folder ``examples`` of the repository, where you can run and
change them. :doc:`/results` has the tables that they printed.
"""
DOWNLOAD = """\
.. note::

   :download:`{name}.zip </_examples/{name}.zip>` has this script and the files
   of its folder that it uses. Install the package in a checkout of the
   repository:

   .. code-block:: console

      $ python -m {install}

   Then run the script where you unpacked it:

   .. code-block:: console

      $ python {name}.py{arguments}
"""
# Arguments of the commands of scripts that need one.
ARGUMENTS = {"published_weights": " CBAMResNet18"}


class ReadingOrder(_SortKey):
    """Sorts tutorials and examples in the order of their lists."""

    def __call__(self, filename: str) -> int:
        """Return the index of a script."""
        return [*TUTORIALS, *EXAMPLES].index(Path(filename).stem)


def stage(scripts: Path, folder: Path) -> None:
    """Write the copies of the scripts to a folder, which is emptied first."""
    # Pages of an earlier build must not be taken for new ones.
    for old in (folder, folder.with_name("gallery")):
        shutil.rmtree(old, ignore_errors=True)
    folder.mkdir()
    (folder / "GALLERY_HEADER.rst").write_text(HEADER, encoding="utf-8")
    for name, picture in EXAMPLES.items():
        thumbnail = f"pictures/{picture}.png"
        if not picture:
            icon = folder / f"{name}.png"
            ICONS[name](icon)
            thumbnail = f"{folder.name}/{icon.name}"
        source = (scripts / f"{name}.py").read_text(encoding="utf-8")
        path = folder / f"{name}.py"
        path.write_text(_shown(source, picture, thumbnail), encoding="utf-8")
        _pack(scripts / path.name, folder / f"{name}.zip")


def files_of(script: Path) -> list[Path]:
    """Return a script and the files of its folder that it uses.

    These are modules that it imports, directly or indirectly, also by a name
    that starts with a constant (`f"_published_{name}"`), and scripts that it
    names ("_predict.py").
    """
    helpers = {path.stem: path for path in script.parent.glob("_*.py")}
    found, waiting = [], [script]
    while waiting:
        path = waiting.pop()
        found.append(path)
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value.removesuffix(".py"))
                if re.fullmatch(r"_\w+_", node.value):
                    names |= {x for x in helpers if x.startswith(node.value)}
        new = {helpers[name] for name in names & helpers.keys()}
        waiting += sorted(new - {*found, *waiting})
    return sorted(found)


def _pack(script: Path, path: Path) -> None:
    """Write a script and the files that it uses to a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files_of(script):
            # Without the time of the file, builds are equal.
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())


def _shown(source: str, picture: str | None, thumbnail: str) -> str:
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
    thumb = f"# sphinx_gallery_thumbnail_path = '{thumbnail}'\n"
    newdoc = "\n\n".join(parts)
    return f'r"""{newdoc}\n"""\n{thumb}{code}'


def _draw_devices(path: Path) -> None:
    """Draw four devices that share an image."""
    icon = Image.new("RGB", SIZE, DARK)
    draw = ImageDraw.Draw(icon)
    for left in (110, 210):
        for top in (50, 150):
            box = (left, top, left + 80, top + 80)
            draw.rectangle(box, fill=RED)
            # A quarter of the image, which is around the center of the icon.
            inside = tuple(edge + 8 for edge in box[:2])
            inside += tuple(edge - 8 for edge in box[2:])
            quarter = Image.new("RGB", (64, 64), RED)
            ImageDraw.Draw(quarter).ellipse(
                (
                    0 if left == 110 else -64,
                    0 if top == 50 else -64,
                    128 if left == 110 else 64,
                    128 if top == 50 else 64,
                ),
                LIGHT,
            )
            icon.paste(quarter, inside[:2])
    icon.save(path)


def _draw_file(path: Path) -> None:
    """Draw a file of weights: rows of numbers in several shades."""
    icon = Image.new("RGB", SIZE, DARK)
    draw = ImageDraw.Draw(icon)
    draw.polygon(((130, 40), (230, 40), (270, 80), (270, 240), (130, 240)), RED)
    draw.polygon(((230, 40), (230, 80), (270, 80)), LIGHT)
    shades = ("#fcfdbf", "#feb078", "#f1605d", "#1b1044")
    for row in range(5):
        for column in range(4):
            left, top = 148 + 27 * column, 98 + 27 * row
            shade = shades[(3 * row + 5 * column + row * column) % 4]
            draw.rectangle((left, top, left + 20, top + 20), shade)
    icon.save(path)


# Icons of the examples that have no picture.
ICONS = {"several_devices": _draw_devices, "published_weights": _draw_file}


def show_download(app, docname: str, source: list[str]) -> None:
    """Replace the downloads of an example by one with all of its files."""
    folder, _, name = docname.rpartition("/")
    if folder != "gallery" or name not in EXAMPLES:
        return
    text = re.sub(r"(?s)\n\.\. _sphx_glr_download_.*", "\n", source[0])
    text = re.sub(
        r"(?s)\.\. only:: html\n\n    \.\. note::.*? example code\.\n", "", text
    )
    install = re.search(r"pip install .*", text)
    note = DOWNLOAD.format(
        name=name,
        install=install[0] if install else "pip install .",
        arguments=ARGUMENTS.get(name, ""),
    )
    source[0] = f"{text}\n{note}"


def mend_notebooks(app) -> None:
    """Replace the links to pages by links to files of the repository.

    The gallery leaves the markup of links as it is. The version of Python is
    left out, so that all versions write the same notebooks.
    """
    for name in TUTORIALS:
        path = Path(app.srcdir) / "notebooks" / f"{name}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        notebook["metadata"]["language_info"].pop("version", None)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = [
                    re.sub(r":doc:`([^`]+)`", _file_link, line)
                    for line in cell["source"]
                ]
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")


def _file_link(match: re.Match) -> str:
    """Return a link from a notebook in `docs/tutorials` to a page's source."""
    page = match[1]
    if not page.startswith("/"):
        return f"[{page}]({page}.ipynb)"
    if page.startswith("/gallery/"):
        file = f"examples/{page.removeprefix('/gallery/')}.py"
    else:
        file = f"docs{page}.md"
    return f"[{file}](../../{file})"


def setup(app):
    """Register the end of the examples; `conf.py` calls `stage`."""
    # After the gallery has written them, before they are read.
    app.connect("builder-inited", mend_notebooks, priority=900)
    app.connect("source-read", show_download)
    return {"parallel_read_safe": True}
