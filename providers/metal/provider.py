"""The provider for bare metal: delivers bundles to hosts of an inventory over SSH (pulumi-command) [M]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pulumi import CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_command.remote import Command, Logging

from components.addons.pod_identities import PodIdentity
from components.api import Api
from components.provider import CloudResources, Secrets
from components.scope import Scope
from nodeconfig.bundle import Bundle, Identity
from nodeconfig.host_paths import KUBECTL_FUNCTION
from nodeconfig.render import reset_script, script
from providers.metal.connections import Connections
from providers.payloads import secret_payload
from providers.rolling import RollingLimit
from settings.metal import MetalSettings
from topology.identities import node_owner
from topology.model import Machine, Pool, Role, Topology

# The time limits of the host program for locks, drains and services are much lower. The official plugin
# ignores this limit, so the driver has a time limit too (docs/previews-and-plans.md, "Time limits").
_TIMEOUTS = CustomTimeouts(create="60m", update="60m", delete="60m")


class MetalProvider:
    """The provider for existing hosts: one command for each host and role.

    `files` are the texts of the files that settings name, by path. Raise SettingsError when an SSH key or
    host key is missing.
    """

    def __init__(
        self, metal: MetalSettings, topology: Topology, files: Mapping[str, str], scope: Scope
    ) -> None:
        self._scope = scope
        self._connections = Connections(metal, [machine.name for machine in topology.machines], files)
        self._operations_host = topology.control_planes[0].name
        # Members of a quorum change one at a time, and no member changes while another member is failed.
        self._member_limits: dict[Role, RollingLimit] = {
            role: RollingLimit(scope.name(role.value), 1, strict=True)
            for role in Role
            if role is not Role.NODE
        }
        # The latest command of each host: the next role of the host waits for it.
        self._last_command: dict[str, Resource] = {}

    def member(
        self, machine: Machine, role: Role, bundle: Bundle, secrets: Secrets, opts: ResourceOptions
    ) -> Resource:
        """Create the command that delivers the bundle of one role to one host."""
        identity = Identity(machine.name, str(machine.address))
        return self._create_delivery(
            identity,
            bundle,
            secret_payload(bundle, secrets, node_owner(machine.name)),
            self._member_limits[role],
            opts,
        )

    def pool(
        self, pool: Pool, bundles: Mapping[str, Bundle], secrets: Secrets, opts: ResourceOptions
    ) -> Sequence[Resource]:
        """Create one command for each host of the pool. An unreachable host blocks no other host."""
        limit = RollingLimit(self._scope.name(f"pool-{pool.name}"), pool.max_unavailable)
        return [
            self._create_delivery(
                Identity(node.name, str(node.address)),
                bundles[node.name],
                secret_payload(bundles[node.name], secrets, node_owner(node.name)),
                limit,
                opts,
            )
            for node in pool.nodes
        ]

    def machine_names(self, pool: Pool) -> str:
        """Raise ValueError: the nodes of a pool on bare metal have known names."""
        raise ValueError(f"pool {pool.name}: on bare metal no cloud creates machines")

    def operate(
        self,
        name: str,
        script: Input[str],
        opts: ResourceOptions,
        *,
        kubeconfig: Output[str],
        on_delete: str = "",
    ) -> Resource:
        """Create the command that runs `script` on the first control plane, with its kubeconfig."""
        wrap = partial(_with_kubectl, sudo=self._connections.needs_sudo(self._operations_host))
        return Command(
            name,
            connection=self._connections[self._operations_host],
            create=Output.from_input(script).apply(wrap),
            delete=wrap(on_delete) if on_delete else None,
            logging=Logging.NONE,
            add_previous_output_in_env=False,
            opts=ResourceOptions.merge(opts, ResourceOptions(custom_timeouts=_TIMEOUTS)),
        )

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """Return no resources: bare metal needs no cloud controllers."""
        return []

    def pod_identities(self, keys: Output[str]) -> Sequence[PodIdentity]:
        """Return no identities: bare metal has no identity service."""
        return []

    @property
    def cloud_resources(self) -> CloudResources | None:
        """None, because bare metal has no cloud resources."""
        return None

    def _create_delivery(
        self,
        identity: Identity,
        bundle: Bundle,
        stdin: Output[str],
        limit: RollingLimit,
        opts: ResourceOptions,
    ) -> Resource:
        """Create the command that delivers one role to a host.

        The name of the command contains the host, because errors show this name.
        """
        host, role = identity.name, bundle.role
        sudo = self._connections.needs_sudo(host)
        options = ResourceOptions(
            hooks=limit.hooks,
            depends_on=[self._last_command[host]] if host in self._last_command else None,
            custom_timeouts=_TIMEOUTS,
        )
        command = Command(
            self._scope.name(f"{host}-{role.value}"),
            connection=self._connections[host],
            create=script(bundle, identity, sudo=sudo),
            # Send secrets only through standard input: the error of a failed command shows its text.
            stdin=stdin,
            delete=reset_script(role, sudo=sudo, drain_seconds=bundle.drain_seconds),
            # The command prints no output here, because the error of a failed command contains the output.
            logging=Logging.NONE,
            add_previous_output_in_env=False,
            opts=ResourceOptions.merge(opts, options),
        )
        self._last_command[host] = command
        return command


def _with_kubectl(script: str, *, sudo: bool) -> str:
    """Return `script` with a definition of `kubectl` before it, for control planes. With `sudo` it runs as
    root.
    """
    script = KUBECTL_FUNCTION + script
    return f"sudo -n sh -eu <<'KUBEWRIGHT'\n{script}KUBEWRIGHT\n" if sudo else script
