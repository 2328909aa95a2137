"""Invalid settings of the API server, of Pod Security and of the labels of namespaces."""

from __future__ import annotations

from settings.admission import REQUIRED_PLUGINS
from tests.unit.settings.support import InvalidSettings

PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
RELEASE = {"chart": "./web", "namespace": "drivers", "create_namespace": True, "namespace_labels": PRIVILEGED}

API = (
    # Pod Security
    InvalidSettings(
        "api.pod_security_exempt_namespaces[0]",
        '"Drivers": not a DNS label',
        {"api.pod_security_exempt_namespaces": ["Drivers"]},
    ),
    InvalidSettings(
        "access.namespaces.a.labels",
        '"priviledged": not a level for pod-security.kubernetes.io/enforce; allowed: privileged, baseline',
        {"access.namespaces.a": {"labels": {"pod-security.kubernetes.io/enforce": "priviledged"}}},
    ),
    InvalidSettings(
        "access.namespaces.a.labels",
        '"pod-security.kubernetes.io/enforced": unknown label of Pod Security',
        {"access.namespaces.a": {"labels": {"pod-security.kubernetes.io/enforced": "baseline"}}},
    ),
    InvalidSettings(
        "access.namespaces.a.labels",
        '"1.36": not a version for pod-security.kubernetes.io/warn-version; allowed: latest, or v1.36',
        {"access.namespaces.a": {"labels": {"pod-security.kubernetes.io/warn-version": "1.36"}}},
    ),
    # Admission plugins
    *(
        InvalidSettings(
            "api.disabled_admission_plugins[0]",
            f'"{plugin}": cannot be disabled: {reason}',
            {"api.disabled_admission_plugins": [plugin]},
        )
        for plugin, reason in REQUIRED_PLUGINS.items()
    ),
    InvalidSettings(
        "api.disabled_admission_plugins[1]",
        '"RuntimeClas": unknown; allowed: AlwaysPullImages',
        {"api.disabled_admission_plugins": ["LimitRanger", "RuntimeClas"]},
    ),
    InvalidSettings(
        "api.disabled_admission_plugins[0]",
        '"LimitRanger": also in api.admission_plugins',
        {"api.disabled_admission_plugins": ["LimitRanger"], "api.admission_plugins": ["LimitRanger"]},
    ),
    InvalidSettings(
        "api.disabled_admission_plugins[1]",
        '"RuntimeClass": named twice',
        {"api.disabled_admission_plugins": ["RuntimeClass", "RuntimeClass"]},
    ),
    InvalidSettings(
        "api.disabled_admission_plugins[0]",
        '"PodResizeValidator": not a plugin of Kubernetes 1.35.6; it exists since 1.36',
        {
            "kubernetes.version": "1.35.6",
            "api.disabled_admission_plugins": ["PodResizeValidator"],
        },
    ),
    InvalidSettings(
        "api.event_rate_limits",
        "missing; EventRateLimit needs limits, such as [{type: Server, qps: 50, burst: 200}]",
        {"api.admission_plugins": ["EventRateLimit"]},
    ),
    InvalidSettings(
        "api.event_rate_limits",
        "EventRateLimit is in api.disabled_admission_plugins",
        {
            "api.event_rate_limits": [{"type": "Server", "qps": 50, "burst": 200}],
            "api.disabled_admission_plugins": ["EventRateLimit"],
        },
    ),
    InvalidSettings(
        "api.event_rate_limits[0].qps",
        "0: must be at least 1",
        {"api.event_rate_limits": [{"type": "Server", "qps": 0, "burst": 200}]},
    ),
    InvalidSettings(
        "api.event_rate_limits[1].type",
        '"User": has a limit already',
        {"api.event_rate_limits": [{"type": "User", "qps": 5, "burst": 9}] * 2},
    ),
    InvalidSettings(
        "api.event_rate_limits[0].cache_size",
        "100: has no effect for the type Server",
        {"api.event_rate_limits": [{"type": "Server", "qps": 5, "burst": 9, "cache_size": 100}]},
    ),
    # Labels of the namespaces of releases
    InvalidSettings(
        "helm_releases.web.namespace_labels",
        "set labels only with create_namespace: true",
        {"helm_releases.web": {"chart": "./web", "namespace_labels": PRIVILEGED}},
    ),
    InvalidSettings(
        "helm_releases.web.namespace_labels",
        "access.namespaces has drivers; set its labels there",
        {"helm_releases.web": RELEASE, "access.namespaces.drivers": {}},
    ),
    InvalidSettings(
        "helm_releases.web.namespace_labels",
        "default exists in every cluster; choose another namespace",
        {"helm_releases.web": RELEASE | {"namespace": "default"}},
    ),
    InvalidSettings(
        "helm_releases.web.namespace_labels",
        "the release proxy sets the labels of drivers; remove one of them",
        {"helm_releases": {"proxy": RELEASE, "web": RELEASE}},
    ),
    InvalidSettings(
        "helm_releases.web.namespace_labels.team",
        '"a b": not a label value',
        {"helm_releases.web": RELEASE | {"namespace_labels": {"team": "a b"}}},
    ),
)
