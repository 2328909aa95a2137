"""A stack on emulated AWS, for tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lab.cloud.aws.clients import client
from lab.cloud.aws.deployer import environment_variables
from lab.cloud.aws.group_machines import provider_id
from lab.cloud.aws.interruptions import begin_interruption
from lab.cloud.aws.remaining import remaining_resources
from lab.cloud.running import MachineStates, RunningMachine
from tests.clouds.stack import POOL, CloudStack


class AwsStack(CloudStack):
    """A stack on emulated AWS."""

    @property
    def pool_group(self) -> str:
        """The group of the pool in the first zone. The names of the other groups begin with this name."""
        return f"{self.name}-pool-{POOL}"

    def client(self, service: str) -> Any:  # noqa: ANN401 — boto3 has a class for each service
        """Return a client of a service, such as `iam`, with the access key of the deployer."""
        return client(service, environment_variables(self.name))

    def pool_of(self, machine: RunningMachine) -> str:
        """Return the name of the pool of a machine; empty for a member."""
        return self._pool_of_group(machine.group)

    def node_name(self, machine: RunningMachine) -> str:
        """Return the name of the node of a machine of a pool: its id."""
        return machine.id

    def provider_id(self, machine: RunningMachine) -> str:
        """Return the provider ID of a machine."""
        return provider_id(machine)

    def stored_keys(self) -> set[str]:
        """Return the keys of all versions of all objects in the bucket of the cluster."""
        pages = self.client("s3").get_paginator("list_object_versions").paginate(Bucket=self.bucket())
        return {item["Key"] for page in pages for item in page.get("Versions", [])}

    @contextmanager
    def hidden(self, key: str) -> Iterator[None]:
        """Hide an object of the bucket during a block."""
        s3, bucket = self.client("s3"), self.bucket()
        s3.copy_object(Bucket=bucket, Key="aside", CopySource={"Bucket": bucket, "Key": key})
        s3.delete_object(Bucket=bucket, Key=key)
        try:
            yield
        finally:
            s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "aside"})
            s3.delete_object(Bucket=bucket, Key="aside")

    def bucket(self) -> str:
        """Return the bucket of the cluster's store."""
        buckets = self.client("s3").list_buckets()["Buckets"]
        (name,) = (item["Name"] for item in buckets if item["Name"].startswith("kubewright-"))
        return str(name)

    def replace_machine(self, node: str) -> None:
        """Terminate the machine of a node, which its group replaces."""
        self.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=node, ShouldDecrementDesiredCapacity=False
        )

    def remaining_resources(self) -> list[str]:
        """Return what the account still has of the stack."""
        return remaining_resources(environment_variables(self.name))

    def group_sizes(self, pool: str = POOL) -> dict[str, int]:
        """Return the desired sizes of the Auto Scaling groups of a pool, by name."""
        return {name: group["DesiredCapacity"] for name, group in self._groups(pool).items()}

    def group_limits(self, pool: str = POOL) -> dict[str, tuple[int, int]]:
        """Return the minimum and maximum sizes of the Auto Scaling groups of a pool, by name."""
        return {name: (group["MinSize"], group["MaxSize"]) for name, group in self._groups(pool).items()}

    def set_group_size(self, group: str, size: int) -> None:
        """Set the desired size of an Auto Scaling group, by the call of the cluster autoscaler."""
        self.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=group, DesiredCapacity=size, HonorCooldown=False
        )

    def interrupt(self, node: str) -> None:
        """Announce that EC2 reclaims the spot machine of a node."""
        begin_interruption(MachineStates.of(self.name), self.all_machines()[node])

    def restore_power(self, lost: Sequence[RunningMachine]) -> None:
        """Do nothing: the groups have terminated these machines, and launch others."""

    def _groups(self, pool: str) -> dict[str, Any]:
        groups = self.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        by_name = {str(group["AutoScalingGroupName"]): group for group in groups}
        return {name: group for name, group in by_name.items() if self._pool_of_group(name) == pool}

    def _pool_of_group(self, group: str) -> str:
        match = re.fullmatch(rf"{re.escape(self.name)}-pool-(?P<pool>.+?)(-zone-\d+)?", group)
        return match["pool"] if match else ""
