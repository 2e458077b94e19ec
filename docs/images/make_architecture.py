"""Draw docs/images/architecture.svg: the modules of the package in layers, top to bottom."""

from pathlib import Path

# Kind of the layer; modules with what they are about.
LAYERS = [
    (
        "layer",
        [
            ("estimator", "parameters, fitted attributes"),
            ("prediction", "from X to labels"),
            ("inference", "standard errors"),
            ("display", "plots of a fit"),
        ],
    ),
    (
        "layer",
        [
            ("samples", "checked, numbered, weighted"),
            ("training", "when to stop, what is kept"),
            ("held_out", "early stopping"),
            ("callbacks", "scikit-learn's"),
        ],
    ),
    (
        "layer",
        [
            ("gradient_descent", 'solver="gd"'),
            ("stochastic", "mini-batches, streams"),
            ("preconditioned", "the default"),
            ("convergence", "how far the optimum"),
            ("separation", "or at infinity"),
            ("linear_separation", "decided exactly"),
            ("collinearity", "or left open"),
        ],
    ),
    ("loop", [("descent", "the loop: w ← w + η p, and the mean of the iterates")]),
    (
        "layer",
        [
            ("directions", "gradient → p"),
            ("step_sizes", "how far: η"),
            ("preconditioners", "P, to solve with"),
            ("metrics", "which P"),
            ("subsample", "rows for all"),
            ("row_space", "P, few rows"),
            ("mini_batches", "a few rows"),
        ],
    ),
    ("layer", [("objective", "loss + rows + penalty: value, gradient, Hessian, in one pass")]),
    (
        "rows",
        [
            ("losses", "maths of y and z"),
            ("row_blocks", "sums over blocks"),
            ("dask", "on a cluster"),
            ("array_api", "on a device"),
            ("threads", "BLAS held to one"),
        ],
    ),
    (
        "layer",
        [
            ("inputs", "what is refused"),
            ("labels", "found, numbered"),
            ("validation", "weights, finiteness"),
            ("namespaces", "which library"),
        ],
    ),
]
WIDTH, MARGIN, GAP, BOX, STEP = 900, 10, 12, 46, 92

STYLE = """
    .layer { fill: #f3f6f9; stroke: #c5d0da; }
    .module { fill: #ffffff; stroke: #2a78b5; }
    .loop { fill: #e3f1e8; stroke: #1d8a4e; stroke-width: 2; }
    .rows { fill: #fdf1e0; stroke: #d98c1f; }
    .name { font-family: ui-monospace, monospace; text-anchor: middle; fill: #1f2933; }
    .about { font-size: 12px; text-anchor: middle; fill: #52606d; }
    .down { stroke: #52606d; stroke-width: 1.5; marker-end: url(#head); }
"""


def text(kind: str, x: float, y: float, words: str) -> str:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'  <text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escaped}</text>'


def picture() -> str:
    height = STEP * len(LAYERS)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif" font-size="14" role="img">',
        "  <title>The modules of bce_logistic in layers</title>",
        f"  <style>{STYLE}  </style>",
        '  <defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M 0 0 L 10 5 L 0 10 z" fill="#52606d"/>'
        "</marker></defs>",
    ]
    for k, (kind, modules) in enumerate(LAYERS):
        top = MARGIN + STEP * k
        lines.append(
            f'  <rect class="{kind}" x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" '
            f'height="{BOX + 2 * GAP}" rx="8"/>'
        )
        width = (WIDTH - 2 * MARGIN - GAP * (len(modules) + 1)) / len(modules)
        for j, (name, about) in enumerate(modules):
            x = MARGIN + GAP + j * (width + GAP)
            if len(modules) > 1:
                lines.append(
                    f'  <rect class="module" x="{x:.0f}" y="{top + GAP}" width="{width:.0f}" '
                    f'height="{BOX}" rx="5"/>'
                )
            lines.append(text("name", x + width / 2, top + GAP + 19, name))
            lines.append(text("about", x + width / 2, top + GAP + 37, about))
        if k + 1 < len(LAYERS):
            bottom = top + BOX + 2 * GAP
            lines.append(
                f'  <line class="down" x1="{WIDTH // 2}" y1="{bottom}" x2="{WIDTH // 2}" '
                f'y2="{top + STEP}"/>'
            )
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("architecture.svg").write_text(picture(), encoding="utf-8")
