"""What each kind of machine is on AWS: a role with few rights, and the profile that instances have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import iam

from providers.aws import addon_rights, rights
from providers.aws.names import Names
from providers.aws.policies import Statement, assumed_by, document, values
from providers.cloud.units import CONTROL_PLANES, POOLS
from settings.clouds import CloudAddonSettings


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of one kind: in `inline` policies as far as these have room, else in `managed` ones."""

    inline: Mapping[str, tuple[Statement, ...]]
    managed: Mapping[str, tuple[Statement, ...]]


def rights_of(kind: str, addons: CloudAddonSettings) -> Rights:
    """All rights of machines of that kind. Add-ons that call AWS run on the control planes."""
    inline = {"machine": rights.machine(kind, volume=kind != POOLS)}
    if kind != CONTROL_PLANES:
        return Rights(inline, {})
    inline["cloud-controller"] = addon_rights.CLOUD_CONTROLLER
    if addons.storage:
        inline["storage"] = addon_rights.STORAGE
    if addons.autoscaler:
        inline["autoscaler"] = addon_rights.AUTOSCALER
    return Rights(inline, {"load-balancers": addon_rights.LOAD_BALANCERS} if addons.load_balancers else {})


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """`bucket` is the store's name, `key` the ARN of its key; `kinds` are those that the cluster has."""

    names: Names
    account: Output[str]
    bucket: Output[str]
    key: Output[str]
    kinds: Sequence[str]
    addons: CloudAddonSettings


class Identity(ComponentResource):
    """Roles and instance profiles by kind; `snapshots` is the ARN of the role that snapshots volumes."""

    snapshots: Output[str]

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:aws:Identity", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        self._profiles = {kind: self._profile(kind) for kind in args.kinds}
        self.snapshots = self._snapshots()
        self.register_outputs({})

    def __getitem__(self, kind: str) -> iam.InstanceProfile:
        """The profile of that kind. Its role has its rights once this component is there."""
        return self._profiles[kind]

    def _profile(self, kind: str) -> iam.InstanceProfile:
        part = kind.rpartition("/")[2]
        role = self._role(
            part, f"Machines: {part}", json.dumps(assumed_by(f"ec2.{_ec2_domain(self._args.names)}"))
        )
        kind_rights = rights_of(kind, self._args.addons)
        for policy, statements in kind_rights.inline.items():
            iam.RolePolicy(
                f"{self._name}-{part}-{policy}",
                name=policy,
                role=role.id,
                policy=self._document(statements),
                opts=self._child,
            )
        for policy, statements in kind_rights.managed.items():
            self._managed(f"{part}-{policy}", role, statements)
        return iam.InstanceProfile(
            f"{self._name}-{part}-profile",
            name=self._global(part),
            role=role.name,
            tags=self._args.names.tagged(part),
            opts=self._child,
        )

    def _managed(self, part: str, role: iam.Role, statements: Sequence[Statement]) -> None:
        policy = iam.Policy(
            f"{self._name}-{part}",
            name=self._global(part),
            policy=self._document(statements),
            tags=self._args.names.tagged(part),
            opts=self._child,
        )
        iam.RolePolicyAttachment(
            f"{self._name}-{part}-attachment", role=role.name, policy_arn=policy.arn, opts=self._child
        )

    def _snapshots(self) -> Output[str]:
        trust = self._args.account.apply(lambda account: json.dumps(assumed_by("dlm.amazonaws.com", account)))
        role = self._role("snapshots", "Snapshots of the members' volumes", trust)
        iam.RolePolicy(
            f"{self._name}-snapshots-policy",
            name="snapshots",
            role=role.id,
            policy=self._document(rights.SNAPSHOT_MAKER),
            opts=self._child,
        )
        return role.arn

    def _role(self, part: str, description: str, trust: Input[str]) -> iam.Role:
        return iam.Role(
            f"{self._name}-{part}-role",
            name=self._global(part),
            description=description,
            assume_role_policy=trust,
            tags=self._args.names.tagged(part),
            opts=self._child,
        )

    def _global(self, part: str) -> str:
        """Names of roles are the account's, not the region's."""
        return f"{self._args.names.name(part)}-{self._args.names.region}"

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
