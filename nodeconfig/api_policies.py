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
