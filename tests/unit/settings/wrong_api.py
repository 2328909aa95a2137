"""Invalid settings of the API server, of Pod Security and of the labels of namespaces."""

from __future__ import annotations

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
