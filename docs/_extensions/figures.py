"""Pictures of figures that `matplotlib.pyplot` does not know, in tutorials.

`plot_attention` returns such a figure. A notebook shows it if it is the last
value of a cell, and so does the page of the tutorial.
"""

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

_shown: set[int] = set()


def scrape(block, block_vars, gallery_conf) -> str:
    """Save the last value of a block if it is a figure; return its markup."""
    value = block_vars["example_globals"].get("___")
    if not isinstance(value, Figure) or id(value) in _shown:
        return ""
    _shown.add(id(value))
    path = next(block_vars["image_path_iterator"])
    value.savefig(path)
    return figure_rst([path], gallery_conf["src_dir"])


def _get_sg_image_scraper():
    """Return the function, as the gallery asks for it."""
    return scrape
