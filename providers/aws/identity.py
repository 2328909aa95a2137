"""What each kind of machine, and each pool, is on AWS: a role with few rights, and its instances' profile."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_aws import iam

from providers.aws import addon_permissions, permissions
from providers.aws.names import Names, identity_part
from providers.aws.policies import Statement, assumed_by, document, values
from providers.cloud.machine_config import CONTROL_PLANES, ETCD_MEMBERS
from settings.clouds import CloudAddonSettings


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of one identity: in `inline` policies as far as these have room, else in `managed` ones."""

    inline: Mapping[str, tuple[Statement, ...]]
    managed: Mapping[str, tuple[Statement, ...]]


def rights_of(prefix: str, addons: CloudAddonSettings) -> Rights:
    """All rights of machines with that prefix in the store. Add-ons run by those of the control planes."""
    inline = {"machine": permissions.machine(prefix, volume=prefix in (CONTROL_PLANES, ETCD_MEMBERS))}
    if prefix != CONTROL_PLANES:
        return Rights(inline, {})
    inline["cloud-controller"] = addon_permissions.CLOUD_CONTROLLER
    if addons.storage:
        inline["storage"] = addon_permissions.STORAGE
    if addons.autoscaler:
        inline["autoscaler"] = addon_permissions.AUTOSCALER
    return Rights(
        inline, {"load-balancers": addon_permissions.LOAD_BALANCERS} if addons.load_balancers else {}
    )


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """`bucket` is the store's name, `key` the ARN of its key; `prefixes` are what each identity reads."""

    names: Names
    account: Output[str]
    bucket: Output[str]
    key: Output[str]
    prefixes: Sequence[str]
    addons: CloudAddonSettings


class Identity(ComponentResource):
    """Roles and instance profiles by prefix; `snapshots` is the ARN of the role that snapshots volumes."""

    snapshots: Output[str]

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Identity", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        self._ready: dict[str, list[Resource]] = {prefix: [] for prefix in args.prefixes}
        self._profiles = {prefix: self._profile(prefix) for prefix in args.prefixes}
        self.snapshots = self._snapshots()
        self.register_outputs({})

    def __getitem__(self, prefix: str) -> iam.InstanceProfile:
        """The profile with that prefix."""
        return self._profiles[prefix]

    def ready(self, prefix: str) -> list[Resource]:
        """What must be there before machines with that profile may what they need."""
        return [*self._ready[prefix], self._profiles[prefix]]

    def _profile(self, prefix: str) -> iam.InstanceProfile:
        part = identity_part(prefix)
        role = self._role(
            part, f"Machines: {part}", json.dumps(assumed_by(f"ec2.{_ec2_domain(self._args.names)}"))
        )
        own = rights_of(prefix, self._args.addons)
        self._ready[prefix] += [
            iam.RolePolicy(
                f"{self._name}-{part}-{policy}",
                name=policy,
                role=role.id,
                policy=self._document(statements),
                opts=self._child,
            )
            for policy, statements in own.inline.items()
        ]
        self._ready[prefix] += [
            self._managed(f"{part}-{policy}", role, statements) for policy, statements in own.managed.items()
        ]
        return iam.InstanceProfile(
            f"{self._name}-{part}-profile",
            name=self._args.names.identity(part),
            role=role.name,
            tags=self._args.names.tagged(part),
            opts=self._child,
        )

    def _managed(self, part: str, role: iam.Role, statements: Sequence[Statement]) -> Resource:
        policy = iam.Policy(
            f"{self._name}-{part}",
            name=self._args.names.identity(part),
            policy=self._document(statements),
            tags=self._args.names.tagged(part),
            opts=self._child,
        )
        return iam.RolePolicyAttachment(
            f"{self._name}-{part}-attachment", role=role.name, policy_arn=policy.arn, opts=self._child
        )

    def _snapshots(self) -> Output[str]:
        trust = self._args.account.apply(lambda account: json.dumps(assumed_by("dlm.amazonaws.com", account)))
        role = self._role("snapshots", "Snapshots of the members' volumes", trust)
        iam.RolePolicy(
            f"{self._name}-snapshots-policy",
            name="snapshots",
            role=role.id,
            policy=self._document(permissions.SNAPSHOT_MAKER),
            opts=self._child,
        )
        return role.arn

    def _role(self, part: str, description: str, trust: Input[str]) -> iam.Role:
        return iam.Role(
            f"{self._name}-{part}-role",
            name=self._args.names.identity(part),
            description=description,
            assume_role_policy=trust,
            tags=self._args.names.tagged(part),
            opts=self._child,
        )

    def _document(self, statements: Sequence[Statement]) -> Output[str]:
        args = self._args
        given = Output.all(args.account, args.bucket, args.key)
        return given.apply(
            lambda found: document(
                statements, values(args.names, account=found[0], bucket=found[1], key=found[2])
            )
        )


def _ec2_domain(names: Names) -> str:
    return "amazonaws.com.cn" if names.partition == "aws-cn" else "amazonaws.com"
