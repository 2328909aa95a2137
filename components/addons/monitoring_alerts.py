"""The configuration of Alertmanager: who is notified about which alerts [H4].

Options: https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

from components.addons.monitoring_web import mutual_tls, tls_directory
from topology.certificates import KUBERNETES_CA
from topology.monitoring import (
    ALERTMANAGER,
    Monitoring,
    Receiver,
    ReceiverKind,
    secret_key,
    service_name,
)

Json = dict[str, object]
NO_RECEIVER = "kubewright:none"
"""The receiver of alerts that notify no person. No name in the settings contains a colon."""
CREDENTIALS = "/etc/alertmanager/credentials"


def alertmanager_configuration(data: Monitoring, *, credentials: str = CREDENTIALS) -> Json:
    """Return the configuration of Alertmanager. `credentials` is the directory with the secrets."""
    return {
        "route": {
            "receiver": data.default_receiver or NO_RECEIVER,
            "group_by": ["alertname", "job", "pool"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": f"{data.repeat_seconds}s",
            "routes": [
                *({"receiver": route.receiver, "matchers": list(route.matchers)} for route in data.routes),
                # Only a route of the settings sends the alert that always fires.
                {"receiver": NO_RECEIVER, "matchers": ['severity="none"']},
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="HostDown"'],
                "target_matchers": ['severity="warning"'],
                "equal": ["instance"],
            }
        ],
        "receivers": [
            {"name": NO_RECEIVER},
            *(_receiver(receiver, credentials) for receiver in data.receivers),
        ],
    }


def _receiver(receiver: Receiver, credentials: str) -> Json:
    files = {
        field: f"{credentials}/{secret_key(receiver.name, setting)}" for field, setting in receiver.secrets
    }
    token = files.pop("bearer_token", "")
    http: Json = {"http_config": {"authorization": {"credentials_file": token}}} if token else {}
    options: Json = {"send_resolved": True, **dict(receiver.options), **files, **http}
    if receiver.kind is ReceiverKind.EMAIL:
        options["require_tls"] = True
    return {"name": receiver.name, f"{receiver.kind}_configs": [options]}


def gossip_configuration() -> Json:
    """Return the configuration of connections between replicas of Alertmanager."""
    directory = tls_directory(ALERTMANAGER)
    client = {
        "cert_file": f"{directory}/tls.crt",
        "key_file": f"{directory}/tls.key",
        "ca_file": f"{directory}/{KUBERNETES_CA}.crt",
        # Replicas know each other by addresses, which are not in the certificate.
        "server_name": service_name(ALERTMANAGER),
    }
    return {"tls_server_config": mutual_tls(directory), "tls_client_config": client}
