"""The configuration of Prometheus: which endpoints it scrapes, and by which identity [H4].

The certificate of Prometheus opens the metrics gateways of hosts (`nodeconfig.metrics_gateway`). The token of
its service account opens API servers, kubelets, controller managers and schedulers, which ask the API.

Options: https://prometheus.io/docs/prometheus/latest/configuration/configuration/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nodeconfig.metrics_gateway import Endpoint, endpoints
from topology.certificates import KUBELET_SERVING_CA, KUBERNETES_CA
from topology.model import Machine, Role, Topology
from topology.monitoring import (
    ALERTMANAGER,
    NAMESPACE,
    PROMETHEUS,
    STATE_METRICS,
    WORKER_GATEWAY,
    Monitoring,
    RemoteWrite,
    secret_key,
    service_name,
)
from topology.ports import API_PORT, HOST_METRICS_PORT

Json = dict[str, object]
NAME_LABEL = "app.kubernetes.io/name"
"""The label of pods of the add-on with their component."""
PORT_NAME = "https"
"""The name of the port with metrics of pods of the add-on."""
_SCRAPE_TIMEOUT = 10
_NODE_NAME = "__meta_kubernetes_node_name"
_NODE_ADDRESS = "__meta_kubernetes_node_address_InternalIP"
_POD = "__meta_kubernetes_pod"
_ANNOTATION = f"{_POD}_annotation_prometheus_io"
_UNUSED_SERIES = (
    "container_(tasks_state|memory_failures_total|file_descriptors|sockets|threads_max|ulimits_soft|last_seen"
    "|blkio_device_usage_total|network_(tcp|udp|tcp6|udp6|advance_tcp)_.*)"
)
"""Series of cAdvisor with many labels that no rule and no dashboard of Kubewright uses."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths of files in the pod of Prometheus. With `kubeconfig`, Prometheus runs outside the cluster."""

    rules: str = "/etc/prometheus/rules/*.yaml"
    authorities: str = "/etc/prometheus/config"
    tls: str = "/etc/prometheus/tls"
    credentials: str = "/etc/prometheus/credentials"
    token: str = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    kubeconfig: str = ""


def prometheus_configuration(topology: Topology, data: Monitoring, paths: Paths = Paths()) -> Json:
    """Return the configuration of Prometheus."""
    interval = data.interval_seconds
    return {
        "global": {
            "scrape_interval": f"{interval}s",
            "scrape_timeout": f"{min(interval, _SCRAPE_TIMEOUT)}s",
            "evaluation_interval": f"{interval}s",
            # Prometheus replaces the name of the pod.
            "external_labels": {"cluster": topology.name, "prometheus": "${POD_NAME}"},
        },
        "storage": {
            "tsdb": {"retention": {"time": f"{data.retention_seconds}s", "size": f"{data.retention_bytes}B"}}
        },
        "rule_files": [paths.rules],
        "alerting": {
            # Alertmanager recognizes the alerts of all replicas as one.
            "alert_relabel_configs": [{"action": "labeldrop", "regex": "prometheus"}],
            "alertmanagers": [_own_pods(ALERTMANAGER, paths, {"scheme": "https"})],
        },
        "scrape_configs": [
            *_gateway_jobs(topology, paths),
            _api_servers(topology, paths),
            _kubelets(paths, "kubelet", "/metrics"),
            _kubelets(paths, "cadvisor", "/metrics/cadvisor"),
            *(
                _own_pods(name, paths, {"job_name": name, "scheme": "https"})
                for name in (PROMETHEUS, ALERTMANAGER, *((STATE_METRICS,) if data.state_metrics else ()))
            ),
            *([_annotated_pods(paths)] if data.pods else []),
        ],
        **(
            {"remote_write": [_store(store, paths) for store in data.remote_write]}
            if data.remote_write
            else {}
        ),
    }


def _gateway_jobs(topology: Topology, paths: Paths) -> Iterator[Json]:
    """Yield the jobs of the endpoints of metrics gateways. Targets of an endpoint have the same job label."""
    members = [machine for machine in topology.machines if machine.roles != (Role.NODE,)]
    for endpoint in endpoints(topology):
        own = [machine for machine in members if set(machine.roles) & set(endpoint.roles)]
        if own:
            yield {
                **_gateway_job(endpoint, endpoint.path, paths, {}),
                "static_configs": [_machine_target(machine, HOST_METRICS_PORT) for machine in own],
            }
        if Role.NODE in endpoint.roles and topology.has_workers:
            yield {
                **_gateway_job(
                    endpoint, f"{endpoint.path}-of-workers", paths, {"server_name": WORKER_GATEWAY}
                ),
                "kubernetes_sd_configs": [_discovery("node", paths)],
                "relabel_configs": [
                    {
                        "action": "drop",
                        "source_labels": [_NODE_NAME],
                        "regex": "|".join(machine.name.replace(".", "\\.") for machine in members),
                    },
                    {
                        "source_labels": [_NODE_ADDRESS],
                        "target_label": "__address__",
                        "replacement": f"$1:{HOST_METRICS_PORT}",
                    },
                    {"source_labels": [_NODE_NAME], "target_label": "instance"},
                    {"target_label": "job", "replacement": endpoint.path},
                ],
            }


