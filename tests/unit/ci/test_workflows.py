"""Tests of CI workflows: triggers, permissions, and the `kubewright` commands in scripts."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from automation.cli.app import app
from testkit.cluster import CHECKOUT
from tests.unit.ci.workflows import ACTION, JOBS, WORKFLOWS, all_steps, read_yaml

_GITLAB = CHECKOUT / ".gitlab-ci.yml"
_SCRIPTS = [CHECKOUT / ".ci/drift"]

_TRIGGERS: dict[str, dict[str, Any]] = {
    "preview": {
        "pull_request": {
            "branches": ["main"],
            "types": ["opened", "synchronize", "reopened", "ready_for_review"],
        }
    },
    "up": {"push": {"branches": ["main"]}},
    "drift": {"schedule": [{"cron": "17 3 * * *"}], "workflow_dispatch": {}},
    "conformance": {
        "pull_request": {"branches": ["main"]},
        "schedule": [{"cron": "17 4 * * 0"}],
        "workflow_dispatch": {},
    },
    "weekly": {"schedule": [{"cron": "17 1 * * 6"}], "workflow_dispatch": {}},
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_have_only_the_expected_triggers(path: Path) -> None:
    assert read_yaml(path)["on"] == _TRIGGERS[path.stem]


def test_jobs_install_packages_before_they_have_credentials() -> None:
    """A package that pip or the preparation runs must not see the passphrase or a cloud's credentials."""
    checked = 0
    for workflow, name, job in JOBS:
        steps = job["steps"]
        secret = [
            index
            for index, step in enumerate(steps)
            if "secrets." in str(step) or "credentials" in str(step.get("uses"))
        ]
        if secret:
            checked += 1
            runs = [str(step.get("run", "")) for step in steps[: secret[0]]]
            assert "./kubewright prepare" in runs, (workflow, name)
    assert checked == 4


def test_comment_job_runs_merged_code() -> None:
    checkout = next(
        step
        for location, step in all_steps()
        if location == "preview/comment" and step.get("uses", "").startswith("actions/checkout@")
    )
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_actions_are_pinned_by_commit_with_a_version_comment() -> None:
    for path in [*WORKFLOWS, ACTION]:
        for line in path.read_text().splitlines():
            if "uses:" in line and "./" not in line:
                assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", line), line


def test_checkouts_do_not_persist_the_token() -> None:
    checkouts = [step for _, step in all_steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(JOBS)
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_scripts_contain_no_expressions() -> None:
    """A title or branch name in a script would run as a command; scripts must read environment variables
    instead.
    """
    for location, step in all_steps():
        assert "${{" not in step.get("run", ""), location


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=lambda value: str(value)[:12])
def test_jobs_have_a_timeout(workflow: str, name: str, job: dict[str, Any]) -> None:
    assert 0 < job["timeout-minutes"] <= 360


def test_new_runs_do_not_cancel_an_update() -> None:
    for path in WORKFLOWS:
        assert read_yaml(path)["concurrency"]["cancel-in-progress"] is False
    apply = read_yaml(CHECKOUT / ".github/workflows/up.yml")["jobs"]["apply"]
    assert apply["concurrency"] == {"group": "apply-${{ matrix.stack }}", "cancel-in-progress": False}
    assert apply["needs"] == "plan"


def test_github_applies_on_another_runner_than_previews() -> None:
    """Unreviewed code runs on the runner of previews."""
    runners = {f"{workflow}/{name}": str(job["runs-on"]) for workflow, name, job in JOBS}
    variables = {name: re.findall(r"vars\.(\w+)", runner) for name, runner in runners.items()}
    assert variables["up/apply"] == ["KUBEWRIGHT_APPLY_RUNNER"]
    assert [name for name, used in variables.items() if used == ["KUBEWRIGHT_APPLY_RUNNER"]] == ["up/apply"]
    for name in ("preview/preview", "up/plan", "drift/detect"):
        assert variables[name] == ["KUBEWRIGHT_RUNNER"], name


# GitLab --------------------------------------------------------------------------------------


def gitlab_jobs() -> dict[str, Any]:
    document = read_yaml(_GITLAB)
    not_jobs = ("stages", "variables")
    return {key: value for key, value in document.items() if not key.startswith(".") and key not in not_jobs}


