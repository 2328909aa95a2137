"""The add-on that scales workloads by metrics and events, by KEDA, as plain data [H2]."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "keda"
"""The namespace of KEDA, which also has the Secrets that ClusterTriggerAuthentications name."""
OPERATOR = "keda-operator"
"""The program that scales to zero and back, and asks for metrics."""
METRICS_SERVER = "keda-metrics-apiserver"
"""The program behind the API group external.metrics.k8s.io."""
WEBHOOK = "keda-admission-webhooks"
"""The program that checks objects of KEDA."""
PROGRAMS = (OPERATOR, METRICS_SERVER, WEBHOOK)
"""The names of the programs, of their services, accounts and certificates."""


def service_name(program: str) -> str:
    """Return the DNS name of the service of a program, which its certificate has."""
    return f"{program}.{NAMESPACE}.svc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keda:
    """KEDA with its permissions.

    `scaled_kinds` are the resource and the API group of kinds that KEDA may scale besides those of
    Kubernetes. With `jobs`, KEDA creates Jobs, and with `all_secrets`, it reads the Secrets of all
    namespaces. `request_seconds` is the time limit of requests to sources of metrics.
    """

    scaled_kinds: tuple[tuple[str, str], ...]
    jobs: bool
    all_secrets: bool
    request_seconds: int
