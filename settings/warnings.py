"""Warnings about valid settings. The preview shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509

from settings.cluster import Settings
from settings.owned_flags import COMPONENTS
from settings.problem import format_path
from settings.rules.extra_args import extra_args
from settings.secret_values import PLACEHOLDERS
from topology.options import NetworkPlugin, PolicyMode

_RENEWAL = timedelta(days=21)
"""Time before the end of a certificate in which a warning asks for the next certificate."""


def settings_warnings(settings: Settings) -> list[str]:
    """Return all warnings about valid settings."""
    return [
        *private_key_warnings(settings),
        *network_policy_warnings(settings),
        *extra_args_warnings(settings),
        *ingress_warnings(settings),
        *cert_manager_warnings(settings),
        *storage_warnings(settings),
        *monitoring_warnings(settings),
    ]


def network_policy_warnings(settings: Settings) -> list[str]:
    """Return a warning if NetworkPolicy objects have no effect."""
    if settings.network.policies is PolicyMode.ENFORCED or settings.network.cni is NetworkPlugin.NONE:
        return []
    return [
        "network.policies: none: NetworkPolicy objects have no effect, every pod can connect to every other "
        "pod; set network.policies: enforced"
    ]


def storage_warnings(settings: Settings) -> list[str]:
    """Return a warning if volumes disappear with the machines of a cloud."""
    if settings.cloud is None or settings.storage.local is None:
        return []
    return [
        f"storage.local: {settings.cloud_name} replaces machines of pools together with their disks, and the "
        "pods of lost volumes wait for nodes that do not come back; use it only for data that can be lost"
    ]


def monitoring_warnings(settings: Settings) -> list[str]:
    """Return a warning if alerts notify no person."""
    section = settings.addons.monitoring
    if section is None or section.receivers:
        return []
    return [
        "addons.monitoring.receivers: none: alerts are only visible in Prometheus and Alertmanager; add a "
        "receiver"
    ]


def ingress_warnings(settings: Settings) -> list[str]:
    """Return warnings about an ingress pool with one node, about the end of the default certificate, and
    about a Gateway without HTTPS. An expired certificate is no error, so that commands for the cluster still
    work.
    """
    ingress = settings.addons.ingress
    if ingress is None:
        return []
    warnings = []
    pool = settings.pools.get(ingress.pool or "")
    if pool and (pool.size.min if pool.size else len(pool.hosts)) == 1:
        warnings.append(
            f"addons.ingress.pool: {ingress.pool} has one node, and clients lose requests while it changes; "
            "add a node"
        )
    section = ingress.default_certificate
    if section and section.certificate:
        path = "addons.ingress.default_certificate"
        warnings += _expiry_warnings(f"{path}.certificate", section.certificate)
    if ingress.gateway_api and section is None:
        warnings.append(
            "addons.ingress.gateway_api: without a default certificate the Gateway has no listener for "
            "HTTPS; add default_certificate"
        )
    return warnings


def cert_manager_warnings(settings: Settings) -> list[str]:
    """Return warnings about the end of the given CAs of issuers."""
    section = settings.addons.cert_manager
    return [
        warning
        for name, issuer in (section.issuers.items() if section else ())
        if issuer.ca is not None
        for warning in _expiry_warnings(
            f"addons.cert_manager.issuers.{name}.ca.certificate", issuer.ca.certificate
        )
    ]


def _expiry_warnings(path: str, pem: str) -> list[str]:
    """Return a warning if one of the certificates in a text expires soon, or has expired."""
    if pem in PLACEHOLDERS:
        return []
    expires = min(item.not_valid_after_utc for item in x509.load_pem_x509_certificates(pem.encode()))
    now = datetime.now(UTC)
    if expires >= now + _RENEWAL:
        return []
    verb = "expired" if expires < now else "expires"
    return [f"{path}: {verb} on {expires:%Y-%m-%d}; replace certificate and private_key"]


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
