"""Configuration of the documentation site, which `tox run -e docs` builds.

Pages load only files of the site, so readers need no network.
"""

import os
import sys
import tomllib
from pathlib import Path

# Docstrings are read from the package itself, which imports Keras.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

from sphinxcontrib import katex  # noqa: E402

import docstrings  # noqa: E402 (it is in the folder above, as is staging)
import keras_attention  # noqa: E402
import repository  # noqa: E402
import staging  # noqa: E402

project = "keras-vision-attention"
author = "the keras-vision-attention authors"
release = version = keras_attention.__version__
copyright = f"{author}, MIT license"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.katex",
    "choosing",
    "docstrings",
    "equations",
    "links",
    "staging",
]
exclude_patterns = [
    "_examples",
    "benchmarks",
    "gallery/*.py",
    "notebooks/*.py",
    "notebooks/*.ipynb",
    "tutorials",
    "**/_*.md",
]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
default_role = "literal"  # `x` is code, as in Keras' docstrings
highlight_language = "python"
# `py` marks the code of other libraries, which no test runs.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autodoc_member_order = "bysource"
python_maximum_signature_line_length = 72
add_module_names = False
toc_object_entries_show_parents = "hide"
napoleon_custom_sections = [
    ("Call arguments", "params_style"),
    "Input shape",
    "Output shape",
    "Reference",
]
# The documentation of these libraries is online, so it is not linked.
nitpick_ignore_regex = [
    (r"py:.*", r"(keras|numpy|np|matplotlib|collections|os|pathlib|re)\..*"),
    (
        r"py:.*",
        r"(Any|Callable|Figure|Mapping|PathLike|Sequence|Path|optional)",
    ),
    (r"py:.*", r"(typing\.)?Unpack|(.*\.)?LayerOptions"),
    (r"py:.*", r"(Template|Where|Builder|Spec|Model|Layer|Callback|Operation)"),
    # Types that are split at their commas.
    (r"py:.*", r"(tuple\[str|typing\.Literal\[.*)"),
    (r"py:.*", r"keras_attention\..*(\b_\w+|\.AttentionResNet)"),
]

katex_js_path = "katex.min.js"
katex_autorender_path = "auto-render.min.js"
katex_css_path = "katex/katex.min.css"  # and its fonts, of that version

html_theme = "pydata_sphinx_theme"
html_title = "keras-vision-attention"
html_favicon = "_static/icon.svg"
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))
URLS = PROJECT["project"].get("urls", {})
html_context = {"default_mode": "auto", **repository.context(URLS)}
html_static_path = [
    "_static",
    str(katex.SRC_DIR / katex_js_path),
    str(katex.SRC_DIR / katex_autorender_path),
]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": f"keras-vision-attention {version}"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    **repository.theme_options(
        URLS,
        generated=[f"gallery/{name}" for name in ("index", *staging.EXAMPLES)],
    ),
}
html_sidebars = {"index": [], "changelog": []}

docstrings.stage(HERE / "api" / "classes")
staging.stage(HERE.parent / "examples", HERE / "_examples")
sphinx_gallery_conf = {
    "examples_dirs": ["tutorials", "_examples"],
    "gallery_dirs": ["notebooks", "gallery"],
    # The examples run for minutes, and their pictures are in the repository.
    "filename_pattern": r"[\\/]tutorials[\\/]",
    "abort_on_example_error": True,
    "run_stale_examples": True,  # the package may have changed
    "image_scrapers": ("matplotlib", "figures"),
    "ignore_repr_types": r"matplotlib\.",
    "ignore_pattern": r"^$",
    "within_subsection_order": "staging.ReadingOrder",
    "copyfile_regex": r"^$",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 10**9,
}
