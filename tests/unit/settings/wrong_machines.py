"""Invalid settings of hosts, roles and sizes."""

from __future__ import annotations

from tests.unit.settings.support import (
    HIGHLY_AVAILABLE,
    ONE_HOST,
    REMOVE,
    TWO_WORKERS,
    InvalidSettings,
    with_workers,
)

MACHINES = (
    # Hosts and roles
    InvalidSettings(
        "pools.workers.hosts[1]", '"w-1": named twice', {"pools.workers.hosts": ["w-1", "w-1", "w-2"]}
    ),
    InvalidSettings(
        "metal.hosts.w-2.address",
        '"10.89.0.21": also the address of w-1',
        {"metal.hosts.w-2.address": "10.89.0.21"},
    ),
    InvalidSettings(
        "metal.hosts.w-2.address",
        "not in network.machines (10.89.0.0/24, 10.90.0.0/24)",
        {"metal.hosts.w-2.address": "10.99.0.21"},
    ),
    InvalidSettings(
        "metal.hosts.w-2.address",
        "the network address of 10.89.0.0/24",
        {"metal.hosts.w-2.address": "10.89.0.0"},
    ),
    InvalidSettings(
        "metal.hosts.w-2.address",
        "broadcast address of 10.89.0.0/24",
        {"metal.hosts.w-2.address": "10.89.0.255"},
    ),
    InvalidSettings(
        "pools.workers.hosts[2]",
        '"w2": not a host of metal.hosts; did you mean w-2?',
        {"pools.workers.hosts": ["w-1", "w-2", "w2"]},
    ),
    InvalidSettings("metal.hosts.w-9", "has no role", {"metal.hosts.w-9": {"address": "10.89.0.29"}}),
    InvalidSettings(
        "pools.workers.hosts[0]",
        '"cp-1": a control plane, which is already',
        {"pools.workers.hosts": ["cp-1", "w-1", "w-2"]},
    ),
    InvalidSettings("pools.more.hosts[0]", '"w-1": also in pool workers', {"pools.more": {"hosts": ["w-1"]}}),
    InvalidSettings(
        "pools.control-plane",
        "reserved for the pool of control planes",
        {"pools": {"control-plane": {"hosts": ["w-1", "w-2"]}}},
    ),
    InvalidSettings("pools.empty.hosts", "is empty", {"pools.empty": {}}),
    InvalidSettings(
        "pools.workers.max_unavailable", "would take all 2 nodes", {"pools.workers.max_unavailable": 2}
    ),
    InvalidSettings(
        "control_planes.schedulable", "nothing could run", {"control_planes.schedulable": False}, ONE_HOST
    ),
    InvalidSettings(
        "control_planes.hosts",
        "2 control planes survive",
        {"control_planes.hosts": ["cp-1", "cp-2"], "metal.hosts.cp-3": REMOVE},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "etcd.hosts", "2 members need 2 for a quorum", {"etcd.hosts": ["cp-1", "cp-2"]}, HIGHLY_AVAILABLE
    ),
    InvalidSettings(
        "etcd.hosts",
        "7 members make every write slower",
        {
            "etcd.hosts": [f"e-{number}" for number in range(7)],
            **{f"metal.hosts.e-{number}": {"address": f"10.0.0.{200 + number}"} for number in range(7)},
        },
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "load_balancers.hosts",
        "1 named; allowed: none, or 2",
        {"load_balancers.hosts": ["lb-1"], "metal.hosts.lb-2": REMOVE},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "load_balancers.hosts[1]",
        '"lb-1": named twice',
        {"load_balancers.hosts": ["lb-1", "lb-1"], "metal.hosts.lb-2": REMOVE},
        HIGHLY_AVAILABLE,
        together_with=1,
    ),
    InvalidSettings(
        "load_balancers.hosts[1]",
        '"w-1": also a worker',
        {"load_balancers.hosts": ["lb-1", "w-1"], "metal.hosts.lb-2": REMOVE},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "load_balancers.hosts[1]",
        '"cp-1": also a control plane',
        {"load_balancers.hosts": ["lb-1", "cp-1"], "metal.hosts.lb-2": REMOVE},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "load_balancers.hosts[0]", '"lb-1": also an etcd member', {"etcd.hosts": ["lb-1"]}, HIGHLY_AVAILABLE
    ),
    InvalidSettings("endpoint", "missing; several control planes", {"endpoint": REMOVE}, HIGHLY_AVAILABLE),
    InvalidSettings(
        "endpoint.host", '"10.0.0.11": the host cp-1', {"endpoint.host": "10.0.0.11"}, HIGHLY_AVAILABLE
    ),
    InvalidSettings(
        "endpoint.host",
        "the virtual address is not in network.machines",
        {"endpoint.host": "10.7.0.1"},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "endpoint.host",
        '"api.example.org": not an address; use the virtual address of the load balancers',
        {"endpoint.host": "api.example.org"},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "endpoint.host",
        "the broadcast address of 10.0.0.0/24",
        {"endpoint.host": "10.0.0.255"},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "endpoint.host",
        "in 10.0.0.0/24, but lb-2 (10.0.7.2) is not, so it cannot take over the address",
        {"network.machines": ["10.0.0.0/24", "10.0.7.0/24"], "metal.hosts.lb-2.address": "10.0.7.2"},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "endpoint.port",
        "22: is the port of sshd on the load balancers",
        {"endpoint.port": 22},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "endpoint.port",
        "30000: is inside network.node_ports (30000-32767)",
        {"endpoint.port": 30000},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "endpoint.port", "6444: is the port of haproxy health", {"endpoint.port": 6444}, HIGHLY_AVAILABLE
    ),
    InvalidSettings(
        "endpoint.port",
        "443: the only control plane, cp-1, answers on 6443",
        {"endpoint": {"host": "10.89.0.11", "port": 443}},
    ),
    InvalidSettings(
        "metal.ssh", "private_key_file or agent: true is missing", {"metal.ssh.private_key_file": REMOVE}
    ),
    InvalidSettings(
        "metal.ssh.known_hosts_file", "unknown hosts are not trusted", {"metal.ssh.known_hosts_file": REMOVE}
    ),
    InvalidSettings(
        "metal.hosts.w-1.ssh.host_key",
        '"ssh-rsa": host keys of this type do not work with pulumi-command; use the host\'s key of type '
        "ssh-ed25519",
        {"metal.hosts.w-1.ssh": {"host_key": "ssh-rsa AAAA"}},
    ),
    InvalidSettings(
        "metal.ssh.bastion.host_key",
        '"AAAA": host keys of this type do not work',
        {"metal.ssh.bastion": {"host": "bastion.example.com", "host_key": "AAAA"}},
    ),
    InvalidSettings(
        "metal.hosts.w-1.ssh.bastion.host_key",
        '"ssh-rsa": host keys of this type do not work',
        {"metal.hosts.w-1.ssh": {"bastion": {"host": "bastion.example.com", "host_key": "ssh-rsa AAAA"}}},
    ),
    # Limits and sizes
    InvalidSettings(
        "pools",
        "5,002 nodes with the control planes; Kubernetes is tested up to 5,000",
        {"network.pods": "172.16.0.0/12", "network.node_prefix": 26, "kubelet.max_pods": 20},
        with_workers(TWO_WORKERS, 5001),
    ),
    InvalidSettings(
        "kubelet.max_pods",
        "1,501 nodes could run 165,110 pods; Kubernetes is tested up to 150,000; lower it to 99",
        {"network.pods": "172.16.0.0/12", "network.node_prefix": 25},
        with_workers(TWO_WORKERS, 1500),
    ),
    InvalidSettings(
        "metal.hosts.w-1.memory",
        "too small: system_reserved 250Mi + kube_reserved 250Mi + eviction_hard 1Gi leave nothing for pods",
        {"metal.hosts.w-1.memory": "1Gi"},
    ),
    InvalidSettings(
        "metal.hosts.w-1.cpus",
        "too small: system_reserved 1 + kube_reserved 200m leave nothing",
        {"metal.hosts.w-1.cpus": 1, "kubelet.system_reserved": {"cpu": 1}},
    ),
    InvalidSettings(
        "endpoint.host",
        "the network address of 10.0.0.0/24",
        {"endpoint.host": "10.0.0.0"},
        HIGHLY_AVAILABLE,
    ),
    InvalidSettings(
        "metal.ssh.port", "30022: is the port of network.node_ports (30000-32767)", {"metal.ssh.port": 30022}
    ),
    InvalidSettings(
        "control_planes.labels",
        '"node.k8s.io/x": is reserved for Kubernetes; of kubernetes.io and k8s.io',
        {"control_planes.labels": {"node.k8s.io/x": "y"}},
    ),
    InvalidSettings(
        "etcd.hosts[2]",
        '"zzzzzzzz": not a host of metal.hosts; add it there',
        {"etcd.hosts": ["cp-1", "w-1", "zzzzzzzz"]},
    ),
)
