"""Settings of the add-ons that collect logs and events [H4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema

from formats.quantity import format_bytes, parse_bytes
from settings.base import Section
from settings.secret_values import is_placeholder
from settings.types import Duration, FilePath, HttpsUrl, Name, Quantity, Subdomain, parse_seconds
from topology.logs import MIN_BUFFER, KafkaMechanism, LogSource

_BROKER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:([0-9]{1,5})")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_INDEX = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
_TENANT = re.compile(r"[A-Za-z0-9!_.*'()-]{1,150}")
_USERNAME = re.compile(r"[^\s:$]+")
_REASON = re.compile(r"[A-Za-z][A-Za-z0-9]{0,127}")
_ALERT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MIN_MEMORY = 128 << 20
_MIN_LOKI_MEMORY = 256 << 20
_MIN_STORAGE = 1 << 30
_RETENTION_HOURS = (24, 24 * 3660)
_WINDOW_SECONDS = (60, 24 * 3600)


def _at_least(minimum: int) -> AfterValidator:
    def validate(text: str) -> str:
        if parse_bytes(text) < minimum:
            raise ValueError(f"too small; allowed: {format_bytes(minimum)} or more")
        return text

    return AfterValidator(validate)


def _validate_retention(duration: str) -> str:
    first, last = _RETENTION_HOURS
    seconds = parse_seconds(duration)
    if not first <= seconds / 3600 <= last or seconds % 3600:
        raise ValueError(f"allowed: whole hours from {first}h to {last}h")
    return duration


def _validate_window(duration: str) -> str:
    first, last = _WINDOW_SECONDS
    if not first <= parse_seconds(duration) <= last:
        raise ValueError("allowed: 1m to 24h")
    return duration


def _validate_broker(text: str) -> str:
    match = _BROKER.fullmatch(text)
    if not match or not 1 <= int(match[2]) <= 65535:
        raise ValueError("not a broker of Kafka; allowed: HOST:PORT, such as kafka-1.corp.example:9093")
    return text


def _matching(pattern: re.Pattern[str], message: str) -> AfterValidator:
    def validate(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(message)
        return text

    return AfterValidator(validate)


def _validate_password(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if is_placeholder(secret):
        return secret
    if not text or re.search(r"\s", text):
        raise ValueError("is empty or has spaces; give the password of the user")
    if "$" in text:
        raise ValueError("has the character $, which the program replaces; use another password")
    return secret


def _validate_alertmanager_password(secret: SecretStr) -> SecretStr:
    if re.search(r"[\"\\]", secret.get_secret_value()):
        raise ValueError(
            "has the character \" or \\, which would end the text in Loki's file; use another password"
        )
    return _validate_password(secret)


Password = Annotated[SecretStr, AfterValidator(_validate_password)]
AlertmanagerPassword = Annotated[SecretStr, AfterValidator(_validate_alertmanager_password)]
Username = Annotated[str, _matching(_USERNAME, "not a user; allowed: text without spaces, : and $")]
Broker = Annotated[str, AfterValidator(_validate_broker)]
Topic = Annotated[
    str, _matching(_TOPIC, "not a topic; allowed: at most 249 letters, digits and ._-, such as kubernetes")
]
IndexName = Annotated[
    str, _matching(_INDEX, "not an index; allowed: at most 200 of a-z, 0-9 and ._-, the first no sign")
]
Tenant = Annotated[
    str, _matching(_TENANT, "not a tenant of Loki; allowed: at most 150 letters, digits and !-_.*'()")
]
Reason = Annotated[
    str, _matching(_REASON, "not a reason of events; allowed: letters and digits, such as FailedScheduling")
]
AlertName = Annotated[
    str, _matching(_ALERT, "not a name of an alert; allowed: letters, digits and _, such as PodsDoNotStart")
]
Buffer = Annotated[Quantity, _at_least(MIN_BUFFER), WithJsonSchema({"type": ["string", "number"]})]
ShipperMemory = Annotated[Quantity, _at_least(_MIN_MEMORY), WithJsonSchema({"type": ["string", "number"]})]
LokiMemory = Annotated[Quantity, _at_least(_MIN_LOKI_MEMORY), WithJsonSchema({"type": ["string", "number"]})]
LokiStorage = Annotated[Quantity, _at_least(_MIN_STORAGE), WithJsonSchema({"type": ["string", "number"]})]


class LokiStoreSettings(Section):
    """Loki in the cluster: one pod with a volume. Its clients have certificates of its own authority."""

    storage: LokiStorage
    """Size of the volume, at least 1Gi."""
    storage_class: Subdomain | None = None
    """Storage class of the volume; default: the default class of the cluster."""
    retention: Annotated[Duration, AfterValidator(_validate_retention)] = "720h"
    """Time after which entries are deleted; 24h to ten years."""
    memory: LokiMemory = "1Gi"
    """Memory limit of Loki, at least 256Mi."""
    readers: tuple[Name, ...] = ()
    """Namespaces whose pods can connect to Loki, such as that of Grafana. They also need a client
    certificate.
    """


class LokiServerSettings(Section):
    """Your own Loki, of version 3.0 or later."""

    url: HttpsUrl
    """URL of Loki, without `/loki/api` or `/otlp`."""
    tenant: Tenant | None = None
    """Tenant, which is sent as the header `X-Scope-OrgID`; default: no header."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of Loki; default: the authorities of the shipper's image."""
    username: Username | None = None
    """User of HTTP basic authentication; default: no login."""
    password: Password | None = None
    """Password of the user, as an encrypted value (`secure: …`)."""


