"""Tests of the kubeconfig with a credential command, and of the credential that the command prints."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, cast

import pytest

from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.operations.exec_kubeconfig import exec_credential, exec_kubeconfig
from testkit.artifact_server import create_self_signed_certificate

CLUSTER = {"name": "prod", "cluster": {"server": "https://api.example.com:6443"}}


def user_of(kubeconfig: dict[str, object]) -> dict[str, Any]:
    users = cast(list[dict[str, Any]], kubeconfig["users"])
    user: dict[str, Any] = users[0]["user"]["exec"]
    return user


def test_kubeconfig_contains_the_stack_and_the_directories_of_kubewright(tmp_path: Path) -> None:
    variables = {"KUBEWRIGHT_STATE": "/state", "KUBEWRIGHT_CACHE": "", "TOKEN": "s3cret"}
    command = user_of(exec_kubeconfig({"clusters": [CLUSTER]}, "prod", tmp_path / "a.yaml", variables))
    assert command["command"] == str(CHECKOUT / "kubewright")
    assert command["args"] == ["credential", "--stack", "prod", "--file", str(tmp_path / "a.yaml")]
    assert command["env"] == [{"name": "KUBEWRIGHT_STATE", "value": "/state"}]


def test_kubeconfig_does_not_contain_a_default_stack_file() -> None:
    command = user_of(exec_kubeconfig({"clusters": [CLUSTER]}, "prod", None, {}))
    assert command["args"] == ["credential", "--stack", "prod"]
    assert command["env"] is None


def test_credential_expires_with_the_certificate(tmp_path: Path) -> None:
    certificate, key = (path.read_text() for path in create_self_signed_certificate(tmp_path))
    data = {
        "client-certificate-data": base64.b64encode(certificate.encode()).decode(),
        "client-key-data": base64.b64encode(key.encode()).decode(),
    }
    credential = cast(dict[str, Any], exec_credential({"users": [{"user": data}]}))
    assert credential["status"]["clientKeyData"] == key
    assert credential["status"]["expirationTimestamp"].endswith("Z")


def test_kubeconfig_without_a_certificate_is_an_error() -> None:
    with pytest.raises(UserError, match="no certificate"):
        exec_credential({"users": [{"user": {"token": "x"}}]})
