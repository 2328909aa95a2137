"""What every provider gives to the components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pulumi import Input, Output, Resource, ResourceOptions

from components.api import Api
from nodeconfig.bundle import Bundle
from topology.model import Machine, Pool, Role

Secrets = Mapping[str, Output[str]]
"""Contents of secret files by the names that bundles use, e.g. `apiserver-cp-1.key`."""


class Provider(Protocol):
    """Machines, and the delivery of bundles to them.

    Every resource given back is there only when what it stands for is healthy, so that depending
    on it is a health gate.
    """

    def member(
        self, machine: Machine, role: Role, bundle: Bundle, secrets: Secrets, opts: ResourceOptions
    ) -> Resource:
        """One role of one machine with a stable name and address.

        Called once for each role of a machine, in the order of `Role`. New members come up side by side;
        members that change do so one after another.
        """
        ...

    def pool(
        self, pool: Pool, bundles: Mapping[str, Bundle], secrets: Secrets, opts: ResourceOptions
    ) -> Sequence[Resource]:
        """The nodes of a pool, `bundles` by the node's name; one with a capacity has one, by the pool's name.

        New nodes join side by side; of those that change at most `pool.max_unavailable` do at a time.
        """
        ...

    def operate(
        self,
        name: str,
        script: Input[str],
        opts: ResourceOptions,
        *,
        kubeconfig: Output[str],
        on_delete: str = "",
    ) -> Resource:
        """Runs `script` with an administrator's rights, again whenever it changes.

        In the script `kubectl` is one that reaches the API: on a control plane, or the deployer's own with
        `kubeconfig`. `on_delete` is run when the resource is deleted ("": nothing is).
        """
        ...

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """What runs in the cluster because of where it is: a cloud's controllers; nothing on bare metal."""
        ...
