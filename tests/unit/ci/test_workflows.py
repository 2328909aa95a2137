"""The workflows: who may run them, what they may do, and that every command in them is one that there is."""

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
import yaml
from testkit.cluster import CHECKOUT

from automation.__main__ import app

WORKFLOWS = sorted((CHECKOUT / ".github/workflows").glob("*.yml"))
_ACTION = CHECKOUT / ".github/actions/credentials/action.yml"
_GITLAB = CHECKOUT / ".gitlab-ci.yml"
_SCRIPTS = [CHECKOUT / ".ci/drift"]

# What each job may do with GitHub's own token, and whose credentials it has. Anything more is an error.
_ALLOWED: dict[tuple[str, str], dict[str, str]] = {
    ("preview", "preview"): {"contents": "read", "id-token": "write"},
    ("preview", "comment"): {"contents": "read", "pull-requests": "write"},
    ("up", "plan"): {"contents": "read", "id-token": "write"},
    ("up", "apply"): {"contents": "read", "id-token": "write"},
    ("drift", "look"): {"contents": "read", "id-token": "write"},
    ("drift", "issue"): {"contents": "read", "issues": "write"},
}
_TRIGGERS: dict[str, dict[str, Any]] = {
    "preview": {
        "pull_request": {
            "branches": ["main"],
            "types": ["opened", "synchronize", "reopened", "ready_for_review"],
        }
    },
    "up": {"push": {"branches": ["main"]}},
    "drift": {"schedule": [{"cron": "17 3 * * *"}], "workflow_dispatch": {}},
}


def read(path: Path) -> dict[str, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the bare word `on` as true.
    return {"on" if key is True else str(key): value for key, value in document.items()}


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield path.stem, name, job


JOBS = list(jobs())


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for workflow, name, job in JOBS:
        for step in job["steps"]:
            yield f"{workflow}/{name}", step
    for step in read(_ACTION)["runs"]["steps"]:
        yield "credentials", step


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_triggers_are_those_and_no_others(path: Path) -> None:
    assert read(path)["on"] == _TRIGGERS[path.stem]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_is_allowed_that_a_job_does_not_ask_for(path: Path) -> None:
    assert read(path)["permissions"] == {}


def test_every_job_may_do_what_it_needs_and_no_more() -> None:
    assert {(workflow, name): job["permissions"] for workflow, name, job in JOBS} == _ALLOWED


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=lambda value: str(value)[:12])
def test_who_writes_has_no_credentials_and_who_has_credentials_does_not_write(
    workflow: str, name: str, job: dict[str, Any]
) -> None:
    text = yaml.safe_dump(job)
    writes = {what for what, how in job["permissions"].items() if how == "write"} - {"id-token"}
    if writes:
        assert "secrets." not in text
        assert "environment" not in job
        assert "AWS_ROLE" not in text
    else:
        assert "github.token" not in text
        assert "GITHUB_TOKEN" not in text


def test_secrets_and_credentials_are_those_of_environments() -> None:
    """Approval and branches are rules of environments: what needs credentials is in one."""
    environments = {
        (workflow, name): job.get("environment") for workflow, name, job in JOBS if "secrets." in str(job)
    }
    assert environments == {
        ("preview", "preview"): "preview-${{ matrix.stack }}",
        ("up", "plan"): "preview-${{ matrix.stack }}",
        ("up", "apply"): "apply-${{ matrix.stack }}",
        ("drift", "look"): "preview-${{ matrix.stack }}",
    }


