"""Invalid settings of the API server, of Pod Security and of the labels of namespaces."""

from __future__ import annotations

from settings.admission import REQUIRED_PLUGINS
from tests.unit.settings.support import InvalidSettings

METRICS: dict[str, object] = {"non_resource_urls": ["/metrics"], "verbs": ["get"]}
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
    # Issuer of service account tokens
    InvalidSettings(
        "api.service_account_issuer.url",
        "contains a query or fragment",
        {"api.service_account_issuer": {"url": "https://tokens.example?a=1"}},
    ),
    InvalidSettings(
        "api.service_account_issuer.jwks_uri",
        "not the URL of an issuer; allowed: https://",
        {"api.service_account_issuer": {"url": "https://tokens.example", "jwks_uri": "/openid/v1/jwks"}},
    ),
    InvalidSettings(
        "api.service_account_issuer.accepted[0]",
        "same as url, which is always accepted",
        {"api.service_account_issuer": {"url": "https://t.example", "accepted": ["https://t.example"]}},
    ),
    InvalidSettings(
        "api.service_account_issuer.accepted[1]",
        '"https://old.example": named twice',
        {"api.service_account_issuer": {"url": "https://t.example", "accepted": ["https://old.example"] * 2}},
    ),
    InvalidSettings(
        "api.oidc.corp.url",
        "is an issuer of service account tokens; API servers refuse this",
        {
            "api.oidc.corp": {
                "url": "https://kubernetes.default.svc.cluster.local",
                "audiences": ["k8s"],
                "username": {"claim": "sub", "prefix": "corp:"},
            }
        },
    ),
    InvalidSettings(
        "controller_manager.downscale_stabilization",
        "not a duration",
        {"controller_manager.downscale_stabilization": "5 minutes"},
    ),
    # Rules of roles
    InvalidSettings(
        "access.roles.a.rules[0].resources",
        "missing; add resources or non_resource_urls",
        {"access.roles.a": {"rules": [{"verbs": ["get"]}]}},
    ),
    InvalidSettings(
        "access.roles.a.rules[0]",
        "has resources and non_resource_urls; write them as two rules",
        {
            "access.roles.a": {
                "rules": [{"resources": ["pods"], "non_resource_urls": ["/metrics"], "verbs": ["get"]}]
            }
        },
    ),
    InvalidSettings(
        "access.roles.a.rules[0].non_resource_urls",
        "allowed only in a ClusterRole; remove the namespace of the role",
        {"access.roles.a": {"namespace": "default", "rules": [METRICS]}},
    ),
    InvalidSettings(
        "access.roles.a.rules[0].non_resource_urls[0]",
        '"metrics": not a path; allowed: a path that begins with /',
        {"access.roles.a": {"rules": [METRICS | {"non_resource_urls": ["metrics"]}]}},
    ),
    InvalidSettings(
        "access.roles.a.rules[0].verbs[0]",
        '"list": has no effect on non_resource_urls; allowed: get, patch, delete, *',
        {"access.roles.a": {"rules": [METRICS | {"verbs": ["list"]}]}},
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
