"""The files about the project agree with each other."""

import datetime
import re
import runpy
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHECK_RELEASE = runpy.run_path(str(ROOT / ".ci/check_release.py"))["problems"]
TODAY = datetime.date(2026, 1, 31)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def made_in(text):
    """The targets of the calls of make in shell commands."""
    calls = re.findall(r"\bmake((?: [A-Z0-9_]+=\S+)*) ([a-z][a-z-]*)", text)
    return {target for _, target in calls}


def commands(workflow):
    """The shell commands of a workflow."""
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return "\n".join(step.get("run", "") for job in jobs for step in job.get("steps", []))


def test_citation_agrees_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["keywords"] == PROJECT["keywords"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in PROJECT["authors"]
    ]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_what_exists(workflow):
    assert made_in(commands(workflow)) <= TARGETS
    uses = re.findall(r"uses: (\S+)", workflow.read_text())
    assert uses
    for action in uses:
        if action.startswith("./"):
            assert (ROOT / action).is_file()
        else:
            assert re.search(r"@(v\d+|release/v\d+)$", action)


def test_ci_runs_everything():
    assert ".ci/run" in commands(ROOT / ".github/workflows/ci.yml")
    assert {"lint", "test", "test-oldest"} <= made_in((ROOT / ".ci/run").read_text())


def test_contributing_names_targets_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    fenced = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    calls = made_in("\n".join([*fenced, *re.findall(r"`([^`\n]+)`", text)]))
    assert len(calls) > 8
    assert calls <= TARGETS


def test_the_version_is_everywhere_the_same():
    assert CHECK_RELEASE(ROOT) == []


@pytest.fixture
def released(tmp_path):
    """A folder with the files of a version 1.2.3 that can be released on TODAY."""
    version = PROJECT["version"]
    for name in ("pyproject.toml", "CITATION.cff", "bce_logistic/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        text = (ROOT / name).read_text(encoding="utf-8")
        assert version in text
        (tmp_path / name).write_text(text.replace(version, "1.2.3"), encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n## [1.2.3] - 2026-01-31\n\nMuch.\n")
    return tmp_path


def test_a_version_is_released_when_its_files_agree(released):
    assert CHECK_RELEASE(released, "v1.2.3", TODAY) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("CHANGELOG.md", "[1.2.3] - 2026-01-31", "[Unreleased]", "no section '## [1.2.3]"),
        ("CHANGELOG.md", " - 2026-01-31", "", "CHANGELOG.md dates 1.2.3"),
        ("CHANGELOG.md", "2026-01-31", "31.1.2026", "CHANGELOG.md dates 1.2.3"),
        ("CHANGELOG.md", "2026-01-31", "2026-02-01", "CHANGELOG.md dates 1.2.3"),
        ("CHANGELOG.md", "[1.2.3]", "[1.2.2]", "no section '## [1.2.3]"),
        ("CHANGELOG.md", "Much", "To be released as 1.2.3", "To be released"),
        ("CITATION.cff", "version: 1.2.3", "version: 1.2.2", "CITATION.cff"),
        ("bce_logistic/__init__.py", "1.2.3", "1.2.2", "__init__.py has version 1.2.2"),
        ("pyproject.toml", "1.2.3", "1.2.4", "The tag is v1.2.3"),
    ],
)
def test_a_release_is_refused(released, file, old, new, problem):
    text = (released / file).read_text(encoding="utf-8")
    assert old in text
    (released / file).write_text(text.replace(old, new), encoding="utf-8")
    assert any(problem in found for found in CHECK_RELEASE(released, "v1.2.3", TODAY))


def test_the_release_workflow_checks_what_it_uploads():
    assert "make release-check" in commands(ROOT / ".github/workflows/release.yml")