def test_a_fork_gets_nothing() -> None:
    workflow = read(CHECKOUT / ".github/workflows/preview.yml")
    condition = workflow["jobs"]["preview"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert "||" not in condition, "another way in"
    # The comment's job goes only when the preview's did.
    assert workflow["jobs"]["comment"]["needs"] == "preview"
    assert "skipped" not in workflow["jobs"]["comment"]["if"]
    for path in WORKFLOWS:
        assert "pull_request_target:" not in path.read_text()
        assert "workflow_run" not in path.read_text()


def test_the_comment_is_written_by_code_that_was_merged() -> None:
    checkout = next(
        step
        for where, step in steps()
        if where == "preview/comment" and step.get("uses", "").startswith("actions/checkout@")
    )
    assert checkout["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_actions_are_pinned_by_commit_with_their_version_beside() -> None:
    for path in [*WORKFLOWS, _ACTION]:
        for line in path.read_text().splitlines():
            if "uses:" in line and "./" not in line:
                assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", line), line


def test_checkouts_leave_no_token_behind() -> None:
    found = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(found) == len(JOBS)
    assert all(step["with"]["persist-credentials"] is False for step in found)


def test_no_expression_is_pasted_into_a_script() -> None:
    """A title or a branch's name would be run as a command; the environment is where such things go."""
    for where, step in steps():
        assert "${{" not in step.get("run", ""), where


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=lambda value: str(value)[:12])
def test_every_job_ends(workflow: str, name: str, job: dict[str, Any]) -> None:
    assert 0 < job["timeout-minutes"] <= 360


def test_nobody_interrupts_an_update() -> None:
    for path in WORKFLOWS:
        assert read(path)["concurrency"]["cancel-in-progress"] is False
    apply = read(CHECKOUT / ".github/workflows/up.yml")["jobs"]["apply"]
    assert apply["concurrency"] == {"group": "apply-${{ matrix.stack }}", "cancel-in-progress": False}
    assert apply["needs"] == "plan"


# GitLab --------------------------------------------------------------------------------------


def gitlab() -> dict[str, Any]:
    document = read(_GITLAB)
    known = ("stages", "variables")
    return {key: value for key, value in document.items() if not key.startswith(".") and key not in known}


def test_gitlab_jobs_run_where_they_should() -> None:
    rules = {name: job["rules"] for name, job in gitlab().items()}
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


def test_gitlab_credentials_are_those_of_environments() -> None:
    environments = {name: job["environment"]["name"] for name, job in gitlab().items()}
    assert environments == {
        **dict.fromkeys(["preview", "plan", "drift"], "preview/$STACK"),
        "apply": "apply/$STACK",
        **dict.fromkeys(["comment", "issue"], "comment"),
    }
    with_tokens = {name for name, job in gitlab().items() if job["extends"] == ".with-credentials"}
    assert with_tokens == {"preview", "plan", "apply", "drift"}
    assert "id_tokens" not in read(_GITLAB)[".job"]


def test_gitlab_anchors_say_what_is_extended() -> None:
    document = read(_GITLAB)
    assert {job["extends"] for job in gitlab().values()} <= document.keys()
    assert {job["stage"] for job in gitlab().values()} == set(document["stages"])


# Commands ------------------------------------------------------------------------------------


def scripts() -> Iterator[tuple[str, str]]:
    """(where, shell text) of everything that is run."""
    for where, step in steps():
        if "run" in step:
            yield where, step["run"]
    for name, job in read(_GITLAB).items():
        if isinstance(job, dict):
            for key in ("before_script", "script"):
                if key in job:
                    yield f".gitlab-ci.yml/{name}", "\n".join(job[key])
    for path in _SCRIPTS:
        yield path.name, path.read_text()


def commands() -> Iterator[tuple[str, list[str]]]:
    """(where, words after `kubewright`) of every call of our own."""
    for where, text in scripts():
        joined = text.replace("\\\n", " ")
        for match in re.finditer(r"\S*/kubewright ([a-z][^\n;|>]*)", joined):
            yield where, shlex.split(match.group(1).replace("; fi", ""))


COMMANDS = list(commands())


def test_there_are_commands_to_check() -> None:
    assert {words[0] for _, words in COMMANDS} == {
        *["preview", "up", "comment", "issue", "drift", "settings", "pulumi"]
    }


@pytest.mark.parametrize(("where", "words"), COMMANDS, ids=lambda value: str(value)[:40])
def test_every_command_is_one_that_there_is_with_options_that_it_has(where: str, words: list[str]) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    command = group.commands.get(words[0])
    assert command is not None, f"{where}: no command {words[0]}"
    own = words[: words.index("--")] if "--" in words else words
    # It is parsed as typed, wrong options and missing values included; nothing is run.
    context = command.make_context(words[0], [*own[1:]], resilient_parsing=False)
    assert context.params


@pytest.mark.parametrize(("where", "text"), list(scripts()), ids=lambda value: str(value)[:30])
def test_scripts_are_sound(where: str, text: str) -> None:
    done = subprocess.run(
        ["shellcheck", "--shell=sh", "--exclude=SC1091", "-"], input=text, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["drift", "gitlab-credentials"])
def test_helpers_are_sound(name: str) -> None:
    done = subprocess.run(
        ["shellcheck", "--shell=sh", str(CHECKOUT / ".ci" / name)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
