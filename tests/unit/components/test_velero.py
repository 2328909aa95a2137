"""Tests of Velero in the program, on mocks: its Secrets, its namespace and the values of its chart."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from components.addons.velero_values import merge_values
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, Node, cluster_config, without_secret_marks
from tests.unit.settings.wrong_velero import BLOB, PASSWORD, S3

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CLOUD_S3: Json = {
    "bucket": "other",
    "region": "eu-central-1",
    "access_key_id": "other",
    "secret_access_key": "not-a-real-secret-either",
}
SCHEDULES: Json = {
    "daily": {"cron": "0 3 * * *"},
    "shop": {"cron": "@every 6h", "ttl": "48h", "namespaces": ["shop", "cart"], "location": "azure"},
}
PATHS_OF_SCHEMA = {
    "backupsEnabled": bool,
    "configuration.backupStorageLocation": list,
    "configuration.defaultSnapshotMoveData": bool,
    "configuration.defaultVolumesToFsBackup": bool,
    "configuration.features": str,
    "configuration.volumeSnapshotLocation": list,
    "credentials.useSecret": bool,
    "deployNodeAgent": bool,
    "initContainers": list,
    "nodeAgent.tolerations": list,
    "schedules.daily": dict,
    "schedules.shop": dict,
    "snapshotsEnabled": bool,
    "upgradeCRDs": bool,
}
"""The values that Kubewright sets, with their types in upstream's values.yaml and values.schema.json."""


def deployed(deploy: Deploy, directory: Path, /, **velero: Any) -> Graph:  # noqa: ANN401 - JSON
    (directory / "ca.pem").write_text(CERTIFICATE)
    config: Any = cluster_config(directory, workers=2)
    offsite = {"s3": S3 | {"ca_file": str(directory / "ca.pem")}, "prefix": "kubernetes/dev"}
    snapshots = velero.pop("snapshots", False)
    section = {"locations": {"offsite": offsite}} | velero
    return deploy(config | {"addons": {"velero": section}, "storage": {"snapshots": snapshots}})


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    directory = tmp_path_factory.mktemp("velero")
    offsite = {"s3": S3 | {"ca_file": str(directory / "ca.pem")}, "prefix": "kubernetes/dev"}
    return deployed(
        deploy,
        directory,
        locations={
            "offsite": offsite,
            "azure": {"azure_blob": BLOB},
            "aws": {"s3": CLOUD_S3, "read_only": True},
        },
        default_location="offsite",
        schedules=SCHEDULES,
        node_agent=True,
        all_volumes=True,
        move_snapshots=True,
        repository_password=PASSWORD,
        values={"resources": {"requests": {"cpu": "100m"}}, "nodeAgent": {"priorityClassName": "high"}},
        snapshots=True,
    )


@pytest.fixture(scope="module")
def small(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("small"))


def release(graph: Graph) -> Node:
    (node,) = graph.of_type("helm.sh/v3:Release")
    return node


def values(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(release(graph).inputs["values"])


def locations(graph: Graph) -> dict[str, Any]:
    return {item["name"]: item for item in values(graph)["configuration"]["backupStorageLocation"]}


def test_cluster_without_the_section_has_nothing_of_it(deploy: Deploy, tmp_path: Path) -> None:
    without = deploy(cluster_config(tmp_path, workers=2))
    assert not [node.name for node in without.nodes.values() if "velero" in node.name]


def test_release_is_the_official_chart_after_what_it_needs(graph: Graph) -> None:
    node = release(graph)
    assert (node.inputs["chart"], node.inputs["version"], node.inputs["namespace"]) == (
        "velero",
        "12.2.1",
        "velero",
    )
    repository = "https://vmware-tanzu.github.io/helm-charts"
    assert without_secret_marks(node.inputs["repositoryOpts"]) == {"repo": repository}
    assert node.inputs["atomic"] is True
    before = ("namespace", "policy", "location-offsite", "location-azure", "location-aws", "repository")
    assert {graph.node(f"velero-{name}").urn for name in before} <= node.depends_on
    definitions = {item.urn for item in graph.of_type(":CustomResourceDefinition") if "snapshot" in item.name}
    assert definitions
    assert definitions <= node.depends_on


def test_chart_of_a_path_has_no_version_and_no_repository(deploy: Deploy, tmp_path: Path) -> None:
    (tmp_path / "chart").mkdir()
    inputs = release(deployed(deploy, tmp_path, chart=str(tmp_path / "chart"))).inputs
    assert inputs["chart"] == str(tmp_path / "chart")
    assert not {"version", "repositoryOpts"} & inputs.keys()


def test_namespace_permits_the_node_agent_only_with_it(graph: Graph, small: Graph) -> None:
    for cluster, level in ((graph, "privileged"), (small, "baseline")):
        labels = cluster.node("velero-namespace").inputs["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == level
    assert values(small)["deployNodeAgent"] is False
    assert values(graph)["deployNodeAgent"] is True


def test_ports_of_all_pods_are_closed(graph: Graph) -> None:
    spec = without_secret_marks(graph.node("velero-policy").inputs["spec"])
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}


def test_credentials_are_only_in_secrets(graph: Graph) -> None:
    expected = {
        "velero-location-offsite": "[default]\naws_access_key_id=velero\n"
        f"aws_secret_access_key={S3['secret_access_key']}\n",
        "velero-location-azure": f"AZURE_STORAGE_ACCOUNT_ACCESS_KEY={BLOB['account_key']}\n",
    }
    for name, text in expected.items():
        node = graph.node(name)
        assert without_secret_marks(node.inputs["stringData"]) == {"cloud": text}
        assert node.inputs["metadata"]["name"] == name.removeprefix("velero-")
    password = graph.node("velero-repository")
    assert password.inputs["metadata"]["name"] == "velero-repo-credentials"
    assert without_secret_marks(password.inputs["stringData"]) == {"repository-password": PASSWORD}
    for secret in (S3["secret_access_key"], BLOB["account_key"], PASSWORD):
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if secret in text], node.name
        assert secret not in json.dumps(values(graph)), "Helm keeps values in its records"


