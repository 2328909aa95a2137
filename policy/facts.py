"""What rules need of a stack, read from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from policy.rules.model import Stack
from settings import load


def facts(description: Mapping[str, object], today: date | None = None) -> Stack:
    """The facts of a stack's object `kubewright:cluster`. `today`: default, this day in UTC.

    Raises `SettingsError` for a description that describes no cluster.
    """
    settings = load(description)
    version = settings.kubernetes.version
    pools = [
        (f"pools.{name}.kubernetes_version", pool.kubernetes_version)
        for name, pool in settings.pools.items()
        if pool.kubernetes_version is not None
    ]
    return Stack(
        cluster=settings.name or "",
        environment=settings.environment,
        api_allowed=settings.network.api_allowed,
        api_ports=(6443, settings.endpoint.port) if settings.endpoint else (6443,),
        versions=(("kubernetes.version", version), *pools),
        etcd=settings.etcd_hosts,
        copies=bool(settings.etcd.snapshots.copy_to),
        cloud=settings.metal is None,
        today=today or datetime.now(UTC).date(),
    )
