"""Policies with the real engine: inside the driver, and as a CrossGuard pack."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml

from policy.rules.table import RULES
from testkit.cluster import CHECKOUT
from testkit.offline.machine import Machine
from testkit.stackfile import Document
from tests.engine.stack import Stack

_OPEN = "network.api_allowed: the API is public"


def unchanged(cluster: Document) -> None:
    """Nothing."""


def production(cluster: Document) -> None:
    cluster["environment"] = "production"


@pytest.fixture(scope="module")
def stack(machine: Machine) -> Stack:
    return Stack.from_checkout(machine, "dev")


def test_compliant_stack_passes(stack: Stack) -> None:
    output = stack.preview(unchanged, "--policy")
    assert f"Policies: all {len(RULES)} rules are recorded" in output.text


def test_violation_stops_the_stack_and_is_in_the_report(stack: Stack) -> None:
    output = stack.preview(production, "--policy", check=False)
    assert output.code == 1
    assert _OPEN in output.text
    report = stack.markdown()
    assert _OPEN in report
    assert "no-open-api" in report
    # Without --policy no rule is applied.
    assert stack.preview(production).code == 0


def test_update_with_a_violation_does_not_start(machine: Machine) -> None:
    stack = Stack.from_checkout(machine, "dev", production)
    output = stack.up("--policy", check=False)
    assert output.code == 1
    assert _OPEN in output.text
    assert "Updating" not in output.text


def test_rules_handle_encrypted_settings(machine: Machine) -> None:
    """Also where not every text will do: they are judged as what they are."""
    stack = Stack.from_checkout(machine, "dev")
    stack.name = "encrypted"
    file = machine.file(stack.name, stack.config)
    words = ("pulumi", "--stack", stack.name, "--file", str(file), "--", "config", "set", "--secret")
    recorded = machine.state / "stacks" / stack.name / f"Pulumi.{stack.name}.yaml"
    encrypted = {}
    for key, value in (("label", "marked-frontend"), ("environment", "production")):
        machine.command(*words, f"test:{key}", value)
        # Each command begins with the stack file as it is.
        encrypted[key] = yaml.safe_load(recorded.read_text())["config"][f"test:{key}"]

    def label(cluster: Document) -> None:
        next(iter(cluster["pools"].values())).setdefault("labels", {})["tier"] = encrypted["label"]

    def both(cluster: Document) -> None:
        label(cluster)
        cluster["environment"] = encrypted["environment"]

    output = stack.preview(label, "--policy")
    assert f"Policies: all {len(RULES)} rules are recorded" in output.text
    assert "marked-frontend" not in output.text + stack.markdown()
    broken = stack.preview(both, "--policy", check=False)
    assert broken.code == 1
    assert _OPEN in broken.text


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack under a runtime that the engine starts by a program of its own.

    The language host that is built where it cannot be downloaded is older than the engine, and runs no
    packs. The engine's other way, for runtimes without a language host, is the one that the official
    `pulumi-analyzer-policy-python` took: it is started with the engine's address and the pack.
    """
    root = tmp_path_factory.mktemp("pack")
    (root / "PulumiPolicy.yaml").write_text("runtime: kubewright-test\nversion: 1.0.0\n")
    (root / "__main__.py").symlink_to(CHECKOUT / "policy/__main__.py")
    analyzer = root / "pulumi-analyzer-policy-kubewright-test"
    analyzer.write_text(f'#!/bin/sh\nexec "{sys.executable}" -u -m pulumi.policy "$1" "$2"\n')
    analyzer.chmod(0o755)
    return root


@pytest.mark.parametrize("recorded", [True, False])
def test_pack_and_driver_report_the_same_violations(machine: Machine, pack: Path, recorded: bool) -> None:
    stack = Stack.from_checkout(machine, "dev", unchanged if recorded else production)
    file = machine.file("dev", stack.config)
    output = machine.command(
        *["pulumi", "--stack", "dev", "--file", str(file), "--", "preview", "--policy-pack", str(pack)],
        check=False,
        PATH=f"{pack}{os.pathsep}{os.environ['PATH']}",
    )
    assert "kubewright@v1.0.0" in output.text
    assert (output.code == 0) is recorded, output.text
    assert (_OPEN in output.text) is not recorded
    assert ("[mandatory]  no-open-api" in output.text) is not recorded
    # Of a hundred resources, with secrets in most of them, nothing else is found.
    assert "no-plain-secret" not in output.text
