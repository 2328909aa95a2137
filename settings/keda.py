"""Settings of the add-on that scales workloads by metrics and events, by KEDA [H2]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from settings.base import Section
from settings.types import Duration, parse_seconds

_KIND = re.compile(r"[a-z][a-z0-9]*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
_TIMEOUT = (1, 60)
"""The shortest and longest time limit of requests, in seconds."""


def _validate_kind(text: str) -> str:
    if not _KIND.fullmatch(text):
        raise ValueError(
            "not a resource with its group; allowed: <plural>.<group>, such as rollouts.argoproj.io"
        )
    return text


def _validate_timeout(duration: str) -> str:
    first, last = _TIMEOUT
    if not first <= parse_seconds(duration) <= last:
        raise ValueError(f"allowed: {first}s to {last}s")
    return duration


class KedaSettings(Section):
    """KEDA, which scales workloads by metrics and events, to zero and back. It runs in the namespace `keda`
    and serves the API group external.metrics.k8s.io for the HorizontalPodAutoscaler.
    """

    scaled_kinds: tuple[Annotated[str, AfterValidator(_validate_kind)], ...] = ()
    """Custom resources with a scale subresource that KEDA may scale, as `<plural>.<group>`, such as
    `rollouts.argoproj.io`. KEDA always scales Deployments, StatefulSets and ReplicaSets.
    """
    jobs: bool = False
    """Let KEDA create and delete Jobs in all namespaces, as ScaledJobs need. A program with the account of
    KEDA could then run pods in all namespaces.
    """
    all_secrets: bool = False
    """Let KEDA read the Secrets of all namespaces, as objects of the kind TriggerAuthentication need. Without
    it, only a ClusterTriggerAuthentication can name Secrets, and they are in the namespace `keda`.
    """
    request_timeout: Annotated[Duration, AfterValidator(_validate_timeout)] = "3s"
    """Time limit of a request to a source of metrics, such as Prometheus; 1s to 60s."""
