"""Configurations of the OpenTelemetry Collector, which ships logs and events [H4].

Each destination has a queue on the disk of its own. A full queue blocks the readers of logs, which then
read files later, so that entries are lost only after the kubelet removed their file.

Options: https://github.com/open-telemetry/opentelemetry-collector-contrib, in the README of each part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from topology.logs import (
    IN_CLUSTER,
    LOKI,
    LOKI_PORT,
    NAMESPACE,
    Destination,
    ElasticsearchServer,
    KafkaServers,
    Logs,
    LogSource,
    LokiServer,
    secret_key,
)

Config = dict[str, Any]
HEALTH_PORT = 13133
NODE_VARIABLE, ADDRESS_VARIABLE = "NODE_NAME", "POD_IP"
STORAGE = "file_storage"
LOKI_URL = f"https://{LOKI}.{NAMESPACE}.svc:{LOKI_PORT}"
SHIPPER = "log-shipper"
"""The name of the shipper. Its own logs are not collected, because each of them could cause another one."""
_QUEUE_SHARE = 0.6
"""The part of the disk space that the entries of a queue can use. The rest is for the pages of its file."""
_BATCH = {"min_size": 1, "max_size": 1 << 20, "flush_timeout": "1s", "sizer": "bytes"}
_RETRY: Config = {"enabled": True, "initial_interval": "1s", "max_interval": "30s", "max_elapsed_time": 0}
_CONSUMERS = 4
_MIB = 1 << 20
_SECONDS, _MICROSECONDS = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorPaths:
    """Directories of a collector: host files, own certificates, authorities of receivers, own data."""

    host: str = "/host"
    tls: str = "/etc/otelcol/tls"
    authorities: str = "/etc/otelcol/authorities"
    data: str = "/var/lib/otelcol"


POD_PATHS = CollectorPaths()


def shipper_configuration(
    logs: Logs, *, paths: CollectorPaths = POD_PATHS, loki_url: str = LOKI_URL
) -> Config:
    """Return the configuration of the pod of each node."""
    builders = {
        LogSource.CONTAINERS: ("file_log/containers", _container_receiver(logs, paths)),
        LogSource.JOURNAL: ("journald", _journal_receiver(paths)),
        LogSource.AUDIT: ("file_log/audit", _audit_receiver(paths)),
    }
    receivers = dict(builders[source] for source in logs.sources)
    return _configuration(logs, receivers, {}, logs.buffer, paths, loki_url)


def events_configuration(
    logs: Logs,
    buffer: int,
    *,
    paths: CollectorPaths = POD_PATHS,
    loki_url: str = LOKI_URL,
    authentication: str = "serviceAccount",
) -> Config:
    """Return the configuration of the pod that archives events."""
    receiver = {
        "auth_type": authentication,
        # After a start, the existing events are sent again. Loki drops entries that it has already.
        "objects": [
            {
                "name": "events",
                "group": "events.k8s.io",
                "mode": "watch",
                "include_initial_state": True,
                "exclude_watch_type": ["DELETED"],
            }
        ],
    }
    processors = {"transform/events": _event_transformation()}
    return _configuration(logs, {"k8s_objects": receiver}, processors, buffer, paths, loki_url)


def _configuration(
    logs: Logs,
    receivers: Config,
    processors: Config,
    buffer: int,
    paths: CollectorPaths,
    loki_url: str,
) -> Config:
    exporters, extensions = {}, _extensions(buffer, paths)
    if logs.loki is not None:
        exporters[f"otlp_http/{IN_CLUSTER}"] = _cluster_exporter(buffer, paths, loki_url)
    for destination in logs.destinations:
        name, exporter = _exporter(destination, buffer, paths)
        exporters[name] = exporter
        if "auth" in exporter and "authenticator" in exporter["auth"]:
            extensions[exporter["auth"]["authenticator"]] = {"client_auth": _login(destination)}
    return {
        "extensions": extensions,
        "receivers": receivers,
        **({"processors": processors} if processors else {}),
        "exporters": exporters,
        "service": {
            "extensions": list(extensions),
            "pipelines": {
                "logs": {
                    "receivers": list(receivers),
                    **({"processors": list(processors)} if processors else {}),
                    "exporters": list(exporters),
                }
            },
            "telemetry": {"logs": {"level": "warn"}, "metrics": {"level": "none"}},
        },
    }


def _extensions(buffer: int, paths: CollectorPaths) -> Config:
    return {
        "health_check": {"endpoint": f"${{env:{ADDRESS_VARIABLE}}}:{HEALTH_PORT}"},
        STORAGE: {
            "directory": paths.data,
            "max_size": buffer,
            # A file that was damaged by a crash of the machine would block the start.
            "recreate": True,
            "compaction": {"on_rebound": True, "directory": paths.data, "cleanup_on_start": True},
        },
    }


def _container_receiver(logs: Logs, paths: CollectorPaths) -> Config:
    directory = f"{paths.host}/var/log/pods"
    excluded = (f"{namespace}_*" for namespace in logs.exclude_namespaces)
    return {
        # The kubelet renames a full file, and compresses it when the next one is full.
        "include": [f"{directory}/*/*/*.log", f"{directory}/*/*/*.log.*"],
        "exclude": [
            f"{directory}/*/*/*.gz",
            f"{directory}/*/*/*.tmp",
            *(f"{directory}/{pods}/*/*" for pods in (f"{NAMESPACE}_{SHIPPER}-*", *excluded)),
        ],
        "include_file_path": True,
        "operators": [
            {"type": "container"},
            {"type": "remove", "field": 'attributes["log.file.path"]'},
            {"type": "remove", "field": "attributes.logtag", "if": "attributes.logtag != nil"},
        ],
        **_file_reader(LogSource.CONTAINERS),
    }


def _audit_receiver(paths: CollectorPaths) -> Config:
    directory = f"{paths.host}/var/log/kubernetes"
    # The lines remain as they are. The policy of the API server decides what they contain.
    time = {
        "parse_from": "attributes.audit.stageTimestamp",
        "layout_type": "gotime",
        "layout": "2006-01-02T15:04:05.999999Z07:00",
    }
    return {
        "include": [f"{directory}/audit*.log"],
        "operators": [
            {"type": "json_parser", "parse_to": "attributes.audit", "timestamp": time},
            {"type": "remove", "field": "attributes.audit", "if": "attributes.audit != nil"},
        ],
        **_file_reader(LogSource.AUDIT),
    }


def _file_reader(source: LogSource) -> Config:
    return {
        "include_file_name": False,
        "start_at": "beginning",
        "storage": STORAGE,
        "retry_on_failure": _RETRY,
        "resource": _resource(source),
    }


def _journal_receiver(paths: CollectorPaths) -> Config:
    fields = {"_SYSTEMD_UNIT": "unit", "SYSLOG_IDENTIFIER": "identifier", "_PID": "pid"}
    priorities = {"fatal": ["0", "1", "2"], "error": "3", "warn": "4", "info": ["5", "6"], "debug": "7"}
    return {
        # The journal is read by the journalctl of the host, which knows its format.
        "root_path": paths.host,
        "journalctl_path": "/usr/bin/journalctl",
        "start_at": "beginning",
        "storage": STORAGE,
        "convert_message_bytes": True,
        "retry_on_failure": _RETRY,
        "resource": _resource(LogSource.JOURNAL),
        "operators": [
            {
                "type": "severity_parser",
                "parse_from": "body.PRIORITY",
                "mapping": priorities,
                "if": "body.PRIORITY != nil",
            },
            *(
                {
                    "type": "move",
                    "from": f"body.{field}",
                    "to": f'attributes["systemd.{name}"]',
                    "if": f"body.{field} != nil",
                }
                for field, name in fields.items()
            ),
            {
                "type": "move",
                "from": 'attributes["systemd.unit"]',
                "to": 'resource["systemd.unit"]',
                "if": 'attributes["systemd.unit"] != nil',
            },
            {"type": "move", "from": "body.MESSAGE", "to": "body", "if": "body.MESSAGE != nil"},
        ],
    }


def _resource(source: LogSource) -> Config:
    return {"log.source": source.value, "k8s.node.name": f"${{env:{NODE_VARIABLE}}}"}


def _event_transformation() -> Config:
    """Return the processor that makes an entry from an event: its note, with its other fields as metadata.

    Objects that existed at the start are not wrapped in the change that was watched.
    """
    fields = {
        "reason": ["reason"],
        "type": ["type"],
        "action": ["action"],
        "object.kind": ["regarding", "kind"],
        "object.name": ["regarding", "name"],
        "controller": ["reportingController"],
        "host": ["deprecatedSource", "host"],
    }
    event = 'log.body["object"]'
    # The last time that an event has is that of its last occurrence.
    times = [
        (["metadata", "creationTimestamp"], _SECONDS),
        (["deprecatedLastTimestamp"], _SECONDS),
        (["eventTime"], _MICROSECONDS),
        (["series", "lastObservedTime"], _MICROSECONDS),
    ]
    statements = [
        f'set(log.body["object"], log.body) where {event} == nil',
        *(
            f'set(log.attributes["k8s.event.{name}"], {_path(event, keys)}) where {_path(event, keys)} != nil'
            for name, keys in fields.items()
        ),
        f'set(resource.attributes["k8s.namespace.name"], {_path(event, ["regarding", "namespace"])}) '
        f"where {_path(event, ['regarding', 'namespace'])} != nil",
        'set(resource.attributes["log.source"], "events")',
        *(
            f'set(log.time, Time({_path(event, keys)}, "{layout}")) where {_path(event, keys)} != nil'
            for keys, layout in times
        ),
        'delete_key(log.attributes, "event.domain")',
        'delete_key(log.attributes, "k8s.resource.name")',
        f"set(log.body, {event})",
        'set(log.body, log.body["note"]) where log.body["note"] != nil',
    ]
    return {"error_mode": "ignore", "log_statements": statements}


def _path(value: str, keys: list[str]) -> str:
    return value + "".join(f'["{key}"]' for key in keys)


def _queue(buffer: int) -> Config:
    return {
        "sending_queue": {
            "storage": STORAGE,
            "sizer": "bytes",
            "queue_size": int(buffer * _QUEUE_SHARE) // _MIB * _MIB,
            "block_on_overflow": True,
            "num_consumers": _CONSUMERS,
            "batch": _BATCH,
        },
        "retry_on_failure": _RETRY,
    }


def _cluster_exporter(buffer: int, paths: CollectorPaths, url: str) -> Config:
    tls = {
        "ca_file": f"{paths.tls}/ca.crt",
        "cert_file": f"{paths.tls}/tls.crt",
        "key_file": f"{paths.tls}/tls.key",
        "reload_interval": "1h",
    }
    return {"endpoint": f"{url}/otlp", "tls": tls, "timeout": "30s", **_queue(buffer)}


def _exporter(destination: Destination, buffer: int, paths: CollectorPaths) -> tuple[str, Config]:
    """Return the id and the configuration of the exporter of a destination."""
    server, name = destination.server, destination.name
    tls = {"ca_file": f"{paths.authorities}/{name}.crt"} if destination.ca else {"insecure": False}
    common = {"tls": tls, **_queue(buffer)}
    login = {"auth": {"authenticator": f"basicauth/{name}"}} if server.username else {}
    if isinstance(server, LokiServer):
        headers = {"headers": {"X-Scope-OrgID": server.tenant}} if server.tenant else {}
        endpoint = f"{server.url}/otlp"
        return f"otlp_http/{name}", {"endpoint": endpoint, "timeout": "30s", **headers, **login, **common}
    if isinstance(server, ElasticsearchServer):
        index = {"endpoints": [server.url], "logs_index": server.index}
        return f"elasticsearch/{name}", {**index, **login, **common}
    return f"kafka/{name}", {**_kafka(server, name), **common}


def _kafka(server: KafkaServers, name: str) -> Config:
    sasl = {
        "username": server.username,
        "password": _password(name),
        "mechanism": server.mechanism.value,
    }
    return {
        "brokers": list(server.brokers),
        "logs": {"topic": server.topic, "encoding": "otlp_json"},
        # All replicas that are in step have an entry before it leaves the buffer.
        "producer": {"required_acks": -1, "compression": "zstd"},
        **({"auth": {"sasl": sasl}} if server.username else {}),
    }


def _login(destination: Destination) -> Config:
    return {"username": destination.server.username, "password": _password(destination.name)}


def _password(destination: str) -> str:
    return f"${{env:{secret_key(destination)}}}"
