"""What the pages quote, print and link to is what there is."""

import contextlib
import importlib.util
import io
import re
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).resolve().parents[1]
WITH_EXAMPLES = ["index", "user_guide", "derivation", "inference", "stochastic", "interop"]
NEEDS = {"docs/interop.md": ["onnxruntime", "shap", "skl2onnx", "skops"]}  # "make test-interop"
PAGES = ["README.md", *(f"docs/{name}.md" for name in WITH_EXAMPLES)]
ALL_PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
GALLERY = sorted(path.name for path in (ROOT / "docs/gallery").glob("plot_*.py"))
SLOW = ["plot_text.py"]  # 8 seconds; "make docs" runs it
WITH_CALLBACKS = ["plot_callbacks.py"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def load_check_quotes():
    spec = importlib.util.spec_from_file_location("check_quotes", ROOT / "docs/check_quotes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_quotes = load_check_quotes()


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def examples(page):
    """The Python blocks of a page that are no quotes, each with what is said to be printed."""
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
    modules = {name.split(".")[0] for name in names}
    assert modules >= {"losses", "row_blocks", "objective", "directions", "step_sizes", "descent"}


@pytest.mark.parametrize(
    "page",
    [
        "```python\n# losses.BinaryCrossEntropy.prediction\ne = np.exp(-z)\n```\n",
        "```python\n# losses.BinaryCrossEntropy.prediction\n```\n",
        "```python\n# losses.Hinge.prediction\ne = np.exp(-np.abs(z))\n```\n",
        "```python\n# loss.BinaryCrossEntropy.prediction\ne = np.exp(-np.abs(z))\n```\n",
        "Computed in `losses.Hinge`.\n",
        "Computed in `loss.py`.\n",
    ],
    ids=["other code", "no code", "no class", "no module", "mention", "mention of a module"],
)
def test_a_stale_quote_is_found(page):
    assert len(check_quotes.stale_in(page)) == 1


def test_a_quote_may_leave_lines_out():
    page = (
        "```python\n# losses.CrossEntropy.value_and_gradient\n"
        "top = _largest(z)\n...\nreturn value, gradient\n```\n"
    )
    assert check_quotes.stale_in(page) == []


def test_the_first_block_of_the_readme_is_a_short_example():
    (code, _), *_ = examples("README.md")
    assert "GDLogisticRegression" in code
    assert len([line for line in code.splitlines() if line]) <= 12


def test_the_readme_names_every_module():
    modules = {path.name for path in (ROOT / "bce_logistic").glob("*.py")} - {"__init__.py"}
    assert modules <= set(re.findall(r"`(\w+\.py)`", read("README.md")))


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
        for path in (ROOT / "tests").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 50
    assert named <= written


@pytest.mark.parametrize("script", sorted({*GALLERY} - {*SLOW}))
def test_the_examples_of_the_gallery_run(script, monkeypatch):
    if script in WITH_CALLBACKS:
        pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has callbacks")
    figures = []
    monkeypatch.setattr(plt, "show", lambda: figures.extend(plt.get_fignums()))
    runpy.run_path(str(ROOT / "docs/gallery" / script))
    plt.close("all")
    assert figures
