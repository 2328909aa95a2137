"""The add-ons that collect logs and events, as plain data [H4].

Credentials are not part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NAMESPACE = "logs"
"""The namespace of both add-ons."""
LOKI = "loki"
"""The name of the Service of Loki."""
LOKI_PORT = 3100
IN_CLUSTER = "cluster"
"""The name of the destination in the cluster, which users cannot give to their own destinations."""
MIN_BUFFER = 256 << 20
"""The least disk space for entries that wait, in bytes."""


class LogSource(StrEnum):
    """A kind of logs of a node."""

    CONTAINERS = "containers"
    JOURNAL = "journal"
    AUDIT = "audit"


class KafkaMechanism(StrEnum):
    """How a client logs in at Kafka."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True, kw_only=True)
class LokiStore:
    """Loki in the cluster, with one pod and one volume. Sizes are quantities of Kubernetes.

    An empty `storage_class` is the default class. `readers` are namespaces whose pods can connect to Loki.
    """

    storage: str
    storage_class: str
    retention_hours: int
    memory: str
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LokiServer:
    """A Loki of the user. Without `username` there is no login; `tenant` is empty without tenants."""

    url: str
    tenant: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaServers:
    """Kafka of the user, with brokers `HOST:PORT`. Without `username` there is no login."""

    brokers: tuple[str, ...]
    topic: str
    username: str = ""
    mechanism: KafkaMechanism = KafkaMechanism.SCRAM_SHA_512


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchServer:
    """Elasticsearch of the user. Without `username` there is no login."""

    url: str
    index: str
    username: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A receiver of logs that the user runs. `ca` is the PEM of its authority; empty: those of the image."""

    name: str
    server: LokiServer | KafkaServers | ElasticsearchServer
    ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alertmanager:
    """The Alertmanager that receives alerts on events. `ca` is PEM or empty, as is `username`."""

    url: str
    username: str = ""
    ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAlert:
    """An alert that fires after `count` events with one of `reasons` in `window_seconds`.

    Without `namespaces`, events of all namespaces count.
    """

    name: str
    reasons: tuple[str, ...]
    namespaces: tuple[str, ...]
    count: int
    window_seconds: int
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The add-on that archives events in the destinations of logs."""

    alerts: tuple[EventAlert, ...] = ()
    alertmanager: Alertmanager | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """The add-on that collects logs. `buffer` is the disk space of a destination on each node, in bytes."""

    sources: tuple[LogSource, ...]
    exclude_namespaces: tuple[str, ...]
    buffer: int
    memory: str
    loki: LokiStore | None
    destinations: tuple[Destination, ...]
    events: Events | None = None
