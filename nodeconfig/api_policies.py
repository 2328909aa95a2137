"""Policy files of kube-apiserver: admission, authentication and audit."""

from __future__ import annotations

from nodeconfig.bundle import File
from nodeconfig.component import Json, json_file
from nodeconfig.host_paths import KUBERNETES
from topology.options import ControlPlaneOptions

ADMISSION = f"{KUBERNETES}/admission.json"
AUTHENTICATION = f"{KUBERNETES}/authentication.json"
AUDIT_POLICY = f"{KUBERNETES}/audit-policy.json"
_SYSTEM_NAMESPACE = "kube-system"


def admission_file(options: ControlPlaneOptions) -> File:
    """Return the admission configuration with the default Pod Security levels of namespaces.

    The namespace kube-system is always exempt, because its components need privileges.
    """
    level = options.pod_security_default
    exempt = dict.fromkeys((_SYSTEM_NAMESPACE, *options.exempt_namespaces))
    defaults = {"enforce": level, "audit": "restricted", "warn": "restricted"}
    pod_security: Json = {
        "apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration",
        "defaults": defaults | {f"{mode}-version": "latest" for mode in defaults},
        "exemptions": {"usernames": [], "runtimeClasses": [], "namespaces": list(exempt)},
    }
    return json_file(
        ADMISSION,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": [{"name": "PodSecurity", "configuration": pod_security}],
        },
    )


def authentication_file() -> File:
    """Return the authentication configuration: anonymous requests reach only health checks (KEP-4633)."""
    paths = ("/livez", "/readyz", "/healthz")
    return json_file(
        AUTHENTICATION,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": [{"path": path} for path in paths]},
        },
    )


def audit_policy() -> File:
    """Return the audit policy. It records changes without the content of secrets and tokens, and no health
    checks or leases.
    """
    secret_content = [
        {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
        {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
    ]
    exclusion_rules = [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/metrics"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
        {"level": "None", "users": ["system:kube-proxy"], "verbs": ["watch"]},
    ]
    change_verbs = ["create", "update", "patch", "delete", "deletecollection"]
    change_rule = {"level": "RequestResponse", "verbs": change_verbs}
    return json_file(
        AUDIT_POLICY,
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [
                *exclusion_rules,
                {"level": "Metadata", "resources": secret_content},
                change_rule,
                {"level": "Metadata"},
            ],
        },
    )
