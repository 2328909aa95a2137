"""Tests of the clients of operations on AWS, against moto's S3, EC2 and Auto Scaling."""

from __future__ import annotations

import io
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from providers.aws.names import Names
from providers.aws.requests import GroupMachines, ObjectStore, open_copies, open_machines
from providers.cloud.requests import CloudFailure, Place
from settings.aws import AwsSettings, AwsSnapshotCopySettings
from settings.cluster import Settings
from tests.unit.providers.aws.autoscaling import REGION, create_group

CLUSTER = "test"
ACCOUNT = "123456789012"
STORE = f"kubewright-{CLUSTER}-{ACCOUNT}-{REGION}"
REQUEST = "members/control-plane/cp-1/request"


def settings(account: str | None = None) -> Settings:
    """Return only the settings that the clients read."""
    aws = AwsSettings.model_construct(
        region=REGION, account=account, endpoints=AwsSettings.model_fields["endpoints"].default
    )
    return cast(Settings, SimpleNamespace(name=CLUSTER, aws=aws))


@pytest.fixture
def machines(account: None) -> GroupMachines:
    s3 = boto3.client("s3", REGION)
    s3.create_bucket(Bucket=STORE, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=STORE, VersioningConfiguration={"Status": "Enabled"})
    opened = open_machines(settings(), {})
    assert isinstance(opened, GroupMachines)
    return opened


@pytest.fixture
def store(machines: GroupMachines) -> ObjectStore:
    assert isinstance(machines.store, ObjectStore)
    return machines.store


def versions() -> list[str]:
    listed = boto3.client("s3", REGION).list_object_versions(Bucket=STORE)
    return [item["Key"] for item in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]]


class TestStore:
    def test_only_one_deployer_can_create_a_request(self, store: ObjectStore) -> None:
        assert store.create(REQUEST, "first")
        assert not store.create(REQUEST, "second")
        assert store.read(REQUEST) == "first"

    def test_a_removed_object_has_no_versions(self, store: ObjectStore) -> None:
        for text in (b"one", b"two"):
            store.write(REQUEST, io.BytesIO(text))
        store.write(f"{REQUEST}-of-another", io.BytesIO(b"kept"))
        store.remove(REQUEST, "missing")
        assert versions() == [f"{REQUEST}-of-another"]
        assert store.create(REQUEST, "again")

    def test_a_large_object_is_written_to_a_file(self, store: ObjectStore) -> None:
        content = bytes(range(256)) * 2**13
        store.write("output", io.BytesIO(content))
        target = io.BytesIO()
        assert store.download("output", target) == len(content)
        assert target.getvalue() == content

    def test_a_missing_object_has_no_text_and_no_content(self, store: ObjectStore) -> None:
        assert store.read("missing") is None
        assert store.download("missing", io.BytesIO()) == 0

    def test_a_cluster_without_a_bucket_is_a_failure(self, account: None) -> None:
        with pytest.raises(CloudFailure, match="NoSuchBucket"):
            open_machines(settings(), {}).store.read(REQUEST)


class TestMachines:
    def test_nodes_are_the_machines_of_all_zones_with_their_addresses(self, machines: GroupMachines) -> None:
        first, second = create_group("test-pool-general", 2), create_group("test-pool-general-zone-2", 1)
        create_group("test-pool-other", 1)
        nodes = machines.nodes("general")
        assert [node.name for node in nodes] == sorted([*first, *second])
        reservations = boto3.client("ec2", REGION).describe_instances()["Reservations"]
        addresses: dict[str, Any] = {
            item["InstanceId"]: item["PrivateIpAddress"]
            for group in reservations
            for item in group["Instances"]
        }
        assert {node.name: node.address for node in nodes} == {
            name: IPv4Address(addresses[name]) for name in [*first, *second]
        }

    def test_a_pool_without_machines_has_no_nodes(self, machines: GroupMachines) -> None:
        assert machines.nodes("general") == ()

    def test_a_machine_of_a_pool_gets_a_successor_with_another_name(self, machines: GroupMachines) -> None:
        chosen, kept = create_group("test-pool-general", 2)
        assert not machines.replace(Place("pools", "general", chosen))
        names = {node.name for node in machines.nodes("general")}
        assert kept in names
        assert chosen not in names
        assert len(names) == 2

    def test_only_the_machine_of_the_member_is_replaced(self, machines: GroupMachines) -> None:
        (member,), (other,) = create_group("test-cp-1", 1), create_group("test-cp-10", 1)
        assert machines.replace(Place("members/control-plane", "cp-1"))
        groups = boto3.client("autoscaling", REGION).describe_auto_scaling_groups()["AutoScalingGroups"]
        running = {item["InstanceId"] for group in groups for item in group["Instances"]}
        assert other in running
        assert member not in running

    def test_the_console_of_a_missing_machine_is_empty(self, machines: GroupMachines) -> None:
        create_group("test-cp-1", 0)
        assert machines.console(Place("members/control-plane", "cp-1")) == ""

    def test_the_console_of_a_member_is_that_of_its_machine(self, machines: GroupMachines) -> None:
        create_group("test-cp-1", 1)
        assert machines.console(Place("members/control-plane", "cp-1"))


def test_credentials_of_another_account_are_refused(account: None) -> None:
    with pytest.raises(CloudFailure, match=f"are of account {ACCOUNT}, not of aws.account 210987654321"):
        open_machines(settings("210987654321"), {})


class TestCopies:
    OTHER = "eu-west-1"

    @pytest.fixture
    def copied(self, account: None) -> Settings:
        result = settings()
        assert result.aws is not None
        aws = result.aws.model_copy(
            update={"snapshot_copies": AwsSnapshotCopySettings(region=self.OTHER, keep_days=3)}
        )
        return cast(Settings, SimpleNamespace(name=CLUSTER, aws=aws))

    def test_copies_are_in_the_bucket_of_the_other_region(self, copied: Settings) -> None:
        s3: Any = boto3.client("s3", self.OTHER)
        bucket = Names(cluster=CLUSTER, region=REGION).copies_bucket(ACCOUNT, self.OTHER)
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.OTHER})
        s3.put_object(Bucket=bucket, Key="etcd-1.db", Body=b"data")
        copies = open_copies(copied, {})
        assert copies.sizes() == {"etcd-1.db": 4}
        target = io.BytesIO()
        assert copies.download("etcd-1.db", target) == 4
        assert target.getvalue() == b"data"

    def test_missing_bucket_is_a_failure(self, copied: Settings) -> None:
        with pytest.raises(CloudFailure, match="NoSuchBucket"):
            open_copies(copied, {}).sizes()
