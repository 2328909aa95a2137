"""Tests of `copy-keys` with the real engine: a new stack begins with the keys of another stack."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from testkit.offline.machine import Machine
from testkit.process import CommandResult
from testkit.stackfile import CLUSTER
from tests.engine.stack import OfflineStack, keep_one_machine

COPIED = {"cluster-pki-kubernetes-ca", "cluster-pki-service-account", "cluster-pki-encryption"}


@pytest.fixture(scope="module")
def stack(machine: Machine) -> OfflineStack:
    """Return a deployed stack with a single machine."""
    deployed = OfflineStack.from_checkout(machine, "dev", keep_one_machine)
    deployed.up()
    return deployed


@pytest.fixture(scope="module")
def other(stack: OfflineStack) -> OfflineStack:
    """Return a stack with another name that was never deployed."""
    config = copy.deepcopy(stack.config)
    config[CLUSTER]["name"] = "west"
    return OfflineStack(stack.machine, "west", config)


def copy_keys(stack: OfflineStack, other: OfflineStack, *, check: bool = True) -> CommandResult:
    machine = stack.machine
    files = {each.name: str(machine.write_stack_file(each.name, each.config)) for each in (stack, other)}
    return machine.command(
        *("copy-keys", "--stack", other.name, "--file", files[other.name]),
        *("--from", stack.name, "--from-file", files[stack.name]),
        check=check,
    )


def tls_values(stack: OfflineStack) -> dict[str, str]:
    """Return the private keys and certificates of a stack by the names of their resources."""
    exported = stack.machine.command(
        *("pulumi", "--stack", stack.name, "--file", str(stack.machine.root / f"Pulumi.{stack.name}.yaml")),
        *("--", "stack", "export", "--show-secrets"),
    )
    text = exported.text
    state: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return {
        str(resource["urn"]).rpartition("::")[2]: str(
            resource["outputs"].get("privateKeyPem") or resource["outputs"].get("certPem")
        )
        for resource in state["deployment"]["resources"]
        if resource["type"].startswith("tls:")
    }


def test_new_stack_has_the_same_authority_and_keys_and_other_certificates(
    stack: OfflineStack, other: OfflineStack
) -> None:
    result = copy_keys(stack, other)
    assert "PRIVATE KEY" not in result.text
    other.up()
    old, new = tls_values(stack), tls_values(other)
    assert set(old) == set(new)
    equal = {name.removesuffix("-key") for name in old if old[name] == new[name]}
    assert {name for name in equal if not name.endswith("-request")} == COPIED


def test_keys_of_a_deployed_stack_are_not_replaced(stack: OfflineStack, other: OfflineStack) -> None:
    result = copy_keys(other, stack, check=False)
    assert result.code == 1
    assert "has resources already, so its keys stay" in " ".join(result.text.split())


def test_other_generations_are_refused(stack: OfflineStack, other: OfflineStack) -> None:
    config = copy.deepcopy(stack.config)
    config[CLUSTER]["certificates"] = {"encryption": {"generation": 2, "stage": "trust"}}
    result = copy_keys(stack, OfflineStack(stack.machine, "later", config), check=False)
    assert result.code == 1
    assert "has other generations of keys than that of stack dev" in " ".join(result.text.split())


def test_stack_without_a_cluster_has_no_keys(stack: OfflineStack) -> None:
    names = ("empty", "empty-too")
    empty, target = (OfflineStack(stack.machine, name, stack.config) for name in names)
    result = copy_keys(empty, target, check=False)
    assert result.code == 1
    assert "empty" in result.text
