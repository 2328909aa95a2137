"""Tests of the Pulumi component package: `KubernetesCluster` in a program that does not import Kubewright.

The program is a Python program. Like programs in other languages, it only sends the inputs of the schema.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from package.version import NAME, VERSION
from testkit.cluster import CHECKOUT
from testkit.offline.machine import Machine
from testkit.program import Program

pytestmark = pytest.mark.release

PROGRAM = """
import json
import pulumi

for name, inputs in json.load(open("clusters.json")).items():
    outputs = dict.fromkeys(["kubeconfig", "endpointUrl", "ca", "members", "nodes", "networkId"])
    secret = inputs.pop("secret", None)
    if secret:
        values = {"password": pulumi.Output.secret(secret)}
        inputs["helmReleases"] = {"web": {"chart": "oci://r.test/web", "version": "1.0.0", "values": values}}
    cluster = pulumi.ComponentResource(
        "kubewright:index:KubernetesCluster",
        name,
        {**outputs, **inputs},
        pulumi.ResourceOptions(version="VERSION"),
        remote=True,
    )
    for output in outputs:
        pulumi.export(f"{name}-{output}", getattr(cluster, output, None))
"""
LAUNCHER = """#!/bin/sh
exec {python} {checkout}/package "$@"
"""
"""A program that starts the plugin as the language host does: Python runs the directory of the package."""
SECRET = "correct-horse-battery"


def camel_case(value: object) -> object:
    """Return settings with their names in the schema, which are in camel case."""
    if isinstance(value, dict):
        return {
            re.sub(r"(?<=[a-z])_([a-z])", lambda match: match[1].upper(), key): camel_case(item)
            for key, item in value.items()
        }
    return [camel_case(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def program(machine: Machine) -> Program:
    """Return a program with two clusters, and an engine that finds the plugin of the checkout."""
    home = machine.cache / "pulumi"
    plugin = home / "plugins" / f"resource-{NAME}-v{VERSION}" / f"pulumi-resource-{NAME}"
    plugin.parent.mkdir(parents=True)
    values = {"checkout": str(CHECKOUT), "python": sys.executable}
    plugin.write_text(LAUNCHER.format(**{key: shlex.quote(value) for key, value in values.items()}))
    plugin.chmod(0o755)
    directory = machine.root / "program"
    directory.mkdir()
    tools = [str(Path(sys.executable).parent), str(machine.cache / "bin")]
    environment = os.environ | {
        "PATH": os.pathsep.join([*tools, os.environ["PATH"]]),
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{machine.root}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    program = Program(directory, environment)
    (directory / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "other", "runtime": "python"}))
    program.program(PROGRAM.replace("VERSION", VERSION))
    program.run("stack", "init", "test")
    return program


def write_clusters(program: Program, machine: Machine, *, max_pods: int = 110, **changes: object) -> None:
    """Write the inputs of the clusters `east` and `west`, each with one control plane and two workers."""
    clusters = {}
    for name in ("east", "west"):
        config = machine.stack_config(CHECKOUT / "Pulumi.dev.yaml")["kubewright:cluster"]
        config |= {"name": name, "kubelet": {"max_pods": max_pods}, "helm_releases": {}, **changes}
        clusters[name] = camel_case(config)
    (program.directory / "clusters.json").write_text(json.dumps(clusters))


def resource_names(program: Program) -> dict[str, str]:
    """Return the types of all resources in the state, by the names of the resources."""
    state = json.loads(program.run("stack", "export"))
    resources = state["deployment"]["resources"]
    return {item["urn"].rsplit("::", 1)[1]: item["type"] for item in resources}


@pytest.fixture(scope="module")
def stack(program: Program, machine: Machine) -> Program:
    """Return the program after its first `up`."""
    write_clusters(program, machine, secret=SECRET)
    program.up()
    return program


def test_a_program_without_kubewright_creates_two_clusters(stack: Program) -> None:
    names = resource_names(stack)
    assert names["east-w-1-node"] == names["west-w-1-node"] == "command:remote:Command"
    assert stack.run("stack", "output", "west-endpointUrl").strip() == "https://10.89.0.11:6443"
    assert json.loads(stack.run("stack", "output", "east-nodes", "--json"))["workers"] == ["w-1", "w-2"]


def test_the_kubeconfig_is_a_secret_output(stack: Program) -> None:
    assert stack.run("stack", "output", "east-kubeconfig").strip() == "[secret]"
    kubeconfig = stack.run("stack", "output", "east-kubeconfig", "--show-secrets")
    assert json.loads(kubeconfig)["current-context"] == "east"


def test_the_state_contains_no_secret_value_of_a_release_in_plain_text(stack: Program) -> None:
    assert "east-helm-web" in resource_names(stack)
    assert SECRET not in stack.run("stack", "export")
    assert SECRET in stack.run("stack", "export", "--show-secrets")


def test_an_unchanged_program_changes_nothing(stack: Program) -> None:
    stack.assert_unchanged()


def test_changes_of_hosts_respect_the_rolling_limit(stack: Program, machine: Machine) -> None:
    # Hooks of the engine run in the plugin during an update.
    write_clusters(stack, machine, secret=SECRET, max_pods=100)
    output = stack.up()
    assert "east-w-2-node" in output
    stack.assert_unchanged()


def test_a_wrong_input_is_an_error_that_names_it(program: Program, machine: Machine) -> None:
    write_clusters(program, machine, environment="moon")
    assert "east.environment: " in program.run("preview", fails=True)
