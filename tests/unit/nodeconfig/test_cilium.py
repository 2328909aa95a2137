"""Tests of nodes whose pods Cilium connects (`network.cni: cilium`)."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artifacts.catalogue import OPTIONAL_IMAGES, images_of
from artifacts.mirror import optional_artifacts, optional_images
from nodeconfig import bundles, cilium
from nodeconfig.bundle import Bundle, Identity, RequiredKernel
from nodeconfig.render import script
from testkit.bundles import FakeIndex, cluster
from testkit.host import MINIMAL_BUNDLE, EmulatedHost
from topology.firewall_rules import rules_for
from topology.model import Role, Topology
from topology.ports import Protocol

UNIT = "kubewright-cilium.service"
IMAGES = ("quay.io/cilium/cilium:v1.20.3", "quay.io/cilium/operator-generic:v1.20.3")
SYSCTLS = "/etc/sysctl.d/99-zzz-override_cilium.conf"


def node(**network: Any) -> Bundle:  # noqa: ANN401 - settings
    return bundles(cluster(**network), FakeIndex())["w-1", Role.NODE]


def units(bundle: Bundle) -> set[str]:
    return {service.unit for service in bundle.services}


def content(bundle: Bundle, path: str) -> str:
    """Return the file of a bundle at a path."""
    (text,) = (file.content for file in bundle.files if file.path == path)
    return text


def test_node_has_the_preparation_and_nothing_of_flannel() -> None:
    flannel, own = node(), node(cni="cilium")
    assert units(flannel) - units(own) == {"flanneld.service", "kube-router.service"}
    assert units(own) - units(flannel) == {UNIT}
    assert "kube-proxy.service" in units(own)
    assert not {"flanneld", "kube-router", "ipset"} & {artifact.name for artifact in own.artifacts}
    assert not [file.path for file in own.files if "flannel" in file.path or "conflist" in file.path]


def test_node_has_no_kube_proxy_if_cilium_replaces_it() -> None:
    replaced = node(cni="cilium", cilium={"kube_proxy_replacement": True})
    assert "kube-proxy.service" not in units(replaced)
    assert "kube-proxy" not in {artifact.name for artifact in replaced.artifacts}
    assert not [file.path for file in replaced.files if "kube-proxy" in file.path]
    assert not [file.path for file in replaced.secrets if "kube-proxy" in file.path]


def test_file_systems_are_mounted_before_services_start() -> None:
    unit = content(node(cni="cilium"), f"/etc/systemd/system/{UNIT}")
    assert "\nBefore=sysinit.target\n" in unit


@pytest.mark.parametrize(
    ("replaced", "plugins"), [(False, {"cni-loopback", "cni-portmap"}), (True, {"cni-loopback"})]
)
def test_plugin_of_cilium_comes_before_those_of_upstream(replaced: bool, plugins: set[str]) -> None:
    bundle = node(cni="cilium", cilium={"kube_proxy_replacement": replaced})
    assert {artifact.name for artifact in bundle.artifacts if artifact.name.startswith("cni-")} == plugins
    config = content(bundle, "/etc/containerd/config.toml")
    assert 'bin_dirs = ["/opt/cni/bin", "/usr/local/lib/kubewright/cni"]\n' in config
    assert "/opt/cni/bin" in [directory.path for directory in bundle.directories]


def test_only_clusters_with_cilium_need_its_images() -> None:
    topology = cluster(cni="cilium", cilium={"version": "1.20.3"})
    assert optional_images(topology) == IMAGES
    assert optional_images(cluster()) == ()
    assert optional_artifacts(topology) == ("iproute",)
    assert {*optional_images(cluster(cni="cilium"))} == {*images_of("cilium")} <= {*OPTIONAL_IMAGES}


def test_reverse_path_filter_is_off_on_nodes_only() -> None:
    topology = cluster(cni="cilium", etcd=3)
    result = bundles(topology, FakeIndex())
    assert "net.ipv4.conf.all.rp_filter = 0\n" in content(result["w-1", Role.NODE], SYSCTLS)
    assert SYSCTLS not in [file.path for file in result["e-1", Role.ETCD].files]
    assert SYSCTLS not in [file.path for file in node().files]


def test_delivery_waits_longer_for_a_node_that_pulls_the_agent() -> None:
    def timeout(bundle: Bundle) -> int:
        (kubelet,) = (item for item in bundle.services if item.unit == "kubelet.service")
        assert "without-network" not in kubelet.ready
        return kubelet.timeout

    assert timeout(node(cni="cilium")) == 900
    assert timeout(node()) == 180


@pytest.mark.parametrize(("mode", "is_open"), [("tunnel", True), ("native", False)])
def test_ports_of_cilium_are_open(mode: str, is_open: bool) -> None:
    topology = cluster(cni="cilium", cilium={"routing_mode": mode})
    ports = {(rule.protocol, rule.first): rule.purpose for rule in rules_for(topology, [Role.NODE])}
    assert ((Protocol.UDP, 8472) in ports) is is_open
    assert (Protocol.TCP, 4240) in ports
    assert (Protocol.TCP, 4244) not in ports, "Hubble has no certificates"
    assert "flannel vxlan" not in ports.values()
    flannel = {rule.first for rule in rules_for(cluster(), [Role.NODE])}
    assert 4240 not in flannel


@pytest.mark.parametrize(
    ("table", "mounted"),
    [
        ("bpf /sys/fs/bpf bpf rw 0 0\n", ["cgroup2 none /run/cilium/cgroupv2"]),
        (
            "none /run/cilium/cgroupv2 cgroup2 rw 0 0\n",
            ["bpf -o mode=0700 bpf /sys/fs/bpf"],
        ),
        (
            "tmpfs /sys/fs/bpf tmpfs rw 0 0\n",
            ["bpf -o mode=0700 bpf /sys/fs/bpf", "cgroup2 none /run/cilium/cgroupv2"],
        ),
    ],
)
def test_only_missing_file_systems_are_mounted(
    tmp_path: Path, shell: tuple[str, ...], table: str, mounted: list[str]
) -> None:
    mounts, calls = tmp_path / "mounts", tmp_path / "calls"
    mounts.write_text(table)
    program = cilium._preparation().replace("/proc/self/mounts", str(mounts))
    fakes = f'mount() {{ echo "$*" >>{calls}; }}\nmkdir() {{ :; }}\n'
    subprocess.run([*shell, "-c", fakes + program], check=True, timeout=10)
    lines = calls.read_text().splitlines()
    assert [line.removeprefix("-t ") for line in lines if line.startswith("-t")] == mounted
    assert [line for line in lines if line.startswith("--make-shared")] == [
        "--make-shared /sys/fs/bpf",
        "--make-shared /run/cilium/cgroupv2",
    ]


INTERFACES = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
  eth0: 1296 16 0 0 0 0 0 0 1296 16 0 0
cilium_vxlan: 1296 16 0 0 0 0 0 0 1296 16 0 0
cilium_host:1296 16 0 0 0 0 0 0 1296 16 0 0
"""
RULES = """\
*filter
:CNI-DN-1 - [0:0]
-A INPUT -j CILIUM_INPUT
-A OUTPUT -j CNI-HOSTPORT-DNAT
-A INPUT -j OTHER
COMMIT
"""


