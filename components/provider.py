"""The interface between the cluster component and the providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pulumi import Input, Output, Resource, ResourceOptions

from components.addons.pod_identities import PodIdentity
from components.api import Api
from nodeconfig.bundle import Bundle
from topology.model import Machine, Pool, Role

Secrets = Mapping[str, Output[str]]
"""Contents of secret files by their names in bundles, for example `apiserver-cp-1.key`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudResources:
    """Identifiers of cloud resources, for use in other programs.

    `network` is the id of the virtual network, and `subnets` are the ids of the subnets with machines.
    `roles` contains the IAM role name or the id of the managed identity for each kind of machine.
    """

    network: Input[str]
    subnets: Sequence[Input[str]]
    roles: Mapping[str, Input[str]]


class Provider(Protocol):
    """A provider of machines that delivers bundles to them.

    Every returned resource is a health gate: it exists only after its machine or pool is healthy, so
    resources that depend on it wait for the machine or pool.
    """

    def member(
        self, machine: Machine, role: Role, bundle: Bundle, secrets: Secrets, opts: ResourceOptions
    ) -> Resource:
        """Deliver one role of a member.

        The cluster calls this method once for each role of a member, in the order of `Role`. New members
        start in parallel; existing members change one after another.
        """
        ...

    def pool(
        self, pool: Pool, bundles: Mapping[str, Bundle], secrets: Secrets, opts: ResourceOptions
    ) -> Sequence[Resource]:
        """Deliver the nodes of a pool.

        The keys of `bundles` are names of nodes, or the name of the pool if a cloud creates the nodes. New
        nodes join in parallel. At most `pool.max_unavailable` existing nodes change at the same time.
        """
        ...

    def machine_names(self, pool: Pool) -> str:
        """Return the regular expression for the node names of a pool whose machines a cloud creates."""
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
        """Run `script` with administrator permissions, and run it again whenever it changes.

        `kubectl` in the script reaches the API, either on a control plane or on the deployer with
        `kubeconfig`. `on_delete` is a script for the deletion of the resource, or empty.
        """
        ...

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """Install the controllers of the cloud in the cluster. Do nothing on bare metal."""
        ...

    def pod_identities(self, keys: Output[str]) -> Sequence[PodIdentity]:
        """Create the identities of pods in the cloud; return what pods of their service accounts receive.

        `keys` verify service account tokens, as PEM texts. The cloud fetches them from the documents that
        this method publishes. Return no identities on bare metal.
        """
        ...

    @property
    def cloud_resources(self) -> CloudResources | None:
        """Identifiers of cloud resources, for use in other programs; None on bare metal."""
        ...