def test_gitlab_jobs_have_the_expected_rules() -> None:
    rules = {name: job["rules"] for name, job in gitlab_jobs().items()}
    assert set(rules) == {"preview", "comment", "plan", "apply", "drift", "issue"}
    for name, (rule,) in rules.items():
        assert '$KUBEWRIGHT_CI == "on"' in rule["if"], name
        assert "||" not in rule["if"], name
    for name in ("preview", "comment"):
        assert '$CI_PIPELINE_SOURCE == "merge_request_event"' in rules[name][0]["if"]
        assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in rules[name][0]["if"]
    for name in ("plan", "apply", "drift", "issue"):
        assert "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in rules[name][0]["if"]
    assert rules["apply"][0]["when"] == "manual"
    assert rules["issue"][0]["when"] == "on_failure"


def test_gitlab_jobs_have_the_expected_environments() -> None:
    environments = {name: job["environment"]["name"] for name, job in gitlab_jobs().items()}
    assert environments == {
        **dict.fromkeys(["preview", "plan", "drift"], "preview/$STACK"),
        "apply": "apply/$STACK",
        **dict.fromkeys(["comment", "issue"], "comment"),
    }
    with_tokens = {name for name, job in gitlab_jobs().items() if job["extends"] == ".with-credentials"}
    assert with_tokens == {"preview", "plan", "apply", "drift"}
    assert "id_tokens" not in read_yaml(_GITLAB)[".job"]


def test_gitlab_applies_on_another_runner_than_previews() -> None:
    """Unreviewed code runs on the runner of previews."""
    tags = {name: job.get("tags") for name, job in gitlab_jobs().items()}
    assert tags == {
        **{name: ["$KUBEWRIGHT_RUNNER"] for name in ("preview", "plan", "drift")},
        "apply": ["$KUBEWRIGHT_APPLY_RUNNER"],
        "comment": None,
        "issue": None,
    }
    variables = read_yaml(_GITLAB)["variables"]
    names = [variables["KUBEWRIGHT_RUNNER"], variables["KUBEWRIGHT_APPLY_RUNNER"]]
    assert all(names)
    assert len(set(names)) == 2


def test_gitlab_jobs_extend_templates_that_exist() -> None:
    document = read_yaml(_GITLAB)
    assert {job["extends"] for job in gitlab_jobs().values()} <= document.keys()
    assert {job["stage"] for job in gitlab_jobs().values()} == set(document["stages"])


# Commands ------------------------------------------------------------------------------------


def shell_scripts() -> Iterator[tuple[str, str]]:
    """Yield the location and the text of every shell script in workflows."""
    for location, step in all_steps():
        if "run" in step:
            yield location, step["run"]
    for name, job in read_yaml(_GITLAB).items():
        if isinstance(job, dict):
            for key in ("before_script", "script"):
                if key in job:
                    yield f".gitlab-ci.yml/{name}", "\n".join(job[key])
    for path in _SCRIPTS:
        yield path.name, path.read_text()


def kubewright_calls() -> Iterator[tuple[str, list[str]]]:
    """Yield the location and the arguments of every call of `kubewright`."""
    for location, text in shell_scripts():
        joined = text.replace("\\\n", " ")
        for match in re.finditer(r"\S*/kubewright ([a-z][^\n;|>]*)", joined):
            yield location, shlex.split(match.group(1).replace("; fi", ""))


COMMANDS = list(kubewright_calls())


def test_all_calls_are_found() -> None:
    assert {words[0] for _, words in COMMANDS} == {
        *["prepare", "preview", "up", "comment", "issue", "drift", "settings", "pulumi"]
    }


@pytest.mark.parametrize(("location", "words"), COMMANDS, ids=lambda value: str(value)[:40])
def test_calls_use_commands_and_options_that_exist(location: str, words: list[str]) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    command = group.commands.get(words[0])
    assert command is not None, f"{location}: no command {words[0]}"
    own_words = words[: words.index("--")] if "--" in words else words
    # Parsing fails for invalid options and missing values; the command itself does not run.
    context = command.make_context(words[0], [*own_words[1:]], resilient_parsing=False)
    assert context.command is command


@pytest.mark.parametrize(("location", "text"), list(shell_scripts()), ids=lambda value: str(value)[:30])
def test_scripts_pass_shellcheck(location: str, text: str) -> None:
    result = subprocess.run(
        ["shellcheck", "--shell=sh", "--exclude=SC1091", "-"], input=text, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", ["drift", "gitlab-credentials"])
def test_helper_scripts_pass_shellcheck(name: str) -> None:
    result = subprocess.run(
        ["shellcheck", "--shell=sh", str(CHECKOUT / ".ci" / name)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout
