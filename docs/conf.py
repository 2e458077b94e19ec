"""How Sphinx builds the documentation. Nothing is read from the network."""

import sys
from pathlib import Path

import bce_logistic

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for gallery_order.py

project = "bce_logistic"
author = "bce_logistic developers"
copyright = "2026, bce_logistic developers"
release = version = bce_logistic.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery", "inventories"]
templates_path = ["_templates"]
nitpicky = True  # a reference that leads nowhere is a warning, and so an error

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_typehints = "none"  # the docstrings say more than the types
toc_object_entries_show_parents = "hide"

intersphinx_mapping = {
    name: (address, str(HERE / f"inventories/{name}.txt"))
    for name, address in {
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "python": "https://docs.python.org/3/",
        "scikit-learn": "https://scikit-learn.org/stable/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
    }.items()
}

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "gallery_order.TeachingOrder",
    "backreferences_dir": "generated/backreferences",
    "doc_module": "bce_logistic",
    "download_all_examples": False,
    "write_computation_times": False,
    "min_reported_time": 3600,  # the time of a script says nothing about the package
}

html_theme = "pydata_sphinx_theme"
html_title = "bce_logistic"
html_theme_options = {
    "header_links_before_dropdown": 8,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    # The wide tables of these pages need the room of the page's own table of contents.
    "secondary_sidebar_items": {"**": ["page-toc"], "benchmarks": [], "index": []},
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
# Pages without others below them need no list of those.
html_sidebars = {name: [] for name in ("index", "benchmarks", "changelog", "derivation", "search")}
html_show_sourcelink = False
html_copy_source = False
