"""Links from the pages to their source, in the repository of the package."""

import re
from collections.abc import Iterable

_FORMS = r"https://(?P<host>[^/]+)/(?P<user>[^/]+)/(?P<repo>[^/]+?)(\.git)?/?"


def theme_options(urls: dict[str, str], generated: Iterable[str] = ()) -> dict:
    """Return the options of the theme for links to the repository.

    Without a repository there are no links.

    Args:
        urls: The URLs of the project, `[project.urls]` of `pyproject.toml`.
        generated: The names of pages that are not in the repository.

    >>> theme_options({})
    {}
    >>> options = theme_options({"Repository": "https://forge.org/us/layers"})
    >>> options["use_edit_page_button"]
    True
    >>> options["icon_links"][0]["url"]
    'https://forge.org/us/layers'
    """
    if "Repository" not in urls:
        return {}
    link = {"name": "Repository", "icon": "fa-solid fa-code-branch"}
    return {
        "use_edit_page_button": True,
        "icon_links": [{**link, "url": urls["Repository"]}],
        "secondary_sidebar_items": {
            "**": ["page-toc", "edit-this-page"],
            **{page: ["page-toc"] for page in generated},
        },
    }


def context(urls: dict[str, str]) -> dict:
    """Return the context of the theme for links that edit a page.

    Args:
        urls: The URLs of the project, `[project.urls]` of `pyproject.toml`.

    >>> context({})
    {}
    >>> template = context({"Repository": "https://forge.org/us/layers.git"})
    >>> template["edit_page_url_template"]
    'https://forge.org/us/layers/edit/main/docs/{{ file_name }}'
    """
    match = re.fullmatch(_FORMS, urls.get("Repository", ""))
    if match is None:
        return {}
    folder = f"https://{match['host']}/{match['user']}/{match['repo']}"
    return {
        "edit_page_provider_name": match["host"],
        "edit_page_url_template": f"{folder}/edit/main/docs/"
        "{{ file_name }}",
    }
