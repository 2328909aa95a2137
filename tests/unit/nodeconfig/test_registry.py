"""Tests of what nodes receive for the registry of the cluster (`addons.registry`)."""

from __future__ import annotations

import tomllib

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from nodeconfig.host_paths import CA
from testkit.bundles import FakeIndex, cluster
from tests.unit.settings.wrong_cert_manager import CA as AUTHORITY
from tests.unit.settings.wrong_cert_manager import ISSUERS
from tests.unit.settings.wrong_distribution import settings
from topology.model import Role, Topology

DIRECTORY = "/etc/containerd/certs.d/registry.corp.example"


def with_registry(**edits: object) -> Topology:
    issuers = {"cert_manager": {"issuers": ISSUERS}} if "issuer" in edits else {}
    return cluster(sections={"addons": {"registry": settings(**edits), **issuers}})


def node_bundles(topology: Topology) -> dict[str, Bundle]:
    index = FakeIndex()
    return {name: bundle for (name, role), bundle in bundles(topology, index).items() if role is Role.NODE}


def files(topology: Topology, node: str = "w-1") -> dict[str, str]:
    """Return the files of the registry on a node, without those with a login."""
    return {item.path: item.content for item in node_bundles(topology)[node].files if DIRECTORY in item.path}


def test_registry_is_one_file_of_each_node_and_restarts_nothing() -> None:
    before, after = node_bundles(cluster()), node_bundles(with_registry())
    assert before.keys() == after.keys()
    for name, bundle in after.items():
        added = [item.path for item in bundle.files if item not in before[name].files]
        assert added == [f"{DIRECTORY}/hosts.toml"]
        assert bundle.services == before[name].services
        assert bundle.secrets == before[name].secrets
        # The kubelet's authority is the file that hosts.toml names.
        assert CA in {item.path for item in bundle.secrets}


def test_login_is_in_a_secret_file() -> None:
    bundle = node_bundles(with_registry(node_user="alice"))["w-1"]
    [secret] = [item for item in bundle.secrets if DIRECTORY in item.path]
    assert secret.secret == "registry-registry.corp.example"
    assert not files(with_registry(node_user="alice"))


def test_port_is_part_of_the_directory() -> None:
    name = "registry.corp.example:30500"
    found = files(with_registry(name=name, service={"type": "NodePort"}))
    [text] = found.values()
    assert [*found] == [f"{DIRECTORY}_30500_/hosts.toml"]
    assert tomllib.loads(text)["server"] == "https://10.96.0.20:30500"


@pytest.mark.parametrize(
    ("issuer", "server", "authority"),
    [
        ("company", "https://10.96.0.20:443", f"{DIRECTORY}/ca.crt"),
        ("public", "https://registry.corp.example:443", None),
    ],
)
def test_nodes_trust_the_issuer(issuer: str, server: str, authority: str | None) -> None:
    found = files(with_registry(issuer=issuer))
    document = tomllib.loads(found[f"{DIRECTORY}/hosts.toml"])
    assert (document["server"], document.get("ca")) == (server, authority)
    if authority:
        assert found[authority].strip() == AUTHORITY["certificate"].strip()
