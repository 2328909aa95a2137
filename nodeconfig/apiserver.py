"""Component of kube-apiserver [D1, D2]. Security settings are flags, because audit tools inspect the command
line.
"""

from __future__ import annotations

from nodeconfig.bundle import File, SecretFile, Service
from nodeconfig.component import Component, Json, json_file
from nodeconfig.host_paths import ADMIN_KUBECONFIG, BIN, CA, CIPHERS, KUBERNETES, LOCAL_API, PKI
from nodeconfig.kubeconfig import authority_file, certificate_files, kubeconfig_with_certificate
from nodeconfig.systemd import Unit
from topology.model import Member, Topology
from topology.ports import API_PORT, ETCD_CLIENT_PORT

_ADMISSION = f"{KUBERNETES}/admission.json"
_AUTHENTICATION = f"{KUBERNETES}/authentication.json"
_AUDIT_POLICY = f"{KUBERNETES}/audit-policy.json"
_AUDIT_LOGS = "/var/log/kubernetes"
_ENCRYPTION = f"{PKI}/encryption.yaml"
_KUBELET_CA = authority_file("kubelet-serving-ca")
_REQUIRED_ADMISSION_PLUGINS = ("NodeRestriction", "PodSecurity")


def component(topology: Topology, member: Member) -> Component:
    """Return the kube-apiserver component of a control plane, with the kubeconfig of the administrator."""
    admin, admin_files = kubeconfig_with_certificate(ADMIN_KUBECONFIG, LOCAL_API, "admin")
    policies = (_admission_file(topology), _authentication_file(), _audit_policy())
    leaves = (
        *certificate_files(f"apiserver-{member.name}", stem="apiserver"),
        *certificate_files("apiserver-kubelet-client"),
        *certificate_files("apiserver-etcd-client"),
        *certificate_files("front-proxy-client"),
    )
    restart_files = (
        authority_file("kubernetes-ca"),
        authority_file("etcd-ca"),
        authority_file("front-proxy-ca"),
        _KUBELET_CA,
        SecretFile(f"{PKI}/service-account.key", "service-account.key"),
        SecretFile(f"{PKI}/service-account.pub", "service-account.pub", mode=0o644),
    )
    # The server reloads this file and its leaf certificates, so they require no restart.
    encryption = SecretFile(_ENCRYPTION, "encryption.yaml")
    unit = _service_unit(topology, member)
    watched = (f"{BIN}/kube-apiserver", *(item.path for item in (*policies, *restart_files)))
    ready = f"{BIN}/kubectl --kubeconfig={ADMIN_KUBECONFIG} --request-timeout=5s get --raw /readyz"
    if topology.load_balancers:
        # Later steps use the load balancers, which detect a ready server with a delay.
        ready += f" && {ready} --server={topology.endpoint.url}"
    return Component(
        files=(*policies, admin, unit.file()),
        secrets=(*restart_files, *leaves, *admin_files, encryption),
        artifacts=(("kube-apiserver", f"{BIN}/kube-apiserver"), ("kubectl", f"{BIN}/kubectl")),
        services=(Service(unit.name, restart_on=watched, ready=ready, timeout=120),),
        directories=(
            File(KUBERNETES, "", mode=0o755),
            File(PKI, "", mode=0o755),
            File(_AUDIT_LOGS, "", mode=0o700),
        ),
    )


def _service_unit(topology: Topology, member: Member) -> Unit:
    flags = _serving_flags(topology, member) | _authentication_flags(topology)
    flags |= _storage_flags(topology, member) | _limit_flags(topology)
    return Unit(
        name="kube-apiserver.service",
        description="Kubernetes API server",
        command=(f"{BIN}/kube-apiserver", *(f"--{name}={value}" for name, value in flags.items())),
        after=("network.target", "etcd.service"),
        type="notify",
        service=("LimitNOFILE=65536", "TimeoutStopSec=120", "OOMScoreAdjust=-998"),
    )


