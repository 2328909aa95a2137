"""Tests of changes of the encryption [D4]: at each step, every API server can read what the others write."""

from __future__ import annotations

import base64
import io
import itertools
import random
import re
import tarfile
from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from assembly import build_topology
from components.encryption_configuration import encryption_configuration
from components.refused_changes import check_encryption, encryption_inputs
from settings import load
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Node, cluster_config
from tests.unit.settings.support import HIGHLY_AVAILABLE
from topology.encryption import resource_encryptions

PLANES = ["cp-1", "cp-2", "cp-3"]
KMS = {"name": "vault", "endpoint": "unix:///run/kms/plugin.sock"}
IDENTITY = ("identity", "", "")
Json = dict[str, Any]
Key = tuple[str, str, str]
"""Kind of the provider, name of the key or plugin, and the secret of the key."""


def key_stage(stage: str, generation: int = 2) -> Json:
    return {"certificates": {"encryption": {"generation": generation, "stage": stage}}}


def kms_stage(stage: str, **plugin: str) -> Json:
    return {"api": {"encryption": {"kms": KMS | plugin | {"stage": stage}}}}


def resources(**stages: str) -> Json:
    return {"api": {"encryption": {"resources": {"secrets": "done"} | stages}}}


class ApiServers:
    """The API servers of three control planes, of which each has loaded the last file of its host."""

    def __init__(self) -> None:
        self.files: dict[str, Json] = {}
        self.inputs: dict[str, object] = {}
        self.refusal = ""
        self.up({}, random.Random(0), check=False)

    def up(self, settings: Json, order: random.Random, *, check: bool = True) -> None:
        """Deliver to the hosts in random order. Check after each host that all servers read all objects."""
        topology = build_topology(load({**HIGHLY_AVAILABLE, **settings}))
        inputs = encryption_inputs(topology.certificates)
        self.refusal, self.inputs = check_encryption(self.inputs, inputs), inputs
        keys = {f"key{number}": f"secret of key {number}" for number in (1, 2, 3)}
        text = encryption_configuration(
            resource_encryptions(topology.encryption, topology.certificates), keys, topology.encryption.kms
        )
        for plane in order.sample(PLANES, len(PLANES)):
            self.files[plane] = yaml.safe_load(text)
            for writer, reader in itertools.permutations(PLANES, 2) if check else ():
                for resource in ("secrets", "configmaps"):
                    written = self.providers(writer, resource)[0]
                    assert written in self.providers(reader, resource), (
                        f"after {plane}: {reader} cannot read {resource} of {writer}: {written[:2]}"
                    )

    def providers(self, plane: str, resource: str) -> list[Key]:
        """Return the keys of a resource in their order. Resources that the file lacks are not encrypted."""
        for entry in self.files[plane]["resources"]:
            if resource in entry["resources"]:
                return [key for provider in entry["providers"] for key in keys_of(provider)]
        return [IDENTITY]


def keys_of(provider: dict[str, Any]) -> Sequence[Key]:
    ((kind, content),) = provider.items()
    match kind:
        case "secretbox":
            return [(kind, key["name"], key["secret"]) for key in content["keys"]]
        case "kms":
            return [(kind, content["name"], content["endpoint"])]
        case _:
            return [IDENTITY]


