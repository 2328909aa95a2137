"""Warnings about valid settings. The preview shows them."""

from __future__ import annotations

from settings.cluster import Settings
from settings.owned_flags import COMPONENTS
from settings.problem import format_path
from settings.rules.extra_args import extra_args
from topology.options import NetworkPlugin, PolicyMode


def settings_warnings(settings: Settings) -> list[str]:
    """Return all warnings about valid settings."""
    return [
        *private_key_warnings(settings),
        *network_policy_warnings(settings),
        *extra_args_warnings(settings),
    ]


def network_policy_warnings(settings: Settings) -> list[str]:
    """Return a warning if NetworkPolicy objects have no effect."""
    if settings.network.policies is PolicyMode.ENFORCED or settings.network.cni is NetworkPlugin.NONE:
        return []
    return [
        "network.policies: none: NetworkPolicy objects have no effect, every pod can connect to every other "
        "pod; set network.policies: enforced"
    ]


def extra_args_warnings(settings: Settings) -> list[str]:
    """Return a warning for each flag in a setting `extra_args`. The value may be confidential."""
    return [
        f"{format_path([*path.split('.'), flag])}: Kubewright passes --{flag} to {COMPONENTS[component]} "
        "without checks; with a wrong name or value the program does not start, and an upgrade may remove "
        "the flag; test it first"
        for path, component, flags in extra_args(settings)
        for flag in flags
    ]


def private_key_warnings(settings: Settings) -> list[str]:
    """Return a warning when private key files become inputs of hosts. A lab has its own key and no warning.

    The state contains the inputs of each resource, and a different value of an input changes the resource.
    """
    metal = settings.metal
    if metal is None or settings.environment == "lab":
        return []
    hosts = [name for name in metal.hosts if _uses_key_file(settings, name)]
    if not hosts:
        return []
    return [
        f"metal.ssh.private_key_file: the private key is an input of {_hosts(len(hosts))}; the state "
        "contains the encrypted key, and a deployer with another key delivers again to every such host; set "
        "metal.ssh.agent: true and run ssh-add"
    ]


def _hosts(number: int) -> str:
    return "1 host" if number == 1 else f"{number} hosts"


def _uses_key_file(settings: Settings, host: str) -> bool:
    assert settings.metal is not None
    connection = settings.metal.connection(host)
    bastion = connection.bastion
    return bool(connection.private_key_file or (bastion and bastion.private_key_file))
