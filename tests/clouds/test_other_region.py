"""Tests of the loss of a region: copies of snapshots there survive, and another stack restores one of them.

Each lab emulates one region. The second stack has a lab of its own in another region. The bucket of the first
stack for copies is in the emulated account of its lab, which does not end with the machines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab import lifecycle
from lab.cloud.aws.deployer import environment_variables
from lab.cloud.aws.metadata import ACCOUNT
from providers.aws.names import Names
from testkit.stackfile import Document
from tests.clouds.aws_stack import AwsStack
from tests.clouds.stack import MEMBER, UP_SECONDS, copy_of_stack, created, use_own_store

EXAMPLE, EXAMPLE_NETWORK = "aws-lab", "10.124."
LOST, NEW = "kwlost", "kwnew"
REGION, OTHER_REGION = "eu-central-1", "eu-west-1"
OLD_POD_SECONDS = 180

pytestmark = pytest.mark.hours


def configuration(name: str, network: str, region: str) -> Document:
    """Return the example in a region, without the add-ons that other tests need."""
    config = copy_of_stack(EXAMPLE, name, EXAMPLE_NETWORK, network)
    use_own_store(config)
    aws = config["kubewright:cluster"]["aws"]
    del aws["pod_identities"]
    aws |= {"region": region, "zones": [f"{region}a", f"{region}b"]}
    return config


@pytest.fixture(scope="module")
def lost(state: Path) -> Iterator[AwsStack]:
    """Yield the stack in the region that is lost later."""
    config = configuration(LOST, "10.136.", REGION)
    aws = config["kubewright:cluster"]["aws"]
    aws["snapshot_copies"] = {"region": OTHER_REGION}
    aws["endpoints"]["copies"] = aws["endpoints"]["s3"]
    with created(AwsStack(LOST, state, config)) as stack:
        yield stack


@pytest.fixture(scope="module")
def new(state: Path) -> Iterator[AwsStack]:
    """Yield a stack in the other region that was never deployed."""
    try:
        yield AwsStack(NEW, state, configuration(NEW, "10.137.", OTHER_REGION))
    finally:
        lifecycle.down(NEW)


def copies_bucket() -> str:
    return Names(cluster=LOST, region=REGION).copies_bucket(ACCOUNT, OTHER_REGION)


def test_members_copy_their_snapshots_to_the_other_region(lost: AwsStack) -> None:
    lost.wait_until_healthy(2)
    lost.kubectl("create", "secret", "generic", "kept", "--from-literal=word=encrypted")
    lost.kubectl("create", "deployment", "web", "--image=registry.k8s.io/pause:3.10.1", "--replicas=2")
    lost.run_on(MEMBER, "systemctl start etcd-snapshot.service")
    assert f"{MEMBER}" in lost.command("copies").text
    s3 = lost.client("s3")
    assert s3.get_bucket_location(Bucket=copies_bucket())["LocationConstraint"] == OTHER_REGION
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket=copies_bucket())["Contents"]}
    assert {key.rpartition(".")[2] for key in keys} == {"db", "sha256"}


def test_members_neither_read_nor_delete_copies(lost: AwsStack) -> None:
    key = lost.client("s3").list_objects_v2(Bucket=copies_bucket())["Contents"][0]["Key"]
    boot = "sh /usr/local/lib/kubewright-boot/boot call"
    sum_of_nothing = "$(printf '' | sha256sum | cut -d ' ' -f 1)"
    url = f"{environment_variables(LOST)['AWS_ENDPOINT_URL']}/{copies_bucket()}/{key}"
    for method in ("GET", "DELETE"):
        answer = lost.run_on(
            MEMBER,
            f"{boot} aws_signed s3 {sum_of_nothing} --fail-with-body -X {method} '{url}' 2>&1 || true",
        )
        assert "AccessDenied" in answer, method


def test_cluster_is_restored_in_the_other_region(lost: AwsStack, new: AwsStack, tmp_path: Path) -> None:
    nodes_of_lost_region = set(lost.nodes_by_name())
    with ExitStack() as zones:
        for zone in lost.config["kubewright:cluster"]["aws"]["zones"]:
            zones.enter_context(lost.failed_zone(zone))
        new.command("copy-keys", "--from", LOST, "--from-file", str(lost.file))
        new.command("up", timeout=UP_SECONDS)
        lost.command("copies", "--fetch", "newest", "--to", str(tmp_path))
        (snapshot,) = tmp_path.glob("*.db")
        new.command("restore", "--snapshot", str(snapshot))
        new.command("refresh")
        new.command("up", timeout=UP_SECONDS)
    new.wait_until_healthy(2)
    new.expect_data_of_the_cloud()
    assert not (nodes_of_lost_region - {MEMBER}) & set(new.nodes_by_name())


def test_objects_of_the_lost_cluster_are_there(new: AwsStack) -> None:
    secret = json.loads(new.kubectl("get", "secret", "kept", "-o", "json").stdout)
    assert secret["data"] == {"word": "ZW5jcnlwdGVk"}

    def pods_run() -> bool:
        pods = json.loads(new.kubectl("get", "pods", "-l", "app=web", "-o", "json").stdout)["items"]
        assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 2
        return {pod["spec"]["nodeName"] for pod in pods} <= set(new.nodes_by_name())

    new.wait_for("the pods run on nodes of the new region", pods_run, seconds=OLD_POD_SECONDS)


def test_control_plane_has_its_labels_and_nothing_changes_any_more(new: AwsStack) -> None:
    labels = new.nodes_by_name()[MEMBER]["metadata"]["labels"]
    assert "node-role.kubernetes.io/control-plane" in labels
    new.wait_for_complete_status()
    assert not new.previewed_operations()


def test_down_leaves_nothing(lost: AwsStack, new: AwsStack) -> None:
    new.expect_complete_down()
    lost.wait_until_healthy(2)
    lost.expect_complete_down()
