"""Tests of bundles: security, completeness, and the effect of changed settings."""

from __future__ import annotations

import json
import re
import socket
import tomllib
from collections import Counter
from dataclasses import replace

import pytest

from assembly import build_topology
from nodeconfig import BundleError, bundles, containerd, pool_bundle
from nodeconfig.bundle import Bundle, File, Identity, Service
from nodeconfig.component import Component, combine_components
from nodeconfig.containerd import hosts_toml
from nodeconfig.render import script
from settings import load
from testkit.bundles import FakeIndex, cluster
from tests.unit.settings.support import HIGHLY_AVAILABLE
from topology.certificates import AUTHORITIES, authorities, leaves
from topology.certificates import trust_bundle as trust_bundle_name
from topology.model import Registry, Role, Topology

TOPOLOGIES = {
    "usual": cluster(),
    "single": cluster(workers=0),
    "own etcd": cluster(etcd=3),
    "iptables": cluster(proxy_mode="iptables", backend="host-gw"),
}


@pytest.fixture(params=TOPOLOGIES)
def topology(request: pytest.FixtureRequest) -> Topology:
    return TOPOLOGIES[request.param]


def unit_flags(bundle: Bundle, name: str) -> dict[str, str]:
    """Return the flags in the command line of a systemd unit, e.g. `name="kubelet"`."""
    content = next(file.content for file in bundle.files if file.path.endswith(f"/{name}.service"))
    return dict(re.findall(r"^  --([a-z0-9-]+)=(.*?)(?: \\)?$", content, re.M))


def bundle_paths(bundle: Bundle) -> set[str]:
    """Return the paths of all files, secret files and artifacts of a bundle."""
    return (
        {item.path for item in bundle.files}
        | {item.path for item in bundle.secrets}
        | {item.path for item in bundle.artifacts}
    )


def json_config(bundle: Bundle, path: str) -> dict[str, object]:
    """Return the content of a JSON file of a bundle."""
    document = json.loads(next(file.content for file in bundle.files if file.path == path))
    assert isinstance(document, dict)
    return document


def test_every_role_of_every_machine_has_a_bundle_in_the_order_of_delivery(
    topology: Topology, index: FakeIndex
) -> None:
    keys = list(bundles(topology, index))
    expected_keys = [(m.name, role) for m in topology.machines for role in Role if role in m.roles]
    assert keys == expected_keys


def test_no_file_has_an_insecure_setting(topology: Topology, index: FakeIndex) -> None:
    for bundle in bundles(topology, index).values():
        for file in bundle.files:
            assert "insecure" not in file.content.lower()
            assert not re.search(r"https?://0\.0\.0\.0", file.content)
            for address in re.findall(r"http://([^/:\s]+)", file.content):
                assert address == "127.0.0.1"


def test_flags_that_must_be_secure(index: FakeIndex) -> None:
    all_bundles = bundles(cluster(), index)
    control_plane, member, node = (
        all_bundles["cp-1", role] for role in (Role.CONTROL_PLANE, Role.ETCD, Role.NODE)
    )
    server = unit_flags(control_plane, "kube-apiserver")
    assert server["authorization-mode"] == "Node,RBAC"
    plugins = server["enable-admission-plugins"].split(",")
    assert {"NodeRestriction", "PodSecurity", "DenyServiceExternalIPs", "LimitRanger"} <= set(plugins)
    assert server["kubelet-certificate-authority"].endswith("/kubelet-serving-ca.crt")
    assert [flag for flag, value in server.items() if "kubelet-serving-ca" in value] == [
        "kubelet-certificate-authority"
    ]
    assert server["encryption-provider-config-automatic-reload"] == "true"
    assert all(url.startswith("https://") for url in server["etcd-servers"].split(","))
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        assert unit_flags(control_plane, name)["profiling"] == "false"
        assert unit_flags(control_plane, name)["tls-min-version"] == "VersionTLS12"
    for name in ("kube-controller-manager", "kube-scheduler"):
        assert unit_flags(control_plane, name)["bind-address"] == "127.0.0.1"
    etcd = unit_flags(member, "etcd")
    assert etcd["client-cert-auth"] == etcd["peer-client-cert-auth"] == "true"
    kubelet = json_config(node, "/etc/kubernetes/kubelet.json")
    assert kubelet["authorization"] == {"mode": "Webhook"}
    assert kubelet["readOnlyPort"] == 0
    assert kubelet["serverTLSBootstrap"] is kubelet["rotateCertificates"] is kubelet["seccompDefault"] is True
    assert json_config(node, "/etc/kubernetes/kube-proxy.json")["metricsBindAddress"] == "127.0.0.1:10249"