class CiliumHost:
    """A directory with the state of Cilium and with fake programs in the directories of artifacts.

    Busybox prefers its own programs to those on PATH, so `umount` is a function.
    """

    def __init__(self, root: Path, shell: tuple[str, ...]) -> None:
        self.root, self.shell, self.calls = root, shell, root / "calls"
        self.enabled = root / "etc/systemd/system/multi-user.target.wants" / UNIT
        self.enabled.parent.mkdir(parents=True)
        for path in ("sys/fs/bpf/cilium", "sys/fs/bpf/tc/globals", "run/cilium/state", "etc/cni/net.d"):
            (root / path).mkdir(parents=True)
        (root / "etc/cni/net.d/05-cilium.conflist").touch()
        (root / "proc/net").mkdir(parents=True)
        (root / "proc/net/dev").write_text(INTERFACES)
        (root / "rules").write_text(RULES)
        self.add_program("iproute/ip", f'echo "ip $*" >>{self.calls}')
        self.add_program("netfilter/iptables-save", f"cat {root}/rules")
        self.add_program("netfilter/iptables-restore", f"sed 's/^/restored: /' >>{self.calls}")

    def add_program(self, name: str, text: str) -> None:
        path = self.root / "usr/local/lib/kubewright" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def remove(self, bundle: Bundle) -> list[str]:
        """Run the removal of a bundle. Return the calls of programs."""
        program = content(bundle, "/usr/local/lib/kubewright/cilium-remove")
        for path in ("/usr/local/lib/kubewright/", "/etc/", "/sys/", "/proc/", "/run/"):
            program = program.replace(path, f"{self.root}{path}")
        fake = f'umount() {{ echo "umount $*" >>{self.calls}; }}\n'
        subprocess.run([*self.shell, "-c", fake + program], check=True, timeout=10)
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def host(tmp_path: Path, shell: tuple[str, ...]) -> CiliumHost:
    return CiliumHost(tmp_path, shell)