def test_locations_name_their_secret(graph: Graph) -> None:
    for name, location in locations(graph).items():
        assert location["credential"] == {"name": f"location-{name}", "key": "cloud"}
    assert [name for name, location in locations(graph).items() if location["default"]] == ["offsite"]
    modes = {name: location["accessMode"] for name, location in locations(graph).items()}
    assert modes == {"offsite": "ReadWrite", "azure": "ReadWrite", "aws": "ReadOnly"}
    assert locations(graph)["offsite"]["prefix"] == "kubernetes/dev"


def test_service_with_the_api_of_s3_has_its_url_and_authority(graph: Graph) -> None:
    location = locations(graph)["offsite"]
    assert (location["provider"], location["bucket"]) == ("aws", "backups")
    assert location["config"] == {
        "region": "us-east-1",
        "s3Url": "https://s3.corp.example:9000",
        "s3ForcePathStyle": "true",
        "checksumAlgorithm": "",
    }
    assert base64.b64decode(location["caCert"]).decode() == CERTIFICATE


def test_bucket_of_aws_has_only_its_region(graph: Graph) -> None:
    location = locations(graph)["aws"]
    assert location["config"] == {"region": "eu-central-1"}
    assert "caCert" not in location
    assert location["prefix"].startswith("velero/")


def test_container_of_azure_needs_no_other_api(graph: Graph) -> None:
    location = locations(graph)["azure"]
    assert (location["provider"], location["bucket"]) == ("azure", "velero")
    assert location["config"] == {
        "storageAccount": "backups",
        "storageAccountURI": "https://backups.blob.core.windows.net",
        "storageAccountKeyEnvVar": "AZURE_STORAGE_ACCOUNT_ACCESS_KEY",
    }


def test_only_plugins_of_the_locations_are_installed(graph: Graph, small: Graph) -> None:
    images = {item["name"]: item["image"] for item in values(graph)["initContainers"]}
    assert images == {
        "velero-plugin-for-aws": "docker.io/velero/velero-plugin-for-aws:v1.14.2",
        "velero-plugin-for-microsoft-azure": "docker.io/velero/velero-plugin-for-microsoft-azure:v1.14.2",
    }
    (plugin,) = values(small)["initContainers"]
    assert plugin["name"] == "velero-plugin-for-aws"
    assert plugin["volumeMounts"] == [{"mountPath": "/target", "name": "plugins"}]


def test_schedules_are_values_of_the_chart(graph: Graph) -> None:
    schedules = values(graph)["schedules"]
    assert schedules["daily"] == {
        "schedule": "0 3 * * *",
        "template": {"ttl": "720h", "storageLocation": "offsite", "includedNamespaces": ["*"]},
    }
    assert schedules["shop"]["schedule"] == "@every 6h"
    template = {"ttl": "48h", "storageLocation": "azure", "includedNamespaces": ["shop", "cart"]}
    assert schedules["shop"]["template"] == template


def test_snapshots_of_volumes_need_their_controller(graph: Graph, small: Graph) -> None:
    configuration = values(graph)["configuration"]
    assert configuration["features"] == "EnableCSI"
    assert configuration["defaultSnapshotMoveData"] is True
    assert configuration["defaultVolumesToFsBackup"] is True
    assert "features" not in values(small)["configuration"]
    assert values(small)["configuration"]["defaultVolumesToFsBackup"] is False
    assert values(graph)["snapshotsEnabled"] is False, "the plugins would make snapshots of cloud disks"


def test_job_of_the_chart_runs_only_with_a_pod_network(small: Graph, deploy: Deploy, tmp_path: Path) -> None:
    assert values(small)["upgradeCRDs"] is True
    config: Any = cluster_config(tmp_path, workers=2)
    section = {"locations": {"offsite": {"s3": S3}}}
    changes = {"addons": {"velero": section}, "network": config["network"] | {"cni": "none"}}
    without = deploy(config | changes)
    assert values(without)["upgradeCRDs"] is False, "Helm would wait for a pod that cannot run"
    assert release(without).inputs["skipAwait"] is True


def test_further_values_add_to_those_of_kubewright(graph: Graph) -> None:
    assert values(graph)["resources"] == {"requests": {"cpu": "100m"}}
    agent = {"tolerations": [{"operator": "Exists"}], "priorityClassName": "high"}
    assert values(graph)["nodeAgent"] == agent


def test_values_have_the_names_and_types_of_upstream(graph: Graph) -> None:
    for path, kind in PATHS_OF_SCHEMA.items():
        value = values(graph)
        for key in path.split("."):
            value = value[key]
        assert isinstance(value, kind), path
    further = {"resources"}
    assert values(graph).keys() - further == {path.partition(".")[0] for path in PATHS_OF_SCHEMA}


def test_values_are_merged_as_helm_does() -> None:
    old = {"a": {"b": 1, "c": [1]}, "d": 1}
    assert merge_values(old, {"a": {"c": [2], "e": 3}, "d": {"f": 1}}) == {
        "a": {"b": 1, "c": [2], "e": 3},
        "d": {"f": 1},
    }
    assert old == {"a": {"b": 1, "c": [1]}, "d": 1}
