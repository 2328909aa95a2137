"""Tests that no state, log, diff, plan or report contains secret settings, with a passphrase and with a key.

The tests set, change and rotate encrypted values with the documented commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
import yaml

from testkit import vault
from testkit.offline.machine import Machine
from testkit.process import CommandResult
from testkit.secretscan import Secret, visible_secrets
from testkit.stackfile import Document
from tests.engine.stack import OfflineStack, keep_one_machine

VALUES = {
    "helm_releases.alerts.values.page": "first-Helm-v4lue",
    "helm_releases.alerts.values.config.receivers[0].token": "first-Receiver-t0ken",
    "helm_releases.billing.repository.password": "first-Repository-passw0rd",
    "registries._default.password": "first-Registry-passw0rd",
    "addons.registry.users.alice.password": "first-Passw0rd-of-alice",
    "addons.registry.storage.s3.secret_access_key": "first-Bucket-s3cret",
    "pull_secrets.corp.password": "first-Pull-passw0rd",
}
NEW_VALUES = {path: value.replace("first", "second") for path, value in VALUES.items()}
_NUMBERS = count()
PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "test-Passphrase"}


@dataclass
class SecretStack:
    """A stack whose secrets are set with commands.

    `texts` has the output of all commands, `values` the current secrets.
    """

    machine: Machine
    name: str
    file: Path
    variables: Mapping[str, str]
    texts: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, check: bool = True, stdin: str = "") -> CommandResult:
        """Run a command on the stack."""
        words = (*words, "--stack", self.name, "--file", str(self.file))
        result = self.machine.execute(words, check=check, variables=self.variables, stdin=stdin)
        self.texts.append(result.text)
        return result

    def set_secrets(self, values: Mapping[str, str]) -> None:
        """Set encrypted values with the documented command."""
        for path, value in values.items():
            self.run("config", "set", "--secret", path, stdin=value)
        self.values |= values

    def deploy(self, *, with_plan: bool) -> None:
        """Run a preview with report and events, then `up`, optionally with a saved plan."""
        root = self.machine.root
        reports = ("--report", str(root / f"{self.name}-reports"))
        plan = str(root / f"{self.name}.plan")
        self.run("preview", "--raw", *reports, "--events", str(root / f"{self.name}.jsonl"))
        if with_plan:
            self.run("preview", "--format", "report", "--save-plan", plan)
        applied = ("--plan", plan) if with_plan else ()
        self.run("up", *applied, "--events", str(root / f"{self.name}-up.jsonl"))

    def leaks(self, values: Mapping[str, str]) -> list[str]:
        """Return the locations that contain a secret: output of commands, and files outside the cache."""
        secrets = [Secret(path, value) for path, value in values.items()]
        places = {f"output {number}": text for number, text in enumerate(self.texts)}
        files = [path for path in self.machine.root.rglob("*") if path.is_file() and not path.is_symlink()]
        cache = self.machine.cache
        places |= {
            str(path.relative_to(self.machine.root)): path.read_bytes().decode(errors="replace")
            for path in files
            if cache not in path.parents
        }
        assert any(".pulumi/stacks" in place for place in places)
        return [
            f"{place}: {visible}"
            for place, text in places.items()
            if (visible := visible_secrets(secrets, text))
        ]


def _with_alerts(cluster: Document) -> None:
    keep_one_machine(cluster)
    receivers = [{"name": "chat"}]
    values = {"config": {"receivers": receivers}}
    repository = {"url": "https://charts.test", "username": "user"}
    cluster["helm_releases"] = {
        "alerts": {
            "chart": "./lab/charts/hello",
            "values_files": ["lab/charts/hello/values.yaml"],
            "values": values,
        },
        "billing": {"chart": "billing", "version": "1.0.0", "repository": repository, "after": ["alerts"]},
    }
    cluster["registries"]["_default"]["username"] = "user"
    bucket = {"bucket": "images", "region": "eu-central-1", "access_key_id": "images"}
    name = "registry.corp.example"
    registry = {"name": name, "storage": {"s3": bucket}, "users": {"alice": {}}, "node_user": "alice"}
    cluster.setdefault("addons", {})["registry"] = registry
    pull = {"registry": name, "username": "alice", "namespaces": ["default"]}
    cluster["pull_secrets"] = {"corp": pull}


@pytest.fixture(scope="module", params=["passphrase", pytest.param("key", marks=pytest.mark.release)])
def stack(machine: Machine, request: pytest.FixtureRequest) -> Iterator[SecretStack]:
    """Yield a deployed stack whose stack file has a comment and `VALUES`."""
    # In random order, this fixture can run several times for a parameter.
    name = f"with-{request.param}-{next(_NUMBERS)}"
    config = OfflineStack.from_checkout(machine, "dev", _with_alerts).config
    file = machine.write_stack_file(name, config)
    with vault.serve_vault() as key_variables:
        head = "# The stack of a test.\n"
        variables: Mapping[str, str] = PASSPHRASE
        if request.param == "key":
            head, variables = f"{head}secretsprovider: {vault.PROVIDER}\n", key_variables
        file.write_text(head + file.read_text())
        stack = SecretStack(machine, name, file, variables)
        stack.set_secrets(VALUES)
        stack.deploy(with_plan=False)
        yield stack


def test_no_output_and_no_file_contains_a_secret_in_plain_text(stack: SecretStack) -> None:
    text = stack.file.read_text()
    assert text.startswith("# The stack of a test.\n")
    assert text.count("secure:") == len(VALUES)
    assert stack.leaks(VALUES) == []


@pytest.mark.release
def test_changed_secrets_change_their_resources_only(stack: SecretStack) -> None:
    stack.set_secrets(NEW_VALUES)
    preview = stack.run("preview", "--raw").text
    assert "helm-alerts" in preview
    assert "helm-billing" in preview
    for resource in ("registry-users", "registry-secrets", "pull-secrets-default-corp"):
        assert resource in preview
    assert "cp-1-node" in preview, "the preview does not change the host with the password of the registry"
    stack.deploy(with_plan=True)
    assert stack.leaks({**VALUES, **{f"new {path}": value for path, value in NEW_VALUES.items()}}) == []


def test_secrets_can_be_read_back(stack: SecretStack) -> None:
    shown = stack.run("pulumi", "config", "--show-secrets").text
    stack.texts.pop()
    assert all(value in shown for value in stack.values.values())


def test_stack_file_is_sufficient_for_the_encryption(stack: SecretStack) -> None:
    """A different machine has the stack file and the state, but not the work directory of this machine."""
    key = "encryptedkey" if vault.PROVIDER in stack.file.read_text() else "encryptionsalt"
    before = yaml.safe_load(stack.file.read_text())[key]
    for copy in (stack.machine.state / "stacks" / stack.name).glob("Pulumi.*.yaml"):
        copy.unlink()
    stack.run("preview", "--raw")
    assert yaml.safe_load(stack.file.read_text())[key] == before


@pytest.mark.release
def test_changed_passphrase_encrypts_the_stack_file_and_the_state_again(stack: SecretStack) -> None:
    before = yaml.safe_load(stack.file.read_text())
    state = stack.machine.state / f"backend/.pulumi/stacks/kubewright/{stack.name}.json"
    old_state = state.read_text()
    new_passphrase = "rotated-Passphrase"
    stack.run("secrets-provider", "passphrase", stdin=f"{new_passphrase}\n")
    after = yaml.safe_load(stack.file.read_text())
    assert after["encryptionsalt"] != before.get("encryptionsalt")
    assert "encryptedkey" not in after
    assert state.read_text() != old_state
    if stack.variables is PASSPHRASE:
        assert "incorrect passphrase" in stack.run("preview", "--raw", check=False).text
    stack.variables = {"PULUMI_CONFIG_PASSPHRASE": new_passphrase}
    assert stack.run("preview", "--raw", "--detailed-exit-code", check=False).code == 0
    assert stack.leaks({**NEW_VALUES, "passphrase": new_passphrase}) == []
