"""Reader of the facts about a stack that policy rules need, from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from policy.rules.model import StackFacts
from settings import load
from settings.charts import charts_of, digest_of, is_path
from topology.ports import API_PORT


def read_facts(cluster: Mapping[str, object], today: date | None = None) -> StackFacts:
    """Return the facts of the object `kubewright:cluster` of a stack.

    `today` is by default the current day in UTC. Raise `SettingsError` for an object that is not a valid
    cluster.
    """
    settings = load(cluster)
    version = settings.kubernetes.version
    pools = [
        (f"pools.{name}.kubernetes_version", pool.kubernetes_version)
        for name, pool in settings.pools.items()
        if pool.kubernetes_version is not None
    ]
    return StackFacts(
        cluster=settings.name or "",
        environment=settings.environment,
        api_allowed=settings.network.api_networks,
        api_ports=(API_PORT, settings.endpoint.port) if settings.endpoint else (API_PORT,),
        versions=(("kubernetes.version", version), *pools),
        etcd_hosts=settings.etcd_hosts,
        snapshots_copied=bool(settings.etcd.snapshots.copy_to or settings.etcd.snapshots.to),
        artifacts_pinned=settings.artifacts.index is not None,
        unpinned_charts=tuple(
            path for path, chart in charts_of(settings) if not is_path(chart) and not digest_of(chart)
        ),
        is_cloud=settings.metal is None,
        issuer_store=settings.cloud.issuer_store if settings.cloud else "",
        today=today or datetime.now(UTC).date(),
    )
