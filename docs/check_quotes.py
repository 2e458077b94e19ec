"""Check that what the pages quote from the package is what the package says.

A quote is a fenced Python block that starts with a comment of the form ``# module.Class.function``;
the lines below it must be found, one after the other and letter for letter, in the definition of
that name. A line ``...`` stands for any lines left out. What the text of a page calls by such a
name in backticks, or by that of a module such as ``losses.py``, must exist too. Run it with::

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
MENTION = re.compile(rf"`({NAME})`")


def pages() -> list[Path]:
    """The pages that may quote the package."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def quotes(text: str) -> list[tuple[str, str]]:
    """The quotes of a page: the name of a definition and the lines said to be in it."""
    return QUOTE.findall(text)


def stale_in(text: str) -> list[str]:
    """What a page says of the package and is not so: an empty list if all of it is."""
    stale = []
    for name, code in quotes(text):
        source = definition(name)
        if source is None:
            stale.append(f"{name}: no such definition")
        elif not _occurs(code, source):
            stale.append(f"{name}: does not contain\n{textwrap.indent(code, '    ')}")
    for name in MENTION.findall(FENCED.sub("", text)):
        if name.endswith(".py"):
            if not (PACKAGE / name).exists():
                stale.append(f"{name}: no such module")
        elif (PACKAGE / f"{name.split('.')[0]}.py").exists() and definition(name) is None:
            stale.append(f"{name}: no such definition")
    return stale


def stale_quotes() -> list[str]:
    """What is stale on any page, one line or more for each quote; an empty list if nothing is."""
    return [
        f"{page.relative_to(ROOT)}: {problem}"
        for page in pages()
        for problem in stale_in(page.read_text(encoding="utf-8"))
    ]


def definition(name: str) -> str | None:
    """Source of ``module.name`` or ``module.Class.name`` in the package; None: there is none."""
    module, *path = name.split(".")
    if not (PACKAGE / f"{module}.py").exists():
        return None
    text, node = _parsed(module)
    for part in path:
        node = next((child for child in getattr(node, "body", []) if _name(child) == part), None)
    return None if node is None else ast.get_source_segment(text, node, padded=True)


@cache
def _parsed(module: str) -> tuple[str, ast.AST]:
    text = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    return text, ast.parse(text)


def _name(node: ast.AST) -> str | None:
    """What a statement defines: a class, a function, a constant or an annotated field."""
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
