"""Configurations of the OpenTelemetry Collector, which ships logs and events [H4].

Each destination has its own queue on the disk. A full queue blocks the readers of logs, which then
read files later, so that entries are lost only after the kubelet has removed their file.

Options: https://github.com/open-telemetry/opentelemetry-collector-contrib, in the README of each part.
"""

from __future__ import annotations

from components.addons.collector_sources import (
    RETRY,
    STORAGE,
    WITHOUT_OBSERVED_TIME,
    CollectorPaths,
    Config,
    event_receiver,
    event_transformation,
    log_receivers,
)
from topology.logs import (
    IN_CLUSTER,
    LOKI,
    LOKI_PORT,
    NAMESPACE,
    Destination,
    ElasticsearchServer,
    KafkaServers,
    Logs,
    LokiServer,
)

POD_PATHS = CollectorPaths()
"""The directories in the pods."""
HEALTH_PORT = 13133
ADDRESS_VARIABLE = "POD_IP"
LOKI_URL = f"https://{LOKI}.{NAMESPACE}.svc:{LOKI_PORT}"
_QUEUE_SHARE = 0.6
"""The part of the disk space that the entries of a queue can use. The rest is for the pages of its file."""
_BATCH = {"min_size": 128 << 10, "max_size": 1 << 20, "flush_timeout": "1s", "sizer": "bytes"}
_MEMORY_LIMITER = {"check_interval": "1s", "limit_percentage": 85, "spike_limit_percentage": 20}
_ELASTICSEARCH_RETRY = {
    "enabled": True,
    "max_retries": 1_000_000,
    "initial_interval": "1s",
    "max_interval": "30s",
}
_CONSUMERS = 4
_MIB = 1 << 20


def shipper_configuration(
    logs: Logs, *, paths: CollectorPaths = POD_PATHS, loki_url: str = LOKI_URL
) -> Config:
    """Return the configuration of the pod of each node."""
    receivers = log_receivers(logs, paths)
    # The receivers read again what the limiter refuses. That of events cannot, so it has no limiter.
    times = {"error_mode": "ignore", "log_statements": [WITHOUT_OBSERVED_TIME]}
    processors = {"memory_limiter": _MEMORY_LIMITER, "transform/times": times}
    return _configuration(logs, receivers, processors, logs.buffer, paths, loki_url)


def events_configuration(
    logs: Logs,
    buffer: int,
    *,
    paths: CollectorPaths = POD_PATHS,
    loki_url: str = LOKI_URL,
    authentication: str = "serviceAccount",
) -> Config:
    """Return the configuration of the pod that archives events."""
    receivers = {"k8s_objects": event_receiver(authentication)}
    processors = {"transform/events": event_transformation()}
    return _configuration(logs, receivers, processors, buffer, paths, loki_url)


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
    return {
        "extensions": extensions,
        "receivers": receivers,
        "processors": processors,
        "exporters": exporters,
        "service": {
            "extensions": list(extensions),
            "pipelines": {
                "logs": {
                    "receivers": list(receivers),
                    "processors": list(processors),
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
        "retry_on_failure": RETRY,
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
    # A file, because journalctl would inherit a variable of the environment.
    password = f"${{file:{paths.passwords}/{name}}}"
    if isinstance(server, LokiServer):
        return f"otlp_http/{name}", {**_loki(server, password), **common}
    if isinstance(server, ElasticsearchServer):
        login = {"user": server.username, "password": password} if server.username else {}
        index = {"endpoints": [server.url], "logs_index": server.index, "retry": _ELASTICSEARCH_RETRY}
        # This exporter repeats requests itself.
        queue = {"sending_queue": common["sending_queue"], "tls": tls}
        return f"elasticsearch/{name}", {**index, **login, **queue}
    return f"kafka/{name}", {**_kafka(server, password), **common}


def _loki(server: LokiServer, credentials: str) -> Config:
    headers = {"X-Scope-OrgID": server.tenant} if server.tenant else {}
    if server.username:
        headers["Authorization"] = f"Basic {credentials}"
    endpoint = {"endpoint": f"{server.url}/otlp", "timeout": "30s"}
    return {**endpoint, **({"headers": headers} if headers else {})}


def _kafka(server: KafkaServers, password: str) -> Config:
    sasl = {
        "username": server.username,
        "password": password,
        "mechanism": server.mechanism.value,
    }
    return {
        "brokers": list(server.brokers),
        "logs": {"topic": server.topic, "encoding": "otlp_json"},
        # All replicas that are in step have an entry before it leaves the buffer.
        "producer": {"required_acks": -1, "compression": "zstd"},
        **({"auth": {"sasl": sasl}} if server.username else {}),
    }
