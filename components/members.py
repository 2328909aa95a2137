"""Components for the members: machines of the load balancers, of etcd and of the control plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pulumi import ComponentResource, Resource, ResourceHookBinding, ResourceOptions

from components.provider import Provider, Secrets
from components.refused_changes import (
    MEMBERS,
    VERSION,
    Inputs,
    check_cilium,
    check_cni,
    check_encryption,
    check_issuers,
    check_members,
    check_node_cache,
    check_version,
    refuse_changes,
)
from nodeconfig.bundle import Bundle
from topology.model import Machine, Member, Role

Bundles = Mapping[tuple[str, Role], Bundle]
"""Bundles by the name of the machine or pool and the role."""


@dataclass(frozen=True, kw_only=True)
class MembersArgs:
    """Arguments of members. `after` are resources that must be healthy before members change.

    `version` is the version of etcd or Kubernetes; the load balancers have none. `recorded` are the inputs of
    the control planes that later updates are compared with.
    """

    machines: Mapping[str, Machine]
    members: Sequence[Member]
    bundles: Bundles
    secrets: Secrets
    provider: Provider
    version: str = ""
    recorded: Inputs = field(default_factory=dict)
    after: Sequence[Resource] = ()


class _Members(ComponentResource):
    """Members of one role. `members` are the health gates of the members.

    The state records `inputs`. The `hooks` of later updates compare their inputs with them.
    """

    members: Sequence[Resource]

    def __init__(
        self,
        kind: str,
        role: Role,
        name: str,
        args: MembersArgs,
        opts: ResourceOptions | None,
        *,
        inputs: Inputs | None = None,
        hooks: ResourceHookBinding | None = None,
    ) -> None:
        options = ResourceOptions.merge(opts, ResourceOptions(hooks=hooks))
        super().__init__(f"kubewright:index:{kind}", name, inputs, options)
        self.members = [
            args.provider.member(
                args.machines[member.name],
                role,
                args.bundles[member.name, role],
                args.secrets,
                ResourceOptions(parent=self, depends_on=list(args.after)),
            )
            for member in args.members
        ]
        self.register_outputs({"members": {member.name: str(member.address) for member in args.members}})


class LoadBalancers(_Members):
    """The load balancers of the API servers, on bare metal only."""

    def __init__(self, name: str, args: MembersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("LoadBalancers", Role.LOAD_BALANCER, name, args, opts)


class Etcd(_Members):
    """The members of etcd. An update must keep their quorum and must not skip a minor version."""

    def __init__(self, name: str, args: MembersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(
            "Etcd",
            Role.ETCD,
            name,
            args,
            opts,
            inputs={MEMBERS: sorted(member.name for member in args.members), VERSION: args.version},
            hooks=refuse_changes(name, check_members, check_version("kubernetes.etcd")),
        )


class ControlPlane(_Members):
    """The control planes: API servers, controller managers and schedulers.

    An update must not skip a minor version, a stage of a change of the encryption, a step of a change of the
    issuer of tokens, or the step before the removal of the DNS cache. It must not change the CNI.
    """

    def __init__(self, name: str, args: MembersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(
            "ControlPlane",
            Role.CONTROL_PLANE,
            name,
            args,
            opts,
            inputs={VERSION: args.version, **args.recorded},
            hooks=refuse_changes(
                name,
                check_version("kubernetes.version"),
                check_encryption,
                check_issuers,
                check_cilium,
                check_cni,
                check_node_cache,
            ),
        )
