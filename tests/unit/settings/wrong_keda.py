"""Invalid settings of the add-on that scales workloads by metrics."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import InvalidSettings

SECTION = "addons.keda"


def settings(**edits: object) -> dict[str, Any]:
    """Return valid settings of the add-on with edits."""
    return {"scaled_kinds": ["rollouts.argoproj.io"], **edits}


def invalid(key: str, message: str, **edits: object) -> InvalidSettings:
    """Return invalid settings whose problem is at `key` of the section."""
    return InvalidSettings(f"{SECTION}.{key}", message, {SECTION: settings(**edits)})


KEDA = (
    invalid("scaled_kinds[0]", '"Rollout": not a resource with its group', scaled_kinds=["Rollout"]),
    invalid(
        "scaled_kinds[0]", '"deployments.apps": not a resource with its', scaled_kinds=["deployments.apps"]
    ),
    invalid(
        "scaled_kinds[0]",
        '"nodes.metrics.k8s.io": belongs to Kubernetes, whose workloads KEDA scales without this setting',
        scaled_kinds=["nodes.metrics.k8s.io"],
    ),
    invalid("scaled_kinds[0]", '"scaledjobs.keda.sh": belongs to KEDA', scaled_kinds=["scaledjobs.keda.sh"]),
    invalid(
        "scaled_kinds[1]",
        '"rollouts.argoproj.io": named twice; remove one',
        scaled_kinds=["rollouts.argoproj.io"] * 2,
    ),
    invalid("all_secrets", "must be true or false", all_secrets="some"),
    invalid("jobs", "must be true or false", jobs="batch"),
    invalid("request_timeout", '"2m": allowed: 1s to 60s', request_timeout="2m"),
    invalid("request_timeout", '"fast": not a duration', request_timeout="fast"),
    invalid("watch", "unknown key", watch=[]),
    InvalidSettings(
        "helm_releases.autoscaling.chart",
        '"keda": addons.keda is KEDA too, and only one of them can serve its API; remove one',
        {
            SECTION: settings(),
            "helm_releases.autoscaling": {
                "chart": "keda",
                "repository": "https://charts.example",
                "version": "2.21.0",
            },
        },
    ),
    InvalidSettings(
        "access.namespaces.keda",
        "belongs to addons.keda; use another namespace",
        {SECTION: settings(), "access.namespaces": {"keda": {}}},
    ),
)