STAGES = ("trust", "sign", "done")
SEQUENCES: dict[str, list[Json]] = {
    "two rotations of the key": [key_stage(stage, number) for number in (2, 3) for stage in STAGES],
    "a rotation is reverted": [key_stage("trust"), key_stage("sign"), key_stage("trust"), {}],
    "a plugin and back": [*(kms_stage(stage) for stage in (*STAGES, "sign", "trust")), {}],
    "more resources and fewer": [*(resources(configmaps=stage) for stage in ("trust", "done", "trust")), {}],
    "a key and a plugin together": [key_stage(stage) | kms_stage(stage) for stage in STAGES],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_every_server_reads_every_object_at_every_step(name: str) -> None:
    servers = ApiServers()
    for settings in SEQUENCES[name]:
        servers.up(settings, random.Random(name))
        assert servers.refusal == "", settings


SKIPPED: dict[str, tuple[Json, Json]] = {
    "a key without trust": ({}, key_stage("sign")),
    "a key without sign": (key_stage("trust"), key_stage("done")),
    "a key that still writes is removed": (key_stage("sign"), {}),
    "a plugin at once": ({}, kms_stage("done")),
    "a plugin is removed at once": (kms_stage("done"), {}),
    "another plugin": (kms_stage("done"), kms_stage("done", name="other")),
    "a resource at once": ({}, resources(configmaps="done")),
    "a resource is removed at once": (resources(configmaps="done"), {}),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_a_skipped_stage_makes_objects_unreadable_and_is_refused(name: str) -> None:
    servers = ApiServers()
    first, second = SKIPPED[name]
    servers.up(first, random.Random(name), check=False)
    with pytest.raises(AssertionError, match="cannot read"):
        servers.up(second, random.Random(name))
    assert "run `up`, then set the stage after it" in servers.refusal


def test_the_state_returns_generations_as_floating_point_numbers() -> None:
    old = {"encryption": {"encryption": [1.0, 1.0, 2.0]}}
    new = encryption_inputs(build_topology(load(HIGHLY_AVAILABLE | key_stage("sign"))).certificates)
    assert new == {"encryption": {"encryption": [2, 1, 2]}}
    assert check_encryption(old, new) == ""


def test_the_kms_provider_has_the_settings_of_the_plugin() -> None:
    settings = kms_stage("sign", timeout="5s")
    settings["api"]["encryption"]["resources"] = {"secrets": "done", "*.example.com": "done"}
    topology = build_topology(load(HIGHLY_AVAILABLE | settings))
    encryptions = resource_encryptions(topology.encryption, topology.certificates)
    document = yaml.safe_load(encryption_configuration(encryptions, {"key1": "x"}, topology.encryption.kms))
    secrets, cars = document["resources"]
    kms = {"apiVersion": "v2", "name": "vault", "endpoint": KMS["endpoint"], "timeout": "5s"}
    assert secrets["providers"][0] == {"kms": kms}
    assert [next(iter(provider)) for provider in secrets["providers"]] == ["kms", "secretbox", "identity"]
    assert cars["resources"] == ["*.example.com"]
    # API servers refuse a file in which two providers have the same name.
    assert cars["providers"][0] == {"kms": kms | {"name": "vault-*.example.com"}}


# The program -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graphs(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, Graph]:
    """Return a cluster without settings of the encryption, and in the stage `trust` of a new key."""
    directory = tmp_path_factory.mktemp("encryption")
    config = cluster_config(directory, workers=0, environment="production")
    return deploy(config), deploy(config | key_stage("trust"))


def encryption_file(node: Node) -> Json:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(node.text("stdin")))) as archive:
        file = archive.extractfile("secrets/etc/kubernetes/pki/encryption.yaml")
        assert file is not None
        document: Json = yaml.safe_load(file.read())
        return document


def test_a_new_generation_adds_only_its_key(graphs: tuple[Graph, Graph]) -> None:
    plain, trust = graphs
    assert trust.names - plain.names == {("tls:index/privateKey:PrivateKey", "cluster-pki-encryption-2-key")}
    changed = {node.name for node in plain.nodes.values() if node.inputs != trust.nodes[node.urn].inputs}
    assert changed == {"cluster-control-plane", "cp-1-control-plane"}
    assert trust.node("cluster-pki-encryption-key").protect
    assert not trust.node("cluster-pki-encryption-2-key").protect
    ((first,), (old, new)) = (
        encryption_file(graph.node("cp-1-control-plane"))["resources"][0]["providers"][0]["secretbox"]["keys"]
        for graph in graphs
    )
    assert old == first
    assert new["name"] == "key2"
    assert new["secret"] != old["secret"]


def test_a_change_restarts_no_service(graphs: tuple[Graph, Graph]) -> None:
    """The API server reads its copy of the file again without a restart. A unit replaces the copy."""
    script = graphs[1].node("cp-1-control-plane").text("create")
    assert "trust encryption 1 1 2" in script.splitlines()
    services = re.findall(r"^service (\S+) \d+ (\S+) .*((?:\n  /.*)*)", script, re.MULTILINE)
    actions = {
        path: [
            (unit, action)
            for unit, action, paths in services
            if f"{path}\n" in f"{paths}\n".replace(" \\", "")
        ]
        for path in ("/etc/kubernetes/pki/service-account.pub", "/etc/kubernetes/pki/encryption.yaml")
    }
    assert actions == {
        "/etc/kubernetes/pki/service-account.pub": [("kube-apiserver.service", "restart")],
        "/etc/kubernetes/pki/encryption.yaml": [("kube-apiserver-secrets.service", "reload")],
    }


def test_a_stack_without_settings_has_no_statement_and_no_input(graphs: tuple[Graph, Graph]) -> None:
    plain = graphs[0]
    assert "encryption" not in plain.node("cluster-control-plane").inputs
    script = plain.node("cp-1-control-plane").text("create")
    assert "trust encryption" not in script
    assert "apiserver_encryption_config" not in script
