"""A stack on emulated AWS, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.cloud.aws.clients import client
from lab.cloud.aws.deployer import environment_variables
from lab.cloud.aws.group_machines import provider_id
from lab.cloud.aws.remaining import remaining_resources
from lab.cloud.running import RunningMachine
from tests.clouds.stack import CloudStack


class AwsStack(CloudStack):
    """A stack on emulated AWS."""

    @property
    def pool_group(self) -> str:
        """The group of the pool in the first zone. The names of the other groups begin with this name."""
        return f"{self.name}-pool-general"

    def is_in_pool(self, machine: RunningMachine) -> bool:
        """Check whether a machine belongs to a group of the pool."""
        return machine.group.startswith(self.pool_group)

    def node_name(self, machine: RunningMachine) -> str:
        """Return the name of the node of a machine of the pool: its id."""
        return machine.id

    def provider_id(self, machine: RunningMachine) -> str:
        """Return the provider ID of a machine."""
        return provider_id(machine)

    def stored_keys(self) -> set[str]:
        """Return the keys of all versions of all objects in the bucket of the cluster."""
        s3 = client("s3", environment_variables(self.name))
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket())
        return {item["Key"] for page in pages for item in page.get("Versions", [])}

    @contextmanager
    def hidden(self, key: str) -> Iterator[None]:
        """Hide an object of the bucket during a block."""
        s3, bucket = client("s3", environment_variables(self.name)), self.bucket()
        s3.copy_object(Bucket=bucket, Key="aside", CopySource={"Bucket": bucket, "Key": key})
        s3.delete_object(Bucket=bucket, Key=key)
        try:
            yield
        finally:
            s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": "aside"})
            s3.delete_object(Bucket=bucket, Key="aside")

    def bucket(self) -> str:
        """Return the bucket of the cluster's store."""
        buckets = client("s3", environment_variables(self.name)).list_buckets()["Buckets"]
        (name,) = (item["Name"] for item in buckets if item["Name"].startswith("kubewright-"))
        return str(name)

    def replace_machine(self, node: str) -> None:
        """Terminate the machine of a node, which its group replaces."""
        client("autoscaling", environment_variables(self.name)).terminate_instance_in_auto_scaling_group(
            InstanceId=node, ShouldDecrementDesiredCapacity=False
        )

    def remaining_resources(self) -> list[str]:
        """Return what the account still has of the stack."""
        return remaining_resources(environment_variables(self.name))
