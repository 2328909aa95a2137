"""Invalid settings `extra_args`."""

from __future__ import annotations

from tests.unit.settings.support import InvalidSettings


def invalid_flag(section: str, flag: str, phrase: str, value: object = "1") -> InvalidSettings:
    """Return settings with a flag that the component must not get."""
    path = f"{section}.extra_args"
    return InvalidSettings(f"{path}.{flag}", phrase, {path: {flag: value}})


EXTRA_ARGS = (
    invalid_flag("api", "event-ttl", "set api.event_ttl instead"),
    invalid_flag("api", "oidc-issuer-url", "set api.oidc instead"),
    invalid_flag("api", "disable-admission-plugins", "set api.disabled_admission_plugins instead"),
    invalid_flag("api", "service-cluster-ip-range", "set network.services instead"),
    invalid_flag("api", "anonymous-auth", "weakens the security of the cluster; remove it", value=True),
    invalid_flag("api", "authorization-mode", "weakens the security", value="AlwaysAllow"),
    invalid_flag("api", "etcd-prefix", "endangers the data of the cluster; remove it"),
    invalid_flag("api", "tls-min-version", "Kubewright sets this flag; remove it"),
    invalid_flag("controller_manager", "cluster-cidr", "set network.pods instead"),
    invalid_flag("controller_manager", "leader-elect-lease-duration", "set leader_election.lease instead"),
    invalid_flag("scheduler", "kubeconfig", "Kubewright sets this flag; remove it"),
    invalid_flag("scheduler", "write-config-to", "the component would end or change its task"),
    invalid_flag("kubelet", "max-pods", "set kubelet.max_pods instead"),
    invalid_flag("kubelet", "read-only-port", "weakens the security of the cluster", value=10255),
    invalid_flag("kubelet", "cluster-dns", "in the configuration file of the component; remove it"),
    invalid_flag("pools.workers.kubelet", "node-labels", "set pools.<name>.labels instead"),
    invalid_flag("control_planes.kubelet", "pod-max-pids", "set kubelet.pod_pids_limit instead"),
    invalid_flag("proxy", "proxy-mode", "kube-proxy ignores this flag beside its configuration file"),
    invalid_flag("etcd", "unsafe-no-fsync", "endangers the data of the cluster", value=True),
    invalid_flag("etcd", "client-cert-auth", "weakens the security of the cluster", value=False),
    InvalidSettings(
        "api.extra_args",
        '"--v": not the name of a flag; write it without --',
        {"api.extra_args": {"--v": "4"}},
    ),
    invalid_flag(
        "api", "feature-gates", "not the value of a flag; allowed: text without spaces", "A=true B=true"
    ),
    invalid_flag("scheduler", "v", "not the value of a flag", "$(reboot)"),
    invalid_flag("etcd", "log-level", "must be text; put quotes around it", ["debug"]),
)