def test_only_api_servers_behind_a_load_balancer_stop_with_a_delay(index: FakeIndex) -> None:
    single = unit_flags(bundles(cluster(), index)["cp-1", Role.CONTROL_PLANE], "kube-apiserver")
    assert single["shutdown-watch-termination-grace-period"] == "2s"
    assert "shutdown-delay-duration" not in single
    topology = build_topology(load(HIGHLY_AVAILABLE))
    balanced = unit_flags(bundles(topology, index)["cp-1", Role.CONTROL_PLANE], "kube-apiserver")
    assert balanced["shutdown-watch-termination-grace-period"] == "10s"
    assert balanced["shutdown-delay-duration"] == "10s"


def test_containerd_trusts_the_authority_of_a_mirror_and_asks_no_other_server() -> None:
    """A table `host` would make upstream's registry the fallback of the mirror."""
    registry = Registry("r.example:5000", "https://mirror.example", "-----CA-----\n", "")
    assert tomllib.loads(hosts_toml(registry, "Basic eDp5")) == {
        "server": "https://mirror.example",
        "capabilities": ["pull", "resolve"],
        "ca": "/etc/containerd/certs.d/r.example_5000_/ca.crt",
        "header": {"Authorization": "Basic eDp5"},
    }
    directory = "/etc/containerd/certs.d/r.example_5000_"
    found = containerd.component(replace(cluster(), registries=(registry,)))
    assert {f"{directory}/{name}" for name in ("ca.crt", "hosts.toml")} <= {file.path for file in found.files}
    # The host removes the directory with its files when the stack no longer has the registry.
    assert directory in {item.path for item in found.directories}


def test_anonymous_requests_reach_only_health_checks(index: FakeIndex) -> None:
    all_bundles = bundles(cluster(), index)
    anonymous = json_config(all_bundles["cp-1", Role.CONTROL_PLANE], "/etc/kubernetes/authentication.json")[
        "anonymous"
    ]
    assert isinstance(anonymous, dict)
    assert {rule["path"] for rule in anonymous["conditions"]} == {"/livez", "/readyz", "/healthz"}
    assert json_config(bundles(cluster(), index)["w-1", Role.NODE], "/etc/kubernetes/kubelet.json")[
        "authentication"
    ] == {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": "/etc/kubernetes/pki/kubernetes-ca.crt"},
    }


def test_secrets_come_from_the_certificate_table_and_private_files_have_mode_0600(
    topology: Topology, index: FakeIndex
) -> None:
    names = {item.name for item in authorities(topology)} | {item.name for item in leaves(topology)}
    known = {f"{name}.{kind}" for name in names for kind in ("crt", "key")}
    known |= {f"{trust_bundle_name(name)}.crt" for name in AUTHORITIES.values()}
    known |= {"service-account.key", "service-account.pub", "encryption.yaml", "bootstrap.token"}
    for bundle in bundles(topology, index).values():
        for item in bundle.secrets:
            assert item.secret in known
            if not item.secret.endswith((".crt", ".pub")):
                assert item.mode == 0o600


def test_only_control_planes_have_keys_of_authorities(topology: Topology, index: FakeIndex) -> None:
    for (_, role), bundle in bundles(topology, index).items():
        keys = {item.secret for item in bundle.secrets if item.secret.endswith("-ca.key")}
        signing = {"kubernetes-ca.key", "kubelet-serving-ca.key"}
        assert keys == (signing if role is Role.CONTROL_PLANE else set())


def test_files_that_services_watch_are_in_a_bundle_of_their_host(
    topology: Topology, index: FakeIndex
) -> None:
    by_host: dict[str, set[str]] = {}
    all_bundles = bundles(topology, index)
    for (host, _), bundle in all_bundles.items():
        by_host.setdefault(host, set()).update(bundle_paths(bundle))
    for (host, _), bundle in all_bundles.items():
        for service in bundle.services:
            assert set(service.restart_on) <= by_host[host], service.unit
        assert set(bundle.drain_on) <= by_host[host]


def test_programs_that_units_start_are_in_a_bundle(topology: Topology, index: FakeIndex) -> None:
    for bundle in bundles(topology, index).values():
        delivered_paths = bundle_paths(bundle)
        for file in bundle.files:
            for program in re.findall(r"^Exec\w+=[-+]*(/usr/local/\S+)", file.content, re.M):
                assert program in delivered_paths or program.rsplit("/", 1)[0] in delivered_paths


def test_settings_of_the_host_are_delivered_once_with_its_first_role(
    topology: Topology, index: FakeIndex
) -> None:
    all_bundles = bundles(topology, index)
    units = [(host, service.unit) for (host, _), bundle in all_bundles.items() for service in bundle.services]
    assert max(Counter(units).values()) == 1
    first_bundles: dict[str, Bundle] = {}
    for (host, _), bundle in all_bundles.items():
        first_bundles.setdefault(host, bundle)
    assert all(b.services[0].unit == "systemd-sysctl.service" for b in first_bundles.values())


def test_workers_of_a_pool_share_one_bundle_that_has_no_names(index: FakeIndex) -> None:
    topology = cluster(workers=2)
    pool = next(pool for pool in topology.pools if pool.name == "workers")
    shared = pool_bundle(topology, pool, index)
    all_bundles = bundles(topology, index)
    assert all_bundles["w-1", Role.NODE] == all_bundles["w-2", Role.NODE] == shared
    text = script(shared, Identity("NAME", "ADDRESS"))
    for word in ("w-1", "w-2", "10.9.0.21", "10.9.0.22"):
        assert word not in text


