"""Tests of what CI workflows may do: the permissions of tokens, secrets, and the code of forks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.cluster import CHECKOUT
from tests.unit.ci.workflows import JOBS, WORKFLOWS, read_yaml

# The permissions of each job's GitHub token. Other permissions are an error.
_TOKEN_PERMISSIONS: dict[tuple[str, str], dict[str, str]] = {
    ("preview", "preview"): {"contents": "read", "id-token": "write"},
    ("preview", "comment"): {"contents": "read", "pull-requests": "write"},
    ("up", "plan"): {"contents": "read", "id-token": "write"},
    ("up", "apply"): {"contents": "read", "id-token": "write"},
    ("drift", "detect"): {"contents": "read", "id-token": "write"},
    ("drift", "issue"): {"contents": "read", "issues": "write"},
    ("weekly", "shuffled"): {"contents": "read"},
    ("conformance", "conformance"): {"contents": "read"},
}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_grant_no_permissions_to_all_jobs(path: Path) -> None:
    assert read_yaml(path)["permissions"] == {}


def test_jobs_have_only_the_expected_permissions() -> None:
    assert {(workflow, name): job["permissions"] for workflow, name, job in JOBS} == _TOKEN_PERMISSIONS


@pytest.mark.parametrize(("workflow", "name", "job"), JOBS, ids=lambda value: str(value)[:12])
def test_no_job_has_both_cloud_credentials_and_write_permissions(
    workflow: str, name: str, job: dict[str, Any]
) -> None:
    text = yaml.safe_dump(job)
    writable = {name for name, access in job["permissions"].items() if access == "write"} - {"id-token"}
    if writable:
        assert "secrets." not in text
        assert "environment" not in job
        assert "AWS_ROLE" not in text
    else:
        assert "github.token" not in text
        assert "GITHUB_TOKEN" not in text


def test_jobs_with_secrets_run_in_environments() -> None:
    """The environments of GitHub restrict branches and require approvals."""
    environments = {
        (workflow, name): job.get("environment") for workflow, name, job in JOBS if "secrets." in str(job)
    }
    assert environments == {
        ("preview", "preview"): "preview-${{ matrix.stack }}",
        ("up", "plan"): "preview-${{ matrix.stack }}",
        ("up", "apply"): "apply-${{ matrix.stack }}",
        ("drift", "detect"): "preview-${{ matrix.stack }}",
    }


def test_forks_get_no_secrets() -> None:
    workflow = read_yaml(CHECKOUT / ".github/workflows/preview.yml")
    condition = workflow["jobs"]["preview"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert "||" not in condition, "an alternative condition"
    # The comment job runs only after the preview job.
    assert workflow["jobs"]["comment"]["needs"] == "preview"
    assert "skipped" not in workflow["jobs"]["comment"]["if"]
    for path in WORKFLOWS:
        assert "pull_request_target:" not in path.read_text()
        assert "workflow_run" not in path.read_text()


def test_forks_get_no_machine_with_root_permissions() -> None:
    """On a runner of the project the code of a pull request has root permissions."""
    checked = 0
    for workflow, name, job in JOBS:
        if (
            "KUBEWRIGHT_TEST_RUNNER" in job["runs-on"]
            and "pull_request" in read_yaml(CHECKOUT / f".github/workflows/{workflow}.yml")["on"]
        ):
            checked += 1
            condition = " ".join(job["if"].split())
            assert condition.endswith(
                "&& (github.event_name != 'pull_request' || "
                "github.event.pull_request.head.repo.full_name == github.repository)"
            ), (workflow, name)
    assert checked == 1
