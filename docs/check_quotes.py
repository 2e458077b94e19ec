"""Check that what the pages quote from the package is what the package says.

A quote is a fenced Python block that starts with a comment of the form
``# folder.module.Class.function``; the lines below it must be found, one after the other and letter
for letter, in the definition of that name. A line ``...`` stands for any lines left out. Names of
that form in backticks, modules such as ``objective/losses.py`` and folders such as ``objective/``
must exist, too. Run it with::

    python docs/check_quotes.py
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "bce_logistic"

NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"
QUOTE = re.compile(rf"^```python\n# ({NAME})\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
MENTIONED_NAME = re.compile(rf"`({NAME})`")
MENTIONED_PATH = re.compile(r"`([\w/]+(?:\.py|/))`")


def pages() -> list[Path]:
    """The pages that may quote the package."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    return [*top, *sorted((ROOT / "docs").glob("*.md"))]


def quotes(text: str) -> list[tuple[str, str]]:
    """The quotes of a page: the name of a definition and the lines said to be in it."""
    return QUOTE.findall(text)


def stale_in(text: str) -> list[str]:
    """One message for each quote, name or path of a page that is not in the package."""
    stale = []
    for name, code in quotes(text):
        source = definition(name)
        if source is None:
            stale.append(f"{name}: no such definition")
        elif not _occurs(code, source):
            stale.append(f"{name}: does not contain\n{textwrap.indent(code, '    ')}")
    prose = FENCED.sub("", text)
    for path in MENTIONED_PATH.findall(prose):
        if not (PACKAGE / path).exists() and not (ROOT / path).exists():
            stale.append(f"{path}: no such file or folder")
    for name in MENTIONED_NAME.findall(prose):
        if name.endswith(".py") or name.split(".")[0] not in _own_names():
            continue
        module, path = _split(name)
        if module is None or (path and definition(name) is None):
            stale.append(f"{name}: no such definition")
    return stale


def stale_quotes() -> list[str]:
    """The messages for all pages, each with the name of its page."""
    return [
        f"{page.relative_to(ROOT)}: {problem}"
        for page in pages()
        for problem in stale_in(page.read_text(encoding="utf-8"))
    ]


def definition(name: str) -> str | None:
    """Source of ``folder.module.name`` or ``folder.module.Class.name``; None if there is none."""
    module, path = _split(name)
    if module is None:
        return None
    text, node = _parsed(module)
    for part in path:
        node = next((child for child in getattr(node, "body", []) if _name(child) == part), None)
    return None if node is None else ast.get_source_segment(text, node, padded=True)


def _split(name: str) -> tuple[Path | None, list[str]]:
    """File of the module that a dotted name starts with, and the names of the definition in it."""
    folder, parts = PACKAGE, name.split(".")
    while parts and (folder / parts[0]).is_dir():
        folder /= parts.pop(0)
    module = folder / f"{parts[0] if parts else '__init__'}.py"
    return (module if module.is_file() else None), parts[1:]


@cache
def _own_names() -> set[str]:
    """Names of the folders and modules of the package, but that of the library Dask."""
    return {path.stem for path in PACKAGE.rglob("*")} - {"dask"}


@cache
def _parsed(module: Path) -> tuple[str, ast.AST]:
    text = module.read_text(encoding="utf-8")
    return text, ast.parse(text)


def _name(node: ast.AST) -> str | None:
    """Name of the class, function, constant or annotated field that a statement defines."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None


def _occurs(code: str, source: str) -> bool:
    """Whether the pieces of a quote follow each other in a source."""
    lines, start = source.splitlines(), 0
    for piece in re.split(r"^\.\.\.\n", textwrap.dedent(code), flags=re.MULTILINE):
        wanted = textwrap.dedent(piece).splitlines()
        ends = (
            end
            for end in range(start + len(wanted), len(lines) + 1)
            if textwrap.dedent("\n".join(lines[end - len(wanted) : end])).splitlines() == wanted
        )
        end = next(ends, None)
        if end is None or not wanted:
            return False
        start = end
    return True


if __name__ == "__main__":
    problems = stale_quotes()
    print("\n".join(problems) or "No quote is stale.")
    sys.exit(bool(problems))
