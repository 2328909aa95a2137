"""The add-on that monitors the cluster, by Prometheus and Alertmanager, as plain data [H4].

Credentials are not part of it. They are in Secrets, whose keys `secret_key` returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from topology.grafana import Grafana

NAMESPACE = "monitoring"
"""The namespace of the add-on."""
MONITORING_LABEL = ("kubewright.dev/monitoring", "true")
"""The label of the nodes of the pool that runs the pods."""
PROMETHEUS = "prometheus"
ALERTMANAGER = "alertmanager"
STATE_METRICS = "kube-state-metrics"
GRAFANA = "grafana"
PROMETHEUS_USER = "kubewright:prometheus"
"""The common name of the certificate by which Prometheus authenticates to metrics gateways."""
STATE_METRICS_IMAGE = "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.17.0"
"""The image of kube-state-metrics, which the catalogue cannot build: the module proxy refuses its module."""
WORKER_GATEWAY = "worker-metrics"
"""The name of the certificate of the metrics gateways of workers, and the name in it."""


def gateway_certificate(machine: str) -> str:
    """Return the name of the certificate of the metrics gateway of a machine that is not only a worker."""
    return f"metrics-{machine}"


def service_name(name: str) -> str:
    """Return the DNS name of a service of the add-on, which is in its certificate."""
    return f"{name}.{NAMESPACE}.svc"


def secret_key(owner: str, field: str) -> str:
    """Return the key of a Secret, and name of its file, with a field of a receiver or of `remote_write`."""
    return f"{owner}-{field.replace('_', '-')}"


class ReceiverKind(StrEnum):
    """A service that notifies people."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteWrite:
    """A store outside the cluster that receives all metrics.

    `username` is empty without basic authentication. `has_token` is true with a bearer token. `ca` is the PEM
    of a private certificate authority; empty: the authorities of the system.
    """

    name: str
    url: str
    username: str
    has_token: bool
    ca: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A receiver of alerts. `options` are the fields of its kind in Alertmanager that are not secret.

    `secrets` are pairs of a field in Alertmanager that names a file, and the setting with its content.
    """

    name: str
    kind: ReceiverKind
    options: tuple[tuple[str, str], ...]
    secrets: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Alerts that match all of `matchers` go to `receiver`."""

    receiver: str
    matchers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of each replica. `size` is a quantity. An empty `storage_class` is the default class."""

    size: str
    storage_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """Prometheus, Alertmanager, and the metrics of all hosts.

    `retention_bytes` limits the size of the database. `volume` is None for data that ends with the pod.
    `pool` is the pool of the nodes on which Prometheus runs; empty: any node. `pods` selects the pods whose
    annotations ask for it. `snapshot_seconds` is the age at which the newest snapshot of an etcd member, or
    its newest copy, raises an alert. `trial_restore_seconds` is the age at which the last trial restore does.
    """

    retention_seconds: int
    retention_bytes: int
    interval_seconds: int
    replicas: int
    alertmanagers: int
    volume: Volume | None
    cpu: str
    memory: str
    pool: str
    pods: bool
    state_metrics: bool
    remote_write: tuple[RemoteWrite, ...]
    receivers: tuple[Receiver, ...]
    default_receiver: str
    routes: tuple[Route, ...]
    repeat_seconds: int
    snapshot_seconds: int
    trial_restore_seconds: int
    grafana: Grafana | None = None
