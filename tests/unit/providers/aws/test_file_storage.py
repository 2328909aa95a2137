"""Tests of volumes in Amazon EFS: the file system, the permissions, and the driver in the cluster."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from assembly import build_topology
from nodeconfig.firewall import ruleset
from providers.aws.file_driver import class_parameters, driver_values
from providers.aws.names import Names
from settings import load
from settings.aws_file_storage import AwsFileStorageSettings
from tests.unit.components.graph import Graph, Json, Node, without_secret_marks
from tests.unit.providers.aws.program import (
    ACCOUNT,
    example_config,
    example_settings,
    graph,
    inputs_of,
    with_dedicated_etcd,
)
from tests.unit.providers.program import section
from topology.firewall_rules import file_storage_rules, port_table

EXISTING = "fs-0123456789abcdef0"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ARN = f"arn:aws:mock:eu-central-1:{ACCOUNT}:aws-files-file-system"
ACCESS_POINTS = f"arn:aws:elasticfilesystem:eu-central-1:{ACCOUNT}:access-point/*"
NAMES = Names(cluster="c", region="eu-central-1")


def with_files(cluster: Json) -> None:
    section(cluster, "aws")["file_storage"] = {}


def with_files_and_etcd(cluster: Json) -> None:
    with_files(cluster)
    with_dedicated_etcd(cluster)
    section(cluster, "aws")["disk_key"] = KEY


def with_files_in_production(cluster: Json) -> None:
    with_files(cluster)
    cluster["environment"] = "production"


def with_existing_file_system(cluster: Json) -> None:
    section(cluster, "aws")["file_storage"] = {
        "file_system": EXISTING,
        "class_name": "shared",
        "path": "/volumes",
        "directory_mode": "770",
        "reclaim_policy": "Retain",
        "binding_mode": "WaitForFirstConsumer",
        "mount_options": ["noatime"],
        "version": "4.4.0",
        "repository": "https://charts.example/efs",
    }


@pytest.fixture(scope="module")
def files() -> Graph:
    return graph(with_files)


def statements(resources: Graph, name: str) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], json.loads(resources.node(name).text("policy"))["Statement"])


def resource_names(resources: Graph) -> list[str]:
    return [node.name for node in resources.nodes.values()]


def release(resources: Graph) -> Node:
    (node,) = (node for node in resources.of_type("helm.sh/v3:Release") if "efs" in str(node.inputs["name"]))
    return node


class TestFileSystem:
    def test_cluster_without_the_section_has_nothing_of_it(self) -> None:
        resources = graph()
        assert not [node for node in resources.nodes.values() if ":efs/" in node.type]
        assert not [name for name in resource_names(resources) if "files" in name or "file-" in name]

    def test_a_file_system_is_encrypted_and_has_a_mount_target_in_each_zone(self, files: Graph) -> None:
        file_system = inputs_of(files, "aws-files-file-system")
        assert file_system["encrypted"] is True
        assert file_system["throughputMode"] == "elastic"
        assert "kmsKeyId" not in file_system
        assert file_system["tags"]["kubewright:cluster"] == "aws-example"
        targets = files.of_type(":MountTarget")
        subnets = {node.inputs["subnetId"] for node in targets}
        assert len(targets) == len(subnets) == 3
        assert subnets == {f"aws-network-private-{number}-id" for number in (1, 2, 3)}
        assert {tuple(cast(list[str], node.inputs["securityGroups"])) for node in targets} == {
            ("aws-files-group-id",)
        }

    def test_the_key_of_disks_encrypts_the_file_system(self) -> None:
        assert inputs_of(graph(with_files_and_etcd), "aws-files-file-system")["kmsKeyId"] == KEY

    def test_the_file_system_is_protected_only_in_production(self, files: Graph) -> None:
        assert graph(with_files_in_production).node("aws-files-file-system").protect is True
        assert not files.node("aws-files-file-system").protect

    def test_clients_without_a_role_and_without_tls_have_no_access(self, files: Graph) -> None:
        (only,) = statements(files, "aws-files-policy")
        assert only["Effect"] == "Deny", "an Allow for all principals would admit anonymous clients"
        assert only["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert (only["Principal"], only["Action"], only["Resource"]) == ({"AWS": "*"}, "*", ARN)

    def test_an_existing_file_system_is_left_as_it_is(self) -> None:
        resources = graph(with_existing_file_system)
        assert not [node for node in resources.nodes.values() if ":efs/" in node.type]
        assert "aws-files-group" not in resource_names(resources)
        arn = f"arn:aws:elasticfilesystem:eu-central-1:{ACCOUNT}:file-system/{EXISTING}"
        (mount,) = statements(resources, "aws-identity-pool-general-file-storage")
        assert mount["Resource"] == [arn]


class TestPorts:
    def test_the_security_group_follows_from_the_port_table(self, files: Graph) -> None:
        _, _, topology = example_settings(with_files)
        (rule,) = file_storage_rules(topology)
        assert (rule.first, rule.last, rule.networks) == (2049, 2049, topology.network.machines)
        group = inputs_of(files, "aws-files-group")
        assert group["ingress"] == [
            {
                "protocol": "tcp",
                "fromPort": 2049,
                "toPort": 2049,
                "cidrBlocks": ["10.20.0.0/16"],
                "description": "file storage of the cloud",
            }
        ]
        assert "egress" not in group
        assert "machines" in port_table(topology).splitlines()[-1]
        assert "file storage   tcp 2049" in port_table(topology).splitlines()[-1]

    def test_no_group_of_machines_opens_the_port(self, files: Graph) -> None:
        for node in files.nodes.values():
            if "SecurityGroup" in node.type and node.name != "aws-files-group":
                assert "2049" not in json.dumps(without_secret_marks(node.inputs)), node.name

    def test_nodes_refuse_connections_of_pods_to_the_mount_targets(self) -> None:
        topology = build_topology(load(example_config(with_files)))
        (member,) = (machine for machine in topology.machines if machine.name == "cp-1")
        text = ruleset(topology, member.roles)
        assert "ip daddr 10.20.0.0/16 tcp dport 2049 drop" in text
        without = build_topology(load(example_config()))
        assert "2049" not in ruleset(without, member.roles)
        assert not file_storage_rules(without)
        assert "file storage" not in port_table(without)


class TestPermissions:
    def test_nodes_of_pools_only_mount_access_points(self, files: Graph) -> None:
        (mount,) = statements(files, "aws-identity-pool-batch-file-storage")
        assert mount == {
            "Sid": "Mount",
            "Effect": "Allow",
            "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            "Resource": [ARN],
            "Condition": {"StringLike": {"elasticfilesystem:AccessPointArn": [ACCESS_POINTS]}},
        }

    def test_dedicated_etcd_members_have_no_permission_for_files(self) -> None:
        names = {node.name for node in graph(with_files_and_etcd).of_type(":RolePolicy")}
        assert "aws-identity-pool-general-file-storage" in names
        assert "aws-identity-etcd-machine" in names
        assert "aws-identity-etcd-file-storage" not in names

    def test_control_planes_manage_access_points_of_the_cluster(self, files: Graph) -> None:
        granted = {item["Sid"]: item for item in statements(files, "aws-identity-control-plane-file-storage")}
        for_cluster = {"aws:RequestTag/kubernetes.io/cluster/aws-example": ["owned"]}
        assert granted["MakeAccessPoints"]["Resource"] == [ARN]
        assert granted["MakeAccessPoints"]["Condition"] == {"StringEquals": for_cluster}
        assert granted["TagAccessPoints"]["Condition"] == {
            "StringEquals": {"elasticfilesystem:CreateAction": ["CreateAccessPoint"]} | for_cluster
        }
        assert granted["DropAccessPoints"]["Resource"] == [ACCESS_POINTS]
        assert granted["DropAccessPoints"]["Condition"] == {
            "StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/aws-example": ["owned"]}
        }
        assert granted["DropDirectories"]["Resource"] == [ARN]
        wildcards = {name for name, item in granted.items() if "*" in item["Resource"]}
        assert wildcards == {"SeeZones"}
        values = cast(dict[str, Any], driver_values(NAMES, 1)["controller"])
        assert values["tags"] == {"kubernetes.io/cluster/c": "owned"}, "the tag of the conditions"

    def test_pods_get_no_permission_from_the_metadata_service(self, files: Graph) -> None:
        hops = [
            cast(dict[str, Any], node.inputs["metadataOptions"])["httpPutResponseHopLimit"]
            for node in files.of_type(":LaunchTemplate")
        ]
        assert set(hops) == {1}


class TestDriver:
    def test_release_is_the_official_chart_on_control_planes(self, files: Graph) -> None:
        inputs = release(files).inputs
        assert (inputs["chart"], inputs["version"]) == ("aws-efs-csi-driver", "4.4.2")
        assert inputs["namespace"] == "kube-system"
        assert inputs["atomic"] is True
        values = cast(dict[str, Any], without_secret_marks(inputs["values"]))
        assert values["controller"]["replicaCount"] == 2
        assert values["controller"]["hostNetwork"] is True
        assert values["controller"]["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
        assert values["controller"]["deleteAccessPointRootDir"] is True
        assert values["storageClasses"] == [], "the class is a resource of its own"

    def test_a_controller_on_the_host_network_frees_its_ports_first(self) -> None:
        controller = cast(dict[str, Any], driver_values(NAMES, 1)["controller"])
        assert controller["replicaCount"] == 1
        assert controller["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}

    def test_mount_targets_exist_before_the_driver_and_its_class(self, files: Graph) -> None:
        targets = {node.urn for node in files.of_type(":MountTarget")}
        policy = files.node("aws-files-policy").urn
        for node in (release(files), files.node("aws-file-driver-class")):
            assert {*targets, policy} <= {*node.depends_on}

    def test_class_makes_an_access_point_for_each_claim(self, files: Graph) -> None:
        inputs = inputs_of(files, "aws-file-driver-class")
        assert inputs["provisioner"] == "efs.csi.aws.com"
        assert inputs["parameters"] == {
            "provisioningMode": "efs-ap",
            "fileSystemId": "aws-files-file-system-id",
            "directoryPerms": "700",
        }
        assert inputs["mountOptions"] == ["iam"]
        assert inputs["allowVolumeExpansion"] is False
        assert (inputs["reclaimPolicy"], inputs["volumeBindingMode"]) == ("Delete", "Immediate")
        assert "annotations" not in inputs["metadata"] or not inputs["metadata"]["annotations"]

    def test_class_has_the_settings(self) -> None:
        resources = graph(with_existing_file_system)
        inputs = inputs_of(resources, "aws-file-driver-class")
        assert inputs["metadata"]["name"] == "shared"
        assert inputs["parameters"] == {
            "provisioningMode": "efs-ap",
            "fileSystemId": EXISTING,
            "directoryPerms": "770",
            "basePath": "/volumes",
        }
        assert inputs["mountOptions"] == ["iam", "noatime"]
        assert (inputs["reclaimPolicy"], inputs["volumeBindingMode"]) == ("Retain", "WaitForFirstConsumer")
        node = release(resources)
        assert node.inputs["version"] == "4.4.0"
        assert node.inputs["repositoryOpts"] == {"repo": "https://charts.example/efs"}

    def test_class_can_be_the_default_without_disks(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws").setdefault("addons", {})
            section(cluster, "aws", "addons")["storage"] = False
            section(cluster, "aws")["file_storage"] = {"default_class": True}

        metadata = inputs_of(graph(edit), "aws-file-driver-class")["metadata"]
        assert metadata["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}

    def test_parameters_are_texts(self) -> None:
        parameters = class_parameters(AwsFileStorageSettings(path="/a/b"), "fs-1")
        assert all(isinstance(value, str) for value in parameters.values())
