"""Wrong configurations, each with its own clear error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from settings import SettingsError, load
from tests.unit.settings.support import AVAILABLE, REMOVE, SINGLE, WORKERS, edited, grown


@dataclass(frozen=True)
class Wrong:
    """`edits` of `base` give a problem at `path` whose line has `phrase` in it."""

    path: str
    phrase: str
    edits: Mapping[str, object]
    base: Mapping[str, Any] = field(default_factory=lambda: WORKERS)
    together_with: int = 0
    """How many further problems the same mistake rightly causes."""


HOSTS_W = "metal.hosts.w-1"
ROLE = {"rules": [{"resources": ["pods"], "verbs": ["get"]}]}

WRONG = (
    # Keys
    Wrong("nam", "did you mean name?", {"nam": "dev"}),
    Wrong("network.pod", "did you mean pods?", {"network.pod": "10.0.0.0/8"}),
    Wrong("metal.hosts.w-1.adress", "did you mean address?", {f"{HOSTS_W}.adress": "10.89.0.21"}),
    Wrong("pools.workers.kubelet.maxpods", "did you mean max_pods?", {"pools.workers.kubelet.maxpods": 5}),
    Wrong("zzz", "known here: name, environment", {"zzz": 1}),
    Wrong("name", "missing; give the cluster a name", {"name": REMOVE}),
    Wrong("network.machines", "missing; name the networks", {"network.machines": REMOVE}),
    Wrong("metal.hosts.w-1.address", "missing; it must be there", {f"{HOSTS_W}.address": REMOVE}),
    Wrong("control_planes.hosts", "needs a control plane", {"control_planes.hosts": []}, together_with=1),
    Wrong("", "exactly one provider section of metal, aws, azure; none", {"metal": REMOVE}),
    Wrong("", "metal and aws are there", {"aws": {}}, together_with=1),
    Wrong("azure", "not yet supported", {"azure": {}, "metal": REMOVE}),
    # Kinds of values
    Wrong("name", "not a DNS label", {"name": "Dev_1"}),
    Wrong("environment", "allowed: poc, lab, test, production", {"environment": "staging"}),
    Wrong("pools.workers.max_unavailable", '"two": must be a whole number', {"pools.workers.max_unavailable": "two"}),
    Wrong("control_planes.schedulable", "must be true or false", {"control_planes.schedulable": "perhaps"}),
    Wrong("pools", "must be a mapping", {"pools": ["w-1"]}),
    Wrong("pools.workers.hosts", "must be a list", {"pools.workers.hosts": "w-1"}),
    Wrong("network.pods", "not an IPv4 network", {"network.pods": "10.244.0.0/64"}),
    Wrong("network.services", "has bits set after its prefix; the network is 10.96.0.0/20", {"network.services": "10.96.1.0/20"}),
    Wrong("metal.hosts.w-1.address", '"10.89.0.256": not an IPv4 address', {f"{HOSTS_W}.address": "10.89.0.256"}),
    Wrong("metal.hosts.w-1.memory", '"3GB": not a quantity', {f"{HOSTS_W}.memory": "3GB"}),
    Wrong("pools.workers.kubelet.eviction_hard.memory.available".replace("memory.available", '"memory.available"'),
          "not a percentage", {"pools.workers.kubelet.eviction_hard": {"memory.available": "200%"}}),
    Wrong("kubelet.eviction_hard", '"memory.free": unknown; allowed: memory.available',
          {"kubelet.eviction_hard": {"memory.free": "1Gi"}}),
    Wrong("network.proxy_mode", '"ipvs": unknown; allowed: nftables, iptables', {"network.proxy_mode": "ipvs"}),
    Wrong("network.backend", '"calico": unknown; allowed: vxlan, host-gw', {"network.backend": "calico"}),
    Wrong("artifacts.mirror", "not an https URL", {"artifacts.mirror": "http://10.89.0.1"}),
    Wrong("api.event_ttl", "not a duration", {"api.event_ttl": "1 hour"}),
    Wrong("api.admission_plugins[0]", '"AlwaysAdmit": unknown', {"api.admission_plugins": ["AlwaysAdmit"]}),
    Wrong("endpoint.port", "70000: must be at most 65535", {"endpoint": {"host": "api.example", "port": 70000}}),
    # Labels and taints
    Wrong("pools.workers.labels", '"x y": not a label key', {"pools.workers.labels": {"x y": "z"}}),
    Wrong("pools.workers.labels.tier", '"a b": not a label value', {"pools.workers.labels": {"tier": "a b"}}),
    Wrong("pools.workers.labels", '"kubernetes.io/hostname": is kept by Kubernetes',
          {"pools.workers.labels": {"kubernetes.io/hostname": "x"}}),
    Wrong("pools.workers.labels", "only control planes have this label",
          {"pools.workers.labels": {"node-role.kubernetes.io/control-plane": ""}}),
    Wrong("pools.workers.labels", "Kubewright's own prefix", {"pools.workers.labels": {"kubewright.dev/a": ""}}),
    Wrong("pools.workers.taints[0]", "the effect is unknown", {"pools.workers.taints": ["gpu=yes:Never"]}),
    Wrong("pools.workers.taints[0]", "is kept by Kubernetes itself; choose another prefix",
          {"pools.workers.taints": ["node.kubernetes.io/not-ready:NoExecute"]}),
    Wrong("pools.workers.taints[1]", "is there with effect NoSchedule already",
          {"pools.workers.taints": ["gpu:NoSchedule", "gpu=yes:NoSchedule"]}),
    # Hosts and roles
    Wrong("pools.workers.hosts[1]", '"w-1": named twice', {"pools.workers.hosts": ["w-1", "w-1", "w-2"]}),
    Wrong("metal.hosts.w-2.address", '"10.89.0.21": also the address of w-1', {"metal.hosts.w-2.address": "10.89.0.21"}),
    Wrong("metal.hosts.w-2.address", "not in network.machines (10.89.0.0/24, 10.90.0.0/24)",
          {"metal.hosts.w-2.address": "10.99.0.21"}),
    Wrong("metal.hosts.w-2.address", "broadcast address of 10.89.0.0/24", {"metal.hosts.w-2.address": "10.89.0.255"}),
    Wrong("pools.workers.hosts[2]", '"w2": not a host of metal.hosts; did you mean w-2?', {"pools.workers.hosts": ["w-1", "w-2", "w2"]}),
    Wrong("metal.hosts.w-9", "used by no role", {"metal.hosts.w-9": {"address": "10.89.0.29"}}),
    Wrong("pools.workers.hosts[0]", '"cp-1": is a control plane', {"pools.workers.hosts": ["cp-1", "w-1", "w-2"]}),
    Wrong("pools.more.hosts[0]", '"w-1": is in pool workers too', {"pools.more": {"hosts": ["w-1"]}}),
    Wrong("pools.control-plane", "the name is taken", {"pools": {"control-plane": {"hosts": ["w-1", "w-2"]}}}),
    Wrong("pools.empty.hosts", "is empty", {"pools.empty": {}}),
    Wrong("pools.workers.max_unavailable", "would take all 2 nodes", {"pools.workers.max_unavailable": 2}),
    Wrong("control_planes.schedulable", "nothing could run", {"control_planes.schedulable": False}, SINGLE),
    Wrong("control_planes.hosts", "2 control planes survive", {"control_planes.hosts": ["cp-1", "cp-2"],
          "metal.hosts.cp-3": REMOVE}, AVAILABLE),
    Wrong("etcd.hosts", "2 members need 2 for a quorum", {"etcd.hosts": ["cp-1", "cp-2"]}, AVAILABLE),
    Wrong("etcd.hosts", "7 members make every write slower", {
        "etcd.hosts": [f"e-{number}" for number in range(7)],
        **{f"metal.hosts.e-{number}": {"address": f"10.0.0.{200 + number}"} for number in range(7)}}, AVAILABLE),
    Wrong("load_balancers.hosts", "1 named; allowed: none, or 2",
          {"load_balancers.hosts": ["lb-1"], "metal.hosts.lb-2": REMOVE}, AVAILABLE),
    Wrong("load_balancers.hosts[1]", '"w-1": is a worker too',
          {"load_balancers.hosts": ["lb-1", "w-1"], "metal.hosts.lb-2": REMOVE}, AVAILABLE),
    Wrong("load_balancers.hosts[1]", '"cp-1": is a control plane too',
          {"load_balancers.hosts": ["lb-1", "cp-1"], "metal.hosts.lb-2": REMOVE}, AVAILABLE),
    Wrong("load_balancers.hosts[0]", '"lb-1": is an etcd member too', {"etcd.hosts": ["lb-1"]}, AVAILABLE),
    Wrong("endpoint", "missing; several control planes", {"endpoint": REMOVE}, AVAILABLE),
    Wrong("endpoint.host", '"10.0.0.11": is the host cp-1', {"endpoint.host": "10.0.0.11"}, AVAILABLE),
    Wrong("endpoint.host", "the virtual address must be of network.machines", {"endpoint.host": "10.7.0.1"}, AVAILABLE),
    Wrong("endpoint.port", "443: the only control plane, cp-1, answers on 6443",
          {"endpoint": {"host": "10.89.0.11", "port": 443}}),
    Wrong("metal.ssh", "private_key_file or agent: true is missing", {"metal.ssh.private_key_file": REMOVE}),
    Wrong("metal.ssh.known_hosts_file", "never trusted unseen", {"metal.ssh.known_hosts_file": REMOVE}),
    # Network plan
    Wrong("network.pods", "overlaps network.machines[0] (\"10.89.0.0/24\"): 10.89.0.0 to 10.89.0.255, 256 addresses",
          {"network.pods": "10.89.0.0/16"}),
    Wrong("network.services", "overlaps network.pods (\"10.244.0.0/16\"): 10.244.16.0 to 10.244.31.255, 4,096",
          {"network.services": "10.244.16.0/20"}),
    Wrong("network.machines[1]", "overlaps network.machines[0]", {"network.machines": ["10.89.0.0/24", "10.89.0.0/25"]}),
    Wrong("network.services", "lies in 127.0.0.0/8, loopback", {"network.services": "127.1.0.0/20"}),
    Wrong("endpoint.host", '"10.244.0.9": is inside network.pods', {"endpoint": {"host": "10.244.0.9"}}),
    Wrong("network.pods", "a /16 split into /26 holds 1,024 nodes; 1,201 asked for; needs a /15",
          {"network.node_prefix": 26, "kubelet": {"max_pods": 60}}, grown(WORKERS, 1200)),
    Wrong("network.node_prefix", "a /14 for each node is larger than the whole", {"network.node_prefix": 14}),
    Wrong("network.node_prefix", "a /8 split into /26 is 18 bits",
          {"network.node_prefix": 26, "network.pods": "11.0.0.0/8", "kubelet.max_pods": 60}),
    Wrong("kubelet.max_pods", "110: a node's range, a /26, holds 62 pods", {"network.node_prefix": 26}),
    Wrong("pools.workers.kubelet.max_pods", "100: a node's range, a /26, holds 62 pods; 100 asked for; lower it to 62 or "
          "set network.node_prefix to 25",
          {"network.node_prefix": 26, "kubelet.max_pods": 50, "pools.workers.kubelet.max_pods": 100}),
    Wrong("kubelet.max_pods", "250: must be at most 110", {"kubelet.max_pods": 250}),
    Wrong("network.services", "a /28 holds about 14 services", {"network.services": "10.96.0.0/28"}),
    Wrong("network.services", "at most 20, a /12", {"network.services": "11.0.0.0/9"}),
    Wrong("network.node_ports", "not a port range", {"network.node_ports": "30000:32767"}),
    Wrong("network.node_ports", "runs backwards: 32767 is above 30000", {"network.node_ports": "32767-30000"}),
    Wrong("network.node_ports", "leaves the ports there are", {"network.node_ports": "60000-70000"}),
    Wrong("network.node_ports", "holds ports that are in use: 6443 (kube-apiserver)", {"network.node_ports": "6000-7000"}),
    Wrong("endpoint.port", "31000: is inside network.node_ports", {"endpoint": {"host": "api.example", "port": 31000}}),
    Wrong("metal.ssh.port", "10250: is the port of kubelet", {"metal.ssh.port": 10250}),
    Wrong("network.mtu", "20000: allowed: 0 (found on each host) or 1280 to 9216", {"network.mtu": 20000}),
    Wrong("network.backend", "needs all nodes in one network, but: cp-1 in 10.89.0.0/24, w-2 in 10.90.0.0/24",
          {"network.backend": "host-gw", "metal.hosts.w-2.address": "10.90.0.22"}),
    Wrong("network.api_allowed", "is empty", {"network.api_allowed": []}),
    # Limits and sizes
    Wrong("pools", "5,002 nodes with the control planes; Kubernetes is tested to 5,000",
          {"network.pods": "172.16.0.0/12", "network.node_prefix": 26, "kubelet.max_pods": 20}, grown(WORKERS, 5001)),
    Wrong("kubelet.max_pods", "1,501 nodes could run 165,110 pods; Kubernetes is tested to 150,000: 99 per node",
          {"network.pods": "172.16.0.0/12", "network.node_prefix": 25}, grown(WORKERS, 1500)),
    Wrong("metal.hosts.w-1.memory", "nothing is left for pods: system_reserved 250Mi + kube_reserved 250Mi + "
          "eviction_hard 1Gi", {f"{HOSTS_W}.memory": "1Gi"}),
    Wrong("metal.hosts.w-1.cpus", "nothing is left for pods: system_reserved 1 + kube_reserved 200m",
          {f"{HOSTS_W}.cpus": 1, "kubelet.system_reserved": {"cpu": 1}}),
    # Versions
    Wrong("kubernetes.version", '"1.99.0": not in the catalogue; allowed: 1.36.3', {"kubernetes.version": "1.99.0"}),
    Wrong("kubernetes.version", 'not a version; allowed: three numbers without a "v"', {"kubernetes.version": "v1.36.3"}),
    Wrong("kubernetes.version", "1.36: not a version", {"kubernetes.version": 1.36}),
    Wrong("kubernetes.etcd", "too old for Kubernetes 1.36.3, which needs 3.6 or later", {"kubernetes.etcd": "3.5.30"}),
    Wrong("kubernetes.containerd", "too old for Kubernetes 1.36.3, which needs 2.0", {"kubernetes.containerd": "1.7.20"}),
    # Leases, mirrors, registries, Helm, access
    Wrong("leader_election.lease", "must be longer than renew (10 s)", {"leader_election.lease": 10}),
    Wrong("leader_election.renew", "must be longer than 1.2 times retry", {"leader_election": {"renew": 6, "retry": 5}}),
    Wrong("artifacts.ca_file", "given without a mirror", {"artifacts.ca_file": "~/ca.crt"}),
    Wrong("registries._default.password", "username and password go together", {"registries._default.username": "me"}),
    Wrong("registries._default.endpoint", "holds a user or password",
          {"registries._default.endpoint": "https://me:hunter2@10.89.0.1"}),
    Wrong("helm_releases.web.chart", "missing; it must be there", {"helm_releases.web": {}}),
    Wrong("helm_releases.web.repository", "missing; the chart is given by its name",
          {"helm_releases.web": {"chart": "nginx", "version": "1.0.0"}}),
    Wrong("helm_releases.web.version", "two deployments could install different charts",
          {"helm_releases.web": {"chart": "nginx", "repository": "https://charts.example"}}),
    Wrong("helm_releases.web.repository", "goes with a chart's name only",
          {"helm_releases.web": {"chart": "./charts/web", "repository": "https://charts.example"}}),
    Wrong("helm_releases", "not a DNS label", {"helm_releases": {"Web": {"chart": "./web"}}}),
    Wrong("helm_releases." + "x" * 60, "at most 53 characters", {"helm_releases": {"x" * 60: {"chart": "./web"}}}),
    Wrong("helm_releases.web.namespace", "no such namespace is made; did you mean team-a?",
          {"helm_releases.web": {"chart": "./web", "namespace": "teama"}, "access.namespaces": {"team-a": {}}}),
    Wrong("access.roles.reader.rules[0].verbs[0]", '"read": unknown; allowed: get',
          {"access.roles.reader": {"rules": [{"resources": ["pods"], "verbs": ["read"]}]}}),
    Wrong("access.bindings.all", "needs exactly one of role", {"access.bindings.all": {"groups": ["dev"]}}),
    Wrong("access.bindings.all", "names nobody", {"access.bindings.all": {"cluster_role": "view"}}),
    Wrong("access.bindings.all.role", '"readr": not in access.roles; did you mean reader?',
          {"access.roles.reader": ROLE, "access.bindings.all": {"role": "readr", "users": ["ada"]}}),
    Wrong("access.bindings.all.namespace", "must be kube-public, the namespace of its role",
          {"access.roles.reader": {"namespace": "kube-public", **ROLE},
           "access.bindings.all": {"role": "reader", "users": ["ada"]}}),
    Wrong("access.bindings.all.service_accounts[0]", '"ci": not a service account; allowed: NAMESPACE/NAME',
          {"access.bindings.all": {"cluster_role": "view", "service_accounts": ["ci"]}}),
    Wrong("access.namespaces.team-a.quota.cpu", '"lots": not a quantity', {"access.namespaces.team-a": {"quota": {"cpu": "lots"}}}),
)  # fmt: skip


def problems(row: Wrong) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(edited(row.base, row.edits))
    return caught.value


def matching(row: Wrong) -> list[str]:
    found = problems(row).problems
    return [str(problem) for problem in found if problem.path == row.path and row.phrase in str(problem)]


@pytest.mark.parametrize("row", WRONG, ids=lambda row: f"{row.path or 'cluster'}: {row.phrase[:40]}")
def test_the_error_names_field_and_reason(row: Wrong) -> None:
    found = problems(row).problems
    assert len(matching(row)) == 1, (
        f"expected one problem of {row.path} with {row.phrase!r}, got:\n{problems(row)}"
    )
    assert len(found) == 1 + row.together_with, f"further problems:\n{problems(row)}"
    assert all("\n" not in str(problem) for problem in found)


def test_every_mistake_has_a_message_of_its_own() -> None:
    lines = [line for row in WRONG for line in matching(row)]
    assert len(WRONG) >= 40
    assert len(set(lines)) == len(lines)


def test_lines_begin_with_the_full_path() -> None:
    for row in WRONG:
        for problem in problems(row).problems:
            assert re.match(r"kubewright:cluster[.:]", str(problem))


def test_all_mistakes_are_told_at_once() -> None:
    """Mistakes of single fields and between fields, in every part of the object, in one go."""
    edits = {
        "nam": "x",
        "network.pods": "10.89.0.0/16",
        "network.node_ports": "6443-6443",
        "kubernetes.version": "0.0.1",
        "pools.workers.labels": {"x y": ""},
        "pools.workers.taints": ["bad"],
        "metal.hosts.w-1.address": "here",
        "metal.hosts.w-2.address": "10.89.0.11",
        "etcd.hosts": ["cp-1", "w-1"],
        "helm_releases.web": {"chart": "nginx"},
    }
    with pytest.raises(SettingsError) as caught:
        load(edited(WORKERS, edits))
    assert [problem.path for problem in caught.value.problems] == [
        "etcd.hosts",
        "helm_releases.web.repository",
        "helm_releases.web.version",
        "kubernetes.version",
        "metal.hosts.w-1.address",
        "metal.hosts.w-2.address",
        "nam",
        "network.node_ports",
        "network.pods",
        "pools.workers.labels",
        "pools.workers.taints[0]",
    ]


def test_bad_items_of_a_list_are_each_reported() -> None:
    with pytest.raises(SettingsError) as caught:
        load(edited(WORKERS, {"pools.workers.taints": [f"bad-{number}" for number in range(12)]}))
    assert len(caught.value.problems) == 12
