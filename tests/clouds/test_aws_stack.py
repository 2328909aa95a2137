"""Tests of `kubewright up` of a whole stack on emulated AWS: the stand-in plugin creates every resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lab.cloud.aws.decision_log import Decision, DecisionLog
from lab.cloud.aws.deployer import REGION, environment_variables
from lab.cloud.aws.metadata import ACCOUNT
from providers.aws.permissions import SESSIONS
from testkit.stackfile import Document
from tests.clouds.aws_stack import AwsStack
from tests.clouds.permissions import unused_permissions
from tests.clouds.pods import Pods, running_pods
from tests.clouds.private_images import REPOSITORY, delete_pod, is_refused, runs, start_pod
from tests.clouds.stack import MEMBER, UP_SECONDS, copy_of_stack, created, use_own_store
from tests.clouds.stack_tests import (
    ChangeTests,
    ClusterTests,
    DownTests,
    FileStorageTests,
    LostMachineTests,
    OperationTests,
)

STACK, EXAMPLE = "kwstack", "aws-lab"
NETWORK, EXAMPLE_NETWORK = "10.125.", "10.124."
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
PRIVATE_IMAGE = f"{REGISTRY}/{REPOSITORY}"


def configuration() -> Document:
    """Return the example with files in its own store, a private registry in the emulated AWS, and volumes in
    file storage.
    """
    config = copy_of_stack(EXAMPLE, STACK, EXAMPLE_NETWORK, NETWORK)
    use_own_store(config)
    cluster = config["kubewright:cluster"]
    aws, registries = cluster["aws"], cluster["registries"]
    aws["file_storage"] = {}
    aws["image_registries"] = [{"account": ACCOUNT, "region": REGION}]
    aws["endpoints"]["ecr"] = aws["endpoints"]["ec2"]
    registries[REGISTRY] = {**registries["_default"], "endpoint": aws["endpoints"]["ec2"]}
    return config


@pytest.fixture(scope="module")
def stack(state: Path) -> Iterator[AwsStack]:
    """Yield the stack after its first `up`."""
    with created(AwsStack(STACK, state, configuration())) as stack:
        yield stack


class TestCluster(ClusterTests):
    """The new cluster."""


def test_private_image_is_pulled_by_the_role_of_the_node(stack: AwsStack) -> None:
    nodes = stack.nodes_by_name()
    for node in nodes:
        start_pod(stack, f"private-{node}", node, PRIVATE_IMAGE)
    for node in nodes:
        stack.wait_for("the pod runs", lambda node=node: runs(stack, f"private-{node}"))  # type: ignore[misc]
        delete_pod(stack, f"private-{node}")


@pytest.mark.parametrize(
    "action", ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
)
def test_private_image_is_refused_without_a_permission_of_the_role(stack: AwsStack, action: str) -> None:
    iam, node, name = stack.client("iam"), min(stack.machines()), "refused"
    policy = {"RoleName": f"{stack.pool_group}-{REGION}", "PolicyName": "images"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    text = json.dumps(document)
    iam.put_role_policy(**policy, PolicyDocument=text.replace(f'"{action}"', '"ecr:DescribeImages"'))
    # A restarted kubelet has no token, and a removed image has no layers on the node.
    crictl = "/usr/local/lib/kubewright/bin/crictl"
    stack.run_on(node, f"{crictl} rmi {PRIVATE_IMAGE} || true; systemctl restart kubelet")
    start_pod(stack, name, node, PRIVATE_IMAGE)
    stack.wait_for("the registry refuses the image", lambda: is_refused(stack, name))
    iam.put_role_policy(**policy, PolicyDocument=text)
    stack.wait_for("the pod runs", lambda: runs(stack, name))
    delete_pod(stack, name)


def test_file_storage_has_a_mount_target_in_each_zone(stack: AwsStack) -> None:
    efs = stack.client("efs")
    (file_system,) = efs.describe_file_systems()["FileSystems"]
    identity = file_system["FileSystemId"]
    assert file_system["Encrypted"] is True
    targets = efs.describe_mount_targets(FileSystemId=identity)["MountTargets"]
    assert {target["AvailabilityZoneName"] for target in targets} == {f"{REGION}a", f"{REGION}b"}
    policy = json.loads(efs.describe_file_system_policy(FileSystemId=identity)["Policy"])
    assert [statement["Effect"] for statement in policy["Statement"]] == ["Deny"]
    found = stack.get("storageclass", "efs")
    assert found["parameters"]["fileSystemId"] == identity


class TestFileStorage(FileStorageTests):
    """Volumes in EFS, whose driver does nothing here."""

    port = 2049
    controller = "efs-csi-controller"


class TestPodIdentities:
    @pytest.fixture(scope="class")
    def pods(self, stack: AwsStack) -> Iterator[Pods]:
        with running_pods(stack, environment_variables(STACK)["AWS_ENDPOINT_URL"]) as pods:
            yield pods

    @pytest.mark.parametrize(("pod", "other"), [("reader", "writer"), ("writer", "reader")])
    def test_a_pod_reads_objects_by_its_own_role_only(self, pods: Pods, pod: str, other: str) -> None:
        assert pods.read(pod, f"{pod}/a") == f"{pod}/a"
        assert f"pod-{pod}-eu-central-1 may not s3:GetObject" in pods.read(pod, f"{other}/a")
        role = pods.execute(other, "printenv", "AWS_ROLE_ARN")
        assert "AccessDenied" in pods.read(pod, f"{other}/a", role)

    def test_a_pod_of_another_service_account_has_no_identity(self, pods: Pods) -> None:
        assert "AWS_" not in pods.execute("other", "env")
        assert "AWS_ROLE_ARN" in pods.execute("reader", "env")

    def test_the_published_keys_are_those_of_the_api_servers(self, stack: AwsStack) -> None:
        issuer = json.loads(stack.kubectl("get", "--raw", "/.well-known/openid-configuration").stdout)
        s3 = stack.client("s3")
        bucket = f"{STACK}-issuer"
        assert issuer["issuer"] == f"https://{bucket}.s3.eu-central-1.amazonaws.com"
        for path in (".well-known/openid-configuration", "openid/v1/jwks"):
            published = json.loads(s3.get_object(Bucket=bucket, Key=path)["Body"].read())
            assert published == json.loads(stack.kubectl("get", "--raw", f"/{path}").stdout)


class TestOperations(OperationTests):
    """Operations by requests in the bucket."""


def test_replace_replaces_a_machine_and_waits_for_its_successor(stack: AwsStack) -> None:
    chosen = min(stack.machines())
    text = stack.command("replace", "--host", chosen, timeout=UP_SECONDS).text
    assert f"{chosen}: replaced by " in text
    member = stack.all_machines()[MEMBER].id
    assert "cp-1: replaced" in stack.command("replace", "--host", MEMBER, timeout=UP_SECONDS).text
    assert member not in {machine.id for machine in stack.all_machines().values()}
    stack.wait_until_healthy(2)


class TestLostMachine(LostMachineTests):
    """A machine of a group that has lost its power."""


def test_machine_that_the_autoscaler_terminates_is_drained(stack: AwsStack) -> None:
    """Test the calls of the cluster autoscaler: sizes within the limits, and the end of a chosen machine."""
    with pytest.raises(ClientError, match="must be between 1 and 1"):
        stack.set_group_size(stack.pool_group, 3)
    chosen = min(stack.machines())
    stack.replace_machine(chosen)

    def drained_and_replaced() -> bool:
        assert chosen not in stack.all_machines()
        return stack.is_healthy(2)

    stack.wait_for("the machine has left", drained_and_replaced)


class TestChange(ChangeTests):
    """A changed pool, whose groups refresh their machines."""


def policy_of(decision: Decision) -> str:
    """Return the policy of a role that allows a request."""
    if decision.action.startswith("ecr:"):
        return "images"
    of_object = decision.context.get("kms:encryptioncontext:aws:s3:arn", decision.resource)
    return "artifacts" if "/artifacts/" in of_object else "machine"


def test_machines_need_each_permission_of_their_roles(stack: AwsStack) -> None:
    """Take each permission away in turn: the emulation would have refused a request of this file's tests."""
    roles = {machine.identity for machine in stack.all_machines().values()}
    decisions = [item for item in DecisionLog.of(STACK).all() if item.role in roles]
    # One test takes permissions for images away.
    refused = [item for item in decisions if not item.allowed]
    assert [item for item in refused if not item.action.startswith("ecr:")] == []
    iam = stack.client("iam")
    sessions = {(statement.name, action) for statement in SESSIONS for action in statement.actions}
    # Session Manager is not emulated. A kubelet that fails for `repair_after` asks for another machine.
    not_used = {"machine": {("Leave", "autoscaling:SetInstanceHealth"), *sessions}}
    not_used |= {"images": set(), "artifacts": set()}
    for role in roles:
        of_role = [item for item in decisions if item.role == role and item.allowed]
        for name, expected in not_used.items():
            policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            needed = [item for item in of_role if policy_of(item) == name]
            assert unused_permissions(policy, needed) == expected, (role, name)


class TestDown(DownTests):
    """The removal of the stack."""
