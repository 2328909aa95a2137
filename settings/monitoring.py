"""Settings of the add-on that monitors the cluster, by Prometheus and Alertmanager [H4]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema

from settings.base import Section
from settings.grafana import GrafanaSettings
from settings.secret_values import is_placeholder
from settings.types import Duration, FilePath, HttpsUrl, Name, NonEmpty, Quantity, parse_seconds, validate_url
from topology.monitoring import ReceiverKind

_MATCHER = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"([^"\\]|\\.)*"')
_SMARTHOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*:[0-9]{1,5}")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_MIN_RETENTION = 3600
_INTERVAL = (5, 300)
_MIN_REPEAT = 300


def _validate_retention(duration: str) -> str:
    if parse_seconds(duration) < _MIN_RETENTION:
        raise ValueError("shorter than 1h; Prometheus writes blocks of 2h, and rules need their samples")
    return duration


def _validate_interval(duration: str) -> str:
    first, last = _INTERVAL
    if not first <= parse_seconds(duration) <= last:
        raise ValueError(f"allowed: {first}s to {last // 60}m; alerts expect a sample at least every 5m")
    return duration


def _validate_repeat(duration: str) -> str:
    if parse_seconds(duration) < _MIN_REPEAT:
        raise ValueError("shorter than 5m; a firing alert would notify all the time")
    return duration


def _validate_matcher(text: str) -> str:
    if not _MATCHER.fullmatch(text):
        raise ValueError(
            'not a matcher; allowed: LABEL="VALUE" with =, !=, =~ or !~, such as severity="critical"'
        )
    return text


def _validate_smarthost(text: str) -> str:
    if not _SMARTHOST.fullmatch(text):
        raise ValueError("not a mail server; allowed: HOST:PORT, such as smtp.corp.example:587")
    return text


def _validate_mail_address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("not a mail address; allowed: USER@DOMAIN")
    return text


def _validate_secret_url(secret: SecretStr) -> SecretStr:
    if not is_placeholder(secret):
        text = secret.get_secret_value()
        if not text or re.search(r"\s", text):
            raise ValueError("is empty or has spaces; give the URL that the receiver gave you")
        try:
            validate_url(text, "http", "https")
        except ValueError:
            # The message must not contain the URL, which is a secret.
            raise ValueError("not a URL; allowed: https://HOST/PATH or http://HOST/PATH") from None
    return secret


def _validate_token(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text or re.search(r"\s", text):
        raise ValueError("is empty or has spaces; give the credential without a line break")
    return secret


SecretUrl = Annotated[SecretStr, AfterValidator(_validate_secret_url)]
Credential = Annotated[SecretStr, AfterValidator(_validate_token)]
MailAddress = Annotated[NonEmpty, AfterValidator(_validate_mail_address)]
Matcher = Annotated[
    NonEmpty,
    AfterValidator(_validate_matcher),
    WithJsonSchema({"type": "string", "pattern": f"^{_MATCHER.pattern}$"}),
]


class MetricsStorageSettings(Section):
    """The volumes of Prometheus and Alertmanager."""

    size: Quantity = "50Gi"
    """Size of the volume of each Prometheus. Each Alertmanager has a volume of 1Gi."""
    storage_class: Name | None = None
    """StorageClass of the volumes; default: the default class of the cluster."""


class RemoteWriteSettings(Section):
    """A store that receives all metrics by the remote write protocol of Prometheus."""

    url: HttpsUrl
    """URL of the store, such as `https://mimir.example/api/v1/push`."""
    username: NonEmpty | None = None
    """User of basic authentication; it needs `password`."""
    password: Credential | None = None
    """Password of `username`, as an encrypted value (`secure: …`)."""
    bearer_token: Credential | None = None
    """Token instead of `username` and `password`, as an encrypted value (`secure: …`)."""
    ca_file: FilePath | None = None
    """File with the certificate authority of the store, in PEM; default: the authorities of the image."""


class WebhookReceiverSettings(Section):
    """A receiver that gets alerts as JSON by HTTP."""

    url: SecretUrl
    """URL of the receiver, as an encrypted value (`secure: …`), because it can contain a token."""
    bearer_token: Credential | None = None
    """Token of the requests, as an encrypted value (`secure: …`); default: none."""


class SlackReceiverSettings(Section):
    """A channel of Slack, or of another service with the API of Slack."""

    api_url: SecretUrl
    """URL of the incoming webhook, as an encrypted value (`secure: …`)."""
    channel: NonEmpty
    """Channel or user, such as `#alerts`."""


class PagerDutyReceiverSettings(Section):
    """A service of PagerDuty."""

    routing_key: Credential
    """Integration key of the Events API v2, as an encrypted value (`secure: …`)."""


class EmailReceiverSettings(Section):
    """A receiver of mail. Connections to the mail server use STARTTLS."""

    to: MailAddress
    """Address of the receiver."""
    sender: MailAddress
    """Address of the sender."""
    smarthost: Annotated[NonEmpty, AfterValidator(_validate_smarthost)]
    """Mail server and its port, such as `smtp.corp.example:587`."""
    username: NonEmpty | None = None
    """User of the mail server; it needs `password`."""
    password: Credential | None = None
    """Password of `username`, as an encrypted value (`secure: …`)."""


class ReceiverSettings(Section):
    """A receiver of alerts, with one of the kinds."""

    webhook: WebhookReceiverSettings | None = None
    """A receiver that gets alerts as JSON by HTTP."""
    slack: SlackReceiverSettings | None = None
    """A channel of Slack."""
    pagerduty: PagerDutyReceiverSettings | None = None
    """A service of PagerDuty."""
    email: EmailReceiverSettings | None = None
    """A mail address."""

    @property
    def kinds(self) -> tuple[ReceiverKind, ...]:
        """The kinds that are set; one in valid settings."""
        return tuple(kind for kind in ReceiverKind if getattr(self, kind) is not None)


class RouteSettings(Section):
    """Alerts that go to another receiver than the default one."""

    matchers: tuple[Matcher, ...] = Field(min_length=1)
    """Conditions on labels of an alert, such as `severity="critical"`. All of them must match."""
    receiver: Name
    """Name of the receiver."""


class MonitoringSettings(Section):
    """Prometheus and Alertmanager in the namespace `monitoring`, and metrics of all hosts over TLS."""

    retention: Annotated[Duration, AfterValidator(_validate_retention)] = "360h"
    """Time for which Prometheus keeps metrics."""
    retention_size: Quantity | None = None
    """Size of the metrics that Prometheus keeps at most; default: 80 % of `storage.size`, or 2Gi without
    `storage`.
    """
    interval: Annotated[Duration, AfterValidator(_validate_interval)] = "30s"
    """Time between two scrapes of a target; 5s to 5m."""
    replicas: int = Field(default=1, ge=1, le=4)
    """Number of Prometheus pods. Each of them scrapes all targets."""
    alertmanager_replicas: int = Field(default=1, ge=1, le=5)
    """Number of Alertmanager pods. They notify each receiver once."""
    storage: MetricsStorageSettings | None = None
    """Volumes of the pods; default: none, so that metrics and silences end with their pod."""
    cpu: Quantity = "200m"
    """CPU that each Prometheus requests."""
    memory: Quantity = "2Gi"
    """Memory that each Prometheus requests, and its limit."""
    pool: Name | None = None
    """Pool of nodes that run the pods; default: any node. On bare metal only these nodes can then connect to
    the metrics of other hosts.
    """
    pods: bool = False
    """Also scrape pods with the annotation `prometheus.io/scrape: "true"`, at the port, path and scheme of
    the annotations `prometheus.io/port`, `prometheus.io/path` and `prometheus.io/scheme`.
    """
    kube_state_metrics: bool = True
    """Run kube-state-metrics, for alerts about Deployments, pods and Jobs. Its image cannot be built from the
    catalogue.
    """
    grafana: GrafanaSettings | None = None
    """Dashboards about the cluster, by Grafana; default: none."""
    remote_write: dict[Name, RemoteWriteSettings] = Field(default_factory=dict)
    """Stores that receive all metrics, by name."""
    receivers: dict[Name, ReceiverSettings] = Field(default_factory=dict)
    """Receivers of alerts by name. Without receivers, alerts are only visible in Prometheus and
    Alertmanager.
    """
    default_receiver: Name | None = None
    """Receiver of alerts that no route matches; required with several receivers."""
    routes: tuple[RouteSettings, ...] = ()
    """Receivers of some alerts. The first route that matches decides."""
    repeat_interval: Annotated[Duration, AfterValidator(_validate_repeat)] = "4h"
    """Time after which a receiver is notified again about an alert that still fires."""
