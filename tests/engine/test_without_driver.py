"""Tests of `pulumi` in the checkout, without the driver: resources, refused changes, and error messages."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import pytest
import yaml

from testkit.cluster import CHECKOUT
from testkit.copy import clean_checkout
from testkit.offline.machine import Machine
from testkit.program import Program, engine_environment
from testkit.stackfile import CLUSTER, Document

STACK = "dev"


class UserCheckout:
    """A copy of the checkout in which a user runs `pulumi` with a separate backend and passphrase."""

    def __init__(self, machine: Machine, directory: Path) -> None:
        self.directory = clean_checkout(directory / "checkout")
        (self.directory / ".venv").symlink_to(sys.prefix)
        self._machine = machine
        (directory / "state").mkdir()
        self.variables = {
            "PULUMI_BACKEND_URL": f"file://{directory}/state",
            "PULUMI_CONFIG_PASSPHRASE": "passphrase of the user",
        }
        environment = engine_environment(machine.cache / "pulumi", {**machine.environment, **self.variables})
        self.pulumi = Program(self.directory, environment)
        self.config = machine.stack_config(CHECKOUT / f"Pulumi.{STACK}.yaml")
        self.created: set[str] = set()
        self.write(self.config)

    def deploy(self) -> None:
        """Create the stack. Set `created` to the URNs that a preview showed before."""
        self.pulumi.run("stack", "init", STACK)
        output = self.pulumi.run("preview", "--json")
        steps = json.loads(output[output.index("{") :])["steps"]
        self.created = {step["urn"] for step in steps if step["op"] == "create"}
        self.pulumi.up()

    def write(self, config: Document) -> None:
        """Write the stack file. Keep the salt that the engine added."""
        path = self.directory / f"Pulumi.{STACK}.yaml"
        document = yaml.safe_load(path.read_text()) | {"config": config}
        cluster = config[CLUSTER]
        if "metal" in cluster:
            cluster["metal"]["ssh"] |= self._machine.ssh_settings(cluster["metal"].get("hosts", {}))
        path.write_text(yaml.safe_dump(document))

    def copy_config(self) -> Document:
        """Return a copy of the deployed configuration."""
        return copy.deepcopy(self.config)


@pytest.fixture(scope="module")
def checkout(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> UserCheckout:
    user = UserCheckout(machine, tmp_path_factory.mktemp("user"))
    user.deploy()
    return user


def test_pulumi_deploys_the_recorded_urns(checkout: UserCheckout, machine: Machine) -> None:
    ignored = ("::pulumi:pulumi:Stack::", "::default_")
    named = {urn for urn in checkout.created if not any(part in urn for part in ignored)}
    assert named == set((CHECKOUT / f"tests/unit/urns/{STACK}.txt").read_text().splitlines())

    checkout.pulumi.assert_unchanged()
    # A preview by the driver shows no change, so the driver uses the same resources and inputs.
    words = ("preview", "--stack", STACK, "--file", str(checkout.directory / f"Pulumi.{STACK}.yaml"))
    result = machine.execute((*words, "--detailed-exit-code"), check=False, variables=checkout.variables)
    assert result.code == 0, result.text


def assert_refused(checkout: UserCheckout, config: Document, message: str) -> None:
    """Assert that a preview fails with this message, without a traceback and without a deletion."""
    checkout.write(config)
    try:
        output = checkout.pulumi.run("preview", fails=True)
    finally:
        checkout.write(checkout.config)
    assert message in output
    assert "Traceback" not in output
    assert "to delete" not in output


def test_stack_file_with_a_base_is_refused(checkout: UserCheckout) -> None:
    (checkout.directory / "Pulumi.base.yaml").write_text("config: {}\n")
    config = checkout.copy_config() | {"kubewright:base": "Pulumi.base.yaml"}
    assert_refused(checkout, config, "kubewright:base: only kubewright merges bases")


def test_hosts_file_of_the_user_is_refused(checkout: UserCheckout) -> None:
    config = checkout.copy_config()
    file = checkout.directory / "hosts.json"
    file.write_text(json.dumps(config[CLUSTER]["metal"].pop("hosts")))
    assert_refused(checkout, config | {"kubewright:hosts-file": str(file)}, "only kubewright sets this key")


def test_replacement_of_all_etcd_members_is_refused(checkout: UserCheckout) -> None:
    config = checkout.copy_config()
    cluster = config[CLUSTER]
    cluster["metal"]["hosts"]["cp-9"] = cluster["metal"]["hosts"].pop("cp-1") | {"address": "10.89.0.19"}
    cluster["control_planes"]["hosts"] = ["cp-9"]
    checkout.write(config)
    try:
        output = checkout.pulumi.run("preview", fails=True)
    finally:
        checkout.write(checkout.config)
    assert "etcd.hosts: none of the members cp-1 remains" in output


def test_older_engine_is_refused(checkout: UserCheckout) -> None:
    project = checkout.directory / "Pulumi.yaml"
    text = project.read_text()
    project.write_text(text.replace(">=3.", ">=99."))
    try:
        output = checkout.pulumi.run("preview", fails=True)
    finally:
        project.write_text(text)
    assert ">=99." in output
