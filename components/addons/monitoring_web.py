"""Configurations of the TLS ports of Prometheus, Alertmanager and kube-state-metrics [H4].

Options: https://prometheus.io/docs/prometheus/latest/configuration/https/
"""

from __future__ import annotations

from topology.certificates import KUBERNETES_CA
from topology.monitoring import PROMETHEUS, service_name

Json = dict[str, object]


def tls_directory(component: str) -> str:
    """Return the directory with the certificate of a component in its pods."""
    return f"/etc/{component}/tls"


def server_configuration(component: str) -> Json:
    """Return the configuration of a port to which every client can connect."""
    return {"tls_server_config": _server(tls_directory(component))}


def client_checking_configuration(component: str, *more: str) -> Json:
    """Return the configuration of a port to which only Prometheus, and `more` of its clients, can connect."""
    directory = tls_directory(component)
    clients = [service_name(name) for name in (PROMETHEUS, *more)]
    server = mutual_tls(directory) | {"client_allowed_sans": clients}
    return {"tls_server_config": server}


def mutual_tls(directory: str) -> Json:
    """Return the configuration of a server that requires a certificate of the CA of the cluster."""
    return {
        **_server(directory),
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": f"{directory}/{KUBERNETES_CA}.crt",
    }


def _server(directory: str) -> Json:
    return {
        "cert_file": f"{directory}/tls.crt",
        "key_file": f"{directory}/tls.key",
        "min_version": "TLS12",
    }
