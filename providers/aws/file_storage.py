"""File storage for volumes of pods in Amazon EFS: a file system, and a mount target in each zone [H3].

The default policy of a file system lets every client in the network read and write everything. Here, the
policy of the file system grants nothing to clients without a role, and refuses connections without TLS. The
roles of nodes allow mounts of access points. Pods get no credentials of these roles, because the metadata
service answers only over one network hop.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import ec2, efs

from providers.aws.names import Names
from providers.aws.network import NetworkReference
from providers.aws.policies import deny_without_tls
from settings.aws import AwsSettings
from settings.aws_file_storage import AwsFileStorageSettings
from topology.environments import PRODUCTION
from topology.firewall_rules import FirewallRule, file_storage_rules
from topology.model import Topology

_NAME = "file-storage"


@dataclass(frozen=True, kw_only=True)
class FileStorageArgs:
    """Arguments of the file storage. `account` is the number of the account, and `key` the ARN of the KMS key
    of the file system, or empty for the default key of the account.

    `rules` are the rules of the port table for the mount targets. With `protect`, the engine refuses to
    delete the file system.
    """

    names: Names
    account: Output[str]
    network: NetworkReference
    rules: Sequence[FirewallRule]
    settings: AwsFileStorageSettings
    key: str
    protect: bool


class FileStorage(ComponentResource):
    """A new file system with its mount targets, or an existing one, which is left as it is.

    `file_system` is its id and `arn` its ARN. `dependencies` must exist before nodes mount volumes.
    """

    file_system: Output[str]
    arn: Output[str]
    dependencies: Sequence[Resource]

    def __init__(self, name: str, args: FileStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:FileStorage", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        existing = args.settings.file_system
        if existing:
            self.file_system, self.dependencies = Output.from_input(existing), []
            self.arn = args.account.apply(lambda account: self._names.file_system_arn(account, existing))
        else:
            created = self._create_file_system()
            self.file_system, self.arn = created.id, created.arn
            self.dependencies = [self._create_policy(created), *self._create_mount_targets(created)]
        self.register_outputs({"file_system": self.file_system})

    def _create_file_system(self) -> efs.FileSystem:
        return efs.FileSystem(
            f"{self._name}-file-system",
            encrypted=True,
            kms_key_id=self._args.key or None,
            throughput_mode=self._args.settings.throughput,
            tags=self._names.resource_tags(_NAME),
            opts=ResourceOptions(parent=self, protect=self._args.protect or None),
        )

    def _create_policy(self, file_system: efs.FileSystem) -> Resource:
        policy: Resource = efs.FileSystemPolicy(
            f"{self._name}-policy",
            file_system_id=file_system.id,
            policy=file_system.arn.apply(file_system_policy),
            opts=ResourceOptions(parent=self, deleted_with=file_system),
        )
        return policy

    def _create_mount_targets(self, file_system: efs.FileSystem) -> list[Resource]:
        """Create a mount target in the private subnet of each zone."""
        group = self._create_group()
        return [
            efs.MountTarget(
                f"{self._name}-mount-target-{number}",
                file_system_id=file_system.id,
                subnet_id=subnet,
                security_groups=[group],
                opts=self._child,
            )
            for number, subnet in enumerate(self._args.network.private, start=1)
        ]

    def _create_group(self) -> Input[str]:
        """Create the security group of the mount targets, which open no connections themselves."""
        group = ec2.SecurityGroup(
            f"{self._name}-group",
            name=self._names.name(_NAME),
            description="Mount targets of the file storage",
            vpc_id=self._args.network.vpc,
            ingress=[
                ec2.SecurityGroupIngressArgs(
                    protocol=rule.protocol.value,
                    from_port=rule.first,
                    to_port=rule.last,
                    cidr_blocks=[str(network) for network in rule.networks],
                    description=rule.purpose,
                )
                for rule in self._args.rules
            ],
            tags=self._names.resource_tags(_NAME),
            opts=self._child,
        )
        return group.id


def create_file_storage(
    settings: AwsSettings,
    topology: Topology,
    names: Names,
    account: Output[str],
    network: NetworkReference,
    name: str,
    opts: ResourceOptions,
) -> FileStorage | None:
    """Create the file storage for volumes, if the settings request it."""
    if settings.file_storage is None:
        return None
    args = FileStorageArgs(
        names=names,
        account=account,
        network=network,
        rules=file_storage_rules(topology),
        settings=settings.file_storage,
        key=settings.disk_key,
        protect=topology.environment == PRODUCTION,
    )
    return FileStorage(name, args, opts)


def file_system_policy(arn: str) -> str:
    """Return the policy of a file system, as JSON. It denies connections without TLS and allows nothing, so
    that only roles with their own permission can mount the file system.
    """
    statement = deny_without_tls({"AWS": "*"}, "*", arn)
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
