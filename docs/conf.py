"""How Sphinx builds the documentation."""

import bce_logistic

project = "bce_logistic"
author = "bce_logistic developers"
copyright = "2026, bce_logistic developers"
release = version = bce_logistic.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
exclude_patterns = ["_build"]

html_theme = "pydata_sphinx_theme"
html_title = "bce_logistic"
