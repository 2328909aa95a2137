"""Tests of the backend of a stack: its selection, logins and passphrases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automation.engine.backend import PULUMI_CLOUD, backend_variables
from automation.environment import Environment
from automation.errors import UserError
from automation.workspace import Workspace

PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "x"}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(state=tmp_path / "state", cache=tmp_path / "cache")


def make_workspace(
    tmp_path: Path, *, lab: bool = False, backend: str = "", **encryption_keys: str
) -> Workspace:
    return Workspace(
        stack="acme/prod",
        directory=tmp_path,
        config={"kubewright:lab": {}} if lab else {},
        encryption_keys=encryption_keys,
        project_backend=backend,
    )


def log_in(tmp_path: Path, url: str) -> dict[str, str]:
    """Return the environment variables of a user who has logged in to a backend."""
    home = tmp_path / "pulumi-home"
    home.mkdir()
    (home / "credentials.json").write_text(json.dumps({"current": url}))
    return {"PULUMI_HOME": str(home)}


def test_state_is_in_a_local_directory_by_default(environment: Environment, tmp_path: Path) -> None:
    variables = backend_variables(environment, make_workspace(tmp_path), {"PULUMI_HOME": str(tmp_path)})
    assert variables["PULUMI_BACKEND_URL"] == (environment.state / "backend").as_uri()
    passphrase = Path(variables["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert passphrase.parent == environment.state
    assert passphrase.stat().st_mode & 0o777 == 0o600


def test_login_of_the_user_selects_backend_and_credentials(environment: Environment, tmp_path: Path) -> None:
    user = log_in(tmp_path, "https://api.pulumi.com") | PASSPHRASE
    variables = backend_variables(environment, make_workspace(tmp_path), user)
    assert variables == {
        "PULUMI_BACKEND_URL": "https://api.pulumi.com",
        "PULUMI_CREDENTIALS_PATH": user["PULUMI_HOME"],
    }


@pytest.mark.parametrize(
    ("user", "project", "url"),
    [
        ({"PULUMI_BACKEND_URL": "s3://variable"}, "s3://project", "s3://variable"),
        ({}, "s3://project", "s3://project"),
        ({}, "", "s3://login"),
    ],
)
def test_backends_have_the_same_order_as_in_pulumi(
    environment: Environment, tmp_path: Path, user: dict[str, str], project: str, url: str
) -> None:
    user |= log_in(tmp_path, "s3://login") | PASSPHRASE
    variables = backend_variables(environment, make_workspace(tmp_path, backend=project), user)
    assert variables["PULUMI_BACKEND_URL"] == url


def test_access_token_selects_pulumi_cloud(environment: Environment, tmp_path: Path) -> None:
    user = {"PULUMI_ACCESS_TOKEN": "pul-x", "PULUMI_HOME": str(tmp_path)}
    variables = backend_variables(environment, make_workspace(tmp_path), user)
    assert variables == {"PULUMI_BACKEND_URL": PULUMI_CLOUD}


def test_state_of_a_lab_stack_is_on_this_machine(environment: Environment, tmp_path: Path) -> None:
    user = log_in(tmp_path, "s3://login")
    variables = backend_variables(environment, make_workspace(tmp_path, lab=True), user)
    assert variables["PULUMI_BACKEND_URL"].startswith("file://")


@pytest.mark.parametrize("url", ["s3://bucket", "azblob://box", "gs://bucket", "postgres://me:pw@db/state"])
def test_remote_backend_gets_no_generated_passphrase(
    environment: Environment, tmp_path: Path, url: str
) -> None:
    user = {"PULUMI_BACKEND_URL": url}
    with pytest.raises(UserError, match="set PULUMI_CONFIG_PASSPHRASE or") as raised:
        backend_variables(environment, make_workspace(tmp_path), user)
    assert "me:pw" not in str(raised.value)
    assert not (environment.state / "passphrase").exists()
    assert backend_variables(environment, make_workspace(tmp_path), user | PASSPHRASE)
    key = make_workspace(tmp_path, secretsprovider="awskms://alias/x")
    assert backend_variables(environment, key, user) == {"PULUMI_BACKEND_URL": url}


def test_passphrase_of_a_stack_in_pulumi_cloud_must_be_set(environment: Environment, tmp_path: Path) -> None:
    user = {"PULUMI_BACKEND_URL": PULUMI_CLOUD}
    with pytest.raises(UserError, match="no passphrase is set"):
        backend_variables(environment, make_workspace(tmp_path, encryptionsalt="v1:x"), user)


def test_login_to_another_backend_is_an_error_if_a_local_state_exists(
    environment: Environment, tmp_path: Path
) -> None:
    state = environment.state / "backend/.pulumi/stacks/kubewright/prod.json"
    state.parent.mkdir(parents=True)
    state.touch()
    user = log_in(tmp_path, "s3://login") | PASSPHRASE
    with pytest.raises(
        UserError, match=r"the state is in .* to keep the state there, set PULUMI_BACKEND_URL=file://"
    ):
        backend_variables(environment, make_workspace(tmp_path), user)
    chosen = {**user, "PULUMI_BACKEND_URL": "s3://login"}
    assert backend_variables(environment, make_workspace(tmp_path), chosen)
