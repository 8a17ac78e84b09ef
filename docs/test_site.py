"""Tests of the built site: it is complete, and loads nothing from a network.

`tox run -e docs` runs them after the build. `DOCS_HTML` is the folder of the
site.
"""

import doctest
import html.parser
import json
import os
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import sphinx.util.inventory
from sphinxcontrib import katex

import choosing
import docstrings
import equations
import keras_attention
import repository
import staging
from keras_attention import _cards
from keras_attention import models
from keras_attention import ops

DOCS = Path(__file__).parent
HTML = Path(os.environ["DOCS_HTML"])
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if "_static" not in path.parts
)
LAYERS = {
    name: getattr(keras_attention, name)
    for name in keras_attention.list_attentions()
}
WITH_ATTENTION = [name for name, cls in LAYERS.items() if cls.card.kinds]
# Layers with an example of their own have its picture.
OTHER_PICTURES = {"DynamicCapacityNetwork": "dynamic_capacity.png"}
LOADING = {"href": ("link", "use"), "src": None, "srcset": None, "data": None}


class Loads(html.parser.HTMLParser):
    """The addresses that a page loads, without the targets of links."""

    def __init__(self, text):
        super().__init__()
        self.addresses = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in LOADING and tag in (LOADING[name] or (tag,)):
                self.addresses.append(value or "")


def public_names():
    yield from (f"keras_attention.{n}" for n in keras_attention.__all__)
    yield from (f"keras_attention.ops.{name}" for name in ops.__all__)
    for name in models.__all__:
        yield f"keras_attention.models.{name}"
        yield f"{getattr(models, name).__module__}.preprocess_input"


def test_every_public_name_has_an_entry():
    file = HTML / "objects.inv"
    inventory = sphinx.util.inventory.InventoryFile.loads(
        file.read_bytes(), uri=""
    )
    entries = {name for kind in inventory.data.values() for name in kind}
    assert set(public_names()) <= entries


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_has_a_page_with_its_methods_and_source(name):
    path = HTML / "api" / "classes" / f"{name}.html"
    page = path.read_text(encoding="utf-8")
    assert f'id="keras_attention.{name}"' in page
    assert "viewcode-link" in page
    for method in docstrings.methods(LAYERS[name]):
        cells = rf"<td><p><code[^>]*><span[^>]*>{method}</span></code></p></td>"
        assert re.search(rf"{cells}\s*<td><p>\w", page), method
    (signature,) = re.findall(
        rf'(?s)<dt [^>]*id="keras_attention.{name}">.*?</dt>', page
    )
    for parameter in re.findall(
        r'(?s)<em class="sig-param">.*?</em>', signature
    ):
        if "**" not in parameter:
            assert "Any" not in parameter


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_loaded_from_the_network(page):
    text = (HTML / page).read_text(encoding="utf-8")
    loads = Loads(text).addresses
    assert loads
    for address in loads:
        assert not re.match(r"(\w+:)?//", address), address
        path = (HTML / page).parent / address.partition("?")[0]
        if not address.startswith(("#", "data:")):
            assert path.exists(), address


def test_no_style_loads_from_the_network():
    for style in HTML.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        for address in re.findall(
            r"url\(['\"]?([^)'\"]+)|@import ([^;]+)", text
        ):
            assert not re.search(r"//", "".join(address)), style


def test_loads_from_the_network_are_found():
    for element in (
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        '<img src="http://example/x.png">',
    ):
        (address,) = Loads(element).addresses
        assert re.match(r"(\w+:)?//", address)
    assert not Loads('<a href="https://example">elsewhere</a>').addresses


def test_every_page_has_the_version():
    version = f"keras-vision-attention {keras_attention.__version__}"
    for page in PAGES:
        text = (HTML / page).read_text(encoding="utf-8")
        assert version in text or 'http-equiv="refresh"' in text, page


def test_every_layer_links_to_its_source():
    text = "".join(
        page.read_text("utf-8") for page in (HTML / "api").rglob("*.html")
    )
    for cls in LAYERS.values():
        source = f"_modules/{cls.__module__.replace('.', '/')}.html"
        assert f"{source}#{cls.__name__}" in text
        assert (HTML / source).is_file()


def test_pictures_are_small():
    generated = {"_examples", "gallery", "notebooks"}
    pictures = [p for p in DOCS.rglob("*.png") if not generated & set(p.parts)]
    assert sum(p.stat().st_size for p in pictures) < 3_000_000


