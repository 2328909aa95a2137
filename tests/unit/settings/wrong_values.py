"""Invalid keys, values, versions and labels in settings."""

from __future__ import annotations

from tests.unit.settings.support import REMOVE, InvalidSettings

VALUES = (
    # Keys
    InvalidSettings("nam", "did you mean name?", {"nam": "dev"}),
    InvalidSettings("network.pod", "did you mean pods?", {"network.pod": "10.0.0.0/8"}),
    InvalidSettings(
        "metal.hosts.w-1.adress", "did you mean address?", {"metal.hosts.w-1.adress": "10.89.0.21"}
    ),
    InvalidSettings(
        "pools.workers.kubelet.maxpods", "did you mean max_pods?", {"pools.workers.kubelet.maxpods": 5}
    ),
    InvalidSettings("zzz", "allowed here: name, environment", {"zzz": 1}),
    InvalidSettings("name", "missing; give the cluster a name", {"name": REMOVE}),
    InvalidSettings("network.machines", "missing; add the networks", {"network.machines": REMOVE}),
    InvalidSettings("metal.hosts.w-1.address", "missing; add it", {"metal.hosts.w-1.address": REMOVE}),
    InvalidSettings(
        "control_planes.hosts", "needs a control plane", {"control_planes.hosts": []}, together_with=1
    ),
    InvalidSettings("", "exactly one provider section of metal, aws, azure; none", {"metal": REMOVE}),
    # Types of values
    InvalidSettings("name", "not a DNS label", {"name": "Dev_1"}),
    InvalidSettings("environment", "allowed: poc, lab, test, production", {"environment": "staging"}),
    InvalidSettings(
        "pools.workers.max_unavailable",
        '"two": must be a whole number',
        {"pools.workers.max_unavailable": "two"},
    ),
    InvalidSettings(
        "control_planes.schedulable", "must be true or false", {"control_planes.schedulable": "perhaps"}
    ),
    InvalidSettings("pools", "must be a mapping", {"pools": ["w-1"]}),
    InvalidSettings("pools.workers.hosts", "must be a list", {"pools.workers.hosts": "w-1"}),
    InvalidSettings("network.pods", "not an IPv4 network", {"network.pods": "10.244.0.0/64"}),
    InvalidSettings(
        "network.services",
        "has bits set after its prefix; the network is 10.96.0.0/20",
        {"network.services": "10.96.1.0/20"},
    ),
    InvalidSettings(
        "metal.hosts.w-1.address",
        '"10.89.0.256": not an IPv4 address',
        {"metal.hosts.w-1.address": "10.89.0.256"},
    ),
    InvalidSettings("metal.hosts.w-1.memory", '"3GB": not a quantity', {"metal.hosts.w-1.memory": "3GB"}),
    InvalidSettings(
        "pools.workers.kubelet.eviction_hard.memory.available".replace(
            "memory.available", '"memory.available"'
        ),
        "not a percentage",
        {"pools.workers.kubelet.eviction_hard": {"memory.available": "200%"}},
    ),
    InvalidSettings(
        "kubelet.eviction_hard",
        '"memory.free": unknown; allowed: memory.available',
        {"kubelet.eviction_hard": {"memory.free": "1Gi"}},
    ),
    InvalidSettings(
        "network.proxy_mode", '"ipvs": unknown; allowed: nftables, iptables', {"network.proxy_mode": "ipvs"}
    ),
    InvalidSettings(
        "network.backend", '"calico": unknown; allowed: vxlan, host-gw', {"network.backend": "calico"}
    ),
    InvalidSettings("artifacts.mirror", "not an https URL", {"artifacts.mirror": "http://10.89.0.1"}),
    InvalidSettings("api.event_ttl", "not a duration", {"api.event_ttl": "1 hour"}),
    InvalidSettings("api.event_ttl", "events would never expire", {"api.event_ttl": "0h0m0s"}),
    InvalidSettings(
        "api.admission_plugins[0]", '"AlwaysAdmit": unknown', {"api.admission_plugins": ["AlwaysAdmit"]}
    ),
    InvalidSettings(
        "endpoint.port", "70000: must be at most 65535", {"endpoint": {"host": "api.example", "port": 70000}}
    ),
    # Labels and taints
    InvalidSettings("pools.workers.labels", '"x y": not a label key', {"pools.workers.labels": {"x y": "z"}}),
    InvalidSettings(
        "pools.workers.labels.tier", '"a b": not a label value', {"pools.workers.labels": {"tier": "a b"}}
    ),
    InvalidSettings(
        "pools.workers.labels",
        '"kubernetes.io/hostname": is reserved for Kubernetes',
        {"pools.workers.labels": {"kubernetes.io/hostname": "x"}},
    ),
    InvalidSettings(
        "pools.workers.labels",
        "only control planes have this label",
        {"pools.workers.labels": {"node-role.kubernetes.io/control-plane": ""}},
    ),
    InvalidSettings(
        "pools.workers.labels",
        "is reserved for Kubewright",
        {"pools.workers.labels": {"kubewright.dev/a": ""}},
    ),
    InvalidSettings(
        "pools.workers.taints[0]", "the effect is unknown", {"pools.workers.taints": ["gpu=yes:Never"]}
    ),
    InvalidSettings(
        "pools.workers.taints[0]",
        "is reserved for Kubernetes; choose another prefix",
        {"pools.workers.taints": ["node.kubernetes.io/not-ready:NoExecute"]},
    ),
    InvalidSettings(
        "pools.workers.taints[1]",
        "named twice with effect NoSchedule",
        {"pools.workers.taints": ["gpu:NoSchedule", "gpu=yes:NoSchedule"]},
    ),
    # Rotation of certificates
    InvalidSettings(
        "certificates.authorities.kubernetes.stage",
        "the first generation replaces no other",
        {"certificates.authorities.kubernetes.stage": "trust"},
    ),
    InvalidSettings(
        "certificates.service_account.stage",
        "to rotate set generation: 2 and stage: trust",
        {"certificates.service_account": {"generation": 1, "stage": "sign"}},
    ),
    InvalidSettings(
        "certificates.authorities.etcd.stage",
        '"finished": unknown; allowed: trust, sign, done',
        {"certificates.authorities.etcd": {"generation": 2, "stage": "finished"}},
    ),
    InvalidSettings(
        "certificates.authorities",
        '"etcd-ca": unknown; allowed: kubernetes, etcd, front-proxy',
        {"certificates.authorities": {"etcd-ca": {"generation": 2}}},
    ),
    InvalidSettings("certificates.leaves", "0: must be at least 1", {"certificates.leaves": 0}),
    InvalidSettings("certificates.leaf", "did you mean leaves?", {"certificates.leaf": 2}),
    # Versions
    InvalidSettings(
        "kubernetes.version",
        '"1.99.0": not in the catalogue; allowed: 1.36.3',
        {"kubernetes.version": "1.99.0"},
    ),
    InvalidSettings(
        "kubernetes.version",
        'not a version; allowed: three numbers without a "v"',
        {"kubernetes.version": "v1.36.3"},
    ),
    InvalidSettings(
        "pools.workers.kubernetes_version",
        "newer than the API servers' 1.36.3",
        {"pools.workers.kubernetes_version": "1.37.0"},
    ),
    InvalidSettings(
        "pools.workers.kubernetes_version",
        "more than 3 minor versions behind the API servers' 1.36.3",
        {"pools.workers.kubernetes_version": "1.32.9"},
    ),
    InvalidSettings(
        "pools.workers.kubernetes_version",
        "not in the catalogue; allowed: 1.36.3, 1.36.1",
        {"pools.workers.kubernetes_version": "1.33.0"},
    ),
    InvalidSettings("etcd.snapshots.every", "more often than once a minute", {"etcd.snapshots.every": "30s"}),
    InvalidSettings("etcd.snapshots.keep", "0", {"etcd.snapshots.keep": 0}),
    InvalidSettings("etcd.snapshots.copy_to", "an absolute path", {"etcd.snapshots.copy_to": "backup"}),
    InvalidSettings("etcd.snapshots.copy_to", "an absolute path", {"etcd.snapshots.copy_to": "/mnt/../etc"}),
    InvalidSettings("etcd.snapshots.copy_to", "an absolute path", {"etcd.snapshots.copy_to": "/mnt/a b"}),
    InvalidSettings("drain_timeout", "not a duration", {"drain_timeout": "soon"}),
    InvalidSettings("kubernetes.version", "1.36: not a version", {"kubernetes.version": 1.36}),
    InvalidSettings(
        "kubernetes.etcd",
        "too old for Kubernetes 1.36.3, which needs 3.6 or later",
        {"kubernetes.etcd": "3.5.30"},
    ),
    InvalidSettings(
        "kubernetes.containerd",
        "too old for Kubernetes 1.36.3, which needs 2.0",
        {"kubernetes.containerd": "1.7.20"},
    ),
)
