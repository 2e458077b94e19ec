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
    "sphinx-mathjax-offline",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery"]
templates_path = ["_templates"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "generated/backreferences",
    "doc_module": "bce_logistic",
    "download_all_examples": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "bce_logistic"
html_theme_options = {"header_links_before_dropdown": 8, "secondary_sidebar_items": ["page-toc"]}
html_sidebars = {
    "*": []
}  # no page of the top level but the gallery and the API has others below it
html_show_sourcelink = False
