"""Identities: a role and an instance profile for control planes, for etcd members and for each pool."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import iam

from providers.aws import addon_permissions, balancer_permissions, permissions
from providers.aws.names import Names, identity_name
from providers.aws.policies import Statement, policy_document, template_values, trust_policy
from providers.cloud.machine_config import CONTROL_PLANES, ETCD_MEMBERS
from settings.aws import AwsImageRegistrySettings
from settings.clouds import CloudAddonSettings


@dataclass(frozen=True, slots=True)
class Permissions:
    """IAM statements of one role, by policy name: inline policies, and managed policies for longer texts."""

    inline: Mapping[str, tuple[Statement, ...]]
    managed: Mapping[str, tuple[Statement, ...]]


def permissions_of(
    prefix: str,
    addons: CloudAddonSettings,
    disk_key: str = "",
    registries: Sequence[AwsImageRegistrySettings] = (),
    *,
    artifacts: bool = False,
    copies: bool = False,
    file_storage: bool = False,
) -> Permissions:
    """Return the IAM permissions of the machines that read their config below `prefix` in the store.

    Control planes also get the permissions of the add-ons in `addons`, which run on control planes.
    `disk_key` is the ARN of the KMS key of all disks, empty for the default key of the account. Nodes pull
    images from `registries`. With `artifacts` all machines read files in the store. With `copies` they copy
    snapshots of etcd to another region. With `file_storage` nodes mount volumes of the file system, and
    control planes manage its access points.
    """
    inline = {
        "machine": permissions.machine_statements(prefix, volume=prefix in (CONTROL_PLANES, ETCD_MEMBERS))
    }
    if artifacts:
        # A policy of its own: the engine removes it when no machine needs it any more.
        inline["artifacts"] = permissions.ARTIFACTS
    if copies:
        inline["copies"] = permissions.COPIES
    if disk_key and prefix in (CONTROL_PLANES, ETCD_MEMBERS):
        inline["disk-key"] = permissions.disk_key_statements(disk_key)
    if registries and prefix != ETCD_MEMBERS:  # dedicated etcd members are no nodes
        inline["images"] = permissions.image_statements(registries)
    if file_storage and prefix not in (CONTROL_PLANES, ETCD_MEMBERS):
        inline["file-storage"] = addon_permissions.FILE_CLIENT
    if prefix != CONTROL_PLANES:
        return Permissions(inline, {})
    inline["cloud-controller"] = addon_permissions.CLOUD_CONTROLLER
    if addons.storage:
        inline["storage"] = addon_permissions.STORAGE
    if addons.autoscaler:
        inline["autoscaler"] = addon_permissions.AUTOSCALER
    managed: dict[str, tuple[Statement, ...]] = {}
    if file_storage:
        managed["file-storage"] = addon_permissions.FILE_STORAGE
    if addons.load_balancers:
        managed["load-balancers"] = balancer_permissions.LOAD_BALANCERS
    return Permissions(inline, managed)


@dataclass(frozen=True, kw_only=True)
class CopyTarget:
    """The bucket for copies of snapshots: its name, the ARN of its KMS key, and its region."""

    bucket: Output[str]
    key: Output[str]
    region: str


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """Arguments of the identities. `bucket` is the name of the store, `key` the ARN of its KMS key.

    `account` is the account number. `prefixes` are the prefixes in the store, one for each identity. With
    `artifacts` the store has files for machines. The machines of `copying` copy snapshots to the bucket of
    `copies`. `file_system` is the ARN of the file system for volumes, or None.
    """

    names: Names
    account: Output[str]
    bucket: Output[str]
    key: Output[str]
    prefixes: Sequence[str]
    addons: CloudAddonSettings
    disk_key: str = ""
    registries: Sequence[AwsImageRegistrySettings] = ()
    artifacts: bool = False
    copies: CopyTarget | None = None
    copying: str = ""
    file_system: Output[str] | None = None


class Identities(ComponentResource):
    """Roles and instance profiles by prefix in the store; `snapshot_role` is the ARN of the snapshot role."""

    snapshot_role: Output[str]

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Identity", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        self._policies: dict[str, list[Resource]] = {prefix: [] for prefix in args.prefixes}
        self._profiles = {prefix: self._create_profile(prefix) for prefix in args.prefixes}
        self.snapshot_role = self._create_snapshot_role()
        self.register_outputs({})

    def __getitem__(self, prefix: str) -> iam.InstanceProfile:
        """Return the instance profile of machines with this prefix in the store."""
        return self._profiles[prefix]

    def machine_dependencies(self, prefix: str) -> list[Resource]:
        """Return the profile and policies that machines with this store prefix must wait for."""
        return [*self._policies[prefix], self._profiles[prefix]]

    def _create_profile(self, prefix: str) -> iam.InstanceProfile:
        suffix = identity_name(prefix)
        role = self._create_role(
            suffix, f"Machines: {suffix}", json.dumps(trust_policy(f"ec2.{_ec2_domain(self._args.names)}"))
        )
        args = self._args
        permissions_of_prefix = permissions_of(
            prefix,
            args.addons,
            args.disk_key,
            args.registries,
            artifacts=args.artifacts,
            copies=args.copies is not None and prefix == args.copying,
            file_storage=args.file_system is not None,
        )
        self._policies[prefix] += [
            iam.RolePolicy(
                f"{self._name}-{suffix}-{policy}",
                name=policy,
                role=role.id,
                policy=self._render_policy(statements),
                opts=self._child,
            )
            for policy, statements in permissions_of_prefix.inline.items()
        ]
        self._policies[prefix] += [
            self._create_managed_policy(f"{suffix}-{policy}", role, statements)
            for policy, statements in permissions_of_prefix.managed.items()
        ]
        return iam.InstanceProfile(
            f"{self._name}-{suffix}-profile",
            name=self._args.names.role_name(suffix),
            role=role.name,
            tags=self._args.names.resource_tags(suffix),
            opts=self._child,
        )

    def _create_managed_policy(
        self, suffix: str, role: iam.Role, statements: Sequence[Statement]
    ) -> Resource:
        policy = iam.Policy(
            f"{self._name}-{suffix}",
            name=self._args.names.role_name(suffix),
            policy=self._render_policy(statements),
            tags=self._args.names.resource_tags(suffix),
            opts=self._child,
        )
        return iam.RolePolicyAttachment(
            f"{self._name}-{suffix}-attachment", role=role.name, policy_arn=policy.arn, opts=self._child
        )

    def _create_snapshot_role(self) -> Output[str]:
        trust = self._args.account.apply(
            lambda account: json.dumps(trust_policy("dlm.amazonaws.com", account))
        )
        role = self._create_role("snapshots", "Snapshots of the members' volumes", trust)
        iam.RolePolicy(
            f"{self._name}-snapshots-policy",
            name="snapshots",
            role=role.id,
            policy=self._render_policy(permissions.LIFECYCLE_MANAGER),
            opts=self._child,
        )
        return role.arn

    def _create_role(self, suffix: str, description: str, trust: Input[str]) -> iam.Role:
        return iam.Role(
            f"{self._name}-{suffix}-role",
            name=self._args.names.role_name(suffix),
            description=description,
            assume_role_policy=trust,
            permissions_boundary=self._args.names.boundary or None,
            tags=self._args.names.resource_tags(suffix),
            opts=self._child,
        )

    def _render_policy(self, statements: Sequence[Statement]) -> Output[str]:
        args = self._args
        values: dict[str, Input[str]] = {"account": args.account, "bucket": args.bucket, "key": args.key}
        if args.copies:
            values |= {"copies": args.copies.bucket, "copies_key": args.copies.key}
            values["copies_region"] = args.copies.region
        if args.file_system:
            values["file_system"] = args.file_system
        return Output.all(**values).apply(
            lambda known: policy_document(statements, template_values(args.names, **known))
        )


def _ec2_domain(names: Names) -> str:
    return "amazonaws.com.cn" if names.partition == "aws-cn" else "amazonaws.com"
