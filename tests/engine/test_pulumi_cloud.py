"""Tests of a stack in Pulumi Cloud: login, organization, secrets provider of the service, ESC environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from testkit.offline.machine import Machine
from testkit.process import CommandResult
from testkit.pulumi_cloud import EnvironmentSecret, PulumiCloud, log_in, serve_pulumi_cloud
from testkit.secretscan import Secret, visible_secrets
from tests.engine.stack import OfflineStack, keep_one_machine

TOKEN = Secret("token of the environment", "token-0f-the-environment")
PASSWORD = Secret("password of the stack file", "passw0rd-of-the-file")
ENVIRONMENT = {
    "kubewright:cluster": {
        "environment": "production",
        "network": {"api_allowed": ["10.89.0.0/24"]},
        "helm_releases": {
            "alerts": {"chart": "./lab/charts/hello", "values": {"token": EnvironmentSecret(TOKEN.value)}}
        },
    }
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[PulumiCloud]:
    with serve_pulumi_cloud(ENVIRONMENT) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def variables(machine: Machine, cloud: PulumiCloud) -> dict[str, str]:
    """Return the environment variables of a user who has logged in."""
    return log_in(machine.root / "home", cloud.url)


@pytest.fixture(scope="module")
def file(machine: Machine, variables: dict[str, str]) -> Path:
    """Return the stack file of a stack with an environment and an encrypted password."""
    config = OfflineStack.from_checkout(machine, "dev", keep_one_machine).config
    config["kubewright:cluster"]["registries"]["_default"]["username"] = "user"
    del config["kubewright:cluster"]["environment"]
    del config["kubewright:cluster"]["helm_releases"]
    path = machine.write_stack_file("prod", config)
    path.write_text(f"environment: [settings]\n{path.read_text()}")
    words = ("config", "set", "--secret", "registries._default.password")
    run(machine, path, variables, *words, stdin=PASSWORD.value)
    return path


def run(
    machine: Machine, file: Path, variables: dict[str, str], *words: str, check: bool = True, stdin: str = ""
) -> CommandResult:
    words = (*words, "--stack", "acme/prod", "--file", str(file))
    return machine.execute(words, check=check, variables=variables, stdin=stdin)


def test_secret_is_encrypted_by_the_service(machine: Machine, file: Path, cloud: PulumiCloud) -> None:
    document = yaml.safe_load(file.read_text())
    assert list(document["config"]["kubewright:cluster"]["registries"]["_default"]["password"]) == ["secure"]
    assert not {"encryptionsalt", "encryptedkey"} & document.keys()
    assert document["environment"] == ["settings"]
    assert cloud.stacks == {"prod"}
    assert not (machine.state / "passphrase").exists()


def test_settings_of_an_environment_reach_program_policies_and_report(
    machine: Machine, file: Path, variables: dict[str, str]
) -> None:
    reports = machine.root / "reports"
    output = run(
        machine, file, variables, "preview", "--raw", "--policy", "--report", str(reports), check=False
    ).text
    # Only the environment names these settings.
    assert "for production" in output, output
    assert "helm-alerts" in output
    assert "in production" in output.partition("Policies:")[2]
    texts = [output, *(path.read_text() for path in reports.iterdir())]
    assert (reports / "acme+prod.md").exists()
    assert [visible_secrets([TOKEN, PASSWORD], text) for text in texts] == [[]] * len(texts)
