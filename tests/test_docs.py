"""The pages quote, name, print and link to things that exist."""

import contextlib
import importlib.util
import inspect
import io
import pydoc
import re
import runpy
import tomllib
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

import bce_logistic

ROOT = Path(__file__).resolve().parents[1]
WITH_EXAMPLES = ["user_guide", "derivation", "inference", "stochastic", "interop"]
NEEDS = {"docs/interop.md": ["onnxruntime", "shap", "skl2onnx", "skops"]}  # "make test-interop"
PAGES = ["README.md", *(f"docs/{name}.md" for name in WITH_EXAMPLES)]
ALL_PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
GALLERY = sorted(path.name for path in (ROOT / "docs/gallery").glob("plot_*.py"))
INVENTORIES = sorted((ROOT / "docs/inventories").glob("*.txt"))
SLOW = ["plot_text.py"]  # 8 seconds; "make docs" runs it
WITH_CALLBACKS = ["plot_callbacks.py"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
MODULE = re.compile(r"`+(\w+/\w+\.py)`")
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def load_check_quotes():
    spec = importlib.util.spec_from_file_location("check_quotes", ROOT / "docs/check_quotes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_quotes = load_check_quotes()


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def examples(page):
    """The Python blocks of a page that are no quotes, each with the output on the page."""
    blocks = BLOCK.findall(read(page))
    for (kind, code), (next_kind, output) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "python" and not check_quotes.quotes(f"```python\n{code}```\n"):
            yield code, output if next_kind == "text" else ""


def printed_by(code, namespace):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "<example>", "exec"), namespace)
    return printed.getvalue()


def test_no_quote_is_stale():
    assert check_quotes.stale_quotes() == []


def test_the_derivation_quotes_every_module_it_is_about():
    names = [name for name, _ in check_quotes.quotes(read("docs/derivation.md"))]
    modules = {"/".join(name.split(".")[:2]) + ".py" for name in names}
    assert modules >= {*MODULE.findall(bce_logistic.__doc__), "rows/base.py"}


LOSS = "objective.losses.BinaryCrossEntropy"


@pytest.mark.parametrize(
    "page",
    [
        f"```python\n# {LOSS}.curvature\ne = np.exp(-z)\n```\n",
        f"```python\n# {LOSS}.curvature\n```\n",
        "```python\n# objective.losses.Hinge.curvature\nxp = namespace(z)\n```\n",
        "```python\n# objective.loss.BinaryCrossEntropy.curvature\nxp = namespace(z)\n```\n",
        "```python\n# losses.BinaryCrossEntropy.curvature\nxp = namespace(z)\n```\n",
        "```python\n# objective.losses\nxp = namespace(z)\n```\n",
        "Computed in `objective.losses.Hinge`.\n",
        "Computed in `objective.loss.BinaryCrossEntropy`.\n",
        "Computed in `losses.BinaryCrossEntropy`.\n",
        "Computed in `objective/loss.py`.\n",
        "Computed in `losses.py`.\n",
        "Computed in `losses/`.\n",
    ],
    ids=[
        "other code",
        "no code",
        "no class",
        "no module",
        "no folder",
        "a whole module",
        "name of no class",
        "name of no module",
        "name without its folder",
        "no such file",
        "file without its folder",
        "no such folder",
    ],
)
def test_a_stale_quote_is_found(page):
    assert len(check_quotes.stale_in(page)) == 1


@pytest.mark.parametrize(
    "page",
    [
        f"```python\n# {LOSS}.curvature\nxp = namespace(z)\ne = xp.exp(-xp.abs(z))\n```\n",
        f"```python\n# {LOSS}.value_and_gradient\nxp = namespace(z)\n...\n"
        "return value, gradient\n```\n",
        f"`{LOSS}`, `objective.losses`, `objective/losses.py`, `objective/`, `arrays.py`",
        "`np.losses`, `benchmarks/run.py`, `dask.compute`",
    ],
    ids=["lines", "lines left out", "names of the package", "other names"],
)
def test_what_is_there_is_not_stale(page):
    assert check_quotes.stale_in(page) == []


def test_the_first_block_of_the_readme_is_a_short_example():
    (code, _), *_ = examples("README.md")
    assert "GDLogisticRegression" in code
    assert len([line for line in code.splitlines() if line]) <= 12


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_the_layers_are_those_of_the_import_contract(page):
    rows = re.findall(r"^\| \d \| (.*?) \|", read(page), re.MULTILINE)
    (contract,) = CONTRACT["contracts"]
    layers = [set(re.findall(r"\w+", layer)) for layer in contract["layers"]]
    assert [set(re.findall(r"`(\w+)(?:/|\.py)`", row)) for row in rows] == layers


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_the_reading_order_is_that_of_the_package(page):
    order = MODULE.findall(bce_logistic.__doc__)
    paragraphs = read(page).split("\n\n")
    assert len(order) == 6
    assert order in [MODULE.findall(paragraph) for paragraph in paragraphs]


def test_the_picture_of_the_layers_is_that_of_the_imports():
    # If it fails, run docs/images/make_architecture.py.
    draw = runpy.run_path(str(ROOT / "docs/images/make_architecture.py"))["picture"]
    assert read("docs/images/architecture.svg") == draw()


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_says(page):
    for module in NEEDS.get(page, []):
        pytest.importorskip(module)
    namespace = {"__name__": "example"}
    for code, expected in examples(page):
        printed = printed_by(code, namespace)
        # The last digits of a number may differ between machines.
        assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", expected).split()
        numbers, expected_numbers = (
            [float(number) for number in NUMBER.findall(text)] for text in (printed, expected)
        )
        assert numbers == pytest.approx(expected_numbers, rel=1e-9, abs=1e-200)


@pytest.mark.parametrize("page", ["README.md", *ALL_PAGES])
def test_links_lead_somewhere(page):
    targets = [(ROOT / page).parent / target for target in LINK.findall(read(page))]
    assert [target for target in targets if not target.exists()] == []


def test_the_tests_that_are_named_exist():
    named = set(re.findall(r"`(test_\w+)`", read("docs/sklearn_tests.md")))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 50
    assert named <= written


@pytest.mark.parametrize("file", INVENTORIES, ids=lambda file: file.stem)
def test_the_names_that_the_pages_link_to_exist(file):
    pytest.importorskip("sklearn.callback", reason="the names are those of the newest versions")
    for line in file.read_text(encoding="utf-8").splitlines()[3:]:
        name, kind, page = line.split()
        found = pydoc.locate(name)
        assert found is not None, name
        assert inspect.isclass(found) == (kind in {"class", "exception"}), name
        assert page.endswith(".html"), name


def test_every_example_has_its_place_in_the_gallery():
    order = runpy.run_path(str(ROOT / "docs/gallery_order.py"))
    assert sorted(order["ORDER"]) == GALLERY
    names = sorted([*GALLERY, "plot_another.py"], key=order["TeachingOrder"]("gallery"))
    assert names == [*order["ORDER"], "plot_another.py"]


@pytest.mark.parametrize("script", sorted({*GALLERY} - {*SLOW}))
def test_the_examples_of_the_gallery_run(script, monkeypatch):
    if script in WITH_CALLBACKS:
        pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has callbacks")
    figures = []
    monkeypatch.setattr(plt, "show", lambda: figures.extend(plt.get_fignums()))
    runpy.run_path(str(ROOT / "docs/gallery" / script))
    plt.close("all")
    assert figures
