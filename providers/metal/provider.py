"""Bare metal: hosts of an inventory, to which bundles are delivered by SSH with pulumi-command [M]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pulumi import CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_command.remote import Command, Logging

from components.api import Api
from components.provider import Secrets
from nodeconfig.bundle import Bundle, Identity
from nodeconfig.host_paths import KUBECTL_HERE
from nodeconfig.render import reset, script
from providers.metal.connections import Connections
from providers.payloads import payload
from providers.rolling import RollingLimit
from settings.metal import MetalSettings
from topology.model import Machine, Pool, Role, Topology

# A host that falls silent in the middle is not waited for longer: the official plugin's connections have
# no keepalive. The host program's own limits, for a lock, a drain, and services, are well below.
_LIMIT = CustomTimeouts(create="60m", update="60m", delete="60m")


class Metal:
    """The provider for hosts that are already there. One command for each host and role.

    `files` are the texts of the files that settings name. Raises `SettingsError` when keys are missing.
    """

    def __init__(self, metal: MetalSettings, topology: Topology, files: Mapping[str, str]) -> None:
        self._connections = Connections(metal, [machine.name for machine in topology.machines], files)
        self._operator = topology.control_planes[0].name
        # Of the members of a quorum one at a time changes, and none while another is lost.
        self._members: dict[Role, RollingLimit] = {
            role: RollingLimit(role.value, 1, strict=True) for role in Role if role is not Role.NODE
        }
        # The last command of each host: its next role waits for it.
        self._last: dict[str, Resource] = {}

    def member(
        self, machine: Machine, role: Role, bundle: Bundle, secrets: Secrets, opts: ResourceOptions
    ) -> Resource:
        """One role of one host."""
        identity = Identity(machine.name, str(machine.address))
        return self._deliver(identity, bundle, payload(bundle, secrets), self._members[role], opts)

    def pool(
        self, pool: Pool, bundles: Mapping[str, Bundle], secrets: Secrets, opts: ResourceOptions
    ) -> Sequence[Resource]:
        """The pool's hosts, each on its own: one that cannot be reached holds up no other."""
        turns = RollingLimit(f"pool-{pool.name}", pool.max_unavailable)
        # Nodes of a pool have the same bundle, but for control planes among them.
        payloads = {bundle: payload(bundle, secrets) for bundle in set(bundles.values())}
        return [
            self._deliver(
                Identity(node.name, str(node.address)),
                bundles[node.name],
                payloads[bundles[node.name]],
                turns,
                opts,
            )
            for node in pool.nodes
        ]

    def operate(
        self,
        name: str,
        script: Input[str],
        opts: ResourceOptions,
        *,
        kubeconfig: Output[str],
        on_delete: str = "",
    ) -> Resource:
        """Runs `script` on the first control plane, with the kubeconfig there; any of them would do."""
        here = partial(_here, sudo=self._connections.sudo(self._operator))
        return Command(
            name,
            connection=self._connections[self._operator],
            create=Output.from_input(script).apply(here),
            delete=here(on_delete) if on_delete else None,
            logging=Logging.NONE,
            add_previous_output_in_env=False,
            opts=ResourceOptions.merge(opts, ResourceOptions(custom_timeouts=_LIMIT)),
        )

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """Nothing: there is no cloud to work with."""
        return []

    def _deliver(
        self,
        identity: Identity,
        bundle: Bundle,
        stdin: Output[str],
        turns: RollingLimit,
        opts: ResourceOptions,
    ) -> Resource:
        """The host's command for a role. Its name carries the host's, so that an error does too."""
        host, role = identity.name, bundle.role
        sudo = self._connections.sudo(host)
        own = ResourceOptions(
            hooks=turns.hooks,
            depends_on=[self._last[host]] if host in self._last else None,
            custom_timeouts=_LIMIT,
        )
        command = Command(
            f"{host}-{role.value}",
            connection=self._connections[host],
            create=script(bundle, identity, sudo=sudo),
            # Secrets travel by stdin alone: the text of a command is shown when it fails.
            stdin=stdin,
            delete=reset(role, sudo=sudo, drain_seconds=bundle.drain_seconds),
            # Errors carry the output anyway; `none` keeps it out of the display while things go well.
            logging=Logging.NONE,
            add_previous_output_in_env=False,
            opts=ResourceOptions.merge(opts, own),
        )
        self._last[host] = command
        return command


def _here(script: str, *, sudo: bool) -> str:
    """The script with what `kubectl` is on a control plane, as root."""
    script = KUBECTL_HERE + script
    return f"sudo -n sh -eu <<'KUBEWRIGHT'\n{script}KUBEWRIGHT\n" if sudo else script