def _serving_flags(topology: Topology, member: Member) -> dict[str, str]:
    network = topology.network
    flags = {
        "advertise-address": str(member.address),
        "bind-address": "0.0.0.0",
        "secure-port": str(API_PORT),
        "tls-cert-file": f"{PKI}/apiserver.crt",
        "tls-private-key-file": f"{PKI}/apiserver.key",
        "tls-min-version": "VersionTLS12",
        "tls-cipher-suites": ",".join(CIPHERS),
        "service-cluster-ip-range": str(network.services),
        "service-node-port-range": f"{network.node_ports[0]}-{network.node_ports[1]}",
        "kubelet-preferred-address-types": "InternalIP",
        # Nothing else trusts this authority: clients of the API reject its certificates.
        "kubelet-certificate-authority": _KUBELET_CA.path,
        "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{PKI}/apiserver-kubelet-client.key",
        "profiling": "false",
    }
    if len(topology.control_planes) > 1:
        # This flag redistributes long-lived connections after one of the API servers was unavailable.
        flags["goaway-chance"] = "0.001"
    # With open watches, a stopping server would keep its port for a minute without answering.
    flags |= {"shutdown-send-retry-after": "true", "shutdown-watch-termination-grace-period": "2s"}
    if topology.load_balancers or len(topology.control_planes) > 1:
        # A load balancer must see /readyz fail before connections are refused. With Kubewright's load
        # balancers this takes 4 s. Then watches end gradually, so that they do not all reconnect to the
        # next server at the same time.
        flags |= {"shutdown-delay-duration": "10s", "shutdown-watch-termination-grace-period": "10s"}
    return flags


def _authentication_flags(topology: Topology) -> dict[str, str]:
    issuer = f"https://kubernetes.default.svc.{topology.network.domain}"
    plugins = dict.fromkeys((*_REQUIRED_ADMISSION_PLUGINS, *topology.control_plane.admission_plugins))
    return {
        "authentication-config": _AUTHENTICATION,
        "authorization-mode": "Node,RBAC",
        "client-ca-file": CA,
        "enable-bootstrap-token-auth": "true",
        "service-account-issuer": issuer,
        "service-account-key-file": f"{PKI}/service-account.pub",
        "service-account-signing-key-file": f"{PKI}/service-account.key",
        "service-account-lookup": "true",
        "enable-admission-plugins": ",".join(plugins),
        "admission-control-config-file": _ADMISSION,
        "enable-aggregator-routing": "true",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt",
        "proxy-client-key-file": f"{PKI}/front-proxy-client.key",
    }


def _storage_flags(topology: Topology, member: Member) -> dict[str, str]:
    # The member on the same host comes first. The client uses the other members when it fails.
    members = sorted(topology.etcd, key=lambda other: other.address != member.address)
    return {
        "etcd-servers": ",".join(f"https://{other.address}:{ETCD_CLIENT_PORT}" for other in members),
        "etcd-cafile": f"{PKI}/etcd-ca.crt",
        "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{PKI}/apiserver-etcd-client.key",
        "encryption-provider-config": _ENCRYPTION,
        "encryption-provider-config-automatic-reload": "true",
        "event-ttl": topology.control_plane.event_ttl,
    }


def _limit_flags(topology: Topology) -> dict[str, str]:
    options = topology.control_plane
    return {
        "max-requests-inflight": str(options.max_requests_inflight),
        "max-mutating-requests-inflight": str(options.max_mutating_requests_inflight),
        "audit-policy-file": _AUDIT_POLICY,
        "audit-log-path": f"{_AUDIT_LOGS}/audit.log",
        "audit-log-maxage": str(options.audit_max_age_days),
        "audit-log-maxbackup": str(options.audit_max_backups),
        "audit-log-maxsize": str(options.audit_max_size_mb),
    }


def _admission_file(topology: Topology) -> File:
    """Return the admission configuration with the default Pod Security levels of namespaces.

    The namespace kube-system is exempt, because its components need privileges.
    """
    level = topology.control_plane.pod_security_default
    defaults = {"enforce": level, "audit": "restricted", "warn": "restricted"}
    pod_security: Json = {
        "apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration",
        "defaults": defaults | {f"{mode}-version": "latest" for mode in defaults},
        "exemptions": {"usernames": [], "runtimeClasses": [], "namespaces": ["kube-system"]},
    }
    return json_file(
        _ADMISSION,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": [{"name": "PodSecurity", "configuration": pod_security}],
        },
    )


def _authentication_file() -> File:
    """Return the authentication configuration: anonymous requests reach only health checks (KEP-4633)."""
    paths = ("/livez", "/readyz", "/healthz")
    return json_file(
        _AUTHENTICATION,
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": [{"path": path} for path in paths]},
        },
    )


def _audit_policy() -> File:
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
        _AUDIT_POLICY,
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
