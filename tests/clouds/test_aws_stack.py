"""Tests of `kubewright up` of a whole stack on emulated AWS: the stand-in plugin creates every resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.cloud.aws.clients import client
from lab.cloud.aws.decision_log import Decision, DecisionLog
from lab.cloud.aws.deployer import REGION, environment_variables
from lab.cloud.aws.group_machines import provider_id
from lab.cloud.aws.metadata import ACCOUNT
from lab.cloud.aws.remaining import remaining_resources
from lab.cloud.running import RunningMachine
from providers.aws.permissions import SESSIONS
from testkit.stackfile import Document
from tests.clouds.permissions import unused_permissions
from tests.clouds.pods import Pods, running_pods
from tests.clouds.private_images import REPOSITORY, delete_pod, is_refused, runs, start_pod
from tests.clouds.stack import MEMBER, UP_SECONDS, CloudStack, copy_of_stack, created, use_own_store

STACK, EXAMPLE = "kwstack", "aws-lab"
NETWORK, EXAMPLE_NETWORK = "10.125.", "10.124."
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
PRIVATE_IMAGE = f"{REGISTRY}/{REPOSITORY}"
GROUP = f"{STACK}-pool-general"
"""The group of the pool in the first zone. The names of the other groups begin with this name."""


class Stack(CloudStack):
    """The stack on emulated AWS."""

    def is_in_pool(self, machine: RunningMachine) -> bool:
        """Check whether a machine belongs to a group of the pool."""
        return machine.group.startswith(GROUP)

    def node_name(self, machine: RunningMachine) -> str:
        """Return the name of the node of a machine of the pool: its id."""
        return machine.id

    def provider_id(self, machine: RunningMachine) -> str:
        """Return the provider ID of a machine."""
        return provider_id(machine)

    def stored_keys(self) -> set[str]:
        """Return the keys of all versions of all objects in the bucket of the cluster."""
        s3 = client("s3", environment_variables(STACK))
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket())
        return {item["Key"] for page in pages for item in page.get("Versions", [])}

    @contextmanager
    def hidden(self, key: str) -> Iterator[None]:
        """Hide an object of the bucket during a block."""
        s3, bucket = client("s3", environment_variables(STACK)), self.bucket()
        s3.copy_object(Bucket=bucket, Key="aside", CopySource={"Bucket": bucket, "Key": key})
        s3.delete_object(Bucket=bucket, Key=key)
        try:
            yield
        finally:
            s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "aside"})
            s3.delete_object(Bucket=bucket, Key="aside")

    def bucket(self) -> str:
        """Return the bucket of the cluster's store."""
        buckets = client("s3", environment_variables(STACK)).list_buckets()["Buckets"]
        (name,) = (item["Name"] for item in buckets if item["Name"].startswith("kubewright-"))
        return str(name)


def configuration() -> Document:
    """Return the example with files in its own store, and with a private registry in the emulated AWS."""
    config = copy_of_stack(EXAMPLE, STACK, EXAMPLE_NETWORK, NETWORK)
    use_own_store(config)
    cluster = config["kubewright:cluster"]
    aws, registries = cluster["aws"], cluster["registries"]
    aws["image_registries"] = [{"account": ACCOUNT, "region": REGION}]
    aws["endpoints"]["ecr"] = aws["endpoints"]["ec2"]
    registries[REGISTRY] = {**registries["_default"], "endpoint": aws["endpoints"]["ec2"]}
    return config


@pytest.fixture(scope="module")
def stack(state: Path) -> Iterator[Stack]:
    """Yield the stack after its first `up`."""
    with created(Stack(STACK, state, configuration())) as stack:
        yield stack


def test_up_creates_a_cluster_and_a_preview_is_empty(stack: Stack) -> None:
    stack.wait_until_healthy(2)
    assert not stack.previewed_operations()


def test_nodes_have_the_data_of_the_cloud(stack: Stack) -> None:
    stack.expect_data_of_the_cloud()


def test_machines_fetch_their_files_from_the_store(stack: Stack) -> None:
    stack.expect_files_of_the_own_store()


def test_private_image_is_pulled_by_the_role_of_the_node(stack: Stack) -> None:
    nodes = stack.nodes_by_name()
    for node in nodes:
        start_pod(stack, f"private-{node}", node, PRIVATE_IMAGE)
    for node in nodes:
        stack.wait_for("the pod runs", lambda node=node: runs(stack, f"private-{node}"))  # type: ignore[misc]
        delete_pod(stack, f"private-{node}")


