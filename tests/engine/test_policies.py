"""Tests of policies with the real engine: in the driver, and as a CrossGuard policy pack."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml

from automation.policy_pack import write_policy_pack
from policy.rules.table import RULES
from testkit.offline.machine import Machine
from testkit.stackfile import Document
from tests.engine.stack import OfflineStack

_OPEN = "network.api_allowed: the API is public"


def no_change(cluster: Document) -> None:
    """Change nothing."""


def set_production(cluster: Document) -> None:
    cluster["environment"] = "production"
    cluster["network"]["api_allowed"] = ["0.0.0.0/0"]


@pytest.fixture(scope="module")
def dev_stack(machine: Machine) -> OfflineStack:
    return OfflineStack.from_checkout(machine, "dev")


def test_compliant_stack_passes(dev_stack: OfflineStack) -> None:
    output = dev_stack.preview(no_change, "--policy")
    assert f"Policies: all {len(RULES)} rules are met" in output.text


def test_violation_stops_the_stack_and_is_in_the_report(dev_stack: OfflineStack) -> None:
    output = dev_stack.preview(set_production, "--policy", check=False)
    assert output.code == 1
    assert _OPEN in output.text
    report = dev_stack.markdown()
    assert _OPEN in report
    assert "no-open-api" in report
    # Rules are applied only with --policy.
    assert dev_stack.preview(set_production).code == 0


@pytest.mark.release
def test_update_with_a_violation_does_not_start(machine: Machine) -> None:
    stack = OfflineStack.from_checkout(machine, "dev", set_production)
    output = stack.up("--policy", check=False)
    assert output.code == 1
    assert _OPEN in output.text
    assert "Updating" not in output.text


@pytest.mark.release
def test_rules_handle_encrypted_settings(machine: Machine) -> None:
    """Rules check decrypted values, even of fields that do not accept arbitrary text."""
    stack = OfflineStack.from_checkout(machine, "dev")
    stack.name = "encrypted"
    file = machine.write_stack_file(stack.name, stack.config)
    words = ("pulumi", "--stack", stack.name, "--file", str(file), "--", "config", "set", "--secret")
    encrypted = {}
    for key, value in (("label", "marked-frontend"), ("environment", "production")):
        machine.command(*words, f"test:{key}", value)
        encrypted[key] = yaml.safe_load(file.read_text())["config"][f"test:{key}"]

    def set_encrypted_label(cluster: Document) -> None:
        next(iter(cluster["pools"].values())).setdefault("labels", {})["tier"] = encrypted["label"]

    def set_encrypted_label_and_environment(cluster: Document) -> None:
        set_encrypted_label(cluster)
        cluster["environment"] = encrypted["environment"]
        cluster["network"]["api_allowed"] = ["0.0.0.0/0"]

    output = stack.preview(set_encrypted_label, "--policy")
    assert f"Policies: all {len(RULES)} rules are met" in output.text
    assert "marked-frontend" not in output.text + stack.markdown()
    broken = stack.preview(set_encrypted_label_and_environment, "--policy", check=False)
    assert broken.code == 1
    assert _OPEN in broken.text


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the policy pack as `policy-pack` writes it, with a runtime that needs no language host.

    On machines without downloads, the language host is built from source. This language host is older than
    the engine and cannot run policy packs. For runtimes without a language host, the engine starts a
    program with the engine's address and the path of the pack. The official `pulumi-analyzer-policy-python`
    used this method. The program cannot import packages of the checkout.
    """
    root = tmp_path_factory.mktemp("pack") / "published"
    write_policy_pack(root)
    (root / "PulumiPolicy.yaml").write_text("runtime: kubewright-test\nversion: 1.0.0\n")
    analyzer = root / "pulumi-analyzer-policy-kubewright-test"
    analyzer.write_text(
        f'#!/bin/sh\nexec env --unset=PYTHONPATH "{sys.executable}" -u -m pulumi.policy "$1" "$2"\n'
    )
    analyzer.chmod(0o755)
    return root


@pytest.mark.parametrize("recorded", [True, False])
def test_pack_and_driver_report_the_same_violations(machine: Machine, pack: Path, recorded: bool) -> None:
    stack = OfflineStack.from_checkout(machine, "dev", no_change if recorded else set_production)
    file = machine.write_stack_file("dev", stack.config)
    output = machine.command(
        *["pulumi", "--stack", "dev", "--file", str(file), "--", "preview", "--policy-pack", str(pack)],
        check=False,
        PATH=f"{pack}{os.pathsep}{machine.search_path}",
    )
    assert "kubewright@v1.0.0" in output.text
    assert (output.code == 0) is recorded, output.text
    assert (_OPEN in output.text) is not recorded
    assert ("[mandatory]  no-open-api" in output.text) is not recorded
    # The stack has about a hundred resources, most of them with secrets. The pack reports no other
    # violation.
    assert "no-plain-secret" not in output.text