def test_an_added_worker_changes_no_other_host(index: FakeIndex) -> None:
    before, after = bundles(cluster(workers=2), index), bundles(cluster(workers=3), index)
    assert {key: after[key] for key in before} == before


def test_one_changed_kubelet_setting_is_one_changed_line(index: FakeIndex) -> None:
    identity = Identity("w-1", "10.9.0.21")
    worker_bundles = (bundles(cluster(max_pods=pods), index)["w-1", Role.NODE] for pods in (110, 90))
    before, after = (script(bundle, identity).splitlines() for bundle in worker_bundles)
    assert len(before) == len(after)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [('  "maxPods": 110,', '  "maxPods": 90,')]


def test_a_changed_kubelet_setting_restarts_only_the_kubelet_and_drains_no_node(index: FakeIndex) -> None:
    bundle = bundles(cluster(), index)["w-1", Role.NODE]
    path = "/etc/kubernetes/kubelet.json"
    assert [service.unit for service in bundle.services if path in service.restart_on] == ["kubelet.service"]
    assert path not in bundle.drain_on
    assert bundle.drain


def test_a_cluster_of_one_node_is_never_drained(index: FakeIndex) -> None:
    assert not bundles(cluster(workers=0), index)["cp-1", Role.NODE].drain


def test_members_of_a_new_etcd_do_not_wait_for_each_other(index: FakeIndex) -> None:
    def service(bundle: Bundle) -> Service:
        return next(service for service in bundle.services if service.unit == "etcd.service")

    alone = service(bundles(cluster(), index)["cp-1", Role.ETCD]).ready
    several = service(bundles(cluster(etcd=3), index)["e-0", Role.ETCD])
    assert "listens" not in alone
    assert "listens 2380" in several.ready
    # The host decides on the membership with which a member starts, so no flag sets the membership.
    flags = unit_flags(bundles(cluster(etcd=3), index)["e-0", Role.ETCD], "etcd")
    assert not {"initial-cluster", "initial-cluster-state"} & flags.keys()


def test_an_added_member_changes_the_list_of_peers_and_restarts_no_other_member(index: FakeIndex) -> None:
    three, five = (bundles(cluster(etcd=count), index)["e-0", Role.ETCD] for count in (3, 5))
    changed = {file.path for file in {*three.files} ^ {*five.files}}
    etcd = next(service for service in five.services if service.unit == "etcd.service")
    assert "/etc/etcd/peers" in changed
    assert not changed & {*etcd.restart_on}
    assert not [path for path in changed if path.endswith(".service")]


def test_components_of_a_control_plane_use_the_api_server_on_the_same_host(index: FakeIndex) -> None:
    all_bundles = bundles(cluster(), index)
    for (host, _), bundle in all_bundles.items():
        for file in bundle.files:
            if file.path.endswith(".conf") and file.path.startswith("/etc/kubernetes"):
                server = "https://127.0.0.1:6443" if host == "cp-1" else "https://10.9.0.11:6443"
                assert json.loads(file.content)["clusters"][0]["cluster"]["server"] == server


def test_proxy_mode_and_backend_reach_every_component(index: FakeIndex) -> None:
    node = bundles(TOPOLOGIES["iptables"], index)["w-1", Role.NODE]
    assert json_config(node, "/etc/kubernetes/kube-proxy.json")["mode"] == "iptables"
    network = json_config(node, "/etc/kube-flannel/net-conf.json")
    assert network["Backend"] == {"Type": "host-gw"}
    assert network["EnableNFTables"] is False
    conflist = next(file.content for file in node.files if file.path.endswith("write-conflist"))
    assert '"backend": "iptables"' in conflist


def test_different_contents_at_one_path_raise_an_error() -> None:
    one, two = Component(files=(File("/etc/x", "1\n"),)), Component(files=(File("/etc/x", "2\n"),))
    assert combine_components((one, one)) == one
    with pytest.raises(BundleError, match="/etc/x"):
        combine_components((one, two))


def test_nft_has_names_of_protocols_on_hosts_without_etc_protocols(index: FakeIndex) -> None:
    """Without names of protocols, a restarted kube-proxy deletes the nftables elements of all services."""
    node = bundles(cluster(), index)["w-1", Role.NODE]
    content = next(file.content for file in node.files if file.path == "/usr/local/lib/kubewright/protocols")
    numbers = {line.split()[0]: int(line.split()[1]) for line in content.splitlines()}
    assert {name: socket.getprotobyname(name) for name in numbers} == numbers
    assert {"tcp", "udp", "sctp"} <= set(numbers)
    proxy = next(file.content for file in node.files if file.path.endswith("/kube-proxy.service"))
    assert "ln -sf /usr/local/lib/kubewright/protocols /etc/protocols" in proxy
