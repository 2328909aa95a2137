"""Machines that are members of something: of etcd, of the control plane, of the load balancers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Resource, ResourceOptions

from components.provider import Provider, Secrets
from nodeconfig.bundle import Bundle
from topology.model import Machine, Member, Role

Bundles = Mapping[tuple[str, Role], Bundle]
"""Bundles by the host's name and role."""


@dataclass(frozen=True, kw_only=True)
class MembersArgs:
    """`members` are the machines of a kind; `after` is what must be healthy before they are touched."""

    machines: Mapping[str, Machine]
    members: Sequence[Member]
    bundles: Bundles
    secrets: Secrets
    provider: Provider
    after: Sequence[Resource] = ()


class _Members(ComponentResource):
    """Members of one role, each delivered by the provider; healthy when the component's members are."""

    members: Sequence[Resource]

    def __init__(
        self, kind: str, role: Role, name: str, args: MembersArgs, opts: ResourceOptions | None
    ) -> None:
        super().__init__(f"kubewright:index:{kind}", name, None, opts)
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
    """The load balancers before the API servers (bare metal; a cloud has its own)."""

    def __init__(self, name: str, args: MembersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("LoadBalancers", Role.LOAD_BALANCER, name, args, opts)


class Etcd(_Members):
    """The members of etcd, with TLS for clients and peers."""

    def __init__(self, name: str, args: MembersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("Etcd", Role.ETCD, name, args, opts)


class ControlPlane(_Members):
    """API servers, controller managers and schedulers; none of them is privileged."""

    def __init__(self, name: str, args: MembersArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("ControlPlane", Role.CONTROL_PLANE, name, args, opts)
