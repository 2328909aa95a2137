"""Tests of the kubelet's credential provider for images: data in the bundle of a node, and flags."""

from __future__ import annotations

from typing import Any

from artifacts.mirror import optional_artifacts
from assembly import build_topology
from nodeconfig import bundles, image_credentials
from nodeconfig.bundle import IDENTITY_AT_BOOT, Bundle
from nodeconfig.render import script
from settings import load
from testkit.bundles import FakeIndex
from testkit.clouds import cloud
from tests.unit.nodeconfig.test_bundles import bundle_paths, json_config, unit_flags
from tests.unit.settings.support import with_edits
from tests.unit.settings.wrong_clouds import AWS
from topology.model import Role, Topology

REGISTRIES: list[dict[str, object]] = [
    {"account": "123456789012", "region": "eu-central-1"},
    {"account": "210987654321", "region": "eu-west-1", "pull_through": ["docker-hub"]},
]
PROGRAM = "/usr/local/lib/kubewright/bin/ecr-credential-provider"


def with_registries(**edits: object) -> Topology:
    """Return a cluster on AWS with two registries. Edits replace settings at dotted paths."""
    return cloud(**{"aws.image_registries": REGISTRIES, **edits})


def node_bundles(topology: Topology) -> list[Bundle]:
    """Return the bundles of a control plane's node and of a pool."""
    built = bundles(topology, FakeIndex())
    return [built["cp-1", Role.NODE], built["general", Role.NODE]]


def variables(bundle: Bundle) -> dict[str, str]:
    """Return the environment variables of the credential provider."""
    config: dict[str, Any] = json_config(bundle, image_credentials.CONFIG)
    (provider,) = config["providers"]
    return {item["name"]: item["value"] for item in provider["env"]}


def test_kubelets_of_all_nodes_get_credentials_for_the_registries() -> None:
    for bundle in node_bundles(with_registries()):
        assert json_config(bundle, "/etc/kubernetes/credential-providers.json") == {
            "apiVersion": "kubelet.config.k8s.io/v1",
            "kind": "CredentialProviderConfig",
            "providers": [
                {
                    "name": "ecr-credential-provider",
                    "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
                    "matchImages": [
                        "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                        "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
                    ],
                    "defaultCacheDuration": "0s",
                    "env": [],
                }
            ],
        }
        flags = unit_flags(bundle, "kubelet")
        assert flags["image-credential-provider-config"] == "/etc/kubernetes/credential-providers.json"
        (program,) = (item for item in bundle.artifacts if item.name == "ecr-credential-provider")
        assert program.path == PROGRAM
        assert program.path == f"{flags['image-credential-provider-bin-dir']}/{program.name}"


def test_changed_registries_restart_only_the_kubelet() -> None:
    for bundle in node_bundles(with_registries()):
        watching = [item.unit for item in bundle.services if image_credentials.CONFIG in item.restart_on]
        assert watching == ["kubelet.service"]


def test_nodes_without_image_registries_do_not_change() -> None:
    for bundle in node_bundles(cloud()):
        assert not [path for path in bundle_paths(bundle) if "credential" in path]
        assert not [flag for flag in unit_flags(bundle, "kubelet") if "credential" in flag]
        assert all(image_credentials.CONFIG not in item.restart_on for item in bundle.services)
    assert optional_artifacts(cloud()) == ()
    assert optional_artifacts(with_registries()) == ("ecr-credential-provider",)


def test_added_registry_is_one_line_of_the_script() -> None:
    def lines(registries: list[dict[str, object]]) -> list[str]:
        topology = cloud(**{"aws.image_registries": registries})
        return script(node_bundles(topology)[1], IDENTITY_AT_BOOT).splitlines()

    before, after = lines(REGISTRIES[:1]), lines(REGISTRIES)
    added = [line.strip() for line in after if line not in before]
    assert '"210987654321.dkr.ecr.eu-west-1.amazonaws.com"' in added
    assert len(added) <= 3  # the line above gets a comma, and a digest changes


def test_private_endpoints_are_variables_of_the_program() -> None:
    edits: dict[str, object] = {
        "aws.image_registries": REGISTRIES[:1],
        "aws.endpoints": {
            "ecr": "https://ecr.example",
            "metadata": "http://10.0.0.1:8169",
            "ca_file": "endpoints.pem",
        },
    }
    topology = build_topology(load(with_edits(AWS, edits)), files={"endpoints.pem": "PEM\n\n"})
    for bundle in node_bundles(topology):
        assert variables(bundle) == {
            "AWS_ENDPOINT_URL_ECR": "https://ecr.example",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://10.0.0.1:8169",
            "AWS_CA_BUNDLE": "/etc/kubernetes/credential-provider-ca.crt",
        }
        contents = {file.path: file.content for file in bundle.files}
        assert contents["/etc/kubernetes/credential-provider-ca.crt"] == "PEM\n"


def test_authority_of_other_endpoints_does_not_replace_that_of_public_ecr() -> None:
    edits: dict[str, object] = {
        "aws.image_registries": REGISTRIES,
        "aws.endpoints": {"s3": "https://s3.example", "ca_file": "endpoints.pem"},
    }
    topology = build_topology(load(with_edits(AWS, edits)), files={"endpoints.pem": "PEM\n"})
    for bundle in node_bundles(topology):
        assert variables(bundle) == {}


def test_settings_of_a_pool_keep_the_credential_provider() -> None:
    topology = with_registries(**{"pools.general.kubelet": {"max_pods": 60}})
    pool = next(pool for pool in topology.pools if pool.name == "general")
    assert pool.kubelet.max_pods == 60
    assert pool.kubelet.credential_provider is not None


def test_registries_in_china_have_the_domain_of_its_partition() -> None:
    registry = {"account": "123456789012", "region": "cn-north-1"}
    zones = [f"cn-north-1{letter}" for letter in "abc"]
    topology = cloud(**{"aws.region": "cn-north-1", "aws.zones": zones, "aws.image_registries": [registry]})
    provider = topology.pools[0].kubelet.credential_provider
    assert provider is not None
    assert provider.images == ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",)
