"""Draw docs/images/architecture.svg: the layers of the package and which imports which.

Folders, modules, descriptions and arrows are read from the package. An arrow that follows from
others is left out. Run it with::

    python docs/images/make_architecture.py
"""

import ast
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bce_logistic"
# Folders that hold the derivation.
READ_FIRST = {"objective", "descent"}
WIDTH, MARGIN, GAP, CHIP, NAME_WIDTH, SIDE = 900, 10, 26, 26, 270, 40
CHARACTER = 7.3  # width of one, in the font of the modules

STYLE = """
    .layer { fill: #f3f6f9; stroke: #c5d0da; }
    .first { fill: #e3f1e8; stroke: #1d8a4e; stroke-width: 2; }
    .module { fill: #ffffff; stroke: #2a78b5; }
    .folder { font-family: ui-monospace, monospace; font-weight: bold; fill: #1f2933; }
    .name { font-family: ui-monospace, monospace; font-size: 12px; text-anchor: middle; }
    .about { font-size: 12px; fill: #52606d; }
    .down { stroke: #52606d; stroke-width: 1.5; fill: none; marker-end: url(#head); }
"""


def layers() -> list[list[str]]:
    """The layers of the import contract, top to bottom; several names share the lowest one."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    return [[name.strip() for name in layer.split(":")] for layer in contract["layers"]]


def files(layer: str) -> list[Path]:
    """The files of a layer: a folder's, or the one module."""
    folder = PACKAGE / layer
    return sorted(folder.glob("*.py")) if folder.is_dir() else [PACKAGE / f"{layer}.py"]


def about(layer: str) -> str:
    """The first sentence of a layer's docstring, without "Layer 1: "."""
    text = ast.get_docstring(ast.parse(files(layer)[0].read_text(encoding="utf-8"))) or ""
    sentence = text.partition("\n\n")[0].replace("``", "").rstrip(".")
    sentence = sentence.partition(": ")[2] if sentence.startswith("Layer ") else sentence
    return sentence[0].upper() + sentence[1:] if sentence[1:2].isalpha() else sentence


def imported(layer: str) -> set[str]:
    """The other layers that a layer imports from."""
    found = set()
    for path in files(layer):
        here = path.relative_to(PACKAGE).parts[:-1]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                parent = here[: len(here) - node.level + 1]
                found.add([*parent, *(node.module or "").split(".")][0])
    return found - {layer, ""}


def arrows() -> list[tuple[str, str]]:
    """Pairs of layers, the first of which imports the second, that follow from no other pairs."""
    direct = {layer: imported(layer) for row in layers() for layer in row}

    def below(layer: str) -> set[str]:
        return direct[layer].union(*(below(lower) for lower in direct[layer]))

    return [
        (upper, lower)
        for upper, all_lower in direct.items()
        for lower in sorted(all_lower)
        if not any(lower in below(other) for other in all_lower)
    ]


def text(kind: str, x: float, y: float, words: str) -> str:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'  <text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escaped}</text>'


def rectangle(kind: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'  <rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" rx="6"/>'
    )


def chips(layer: str, left: float, right: float) -> list[tuple[float, int, float, str]]:
    """Left edge, line, width and name of the box of each module, in as many lines as it takes."""
    x, line, placed = left, 0, []
    for name in [path.stem for path in files(layer) if path.stem != "__init__"]:
        width = CHARACTER * len(name) + 16
        if x + width > right:
            x, line = left, line + 1
        placed.append((x, line, width, name))
        x += width + 8
    return placed


def picture() -> str:
    y, body, boxes = float(MARGIN), [], {}
    number = len(layers())
    for row in layers():
        number -= 1
        n_names = len(row)
        full = WIDTH - 2 * MARGIN - SIDE
        width = (full - GAP * (n_names - 1)) / n_names
        height = 0.0
        for k, layer in enumerate(row):
            x = MARGIN + k * (width + GAP)
            is_folder = (PACKAGE / layer).is_dir()
            kind = "first" if layer in READ_FIRST else "layer"
            modules = chips(layer, x + NAME_WIDTH, x + width - 12) if is_folder else []
            words = textwrap.wrap(about(layer), 36 if is_folder else 54)
            n_lines = max((line for _, line, _, _ in modules), default=0) + 1
            height = max(height, 34 + 16 * len(words), 14 + (CHIP + 8) * n_lines)
            body.append(rectangle(kind, x, y, width, height))
            title = f"{number}  {layer}/" if is_folder else f"{number}  {layer}.py"
            body.append(text("folder", x + 14, y + 22, title))
            for i, line in enumerate(words):
                body.append(text("about", x + 14, y + 40 + 16 * i, line))
            for left, line, chip_width, name in modules:
                top = y + (height - (CHIP + 8) * n_lines + 8) / 2 + (CHIP + 8) * line
                body.append(rectangle("module", left, top, chip_width, CHIP))
                body.append(text("name", left + chip_width / 2, top + 17, name))
            boxes[layer] = (x, y, width, height)
        y += height + GAP
    order = [set(row) for row in layers()]
    for upper, lower in arrows():
        x1, y1, width1, height1 = boxes[upper]
        x2, y2, width2, height2 = boxes[lower]
        above, under = (next(i for i, row in enumerate(order) if n in row) for n in (upper, lower))
        if under == above + 1:
            x = x2 + min(width1, width2) / 2
            path = f"M {x:.0f} {y1 + height1:.0f} V {y2 - 1:.0f}"
        else:
            x, top, bottom = x1 + width1, y1 + height1 / 2, y2 + height2 / 2
            aside, end = x + SIDE - 12, x2 + width2 + 1
            path = f"M {x:.0f} {top:.0f} H {aside:.0f} V {bottom:.0f} H {end:.0f}"
        body.append(f'  <path class="down" d="{path}"/>')
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y - GAP + MARGIN:.0f}" '
        'font-family="system-ui, sans-serif" font-size="14" role="img">',
        "  <title>The layers of bce_logistic</title>",
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M 0 0 L 10 5 L 0 10 z" fill="#52606d"/>'
        "</marker></defs>",
    ]
    return "\n".join([*head, *body, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("architecture.svg").write_text(picture(), encoding="utf-8")
