"""Identities of machines: a role and an instance profile for each kind of members and each pool."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import iam

from providers.aws import addon_permissions, permissions
from providers.aws.names import Names, identity_name
from providers.aws.policies import Statement, policy_document, template_values, trust_policy
from providers.cloud.machine_config import CONTROL_PLANES, ETCD_MEMBERS
from settings.clouds import CloudAddonSettings


@dataclass(frozen=True, slots=True)
class Permissions:
    """The permissions of one identity, by policy name. `managed` has policies that are too long for
    `inline`.
    """

    inline: Mapping[str, tuple[Statement, ...]]
    managed: Mapping[str, tuple[Statement, ...]]


def permissions_of(prefix: str, addons: CloudAddonSettings) -> Permissions:
    """Return all permissions of machines with a prefix in the store. Control planes also run the add-ons."""
    inline = {"machine": permissions.machine(prefix, volume=prefix in (CONTROL_PLANES, ETCD_MEMBERS))}
    if prefix != CONTROL_PLANES:
        return Permissions(inline, {})
    inline["cloud-controller"] = addon_permissions.CLOUD_CONTROLLER
    if addons.storage:
        inline["storage"] = addon_permissions.STORAGE
    if addons.autoscaler:
        inline["autoscaler"] = addon_permissions.AUTOSCALER
    return Permissions(
        inline, {"load-balancers": addon_permissions.LOAD_BALANCERS} if addons.load_balancers else {}
    )


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """Arguments of the identities. `bucket` is the name of the store, `key` the ARN of its key.

    `prefixes` are the prefixes in the store, one for each identity.
    """

    names: Names
    account: Output[str]
    bucket: Output[str]
    key: Output[str]
    prefixes: Sequence[str]
    addons: CloudAddonSettings


class Identities(ComponentResource):
    """Roles and instance profiles by prefix; `snapshot_role` is the ARN of the role for snapshots."""

    snapshot_role: Output[str]

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Identity", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        self._policies: dict[str, list[Resource]] = {prefix: [] for prefix in args.prefixes}
        self._profiles = {prefix: self._create_profile(prefix) for prefix in args.prefixes}
        self.snapshot_role = self._snapshot_role()
        self.register_outputs({})

    def __getitem__(self, prefix: str) -> iam.InstanceProfile:
        """Return the instance profile of a prefix."""
        return self._profiles[prefix]

    def ready(self, prefix: str) -> list[Resource]:
        """Return the resources that must exist before machines with this identity have all permissions."""
        return [*self._policies[prefix], self._profiles[prefix]]

    def _create_profile(self, prefix: str) -> iam.InstanceProfile:
        part = identity_name(prefix)
        role = self._create_role(
            part, f"Machines: {part}", json.dumps(trust_policy(f"ec2.{_ec2_domain(self._args.names)}"))
        )
        granted = permissions_of(prefix, self._args.addons)
        self._policies[prefix] += [
            iam.RolePolicy(
                f"{self._name}-{part}-{policy}",
                name=policy,
                role=role.id,
                policy=self._render_policy(statements),
                opts=self._child,
            )
            for policy, statements in granted.inline.items()
        ]
        self._policies[prefix] += [
            self._create_managed_policy(f"{part}-{policy}", role, statements)
            for policy, statements in granted.managed.items()
        ]
        return iam.InstanceProfile(
            f"{self._name}-{part}-profile",
            name=self._args.names.identity(part),
            role=role.name,
            tags=self._args.names.tagged(part),
            opts=self._child,
        )

    def _create_managed_policy(self, part: str, role: iam.Role, statements: Sequence[Statement]) -> Resource:
        policy = iam.Policy(
            f"{self._name}-{part}",
            name=self._args.names.identity(part),
            policy=self._render_policy(statements),
            tags=self._args.names.tagged(part),
            opts=self._child,
        )
        return iam.RolePolicyAttachment(
            f"{self._name}-{part}-attachment", role=role.name, policy_arn=policy.arn, opts=self._child
        )

    def _snapshot_role(self) -> Output[str]:
        trust = self._args.account.apply(
            lambda account: json.dumps(trust_policy("dlm.amazonaws.com", account))
        )
        role = self._create_role("snapshots", "Snapshots of the members' volumes", trust)
        iam.RolePolicy(
            f"{self._name}-snapshots-policy",
            name="snapshots",
            role=role.id,
            policy=self._render_policy(permissions.SNAPSHOT_MAKER),
            opts=self._child,
        )
        return role.arn

    def _create_role(self, part: str, description: str, trust: Input[str]) -> iam.Role:
        return iam.Role(
            f"{self._name}-{part}-role",
            name=self._args.names.identity(part),
            description=description,
            assume_role_policy=trust,
            tags=self._args.names.tagged(part),
            opts=self._child,
        )

    def _render_policy(self, statements: Sequence[Statement]) -> Output[str]:
        args = self._args
        resolved = Output.all(args.account, args.bucket, args.key)
        return resolved.apply(
            lambda values: policy_document(
                statements, template_values(args.names, account=values[0], bucket=values[1], key=values[2])
            )
        )


def _ec2_domain(names: Names) -> str:
    return "amazonaws.com.cn" if names.partition == "aws-cn" else "amazonaws.com"
