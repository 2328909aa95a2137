"""Policy files of kube-apiserver: admission and audit."""

from __future__ import annotations

from nodeconfig.bundle import File
from nodeconfig.component import Json, json_file
from nodeconfig.host_paths import KUBERNETES
from topology.options import ControlPlaneOptions

ADMISSION = f"{KUBERNETES}/admission.json"
AUDIT_POLICY = f"{KUBERNETES}/audit-policy.json"
_SYSTEM_NAMESPACE = "kube-system"
# Without DenyServiceExternalIPs, the editor of a namespace can take over the traffic to any address, such as
# the endpoint, with a Service (CVE-2020-8554).
_REQUIRED_PLUGINS = ("NodeRestriction", "PodSecurity", "DenyServiceExternalIPs")
_EVENT_RATE_LIMIT = "EventRateLimit"


def admission_flags(options: ControlPlaneOptions) -> dict[str, str]:
    """Return the flags that enable, disable and configure admission plugins."""
    disabled = options.disabled_admission_plugins
    limits = (_EVENT_RATE_LIMIT,) if options.event_rate_limits else ()
    enabled = dict.fromkeys((*_REQUIRED_PLUGINS, *options.admission_plugins, *limits))
    flags = {"enable-admission-plugins": ",".join(plugin for plugin in enabled if plugin not in disabled)}
    if disabled:
        flags["disable-admission-plugins"] = ",".join(disabled)
    return flags | {"admission-control-config-file": ADMISSION}


def admission_file(options: ControlPlaneOptions) -> File:
    """Return the admission configuration: Pod Security levels of namespaces, and limits for events.

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
    plugins = [{"name": "PodSecurity", "configuration": pod_security}]
    if options.event_rate_limits:
        plugins.append({"name": _EVENT_RATE_LIMIT, "configuration": _event_rate_limits(options)})
    return json_file(
        ADMISSION,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": plugins,
        },
        mode=0o644,
    )


def _event_rate_limits(options: ControlPlaneOptions) -> Json:
    return {
        "apiVersion": "eventratelimit.admission.k8s.io/v1alpha1",
        "kind": "Configuration",
        "limits": [
            {
                "type": limit.type,
                "qps": limit.qps,
                "burst": limit.burst,
                **({"cacheSize": limit.cache_size} if limit.cache_size else {}),
            }
            for limit in options.event_rate_limits
        ],
    }


def audit_policy() -> File:
    """Return the audit policy: metadata of all requests, and the content of changes of security objects.

    Contents of other objects are not recorded, because they can have secrets: Secrets and tokens, the
    literals of pods, custom resources. They would also fill the log, which then deletes earlier events.
    """
    return json_file(
        AUDIT_POLICY,
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "omitManagedFields": True,
            "rules": [*_NOT_RECORDED, _security_changes(), {"level": "Metadata"}],
        },
        mode=0o644,
    )


_NOT_RECORDED = (
    {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/metrics"]},
    {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
    {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
    {"level": "None", "users": ["system:kube-proxy"], "verbs": ["watch"]},
)
"""Rules for frequent requests that show nothing about the use of the cluster."""
_SECURITY_OBJECTS = {
    "rbac.authorization.k8s.io": (),
    "admissionregistration.k8s.io": (),
    "apiregistration.k8s.io": (),
    "certificates.k8s.io": (),
    "networking.k8s.io": ("networkpolicies",),
    "": ("namespaces", "serviceaccounts"),
}
"""API groups of objects that control access, with the resources; empty: all resources of the group. They
have no secrets. `serviceaccounts` does not match `serviceaccounts/token`.
"""


def _security_changes() -> Json:
    resources = [
        {"group": group, **({"resources": list(names)} if names else {})}
        for group, names in _SECURITY_OBJECTS.items()
    ]
    verbs = ["create", "update", "patch", "delete", "deletecollection"]
    return {"level": "Request", "verbs": verbs, "resources": resources}
