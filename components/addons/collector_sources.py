"""The logs and events that the OpenTelemetry Collector reads [H4].

Options: https://github.com/open-telemetry/opentelemetry-collector-contrib, in the README of each receiver.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from topology.logs import NAMESPACE, Logs, LogSource

Config = dict[str, Any]
NODE_VARIABLE = "NODE_NAME"
STORAGE = "file_storage"
"""The extension that keeps queues and positions on the disk."""
SHIPPER = "log-shipper"
"""The name of the shipper. Its own logs are not collected, because each of them could cause another one."""
RETRY: Config = {"enabled": True, "initial_interval": "1s", "max_interval": "30s", "max_elapsed_time": 0}
"""Repeat without an end what the next part of the program refused."""
WITHOUT_OBSERVED_TIME = "set(log.observed_time_unix_nano, 0) where log.time_unix_nano != 0"
"""Remove the time at which the collector read an entry. It differs when the entry is read again, so that Loki
would not find that both are equal.
"""
_SECONDS, _MICROSECONDS = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorPaths:
    """Directories of a collector: the files of the host, its own certificate, the authorities and passwords
    of receivers, and its data.
    """

    host: str = "/host"
    tls: str = "/etc/otelcol/tls"
    authorities: str = "/etc/otelcol/authorities"
    passwords: str = "/etc/otelcol/passwords"
    data: str = "/var/lib/otelcol"


POD_PATHS = CollectorPaths()


def log_receivers(logs: Logs, paths: CollectorPaths) -> Config:
    """Return the receivers of the logs of a node."""
    receivers = {
        LogSource.CONTAINERS: ("file_log/containers", _container_receiver(logs, paths)),
        LogSource.JOURNAL: ("journald", _journal_receiver(paths)),
        LogSource.AUDIT: ("file_log/audit", _audit_receiver(paths)),
    }
    return dict(receivers[source] for source in logs.sources)


def event_receiver(authentication: str) -> Config:
    """Return the receiver of events. `authentication` is how it logs in at the API."""
    return {
        "auth_type": authentication,
        "include_initial_state": True,
        # After a start, the existing events are sent again. Loki shows equal entries once.
        "objects": [
            {
                "name": "events",
                "group": "events.k8s.io",
                "mode": "watch",
                "exclude_watch_type": ["DELETED"],
            }
        ],
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
        # The container runtime splits a long line, also after a space.
        "preserve_trailing_whitespaces": True,
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
        "retry_on_failure": RETRY,
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
        "retry_on_failure": RETRY,
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


def event_transformation() -> Config:
    """Return the processor that makes an entry from an event: its note, with its other fields as metadata."""
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
        *(
            f'set(log.attributes["k8s.event.{name}"], {_path(event, keys)}) where {_path(event, keys)} != nil'
            for name, keys in fields.items()
        ),
        'set(resource.attributes["log.source"], "events")',
        *(
            f'set(log.time, Time({_path(event, keys)}, "{layout}")) where {_path(event, keys)} != nil'
            for keys, layout in times
        ),
        WITHOUT_OBSERVED_TIME,
        'delete_key(log.attributes, "event.domain")',
        'delete_key(log.attributes, "k8s.resource.name")',
        f"set(log.body, {event})",
        'set(log.body, log.body["note"]) where log.body["note"] != nil',
    ]
    return {"error_mode": "ignore", "log_statements": statements}


def _path(value: str, keys: list[str]) -> str:
    return value + "".join(f'["{key}"]' for key in keys)
