"""The contract that every provider fulfils for the components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pulumi import Input, Output, Resource, ResourceOptions

from components.api import Api
from nodeconfig.bundle import Bundle
from topology.model import Machine, Pool, Role

Secrets = Mapping[str, Output[str]]
"""Contents of secret files by the names in bundles, e.g. `apiserver-cp-1.key`."""


class Provider(Protocol):
    """Machines, and the delivery of bundles to them.

    Every returned resource exists only when its host or pool is healthy, so `depends_on` is a health gate.
    """

    def member(
        self, machine: Machine, role: Role, bundle: Bundle, secrets: Secrets, opts: ResourceOptions
    ) -> Resource:
        """Deliver one role of a member.

        The cluster calls it once for each role of a member, in the order of `Role`. New members start side by
        side; existing members change one after another.
        """
        ...

    def pool(
        self, pool: Pool, bundles: Mapping[str, Bundle], secrets: Secrets, opts: ResourceOptions
    ) -> Sequence[Resource]:
        """Deliver the nodes of a pool.

        `bundles` are by the name of the node, or by the name of the pool when a cloud creates its nodes. New
        nodes join side by side; at most `pool.max_unavailable` existing nodes change at the same time.
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
        """Run `script` with administrator permissions, again whenever it changes.

        `kubectl` in the script reaches the API: on a control plane, or on the deployer with `kubeconfig`.
        `on_delete` is a script for the deletion of the resource, or empty.
        """
        ...

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """Install the controllers of the cloud in the cluster; nothing on bare metal."""
        ...
