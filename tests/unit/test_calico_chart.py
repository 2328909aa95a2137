"""Tests of the settings for Calico in docs/networking.md.

They are valid, and Calico's chart renders with their values an Installation that matches its definition.
`charts/tigera-operator` has the chart of the Go module github.com/projectcalico/calico
v1.11.0-cni-plugin.0.20250813170300-a0db560f0520 (Calico 3.28.5, Apache-2.0), unchanged except that its
definitions are missing.
"""

from __future__ import annotations

import copy
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from assembly import build_topology
from nodeconfig.firewall import accepted_ports, ruleset
from settings import load
from testkit.control_plane import binary_path
from tests.unit.settings.support import TWO_WORKERS, with_edits
from topology.model import Role

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/networking.md"
CHARTS = Path(__file__).with_name("charts")
VXLAN, TYPHA = "udp dport 4789", "tcp dport 5473"
"""The ports of felix/config/config_params.go and typha/pkg/syncproto/sync_proto.go in the module."""


@cache
def documented_settings() -> dict[str, Any]:
    blocks = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    [block] = [block for block in blocks if "chart: tigera-operator" in block]
    settings: dict[str, Any] = yaml.safe_load(block)
    return settings


def documented_release() -> dict[str, Any]:
    [release] = documented_settings()["helm_releases"].values()
    return copy.deepcopy(dict(release))


def render(directory: Path, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Render the chart with real helm. Return its objects by kind, without the objects of its hooks."""
    file = directory / "values.yaml"
    file.write_text(yaml.safe_dump(dict(values)))
    chart = str(CHARTS / "tigera-operator")
    command = [binary_path("helm"), "template", "calico", chart, "--no-hooks", "--values", str(file)]
    namespace = ["--namespace", documented_release()["namespace"]]
    result = subprocess.run([*command, *namespace], capture_output=True, text=True, check=True, timeout=60)
    return {item["kind"]: item for item in yaml.safe_load_all(result.stdout) if item}


def problems(installation: Mapping[str, Any]) -> list[str]:
    """Compare the `spec` of an Installation with its definition, in which all fields must be known. (API
    servers remove unknown fields without an error.)
    """
    schema = yaml.safe_load((CHARTS / "installation.yaml").read_text())
    validator = Draft202012Validator(without_unknown_fields(schema))
    return [error.message for error in validator.iter_errors(installation["spec"])]


def without_unknown_fields(schema: Any) -> Any:  # noqa: ANN401  a part of a schema has any type
    if isinstance(schema, list):
        return [without_unknown_fields(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: without_unknown_fields(item) for key, item in schema.items()}
    return closed | ({"additionalProperties": False} if "properties" in schema else {})


def test_documented_settings_open_the_ports_of_calico() -> None:
    documented = documented_settings()
    edits = {f"network.{key}": value for key, value in documented["network"].items()}
    settings = load(with_edits(TWO_WORKERS, {**edits, "helm_releases": documented["helm_releases"]}))
    rules = ruleset(build_topology(settings), {Role.NODE})
    sources = {port: source for source, port in accepted_ports(rules) if port in (VXLAN, TYPHA)}
    assert sources == dict.fromkeys((VXLAN, TYPHA), "10.0.0.0/24")


def test_documented_values_match_the_definition(tmp_path: Path) -> None:
    objects = render(tmp_path, documented_release()["values"])
    assert problems(objects["Installation"]) == []
    network = objects["Installation"]["spec"]["calicoNetwork"]
    # Kubewright's packet filter drops BGP and IP-in-IP, the defaults of Calico.
    assert network["bgp"] == "Disabled"
    [pool] = network["ipPools"]
    assert (pool["cidr"], pool["encapsulation"]) == (documented_settings()["network"]["pods"], "VXLAN")
    assert objects["Installation"]["spec"]["kubeletVolumePluginPath"] == "/var/lib/kubelet"


def test_namespace_admits_the_operator(tmp_path: Path) -> None:
    """The default level of Pod Security refuses pods on the host network."""
    release = documented_release()
    operator = render(tmp_path, release["values"])["Deployment"]
    assert operator["spec"]["template"]["spec"]["hostNetwork"] is True
    assert operator["metadata"]["namespace"] == release["namespace"]
    assert release["create_namespace"] is True
    assert release["namespace_labels"] == {"pod-security.kubernetes.io/enforce": "privileged"}


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("bgp", "Off", "'Off' is not one of"),
        ("encapsulation", "VXLAN", "'encapsulation' was unexpected"),
        ("ipPools", [{"encapsulation": "VXLAN"}], "'cidr' is a required property"),
    ],
)
def test_wrong_values_do_not_match_the_definition(
    tmp_path: Path, field: str, value: object, problem: str
) -> None:
    values = documented_release()["values"]
    values["installation"]["calicoNetwork"][field] = value
    [message] = problems(render(tmp_path, values)["Installation"])
    assert problem in message