def _gateway_job(endpoint: Endpoint, name: str, paths: Paths, tls: Mapping[str, str]) -> Json:
    return {
        "job_name": name,
        "scheme": "https",
        "metrics_path": f"/{endpoint.path}",
        "tls_config": {**_client_tls(paths), **tls},
        **(_token(paths) if endpoint.tls else {}),
    }


def _client_tls(paths: Paths) -> dict[str, str]:
    return {
        "ca_file": f"{paths.tls}/{KUBERNETES_CA}.crt",
        "cert_file": f"{paths.tls}/tls.crt",
        "key_file": f"{paths.tls}/tls.key",
    }


def _token(paths: Paths) -> Json:
    return {"authorization": {"credentials_file": paths.token}}


def _machine_target(machine: Machine, port: int) -> Json:
    return {
        "targets": [f"{machine.member.node_address}:{port}"],
        "labels": {"instance": machine.name},
    }


def _discovery(role: str, paths: Paths, namespace: str = "") -> Json:
    own = {"namespaces": {"names": [namespace]}} if namespace else {}
    return {"role": role, **own, **({"kubeconfig_file": paths.kubeconfig} if paths.kubeconfig else {})}


def _api_servers(topology: Topology, paths: Paths) -> Json:
    machines = [machine for machine in topology.machines if Role.CONTROL_PLANE in machine.roles]
    return {
        "job_name": "apiserver",
        "scheme": "https",
        "tls_config": {"ca_file": f"{paths.tls}/{KUBERNETES_CA}.crt"},
        **_token(paths),
        "static_configs": [_machine_target(machine, API_PORT) for machine in machines],
    }


def _kubelets(paths: Paths, name: str, path: str) -> Json:
    return {
        "job_name": name,
        "scheme": "https",
        "metrics_path": path,
        "tls_config": {"ca_file": f"{paths.tls}/{KUBELET_SERVING_CA}.crt"},
        **_token(paths),
        "kubernetes_sd_configs": [_discovery("node", paths)],
        "relabel_configs": [{"source_labels": [_NODE_NAME], "target_label": "instance"}],
        "metric_relabel_configs": [
            {"action": "drop", "source_labels": ["__name__"], "regex": _UNUSED_SERIES}
        ],
    }


def _own_pods(name: str, paths: Paths, options: Mapping[str, str]) -> Json:
    """Return a job, or a list of Alertmanagers, with the pods of a component of the add-on."""
    return {
        **options,
        "tls_config": {**_client_tls(paths), "server_name": service_name(name)},
        "kubernetes_sd_configs": [_discovery("pod", paths, NAMESPACE)],
        "relabel_configs": [
            {
                "action": "keep",
                "source_labels": [
                    f"{_POD}_label_{NAME_LABEL.replace('.', '_').replace('/', '_')}",
                    f"{_POD}_container_port_name",
                ],
                "regex": f"{name};{PORT_NAME}",
            },
            {"source_labels": [f"{_POD}_name"], "target_label": "instance"},
        ],
    }


def _annotated_pods(paths: Paths) -> Json:
    """Return the job of pods whose annotations ask for it. Their users decide about TLS."""
    return {
        "job_name": "pods",
        "kubernetes_sd_configs": [_discovery("pod", paths)],
        "relabel_configs": [
            {"action": "keep", "source_labels": [f"{_ANNOTATION}_scrape"], "regex": "true"},
            {"action": "drop", "source_labels": [f"{_POD}_phase"], "regex": "Succeeded|Failed"},
            {
                "source_labels": [f"{_ANNOTATION}_scheme"],
                "regex": "(https?)",
                "target_label": "__scheme__",
            },
            {"source_labels": [f"{_ANNOTATION}_path"], "regex": "(.+)", "target_label": "__metrics_path__"},
            {
                "source_labels": [f"{_POD}_ip", f"{_ANNOTATION}_port"],
                "regex": "(.+);([0-9]+)",
                "replacement": "$1:$2",
                "target_label": "__address__",
            },
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
            {"source_labels": [f"{_POD}_name"], "target_label": "pod"},
        ],
    }


def _store(store: RemoteWrite, paths: Paths) -> Json:
    password = f"{paths.credentials}/{secret_key(store.name, 'password')}"
    token = f"{paths.credentials}/{secret_key(store.name, 'bearer_token')}"
    return {
        "name": store.name,
        "url": store.url,
        **({"basic_auth": {"username": store.username, "password_file": password}} if store.username else {}),
        **({"authorization": {"credentials_file": token}} if store.has_token else {}),
        **({"tls_config": {"ca_file": f"{paths.authorities}/{authority_file(store)}"}} if store.ca else {}),
    }


def authority_file(store: RemoteWrite) -> str:
    """Return the name of the file with the certificate authority of a store."""
    return f"{store.name}-ca.crt"
