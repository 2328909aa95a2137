"""Machine configs: the bundle texts and payloads in the store for a machine or a pool, with one digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import Output

from components.provider import Secrets
from nodeconfig.bundle import IDENTITY_AT_BOOT, Bundle, Identity
from nodeconfig.render import script
from providers.cloud.digests import content_digest
from providers.payloads import secret_payload
from topology.identities import TokenOwner, node_owner
from topology.model import Machine, Pool, Role, Topology

CONTROL_PLANES = "members/control-plane"
ETCD_MEMBERS = "members/etcd"
POOLS = "pools"
"""Kinds of machine configs, which are also prefixes in the store. Machines can only read below the prefix of
their kind.
"""
STATUS = "status"
"""The prefix below which machines write statuses."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The delivery of one role in a machine config: visible script text and secret payload."""

    role: Role
    text: str
    payload: Output[str]


@dataclass(frozen=True, kw_only=True)
class MachineConfig:
    """All deliveries of one member, or of all machines of one pool.

    `kind` and `name` identify the config in the store. `drain_seconds` is the time limit of a drain.
    `digest` is the hex sha256 of everything that machines fetch, and the status that healthy machines report.
    The digest is no secret: each payload contains an unguessable key, token or salt.
    """

    kind: str
    name: str
    deliveries: tuple[Delivery, ...]
    drain_seconds: int
    digest: Output[str]

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles of the machine, in the order of delivery."""
        return tuple(delivery.role for delivery in self.deliveries)

    @property
    def store_objects(self) -> tuple[tuple[str, Output[str], bool], ...]:
        """All objects for the store: key, content, and whether the content is secret.

        The keys do not change with the content.
        """
        prefix = f"{self.kind}/{self.name}"
        return tuple(
            item
            for delivery in self.deliveries
            for item in (
                (f"{prefix}/{delivery.role}.sh", Output.from_input(delivery.text), False),
                (f"{prefix}/{delivery.role}.payload", delivery.payload, True),
            )
        )

    @property
    def versioned_prefix(self) -> Output[str]:
        """The prefix in the store of the copies with this digest (`digests.publish_config`)."""
        return Output.concat(self.kind, "/", self.name, "/", self.digest)

    def text(self, role: Role) -> str:
        """Return the visible text of a role, for clouds whose previews do not show the content of store
        objects.
        """
        return next(delivery.text for delivery in self.deliveries if delivery.role is role)

    def status_key(self, role: Role) -> str:
        """Return the key in the store under which a member reports the status of a role."""
        return f"{self.status_prefix}/{role}"

    @property
    def status_prefix(self) -> str:
        """The prefix of status keys in the store: `<prefix>/<role>` of members, `<prefix>/<node>/<role>` of
        pools.
        """
        return f"{STATUS}/{self.kind}/{self.name}"

    @property
    def leave_key(self) -> str:
        """The key of the store object that requests a member to leave the cluster permanently."""
        return f"{self.kind}/{self.name}/leave"

    @property
    def left_key(self) -> str:
        """The key in the store under which a member reports that it has left the cluster."""
        return f"{self.status_prefix}/left"


def kind_of(machine: Machine) -> str:
    """Return the kind of a member's machine config: `CONTROL_PLANES` or `ETCD_MEMBERS`."""
    return CONTROL_PLANES if Role.CONTROL_PLANE in machine.roles else ETCD_MEMBERS


def etcd_kind(topology: Topology) -> str:
    """Return the kind of the machine configs of etcd members."""
    return next(kind_of(machine) for machine in topology.machines if Role.ETCD in machine.roles)


def config_names(topology: Topology) -> list[tuple[str, str]]:
    """Return kind and name of every machine config of the cluster: all members, then all cloud pools."""
    members = [(kind_of(machine), machine.name) for machine in topology.machines]
    return [*members, *((POOLS, pool.name) for pool in topology.pools if pool.capacity)]


def status_keys(machine: Machine) -> tuple[str, ...]:
    """Return the keys in the store under which a member reports its status, one for each of its roles."""
    prefix = f"{STATUS}/{kind_of(machine)}/{machine.name}"
    return tuple(f"{prefix}/{role}" for role in Role if role in machine.roles)


def member_config(
    machine: Machine, bundles: Mapping[tuple[str, Role], Bundle], secrets: Secrets
) -> MachineConfig:
    """Return the machine config of a member with all of its roles."""
    identity = Identity(machine.name, str(machine.address), IDENTITY_AT_BOOT.provider_id)
    own_bundles = [bundles[machine.name, role] for role in Role if role in machine.roles]
    owner = node_owner(machine.name)
    return _machine_config(kind_of(machine), machine.name, identity, own_bundles, secrets, owner)


def pool_config(pool: Pool, bundle: Bundle, secrets: Secrets) -> MachineConfig:
    """Return the machine config of a pool, whose machines learn name and address at boot."""
    return _machine_config(POOLS, pool.name, IDENTITY_AT_BOOT, [bundle], secrets, None)


def _machine_config(
    kind: str,
    name: str,
    identity: Identity,
    bundles: Sequence[Bundle],
    secrets: Secrets,
    owner: TokenOwner | None,
) -> MachineConfig:
    deliveries = tuple(
        Delivery(
            role=bundle.role,
            text=script(bundle, identity),
            payload=secret_payload(bundle, secrets, owner, public_digest=True),
        )
        for bundle in bundles
    )
    texts = [delivery.text for delivery in deliveries]
    payloads = Output.all(*(delivery.payload for delivery in deliveries))
    digest: Output[str] = payloads.apply(
        lambda contents: content_digest(part for pair in zip(texts, contents, strict=True) for part in pair)
    )
    return MachineConfig(
        kind=kind,
        name=name,
        deliveries=deliveries,
        drain_seconds=max(bundle.drain_seconds for bundle in bundles),
        digest=Output.unsecret(digest),
    )