def test_removal_keeps_the_state_of_a_unit_that_only_stops(host: CiliumHost) -> None:
    host.enabled.symlink_to("unit")
    assert host.remove(node(cni="cilium")) == []
    assert (host.root / "sys/fs/bpf/cilium").exists()
    assert (host.root / "run/cilium/state").exists()


def test_removal_removes_what_cilium_leaves_on_a_host(host: CiliumHost) -> None:
    calls = host.remove(node(cni="cilium"))
    assert [call for call in calls if call.startswith("ip ")] == [
        "ip link delete cilium_vxlan",
        "ip link delete cilium_host",
    ]
    rules = ["restored: *filter", "restored: -A INPUT -j OTHER", "restored: COMMIT"]
    assert [call for call in calls if call.startswith("restored")] == 4 * rules
    assert calls[-1] == f"umount -l {host.root}/run/cilium/cgroupv2"
    for path in ("sys/fs/bpf/cilium", "sys/fs/bpf/tc/globals", "run/cilium"):
        assert not (host.root / path).exists()
    assert not (host.root / "etc/cni/net.d/05-cilium.conflist").exists()


def test_removal_deletes_the_routes_to_pods_of_other_nodes(host: CiliumHost) -> None:
    host.add_program(
        "iproute/ip",
        f'echo "ip $*" >>{host.calls}\n'
        "case $* in *show*) printf '%s\\n' '10.244.1.0/24 via 10.9.0.22 dev eth0 '"
        " '10.244.2.0/24 dev cilium_host scope link ' ;; esac",
    )
    calls = host.remove(node(cni="cilium", cilium={"routing_mode": "native"}))
    assert [call for call in calls if " route " in call] == [
        "ip -4 route show root 10.244.0.0/16 proto kernel",
        "ip -4 route delete 10.244.1.0/24 via 10.9.0.22 proto kernel",
    ]


def test_removal_asks_for_no_routes_with_tunnels(host: CiliumHost) -> None:
    assert not [call for call in host.remove(node(cni="cilium")) if " route " in call]


def test_removal_needs_no_network_tools_of_the_host() -> None:
    bundle = node(cni="cilium")
    paths = {artifact.name: artifact.path for artifact in bundle.artifacts}
    assert paths["iproute"] == "/usr/local/lib/kubewright/iproute"
    assert paths["netfilter"] == "/usr/local/lib/kubewright/netfilter"
    assert not {"iproute"} & {artifact.name for artifact in node().artifacts}


def with_release(directory: Path, shell: str, release: str) -> EmulatedHost:
    """Return a host with a release of Linux."""
    emulated = EmulatedHost(directory, shell)
    emulated.add_program("uname", f'#!/bin/sh\n[ "$1" != -r ] || {{ echo {release}; exit; }}\necho w-1\n')
    return emulated


NEEDS_KERNEL = replace(MINIMAL_BUNDLE, required_kernels=(RequiredKernel("5.11", "update it, or don't"),))
"""A bundle with one file."""


@pytest.mark.parametrize("login_shell", ["dash", "bash"])
@pytest.mark.parametrize("release", ["5.10.0-28-amd64", "4.18.0-553.el8_10.x86_64", "5.4-rc1"])
def test_host_with_an_earlier_kernel_is_refused_before_it_changes(
    tmp_path: Path, login_shell: str, release: str
) -> None:
    emulated = with_release(tmp_path, login_shell, release)
    result = emulated.deliver(NEEDS_KERNEL)
    assert result.returncode == 1
    assert result.stderr == f"kubewright: w-1: this host has Linux {release}; update it, or don't\n"
    assert not emulated.path("/etc/a/a.conf").exists()
    assert emulated.calls() == []


@pytest.mark.parametrize("release", ["5.11.0", "5.15.0-1064-azure", "6.1-rc8+", "10.2.7"])
def test_host_with_a_later_kernel_is_accepted(tmp_path: Path, release: str) -> None:
    assert with_release(tmp_path, "dash", release).deliver(NEEDS_KERNEL).returncode == 0


def test_first_delivery_to_each_node_requires_the_kernel_of_cilium() -> None:
    def requiring(topology: Topology) -> set[tuple[str, Role]]:
        found = bundles(topology, FakeIndex())
        return {key for key, bundle in found.items() if "requires_kernel 5.11" in text_of(bundle)}

    def text_of(bundle: Bundle) -> str:
        return script(bundle, Identity("x", "10.9.0.21"))

    control_planes, workers = {("cp-1", Role.CONTROL_PLANE)}, {("w-1", Role.NODE), ("w-2", Role.NODE)}
    assert requiring(cluster(cni="cilium", etcd=3)) == control_planes | workers
    assert requiring(cluster(etcd=3)) == set()
