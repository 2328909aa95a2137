"""What is put into the store for a machine or a pool: texts, payloads, and their digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pulumi import Output

from components.provider import Secrets
from nodeconfig.bundle import AT_BOOT, Bundle, Identity
from nodeconfig.render import script
from providers.payloads import payload
from topology.model import Machine, Pool, Role

CONTROL_PLANES = "members/control-plane"
ETCD_MEMBERS = "members/etcd"
POOLS = "pools"
STATUS = "status"
"""The prefix of what machines write."""
KINDS = (CONTROL_PLANES, ETCD_MEMBERS, POOLS)
"""Prefixes in the store: what one kind of machine may read, and below `status/` write."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One role of a unit: its visible text, and its secret payload."""

    role: Role
    text: str
    payload: Output[str]


@dataclass(frozen=True, kw_only=True)
class MachineConfig:
    """What a machine with a name, or all machines of a pool, become.

    `digest` is the hex sha256 of everything that machines fetch, and what they write as their status. It is
    no secret: each payload has keys that nobody guesses.
    """

    kind: str
    name: str
    deliveries: tuple[Delivery, ...]
    drain_seconds: int
    digest: Output[str]

    @property
    def roles(self) -> tuple[Role, ...]:
        """Its roles in the order of delivery."""
        return tuple(delivery.role for delivery in self.deliveries)

    @property
    def objects(self) -> tuple[tuple[str, Output[str], bool], ...]:
        """Everything for the store: key, content, and whether that is secret."""
        prefix = f"{self.kind}/{self.name}"
        return tuple(
            item
            for each in self.deliveries
            for item in (
                (f"{prefix}/{each.role}.sh", Output.from_input(each.text), False),
                (f"{prefix}/{each.role}.payload", each.payload, True),
            )
        )

    def text(self, role: Role) -> str:
        """The visible text of a role. Azure's blobs are files to the engine, which shows none of them."""
        return next(each.text for each in self.deliveries if each.role is role)

    def status(self, role: Role) -> str:
        """The key of a member's status in a role."""
        return f"{self.status_prefix}/{role}"

    @property
    def status_prefix(self) -> str:
        """Below it is a member's status, `/<role>`, or a pool's, `/<node>/<role>`."""
        return f"{STATUS}/{self.kind}/{self.name}"

    @property
    def leave(self) -> str:
        """An object with this key tells a member to leave the cluster for good."""
        return f"{self.kind}/{self.name}/leave"

    @property
    def left(self) -> str:
        """A member that has left for good says so here."""
        return f"{self.status_prefix}/left"


def kind_of(machine: Machine) -> str:
    """The kind of a machine with a name."""
    return CONTROL_PLANES if Role.CONTROL_PLANE in machine.roles else ETCD_MEMBERS


def statuses(machine: Machine) -> tuple[str, ...]:
    """The keys of a machine's status in all of its roles."""
    prefix = f"{STATUS}/{kind_of(machine)}/{machine.name}"
    return tuple(f"{prefix}/{role}" for role in Role if role in machine.roles)


def member_config(
    machine: Machine, bundles: Mapping[tuple[str, Role], Bundle], secrets: Secrets
) -> MachineConfig:
    """A machine with a name and all its roles."""
    identity = Identity(machine.name, str(machine.address), AT_BOOT.provider_id)
    mine = [bundles[machine.name, role] for role in Role if role in machine.roles]
    return _machine_config(kind_of(machine), machine.name, identity, mine, secrets)


def pool_config(pool: Pool, bundle: Bundle, secrets: Secrets) -> MachineConfig:
    """A pool whose machines learn at boot who they are."""
    return _machine_config(POOLS, pool.name, AT_BOOT, [bundle], secrets)


def _machine_config(
    kind: str, name: str, identity: Identity, bundles: Sequence[Bundle], secrets: Secrets
) -> MachineConfig:
    deliveries = tuple(
        Delivery(role=bundle.role, text=script(bundle, identity), payload=payload(bundle, secrets))
        for bundle in bundles
    )
    texts = [delivery.text for delivery in deliveries]
    payloads = Output.all(*(delivery.payload for delivery in deliveries))
    summed: Output[str] = payloads.apply(
        lambda contents: digest(part for pair in zip(texts, contents, strict=True) for part in pair)
    )
    return MachineConfig(
        kind=kind,
        name=name,
        deliveries=deliveries,
        drain_seconds=max(bundle.drain_seconds for bundle in bundles),
        digest=Output.unsecret(summed),
    )


def digest(contents: Iterable[str]) -> str:
    """Hex sha256 of these contents in their order, as `fetch` in boot.sh computes it with sha256sum."""
    lines = (f"{sha256(content.encode()).hexdigest()}  -\n" for content in contents)
    return sha256("".join(lines).encode()).hexdigest()
