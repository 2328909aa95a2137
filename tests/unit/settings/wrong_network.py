"""Invalid network settings."""

from __future__ import annotations

from tests.unit.settings.support import REMOVE, TWO_WORKERS, InvalidSettings, with_workers

ROW: dict[str, object] = {"port": 9100, "sources": ["10.0.0.0/8"], "because": "metrics"}


def with_port(key: str, message: str, entry: dict[str, object]) -> InvalidSettings:
    """Return invalid settings with an entry of `network.ports`. `key` is the invalid key of the entry."""
    return InvalidSettings(f"network.ports.exporter.{key}", message, {"network.ports.exporter": entry})


NETWORK = (
    # Further ports
    with_port("sources", "missing", {"port": 9100, "because": "x"}),
    with_port("because", "missing", {"port": 9100, "sources": ["10.0.0.0/8"]}),
    with_port("sources", "must have at least 1 entry", ROW | {"sources": []}),
    with_port("port", "not a port; allowed", ROW | {"port": "http"}),
    with_port("port", "contains numbers that are no ports", ROW | {"port": 70000}),
    with_port("protocol", "unknown; allowed: tcp, udp", ROW | {"protocol": "icmp"}),
    with_port("roles[0]", "unknown; allowed", ROW | {"roles": ["worker"]}),
    with_port("port", "10250: Kubewright decides about 10250 (kubelet)", ROW | {"port": 10250}),
    with_port("port", "overlaps network.node_ports (30000-32767)", ROW | {"port": "29990-30010"}),
    with_port("roles", "the cluster has no load_balancers", ROW | {"roles": ["load-balancer"]}),
    with_port(
        "pools[0]", '"worker": no such pool of workers; did you mean workers?', ROW | {"pools": ["worker"]}
    ),
    with_port("pools[1]", '"x": no such pool of workers; add it to pools', ROW | {"pools": ["workers", "x"]}),
    with_port("roles", "has no effect with pools", ROW | {"pools": ["workers"], "roles": ["node"]}),
    InvalidSettings(
        "network.ports.other.port",
        "overlaps network.ports.exporter; join the entries",
        {"network.ports": {"exporter": ROW, "other": ROW | {"port": "9000-9200"}}},
    ),
    *(
        InvalidSettings(
            "network.ports.other.port",
            f'"{ports}": overlaps network.ports.exporter; join the entries',
            {"network.ports": {"exporter": ROW | {"port": "9100-9200"}, "other": ROW | {"port": ports}}},
        )
        for ports in ("9050-9100", "9150-9160", "9200-9210")
    ),
    # The user's own CNI
    InvalidSettings(
        "network.cni", '"calico": unknown; allowed: flannel, cilium, none', {"network.cni": "calico"}
    ),
    *(
        InvalidSettings(
            f"network.{key}",
            f'"{value}": has no effect with network.cni: none',
            {"network.cni": "none", f"network.{key}": value},
        )
        for key, value in (("backend", "vxlan"), ("policies", "enforced"), ("mtu", 1400))
    ),
    InvalidSettings(
        "network.ports.overlay.port",
        "Kubewright decides about 8472 (flannel vxlan)",
        {"network.ports": {"overlay": ROW | {"port": 8472, "protocol": "udp"}}},
    ),
    # Address ranges
    InvalidSettings(
        "network.pods",
        'overlaps network.machines[0] ("10.89.0.0/24"): 10.89.0.0 to 10.89.0.255, 256 addresses',
        {"network.pods": "10.89.0.0/16"},
    ),
    InvalidSettings(
        "network.services",
        'overlaps network.pods ("10.244.0.0/16"): 10.244.16.0 to 10.244.31.255, 4,096',
        {"network.services": "10.244.16.0/20"},
    ),
    InvalidSettings(
        "network.machines[1]",
        "overlaps network.machines[0]",
        {"network.machines": ["10.89.0.0/24", "10.89.0.0/25"]},
    ),
    InvalidSettings(
        "network.services", "lies in 127.0.0.0/8, loopback", {"network.services": "127.1.0.0/20"}
    ),
    InvalidSettings(
        "endpoint.host", '"10.244.0.9": is inside network.pods', {"endpoint": {"host": "10.244.0.9"}}
    ),
    InvalidSettings(
        "network.pods",
        "a /16 split into /26 holds 1,024 nodes; 1,201 needed; needs a /15",
        {"network.node_prefix": 26, "kubelet": {"max_pods": 60}},
        with_workers(TWO_WORKERS, 1200),
    ),
    InvalidSettings(
        "network.node_prefix", "a /14 for each node is larger than the whole", {"network.node_prefix": 14}
    ),
    InvalidSettings(
        "network.node_prefix",
        "a /8 split into /26 is 18 bits",
        {"network.node_prefix": 26, "network.pods": "11.0.0.0/8", "kubelet.max_pods": 60},
    ),
    InvalidSettings(
        "kubelet.max_pods", "110: a node's range, a /26, holds 62 pods", {"network.node_prefix": 26}
    ),
    InvalidSettings(
        "pools.workers.kubelet.max_pods",
        "100: a node's range, a /26, holds 62 pods; 100 needed; lower it to 62 or "
        "set network.node_prefix to 25",
        {"network.node_prefix": 26, "kubelet.max_pods": 50, "pools.workers.kubelet.max_pods": 100},
    ),
    InvalidSettings("kubelet.max_pods", "250: must be at most 110", {"kubelet.max_pods": 250}),
    InvalidSettings(
        "network.services", "a /28 holds about 14 services", {"network.services": "10.96.0.0/28"}
    ),
    InvalidSettings("network.services", "at most 20, a /12", {"network.services": "11.0.0.0/9"}),
    InvalidSettings("network.node_ports", "not a port range", {"network.node_ports": "30000:32767"}),
    InvalidSettings(
        "network.policies", '"calico": unknown; allowed: enforced, none', {"network.policies": "calico"}
    ),
    InvalidSettings(
        "network.node_ports",
        "the first port, 32767, is above the last",
        {"network.node_ports": "32767-30000"},
    ),
    InvalidSettings(
        "network.node_ports", "contains numbers that are no ports", {"network.node_ports": "60000-70000"}
    ),
    InvalidSettings(
        "network.node_ports",
        "contains ports that are in use: 6443 (kube-apiserver)",
        {"network.node_ports": "6000-7000"},
    ),
    InvalidSettings(
        "endpoint.port",
        "31000: is inside network.node_ports",
        {"endpoint": {"host": "api.example", "port": 31000}},
    ),
    InvalidSettings("metal.ssh.port", "10250: is the port of kubelet", {"metal.ssh.port": 10250}),
    InvalidSettings(
        "network.mtu",
        "20000: not allowed; use 0 (detected on each host) or 1280 to 9216",
        {"network.mtu": 20000},
    ),
    InvalidSettings(
        "network.backend",
        "needs all nodes in one network, but: cp-1 in 10.89.0.0/24, w-2 in 10.90.0.0/24",
        {"network.backend": "host-gw", "metal.hosts.w-2.address": "10.90.0.22"},
    ),
    InvalidSettings("network.api_allowed", "is empty", {"network.api_allowed": []}),
    InvalidSettings(
        "network.api_allowed",
        "required in the environment test: list the networks of users and of the deployer",
        {"environment": "test", "network.api_allowed": REMOVE},
    ),
    InvalidSettings("network.ssh_allowed", "is empty: the deployer could not", {"network.ssh_allowed": []}),
    InvalidSettings(
        "network.services", "a /27 holds about 30 services", {"network.services": "10.96.0.0/27"}
    ),
)
