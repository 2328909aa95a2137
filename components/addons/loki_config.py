"""Configuration of Loki in the cluster and its alert rules [H4].

Options: https://grafana.com/docs/loki/latest/configure/
"""

from __future__ import annotations

from typing import Any

from topology.logs import LOKI_PORT, Alertmanager, EventAlert, Events, LokiStore

Config = dict[str, Any]
HEALTH_PORT = 3101
PASSWORD_VARIABLE = "ALERTMANAGER_PASSWORD"
TENANT = "fake"
"""The name that Loki gives the only tenant of an instance without tenants."""
_LOOPBACK = "127.0.0.1"
_GRPC_PORT = 9095
_SCHEMA_FROM = "2024-04-01"
_MAX_MESSAGE = 16 << 20
_LABELS = ("k8s.node.name", "k8s.container.restart_count", "log.source", "systemd.unit")
"""Attributes that become labels, beside those of Loki's defaults, such as namespace, pod and container.

An entry that is more than an hour older than the newest of its stream is refused. With these labels the
backlog of a node is in no stream of another node.
"""


def loki_configuration(
    loki: LokiStore,
    events: Events | None,
    *,
    data: str = "/var/loki",
    tls: str = "/etc/loki/tls",
    rules: str = "/etc/loki/rules",
    authorities: str = "/etc/loki/authorities",
    addresses: tuple[str, str] = ("0.0.0.0", "0.0.0.0"),
    ports: tuple[int, int, int] = (LOKI_PORT, HEALTH_PORT, _GRPC_PORT),
) -> Config:
    """Return the configuration. `addresses` are those of the API and of the health check, and `ports` those
    of both and of Loki's own calls.
    """
    return {
        "target": "all",
        "auth_enabled": False,
        "analytics": {"reporting_enabled": False},
        "server": _server(tls, addresses[0], ports),
        "internal_server": {
            "enable": True,
            "http_listen_address": addresses[1],
            "http_listen_port": ports[1],
            # This server has no methods of gRPC, and cannot do without its port.
            "grpc_listen_address": _LOOPBACK,
        },
        "common": {
            "instance_addr": _LOOPBACK,
            "path_prefix": data,
            "replication_factor": 1,
            "storage": {"filesystem": {"chunks_directory": f"{data}/chunks", "rules_directory": rules}},
            "ring": {"instance_addr": _LOOPBACK, "kvstore": {"store": "inmemory"}},
        },
        "schema_config": {
            "configs": [
                {
                    "from": _SCHEMA_FROM,
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "compactor": {"retention_enabled": True, "delete_request_store": "filesystem"},
        "limits_config": _limits(loki),
        **({"ruler": _ruler(events, rules, data, authorities)} if events and events.alerts else {}),
    }


def _server(tls: str, address: str, ports: tuple[int, int, int]) -> Config:
    return {
        "http_listen_address": address,
        "http_listen_port": ports[0],
        "http_tls_config": {
            "cert_file": f"{tls}/tls.crt",
            "key_file": f"{tls}/tls.key",
            "client_ca_file": f"{tls}/ca.crt",
            "client_auth_type": "RequireAndVerifyClientCert",
        },
        "tls_min_version": "VersionTLS12",
        # Only the parts of Loki in this process use gRPC, which has no login.
        "grpc_listen_address": _LOOPBACK,
        "grpc_listen_port": ports[2],
        "grpc_server_max_recv_msg_size": _MAX_MESSAGE,
        "grpc_server_max_send_msg_size": _MAX_MESSAGE,
        "log_level": "warn",
    }


def _limits(loki: LokiStore) -> Config:
    return {
        "retention_period": f"{loki.retention_hours}h",
        # The first entries of a node can be older than a week.
        "reject_old_samples": False,
        # A backlog arrives faster than new entries. The shipper repeats requests that Loki refuses.
        "ingestion_rate_mb": 32,
        "ingestion_burst_size_mb": 64,
        "per_stream_rate_limit": "16MB",
        "per_stream_rate_limit_burst": "32MB",
        "max_global_streams_per_user": 100000,
        "max_line_size": "1MB",
        "max_line_size_truncate": True,
        "allow_structured_metadata": True,
        "otlp_config": {
            "resource_attributes": {
                "attributes_config": [{"action": "index_label", "attributes": list(_LABELS)}]
            }
        },
    }


def _ruler(events: Events, rules: str, data: str, authorities: str) -> Config:
    receiver = events.alertmanager
    return {
        "enable_api": False,
        "enable_alertmanager_v2": True,
        "rule_path": f"{data}/rules",
        "storage": {"type": "local", "local": {"directory": rules}},
        "ring": {"kvstore": {"store": "inmemory"}},
        **(_alertmanager(receiver, authorities) if receiver else {}),
    }


def _alertmanager(receiver: Alertmanager, authorities: str) -> Config:
    client: Config = {}
    if receiver.ca:
        client["tls_ca_path"] = f"{authorities}/alertmanager.crt"
    if receiver.username:
        client["basic_auth_username"] = receiver.username
        client["basic_auth_password"] = f"${{{PASSWORD_VARIABLE}}}"
    return {
        "alertmanager_url": receiver.url,
        **({"alertmanager_client": client} if client else {}),
    }


def alert_rules(alerts: tuple[EventAlert, ...]) -> Config:
    """Return the file of rules with an alert for each of `alerts`."""
    rules = [_alert_rule(item) for item in alerts]
    return {"groups": [{"name": "events", "interval": "1m", "rules": rules}] if rules else []}


def _alert_rule(alert: EventAlert) -> Config:
    namespaces = f', k8s_namespace_name=~"{"|".join(alert.namespaces)}"' if alert.namespaces else ""
    labels = "k8s_namespace_name, k8s_event_reason"
    selected = f'{{log_source="events"{namespaces}}} | k8s_event_reason=~"{"|".join(alert.reasons)}"'
    return {
        "alert": alert.name,
        "expr": f"sum by ({labels}) (count_over_time({selected} [{alert.window_seconds}s])) >= {alert.count}",
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": "{{ $value }} events {{ $labels.k8s_event_reason }} in namespace "
            "{{ $labels.k8s_namespace_name }}"
        },
    }
