"""Tests that the redactor masks secrets of the deployer, of the stack file and of the files that it names."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from automation.engine.program import Engine
from automation.environment import Environment
from automation.stacks.known_secrets import redactor_of_stack
from automation.workspace import Workspace

KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nbWFya2VkLWtleS1saW5lLW9uZQ==\nbWFya2VkLWxpbmUtdHdv\n"
    "-----END OPENSSH PRIVATE KEY-----\n"
)


def test_all_known_secrets_of_a_stack_are_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    (tmp_path / "passphrase").write_text("marked-passphrase-in-a-file\n")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setenv("GITHUB_TOKEN", "marked-token-of-github")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "marked-key-of-aws")
    registry = {"endpoint": "https://r", "username": "u", "password": "marked-registry-password"}
    cluster = {
        "name": "x",
        "environment": "lab",
        "network": {"machines": ["10.0.0.0/24"]},
        "control_planes": {"hosts": ["cp-1"], "schedulable": True},
        "artifacts": {"mirror": "https://m"},
        "registries": {"_default": registry},
        "metal": {
            "ssh": {"private_key_file": str(key), "known_hosts_file": str(key)},
            "hosts": {"cp-1": {"address": "10.0.0.5"}},
        },
    }
    environment = Environment(state=tmp_path, cache=tmp_path)
    config = {"kubewright:cluster": cluster}
    redactor = redactor_of_stack(Engine(environment, Workspace("x", tmp_path, config)), config)
    texts = (
        "marked-passphrase-in-a-file",
        "marked-token-of-github",
        "marked-key-of-aws",
        "marked-registry-password",
        base64.b64encode(b"u:marked-registry-password").decode(),
        "bWFya2VkLWtleS1saW5lLW9uZQ==",
    )
    for text in texts:
        assert redactor.redact(f"x {text} y") == "x [secret] y"


def test_passwords_in_invalid_settings_are_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    config = {"kubewright:cluster": {"registries": {"_default": {"password": "marked-registry-password"}}}}
    environment = Environment(state=tmp_path, cache=tmp_path)
    redactor = redactor_of_stack(Engine(environment, Workspace("x", tmp_path, config)), config)
    assert redactor.redact("marked-registry-password") == "[secret]"
