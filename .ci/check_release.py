"""Check that the files that name the version agree; with a tag, that it can be released.

Run it with::

    python .ci/check_release.py          # version, citation and changelog agree
    python .ci/check_release.py v0.1.0   # and this version is to be released
"""

import ast
import datetime
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def problems(root, tag=None, today=None):
    """One message for each reason against a release; without a tag, for each disagreement."""
    version = tomllib.loads(_read(root, "pyproject.toml"))["project"]["version"]
    found = []
    if (package := _package_version(root)) != version:
        found.append(f"bce_logistic/__init__.py has version {package}, pyproject.toml {version}.")
    citation = re.search(r"^version: (\S+)$", _read(root, "CITATION.cff"), re.MULTILINE)
    if citation is None or citation[1] != version:
        found.append(f"CITATION.cff does not have version {version}.")
    changelog = _read(root, "CHANGELOG.md")
    sections = re.findall(r"^## \[(.+?)\](?: - (.*))?$", changelog, re.MULTILINE)
    dates = dict(sections)
    found += [
        f'CHANGELOG.md dates {name} "{date}": write a past day as 2026-01-31.'
        for name, date in sections
        if name != "Unreleased" and not _is_past(date, today or datetime.date.today())
    ]
    if tag is None:
        if not dates.keys() & {version, "Unreleased"}:
            found.append(f"CHANGELOG.md has no section for {version}, and none for Unreleased.")
        return found
    if tag != f"v{version}":
        found.append(f"The tag is {tag}, but the version is {version}.")
    if version not in dates:
        found.append(f"CHANGELOG.md has no section '## [{version}] - ' with the date of release.")
    if "To be released" in changelog:
        found.append('CHANGELOG.md still says "To be released".')
    return found


def _read(root, name):
    return (root / name).read_text(encoding="utf-8")


def _package_version(root):
    for node in ast.parse(_read(root, "bce_logistic/__init__.py")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__version__")]):
                return ast.literal_eval(node.value)
    return None


def _is_past(date, today):
    try:
        return datetime.date.fromisoformat(date) <= today
    except ValueError:
        return False


if __name__ == "__main__":
    failures = problems(ROOT, *sys.argv[1:2])
    print("\n".join(failures) or "Version, citation and changelog agree.")
    sys.exit(bool(failures))
