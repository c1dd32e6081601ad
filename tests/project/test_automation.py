"""The files that GitHub and pre-commit read run the project's own commands."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
ISSUE_FORMS = [
    path for path in sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")) if path.name != "config.yml"
]


def load(path: Path) -> Any:
    """The document as strings, lists and mappings: in YAML 1.1 the key `on` would be a boolean."""
    return yaml.load(path.read_text("utf-8"), yaml.BaseLoader)


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    lines = (ROOT / "Makefile").read_text("utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"{target}:")) + 1
    end = next(at for at in range(start, len(lines)) if not lines[at].startswith("\t"))
    return [line.strip() for line in lines[start:end]]


def test_the_workflow_runs_the_script_of_the_checkout() -> None:
    workflow = load(ROOT / ".github/workflows/ci.yml")
    assert set(workflow["on"]) == {"pull_request", "push"}
    assert workflow["on"]["push"] == {"branches": ["main"]}
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert 0 < int(job["timeout-minutes"]) <= 90


def test_the_script_runs_the_checks_and_the_tests() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert re.findall(r"^make \w+$", script.read_text(), re.MULTILINE) == [
        "make check",
        "make test",
    ]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_its_actions_have_a_version(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/checkout@v5"))


def test_the_workflow_uses_the_oldest_python_of_the_project() -> None:
    (job,) = load(ROOT / ".github/workflows/ci.yml")["jobs"].values()
    (version,) = (
        w["python-version"] for s in job["steps"] if "python-version" in (w := s.get("with", {}))
    )
    assert f'requires-python = ">={version}"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_the_hooks_of_pre_commit_are_the_commands_of_make_check() -> None:
    (repo,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    entries = [hook["entry"] for hook in repo["hooks"]]
    assert entries == [command.replace("$(BIN)", ".venv/bin") for command in recipe("check")]
    assert all(hook["language"] == "system" for hook in repo["hooks"])
    assert all(hook["pass_filenames"] == "false" for hook in repo["hooks"])


def test_the_contributors_page_lists_the_files_that_make_generate_writes() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = page.partition("## Generated files")[2].partition("\n## ")[0]
    written = [command.split()[-1] for command in recipe("generate")]
    assert len(written) >= 6
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| ")]
    listed = {path: sum(path in row for row in rows) for path in written}
    assert listed == dict.fromkeys(written, 1)


@pytest.mark.parametrize("path", ISSUE_FORMS, ids=lambda path: path.name)
def test_an_issue_form_has_a_name_and_each_question_an_id_of_its_own(path: Path) -> None:
    form = load(path)
    assert form["name"]
    assert form["description"]
    questions = [part for part in form["body"] if part["type"] != "markdown"]
    assert all(question["attributes"]["label"] for question in questions)
    ids = [question["id"] for question in questions]
    assert len(ids) == len(set(ids))


def test_blank_issues_are_a_choice_of_the_project() -> None:
    assert load(ROOT / ".github/ISSUE_TEMPLATE/config.yml")["blank_issues_enabled"] == "true"