class KafkaServersSettings(Section):
    """Your own Kafka. Messages are in the JSON encoding of OTLP."""

    brokers: tuple[Broker, ...] = Field(min_length=1)
    """Brokers as `HOST:PORT`, which use TLS."""
    topic: Topic
    """Topic, which exists."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of Kafka; default: the authorities of the shipper's image."""
    username: Username | None = None
    """User of SASL; default: no login."""
    password: Password | None = None
    """Password of the user, as an encrypted value (`secure: …`)."""
    mechanism: KafkaMechanism = KafkaMechanism.SCRAM_SHA_512
    """Mechanism of SASL: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`."""


class ElasticsearchServerSettings(Section):
    """Your own Elasticsearch. Images of the shipper that a mirror built cannot send to Elasticsearch."""

    url: HttpsUrl
    """URL of Elasticsearch."""
    index: IndexName
    """Index or data stream of the entries."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority; default: the authorities of the shipper's image."""
    username: Username | None = None
    """User of HTTP basic authentication; default: no login."""
    password: Password | None = None
    """Password of the user, as an encrypted value (`secure: …`)."""


class LogDestinationSettings(Section):
    """A receiver of logs. Each destination has one of `loki`, `kafka` and `elasticsearch`."""

    loki: LokiServerSettings | None = None
    """Your own Loki."""
    kafka: KafkaServersSettings | None = None
    """Your own Kafka."""
    elasticsearch: ElasticsearchServerSettings | None = None
    """Your own Elasticsearch."""

    @property
    def servers(self) -> dict[str, LokiServerSettings | KafkaServersSettings | ElasticsearchServerSettings]:
        """The servers that are set, by kind; one in valid settings."""
        kinds = {"loki": self.loki, "kafka": self.kafka, "elasticsearch": self.elasticsearch}
        return {kind: server for kind, server in kinds.items() if server is not None}


class LogSettings(Section):
    """Logs of all nodes, which the OpenTelemetry Collector sends to Loki in the cluster or to your own
    receivers. It runs in the namespace `logs`.
    """

    loki: LokiStoreSettings | None = None
    """Loki in the cluster; default: none."""
    to: dict[Name, LogDestinationSettings] = Field(default_factory=dict)
    """Your own receivers by name. Each receiver gets all entries."""
    sources: tuple[LogSource, ...] = Field(
        default=(LogSource.CONTAINERS, LogSource.JOURNAL, LogSource.AUDIT), min_length=1
    )
    """Logs of each node: `containers`, `journal` (of systemd) and `audit` (of API servers)."""
    exclude_namespaces: tuple[Name, ...] = ()
    """Namespaces whose containers are not collected."""
    buffer: Buffer = "1Gi"
    """Disk space on each node for entries that wait for a receiver, for each receiver; at least 256Mi."""
    memory: ShipperMemory = "300Mi"
    """Memory limit of the pod on each node, at least 128Mi."""


class AlertmanagerSettings(Section):
    """The Alertmanager that receives alerts on events."""

    url: HttpsUrl
    """URL of Alertmanager, such as `https://alertmanager.monitoring.svc:9093`."""
    ca_file: FilePath | None = None
    """PEM file of the certificate authority of Alertmanager; default: the authorities of Loki's image."""
    username: Username | None = None
    """User of HTTP basic authentication; default: no login."""
    password: AlertmanagerPassword | None = None
    """Password of the user, as an encrypted value (`secure: …`)."""


class EventAlertSettings(Section):
    """An alert on events. It fires for each namespace and reason."""

    reasons: tuple[Reason, ...] = Field(min_length=1)
    """Reasons of events, such as `FailedScheduling` or `OOMKilling`."""
    namespaces: tuple[Name, ...] = ()
    """Namespaces of the events; default: all. Events of nodes are in the namespace `default`."""
    count: Annotated[int, Field(ge=1, le=10000)] = 1
    """Number of events in `window` that raise the alert."""
    window: Annotated[Duration, AfterValidator(_validate_window)] = "10m"
    """Time in which events count; 1m to 24h."""
    severity: Name = "warning"
    """Label `severity` of the alert."""


class EventSettings(Section):
    """Events of the cluster, which are archived with the logs. It needs `addons.logs`."""

    alerts: dict[AlertName, EventAlertSettings] = Field(default_factory=dict)
    """Alerts by name. They need `addons.logs.loki` and `alertmanager`."""
    alertmanager: AlertmanagerSettings | None = None
    """The Alertmanager that receives the alerts."""