def test_every_picture_is_on_a_page():
    pages = [
        *DOCS.rglob("*.md"),
        DOCS / "_extensions" / "staging.py",
        DOCS.parent / "README.md",
    ]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    for picture in (DOCS / "pictures").glob("*.png"):
        assert picture.stem in text


def test_every_picture_is_written_by_tools_pictures():
    runs = runpy.run_path(str(DOCS.parent / "tools" / "pictures.py"))["RUNS"]
    made = {name for _, files in runs.values() for name in files.values()}
    assert made == {
        f"{path.name}{'/' * path.is_dir()}"
        for path in (DOCS / "pictures").iterdir()
        # `published_weights.py` needs files that are not in the repository.
        if not path.name.startswith("published_")
    }


@pytest.mark.parametrize("name", WITH_ATTENTION)
def test_the_section_of_every_layer_with_attention_has_a_picture(name):
    (family,) = {
        kind
        for kind in _cards.FAMILIES
        if name in keras_attention.list_attentions(kind)
    }
    text = (HTML / "layers" / f"{family}.html").read_text(encoding="utf-8")
    _, section, _ = re.split(
        rf'<section id="{name.lower()}">(.*?)</section>', text, flags=re.S
    )
    picture = f"{LAYERS[name].__module__.rpartition('.')[2]}.png"
    picture = OTHER_PICTURES.get(name, picture)
    assert re.search(rf'<img alt="[^"]+" [^>]*/{picture}"', section)


def test_every_picture_of_a_layer_is_small_and_of_a_layer():
    files = {cls.__module__.rpartition(".")[2] for cls in LAYERS.values()}
    for picture in (DOCS / "pictures" / "layers").iterdir():
        assert picture.stem in files
        assert picture.stat().st_size <= 60_000


def test_fonts_have_the_version_of_the_katex_scripts():
    style = (DOCS / "_static" / "katex" / "katex.min.css").read_text("utf-8")
    assert f'"{katex.katex_version}"' in style


def test_every_example_is_in_the_gallery():
    examples = {
        path.stem
        for path in (DOCS.parent / "examples").glob("*.py")
        if not path.name.startswith(("_", "test_", "conftest"))
    }
    assert examples == set(staging.EXAMPLES)


@pytest.mark.parametrize(
    "module", [choosing, docstrings, equations, repository]
)
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).attempted
    assert not doctest.testmod(module).failed


def notebook(name):
    """Return the notebook of a tutorial, as the gallery writes it."""
    path = DOCS / "notebooks" / f"{name}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", staging.TUTORIALS)
def test_notebooks_are_those_of_their_scripts(name):
    path = DOCS / "tutorials" / f"{name}.ipynb"
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept == notebook(name), (
        "copy docs/notebooks/*.ipynb to docs/tutorials"
    )


@pytest.mark.parametrize("name", staging.TUTORIALS)
def test_links_of_notebooks_lead_to_files(name):
    folder = DOCS / "tutorials"
    text = json.dumps(notebook(name))
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(links) >= 3
    for link in links:
        assert (folder / link).exists(), link
    assert ":doc:" not in text


