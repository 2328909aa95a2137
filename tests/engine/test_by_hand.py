"""Tests of `pulumi` in the checkout without the driver: the same resources, refusals, and readable errors."""

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


class ByHand:
    """A copy of the checkout in which a user runs `pulumi`, with a backend and a passphrase of the user."""

    def __init__(self, machine: Machine, directory: Path) -> None:
        self.checkout = clean_checkout(directory / "checkout")
        (self.checkout / ".venv").symlink_to(sys.prefix)
        self._machine = machine
        (directory / "state").mkdir()
        self.variables = {
            "PULUMI_BACKEND_URL": f"file://{directory}/state",
            "PULUMI_CONFIG_PASSPHRASE": "by hand",
        }
        environment = engine_environment(machine.cache / "pulumi", {**machine.environment, **self.variables})
        self.pulumi = Program(self.checkout, environment)
        self.config = machine.stack_config(CHECKOUT / f"Pulumi.{STACK}.yaml")
        self.write(self.config)

    def write(self, config: Document) -> None:
        """Write the stack file; keep the salt that the engine added."""
        path = self.checkout / f"Pulumi.{STACK}.yaml"
        document = yaml.safe_load(path.read_text()) | {"config": config}
        cluster = config[CLUSTER]
        if "metal" in cluster:
            cluster["metal"]["ssh"] |= self._machine.ssh_settings(cluster["metal"].get("hosts", {}))
        path.write_text(yaml.safe_dump(document))

    def edited(self) -> Document:
        """Return a copy of the deployed configuration."""
        return copy.deepcopy(self.config)


@pytest.fixture(scope="module")
def by_hand(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> ByHand:
    user = ByHand(machine, tmp_path_factory.mktemp("by-hand"))
    user.pulumi.run("stack", "init", STACK)
    return user


def test_pulumi_deploys_the_resources_of_the_kept_list(by_hand: ByHand, machine: Machine) -> None:
    output = by_hand.pulumi.run("preview", "--json")
    steps = json.loads(output[output.index("{") :])["steps"]
    urns = {step["urn"] for step in steps if step["op"] == "create"}
    own = {urn for urn in urns if "::pulumi:pulumi:Stack::" not in urn and "::default_" not in urn}
    assert own == set((CHECKOUT / f"tests/unit/urns/{STACK}.txt").read_text().splitlines())

    by_hand.pulumi.up()
    by_hand.pulumi.assert_unchanged()
    # The driver finds the same resources with the same inputs.
    words = ("preview", "--stack", STACK, "--file", str(by_hand.checkout / f"Pulumi.{STACK}.yaml"))
    result = machine.execute((*words, "--detailed-exit-code"), check=False, variables=by_hand.variables)
    assert result.code == 0, result.text


def assert_refused(by_hand: ByHand, config: Document, message: str) -> None:
    """Assert that the preview of a configuration fails with this error and without a traceback."""
    by_hand.write(config)
    try:
        output = by_hand.pulumi.run("preview", fails=True)
    finally:
        by_hand.write(by_hand.config)
    assert message in output
    assert "Traceback" not in output
    assert "to delete" not in output


def test_base_is_an_error(by_hand: ByHand) -> None:
    (by_hand.checkout / "Pulumi.base.yaml").write_text("config: {}\n")
    config = by_hand.edited() | {"kubewright:base": "Pulumi.base.yaml"}
    assert_refused(by_hand, config, "kubewright:base: only kubewright merges bases")


def test_hosts_file_is_an_error(by_hand: ByHand) -> None:
    config = by_hand.edited()
    file = by_hand.checkout / "hosts.json"
    file.write_text(json.dumps(config[CLUSTER]["metal"].pop("hosts")))
    assert_refused(by_hand, config | {"kubewright:hosts-file": str(file)}, "only kubewright sets this key")


def test_etcd_is_not_moved_as_a_whole(by_hand: ByHand) -> None:
    config = by_hand.edited()
    cluster = config[CLUSTER]
    cluster["metal"]["hosts"]["cp-9"] = cluster["metal"]["hosts"].pop("cp-1") | {"address": "10.89.0.19"}
    cluster["control_planes"]["hosts"] = ["cp-9"]
    by_hand.write(config)
    try:
        output = by_hand.pulumi.run("preview", fails=True)
    finally:
        by_hand.write(by_hand.config)
    assert "etcd.hosts: none of the members cp-1 remains" in output


def test_older_engine_is_refused(by_hand: ByHand) -> None:
    project = by_hand.checkout / "Pulumi.yaml"
    text = project.read_text()
    project.write_text(text.replace(">=3.", ">=99."))
    try:
        output = by_hand.pulumi.run("preview", fails=True)
    finally:
        project.write_text(text)
    assert ">=99." in output
