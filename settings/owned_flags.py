"""Flags that `extra_args` must not contain, by component: flags of Kubewright, and dangerous flags.

The keys of each table are the settings that own the flags. Keys that begin with a space are reasons.
`tests/unit/settings/test_extra_args.py` compares the tables with the flags in all bundles.
"""

from __future__ import annotations

from collections.abc import Mapping

_OWN = " Kubewright sets this flag"
_FILE = " Kubewright sets this value in the configuration file of the component"
_INSECURE = " the flag weakens the security of the cluster"
_DATA = " the flag endangers the data of the cluster"
_END = " the component would end or change its task"
_COMMON = {_END: "help version write-config-to"}
_SERVING = (
    "bind-address secure-port tls-cert-file tls-private-key-file tls-min-version tls-cipher-suites profiling "
    "contention-profiling client-ca-file requestheader-client-ca-file requestheader-allowed-names"
)
_LEADER = {
    _OWN: f"{_SERVING} kubeconfig authentication-kubeconfig authorization-kubeconfig leader-elect master",
    "leader_election.lease": "leader-elect-lease-duration",
    "leader_election.renew": "leader-elect-renew-deadline",
    "leader_election.retry": "leader-elect-retry-period",
    _INSECURE: "authentication-skip-lookup authorization-always-allow-paths",
}
_API = {
    "api.admission_plugins": "enable-admission-plugins admission-control",
    "api.disabled_admission_plugins": "disable-admission-plugins",
    "api.pod_security_default": "admission-control-config-file",
    "api.oidc": (
        "authentication-config oidc-ca-file oidc-client-id oidc-groups-claim oidc-groups-prefix "
        "oidc-issuer-url oidc-required-claim oidc-signing-algs oidc-username-claim oidc-username-prefix"
    ),
    "api.authorization_webhooks": (
        "authorization-config authorization-webhook-config-file authorization-webhook-version "
        "authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl"
    ),
    "api.audit.max_age_days": "audit-log-maxage",
    "api.audit.max_backups": "audit-log-maxbackup",
    "api.audit.max_size_mb": "audit-log-maxsize",
    "api.event_ttl": "event-ttl",
    "api.service_account_issuer": "service-account-issuer service-account-jwks-uri",
    "api.max_requests_inflight": "max-requests-inflight",
    "api.max_mutating_requests_inflight": "max-mutating-requests-inflight",
    "network.services": "service-cluster-ip-range",
    "network.node_ports": "service-node-port-range",
    _OWN: (
        f"{_SERVING} advertise-address allow-privileged enable-bootstrap-token-auth service-account-key-file "
        "service-account-signing-key-file service-account-lookup enable-aggregator-routing "
        "requestheader-extra-headers-prefix requestheader-group-headers requestheader-username-headers "
        "proxy-client-cert-file proxy-client-key-file kubelet-preferred-address-types "
        "kubelet-certificate-authority kubelet-client-certificate kubelet-client-key goaway-chance "
        "shutdown-send-retry-after shutdown-watch-termination-grace-period shutdown-delay-duration "
        "etcd-servers etcd-cafile etcd-certfile etcd-keyfile etcd-readycheck-timeout "
        "encryption-provider-config "
        "encryption-provider-config-automatic-reload audit-policy-file audit-log-path "
        "service-account-extend-token-expiration"
    ),
    _INSECURE: (
        "anonymous-auth token-auth-file authorization-mode authorization-policy-file debug-socket-path"
    ),
    _DATA: "etcd-prefix etcd-servers-overrides storage-backend",
}
_CONTROLLER_MANAGER = {
    **_LEADER,
    "controller_manager.downscale_stabilization": "horizontal-pod-autoscaler-downscale-stabilization",
    "network.pods": "cluster-cidr",
    "network.node_prefix": "node-cidr-mask-size node-cidr-mask-size-ipv4 node-cidr-mask-size-ipv6",
    "network.services": "service-cluster-ip-range",
    _OWN: (
        f"{_LEADER[_OWN]} controllers use-service-account-credentials service-account-private-key-file "
        "root-ca-file cluster-signing-cert-file cluster-signing-key-file cluster-signing-duration "
        "cluster-signing-kube-apiserver-client-cert-file cluster-signing-kube-apiserver-client-key-file "
        "cluster-signing-kubelet-client-cert-file cluster-signing-kubelet-client-key-file "
        "cluster-signing-kubelet-serving-cert-file cluster-signing-kubelet-serving-key-file "
        "cluster-signing-legacy-unknown-cert-file cluster-signing-legacy-unknown-key-file "
        "cluster-name allocate-node-cidrs terminated-pod-gc-threshold cloud-provider"
    ),
}
_KUBELET = {
    "kubelet.max_pods": "max-pods",
    "kubelet.system_reserved": "system-reserved",
    "kubelet.kube_reserved": "kube-reserved",
    "kubelet.eviction_hard": "eviction-hard",
    "kubelet.eviction_minimum_reclaim": "eviction-minimum-reclaim",
    "kubelet.container_log_max_size": "container-log-max-size",
    "kubelet.container_log_max_files": "container-log-max-files",
    "kubelet.pod_pids_limit": "pod-max-pids",
    "network.domain": "cluster-domain",
    "pools.<name>.labels": "node-labels",
    "pools.<name>.taints": "register-with-taints",
    _OWN: (
        "config kubeconfig bootstrap-kubeconfig cert-dir hostname-override node-ip cloud-provider "
        "provider-id root-dir config-dir"
    ),
    _FILE: (
        "container-runtime-endpoint cluster-dns resolv-conf enforce-node-allocatable fail-swap-on "
        "fail-cgroupv1 rotate-certificates rotate-server-certificates seccomp-default "
        "protect-kernel-defaults client-ca-file tls-min-version tls-cipher-suites tls-cert-file "
        "tls-private-key-file healthz-bind-address healthz-port"
    ),
    _INSECURE: (
        "anonymous-auth authorization-mode authentication-token-webhook read-only-port address port "
        "allowed-unsafe-sysctls"
    ),
    _END: "help version runonce register-node enable-server exit-on-lock-contention",
}
_ETCD = {
    _OWN: (
        "name listen-client-urls advertise-client-urls listen-peer-urls initial-advertise-peer-urls "
        "initial-cluster initial-cluster-state initial-cluster-token cert-file key-file trusted-ca-file "
        "peer-cert-file peer-key-file peer-trusted-ca-file listen-metrics-urls feature-gates config-file "
        "discovery discovery-srv discovery-endpoints discovery-token"
    ),
    _INSECURE: (
        "client-cert-auth peer-client-cert-auth auto-tls peer-auto-tls tls-min-version enable-pprof "
        "peer-skip-client-san-verification listen-client-http-urls cors"
    ),
    _DATA: "data-dir wal-dir quota-backend-bytes force-new-cluster unsafe-no-fsync strict-reconfig-check",
    _END: "help version",
}
_PROXY_FLAGS = frozenset(
    (
        "v",
        "vmodule",
        "logging-format",
        "log-flush-frequency",
        "log-json-split-stream",
        "log-text-split-stream",
    )
)
COMPONENTS = {
    "api": "kube-apiserver",
    "controller_manager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
    "kubelet": "kubelet",
    "proxy": "kube-proxy",
    "etcd": "etcd",
}
"""Names of the programs by the settings that have `extra_args`."""
_TABLES: Mapping[str, Mapping[str, str]] = {
    "api": {**_COMMON, **_API},
    "controller_manager": {**_COMMON, **_CONTROLLER_MANAGER},
    "scheduler": {**_COMMON, **_LEADER, _OWN: f"{_LEADER[_OWN]} config"},
    "kubelet": _KUBELET,
    "etcd": _ETCD,
}


def refusal(component: str, flag: str) -> str:
    """Return why a flag of a component is refused, and what to do; empty if the flag is allowed.

    `component` is a key of `COMPONENTS`.
    """
    if component == "proxy":
        # All other flags have no effect beside a configuration file.
        return (
            ""
            if flag in _PROXY_FLAGS
            else "kube-proxy ignores this flag beside its configuration file; remove it"
        )
    for owner, flags in _TABLES[component].items():
        if flag in flags.split():
            return f"{owner.strip()}; remove it" if owner.startswith(" ") else f"set {owner} instead"
    return ""
