"""Links from public names in backticks to their documentation."""

import re

from docutils import nodes
from sphinx import addnodes

import keras_attention
from keras_attention import models
from keras_attention import ops

# `CBAM`, `keras_attention.CBAM`, `CBAM(16)`, `ops.grid_sample`, ...
_CALL = r"(?:keras_attention\.)?((?:(?:ops|models)\.)?\w+)(?:\(.*\))?"
_PATHS = {
    **{f"models.{name}": f"models.{name}" for name in models.__all__},
    **{name: f"models.{name}" for name in models.__all__},
    **{f"ops.{name}": f"ops.{name}" for name in ops.__all__},
    **{name: f"ops.{name}" for name in ops.__all__},
    **{name: name for name in keras_attention.__all__},
}
_NOT_LINKED = (
    nodes.title,
    nodes.reference,
    addnodes.pending_xref,
    addnodes.desc_signature,
)


def link(app, doctree):
    """Wrap each literal that is a public name in a reference."""
    for literal in list(doctree.findall(nodes.literal)):
        match = re.fullmatch(_CALL, literal.astext(), re.S)
        # The role `code` marks names of other libraries that exist here too.
        if "code" in literal["classes"]:
            continue
        if match is None or match[1] not in _PATHS:
            continue
        if any(isinstance(node, _NOT_LINKED) for node in _above(literal)):
            continue
        target = f"keras_attention.{_PATHS[match[1]]}"
        reference = addnodes.pending_xref(
            "",
            refdoc=app.env.docname,
            refdomain="py",
            reftype="obj",
            reftarget=target,
            refexplicit=True,
            refwarn=True,
        )
        literal.replace_self(reference)
        reference += literal


def _above(node):
    while node.parent is not None:
        node = node.parent
        yield node


def setup(app):
    """Register the links, which are made after a page was read."""
    app.connect("doctree-read", link)
    return {"parallel_read_safe": True}