@pytest.mark.parametrize(
    "action", ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
)
def test_private_image_is_refused_without_a_permission_of_the_role(stack: Stack, action: str) -> None:
    iam, node, name = client("iam", environment_variables(STACK)), min(stack.machines()), "refused"
    policy = {"RoleName": f"{GROUP}-{REGION}", "PolicyName": "images"}
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


def test_status_finds_every_machine_and_no_problems(stack: Stack) -> None:
    stack.expect_complete_status()


def test_diagnose_certificates_and_cis_work_as_on_bare_metal(stack: Stack) -> None:
    stack.expect_inspections()


class TestPodIdentities:
    @pytest.fixture(scope="class")
    def pods(self, stack: Stack) -> Iterator[Pods]:
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

    def test_the_published_keys_are_those_of_the_api_servers(self, stack: Stack) -> None:
        issuer = json.loads(stack.kubectl("get", "--raw", "/.well-known/openid-configuration").stdout)
        s3 = client("s3", environment_variables(STACK))
        bucket = f"{STACK}-issuer"
        assert issuer["issuer"] == f"https://{bucket}.s3.eu-central-1.amazonaws.com"
        for path in (".well-known/openid-configuration", "openid/v1/jwks"):
            published = json.loads(s3.get_object(Bucket=bucket, Key=path)["Body"].read())
            assert published == json.loads(stack.kubectl("get", "--raw", f"/{path}").stdout)


def test_drift_names_a_changed_file_and_repair_restores_it(stack: Stack) -> None:
    stack.expect_drift_and_repair()


def test_logs_show_the_journal_of_a_machine(stack: Stack) -> None:
    stack.expect_logs()


def test_snapshot_and_restore(stack: Stack) -> None:
    stack.expect_snapshot_and_restore()


def test_no_request_remains_in_the_store(stack: Stack) -> None:
    stack.expect_no_requests_in_the_store()


def terminate(node: str) -> None:
    """Terminate the machine of a node, which its group replaces."""
    client("autoscaling", environment_variables(STACK)).terminate_instance_in_auto_scaling_group(
        InstanceId=node, ShouldDecrementDesiredCapacity=False
    )


def test_failed_boot_tells_the_reason(stack: Stack) -> None:
    stack.expect_reason_of_a_failed_boot(terminate)


def test_replace_replaces_a_machine_and_waits_for_its_successor(stack: Stack) -> None:
    chosen = min(stack.machines())
    text = stack.command("replace", "--host", chosen, timeout=UP_SECONDS).text
    assert f"{chosen}: replaced by " in text
    member = stack.all_machines()[MEMBER].id
    assert "cp-1: replaced" in stack.command("replace", "--host", MEMBER, timeout=UP_SECONDS).text
    assert member not in {machine.id for machine in stack.all_machines().values()}
    stack.wait_until_healthy(2)


def test_lost_machine_is_replaced(stack: Stack) -> None:
    stack.expect_replacement_of_a_lost_machine()


def test_machine_that_the_autoscaler_terminates_is_drained(stack: Stack) -> None:
    """Test the calls of the cluster autoscaler: sizes within the limits, and the end of a chosen machine."""
    autoscaling = client("autoscaling", environment_variables(STACK))
    with pytest.raises(autoscaling.exceptions.ClientError, match="must be between 1 and 1"):
        autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    chosen = min(stack.machines())
    terminate(chosen)

    def drained_and_replaced() -> bool:
        assert chosen not in stack.all_machines()
        return stack.is_healthy(2)

    stack.wait_for("the machine has left", drained_and_replaced)


def test_changed_setting_of_a_pool_replaces_its_machines(stack: Stack) -> None:
    stack.expect_replaced_pool()


def policy_of(decision: Decision) -> str:
    """Return the policy of a role that allows a request."""
    if decision.action.startswith("ecr:"):
        return "images"
    of_object = decision.context.get("kms:encryptioncontext:aws:s3:arn", decision.resource)
    return "artifacts" if "/artifacts/" in of_object else "machine"


def test_machines_need_each_permission_of_their_roles(stack: Stack) -> None:
    """Take each permission away in turn: the emulation would have refused a request of this file's tests."""
    roles = {machine.identity for machine in stack.all_machines().values()}
    decisions = [item for item in DecisionLog.of(STACK).all() if item.role in roles]
    # One test takes permissions for images away.
    refused = [item for item in decisions if not item.allowed]
    assert [item for item in refused if not item.action.startswith("ecr:")] == []
    iam = client("iam", environment_variables(STACK))
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


def test_down_leaves_nothing(stack: Stack) -> None:
    assert remaining_resources(environment_variables(STACK))
    stack.expect_complete_down()
