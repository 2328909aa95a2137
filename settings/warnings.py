"""Warnings about valid settings. The preview shows them."""

from __future__ import annotations

from settings.cluster import Settings


def private_key_warnings(settings: Settings) -> list[str]:
    """Return a warning when private key files become inputs of hosts; none for a lab, which has its own key.

    An input of a resource is stored in the state, and another value of the input is a change of the resource.
    """
    metal = settings.metal
    if metal is None or settings.environment == "lab":
        return []
    hosts = [name for name in metal.hosts if _uses_key_file(settings, name)]
    if not hosts:
        return []
    return [
        f"metal.ssh.private_key_file: the private key is an input of {_hosts(len(hosts))} and is stored, "
        "encrypted, in the state: a deployer with another key delivers to them again; set agent: true and "
        "run ssh-add"
    ]


def _hosts(number: int) -> str:
    return "1 host" if number == 1 else f"{number} hosts"


def _uses_key_file(settings: Settings, host: str) -> bool:
    assert settings.metal is not None
    connection = settings.metal.connection(host)
    bastion = connection.bastion
    return bool(connection.private_key_file or (bastion and bastion.private_key_file))