@pytest.mark.parametrize("name", staging.TUTORIALS)
def test_tutorials_run_alone_and_choose_the_backend_first(name):
    script = (DOCS / "tutorials" / f"{name}.py").read_text(encoding="utf-8")
    assert not re.search(r"(?m)^(import|from) _", script)
    assert script.index('os.environ["KERAS_BACKEND"]') < script.index(
        "\nimport keras"
    )
    assert script.count("What next\n") == 1
    page = (HTML / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
    assert "sphx-glr-script-out" in page
    assert "test accuracy" in page
    assert f"{name}.ipynb" in page


def test_every_tutorial_is_in_the_gallery():
    scripts = {path.stem for path in (DOCS / "tutorials").glob("*.py")}
    assert scripts == set(staging.TUTORIALS)


def archive(name):
    """Return the address of the zip file on the page of an example."""
    page = (HTML / "gallery" / f"{name}.html").read_text(encoding="utf-8")
    (address,) = set(re.findall(rf'href="([^"]+/{name}\.zip)"', page))
    return HTML / "gallery" / address


@pytest.mark.parametrize("name", staging.EXAMPLES)
def test_pages_of_examples_have_one_download_and_its_command(name):
    page = (HTML / "gallery" / f"{name}.html").read_text(encoding="utf-8")
    assert archive(name).is_file()
    assert f"python {name}.py" in re.sub("<[^>]*>", "", page)
    assert "sphx-glr-download" not in page


# Runs scripts as commands in one process, because the imports take seconds.
# Each finds only the modules of its own folder.
ALONE = """
import runpy, sys
path = list(sys.path)
for name in sys.argv[1:]:
    loaded = set(sys.modules)
    sys.path[:] = [name, *path]
    sys.argv = [f"{name}/{name}.py", "--help"]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        assert end.code == 0, name
    for module in set(sys.modules) - loaded:
        file = getattr(sys.modules[module], "__file__", None) or ""
        if file.startswith(name):
            del sys.modules[module]
"""


def test_downloaded_examples_run_alone(tmp_path):
    for name in staging.EXAMPLES:
        with zipfile.ZipFile(archive(name)) as files:
            files.extractall(tmp_path / name)
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent)}
    found = subprocess.run(
        [sys.executable, "-c", ALONE, *staging.EXAMPLES],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert re.findall(r"usage: (\w+)\.py", found.stdout) == list(
        staging.EXAMPLES
    )


def test_downloads_have_exactly_the_files_that_examples_use():
    scripts = DOCS.parent / "examples"
    names = {
        name: {path.name for path in staging.files_of(scripts / f"{name}.py")}
        for name in staging.EXAMPLES
    }
    # A script that `digits.py` starts, and modules whose names are computed.
    assert "_predict.py" in names["digits"]
    assert "_published_ram.py" in names["published_weights"]
    assert names["several_devices"] == {
        "_scans.py",
        "_support.py",
        "several_devices.py",
    }
    used = set().union(*names.values())
    assert used == {
        path.name
        for path in scripts.glob("*.py")
        if not path.name.startswith(("test_", "conftest"))
    }


def test_thumbnails_of_the_gallery_differ():
    text = (HTML / "gallery" / "index.html").read_text(encoding="utf-8")
    addresses = re.findall(r'src="([^"]*_thumb\.png)"', text)
    assert len(addresses) == len(staging.EXAMPLES)
    files = {(HTML / "gallery" / address).read_bytes() for address in addresses}
    assert len(files) == len(addresses)


def test_the_search_has_no_latex():
    index = (HTML / "searchindex.js").read_text(encoding="utf-8")
    parts = json.loads(index[index.index("{") : index.rindex("}") + 1])
    # Words of an earlier build stay in the index, without pages.
    words = {word for word, pages in parts["terms"].items() if pages != []}
    assert "channel" in words
    assert not {"mathbb", "mathrm", "qquad", "frac"} & words
    page = (HTML / "search.html").read_text(encoding="utf-8")
    assert "_static/search.js" in page


@pytest.mark.parametrize("backend", choosing.BACKENDS)
def test_every_measured_shape_has_a_section(backend):
    page = HTML / "validation" / f"speed_{backend}.html"
    headings = re.findall(r"<h[23]>([^<]*)", page.read_text(encoding="utf-8"))
    path = DOCS / "benchmarks" / f"{backend}.md"
    rows = re.findall(
        r"(?m)^\| [^|]+ \| (\d+x\S+x\d+)", path.read_text("utf-8")
    )
    assert rows
    for shape in set(rows):
        assert any(shape in heading for heading in headings)


def test_no_cell_of_the_costs_is_empty():
    lines = [line for line in choosing.Costs.lines(None) if "|" in line]
    assert len(lines) > 30
    assert not [line for line in lines if "|  |" in line]


def test_every_golden_file_is_listed():
    text = (HTML / "validation" / "robustness.html").read_text("utf-8")
    for path in (DOCS.parent / "tests" / "goldens").glob("*.npz"):
        assert f">{path.stem}<" in text


def test_times_are_read_from_the_benchmark_files(tmp_path, monkeypatch):
    assert choosing.times() == {} or "jax" in choosing.times()
    (tmp_path / "benchmarks").mkdir()
    results = [
        {
            "layer": "CBAM",
            "shape": "16x28x28x256",
            "pass_": "training",
            "way": way,
            "ratio": {"seconds": seconds},
        }
        for way, seconds in (("compiled", 0.0123), ("eager", 0.05))
    ]
    (tmp_path / "benchmarks" / "jax.json").write_text(
        json.dumps({"layers": results})
    )
    monkeypatch.setattr(choosing, "DOCS", tmp_path)
    assert choosing.times() == {"jax": {"CBAM": 0.0123}}
    head, *rows = choosing.Costs.lines(None)
    assert "JAX, ms" in head
    assert any(row.endswith("| 12.3 |") for row in rows)
