"""The files about the project agree with each other."""

import re
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
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
