"""Tests of new hosts on which the cluster would not work: other packet filters, SELinux."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from artifacts.relocatable import pack
from nodeconfig.bundle import Artifact, Bundle, File
from testkit.host import MINIMAL_BUNDLE, EmulatedHost

OWN_TABLE = """\
table inet kubewright {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t}
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t}
}
"""
OTHERS = """\
table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority filter; policy accept;
\t}
\tchain FORWARD {
\t\ttype filter hook forward priority filter; policy accept;
\t}
}
table ip nat {
\tchain PREROUTING {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t}
}
"""
PORTS = """\
table inet kubewright {
  chain input {
    type filter hook input priority filter; policy drop;
    tcp dport 22 accept comment "SSH: deployment"
    ip saddr 10.9.0.21/32 tcp dport 2379 accept comment "etcd clients"
    ip saddr 10.9.0.0/24 tcp dport 6443 accept comment "Kubernetes API"
    ip saddr 10.244.0.0/16 tcp dport 6443 accept comment "Kubernetes API"
    ip saddr 10.9.0.0/24 tcp dport 10250 accept comment "kubelet: logs, exec, metrics"
    tcp dport 30000-32767 accept comment "services of type NodePort"
  }
}
"""
"""The packet filter of a host whose etcd has no clients on other hosts."""
INSTALLED = "/etc/a/a.conf"


def dropping(table: str) -> str:
    """Return a table of nftables that drops forwarded packets."""
    chain = "type filter hook forward priority filter; policy drop;"
    return f"table {table} {{\n\tchain FORWARD {{\n\t\t{chain}\n\t}}\n}}\n"


def routed(*rules: str) -> str:
    """Return a table with a chain of forwarded packets that has these rules, as nft prints it."""
    lines = ("type filter hook forward priority filter + 10; policy accept;", *rules)
    return "table inet site {\n\tchain routed {\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t}\n}\n"


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


NFT = """\
#!/bin/sh
[ "$*" = '--stateless list ruleset' ] || exit 9
case $0 in */var/lib/kubewright/artifacts/*) ;; *) echo 'Permission denied' >&2; exit 126 ;; esac
"""
"""An nft that runs only from the place where artifacts are stored, as on a host whose /run is `noexec`."""


def bundle_with_rules(directory: Path, rules: str, *, end: str = "") -> Bundle:
    """Return a bundle with an nft that prints rules and ends with a line of sh."""
    (directory / "netfilter").mkdir()
    program = directory / "netfilter" / "nft"
    program.write_text(f"{NFT}cat <<'EOF'\n{rules}EOF\n{end}\n")
    program.chmod(0o755)
    archive = directory / "netfilter.tar"
    pack(directory / "netfilter", archive)
    digest = sha256(archive.read_bytes()).hexdigest()
    artifact = Artifact("netfilter", archive.as_uri(), digest, "/usr/local/lib/kubewright/netfilter", "*")
    files = (*MINIMAL_BUNDLE.files, File("/etc/kubewright/firewall.nft", PORTS))
    return replace(MINIMAL_BUNDLE, artifacts=(artifact,), files=files)


def write(host: EmulatedHost, path: str, text: str) -> None:
    host.path(path).parent.mkdir(parents=True)
    host.path(path).write_text(text)


def expect_refusal(host: EmulatedHost, bundle: Bundle, *words: str) -> None:
    """Check that the host refuses a bundle with these words and has no file of the bundle."""
    result = host.deliver(bundle)
    assert result.returncode == 1
    assert result.stderr.startswith("kubewright: w-1: ")
    for word in words:
        assert word in result.stderr
    assert not host.path(INSTALLED).exists()


@pytest.mark.parametrize("priority", ["filter", "-10"])
def test_chain_that_drops_forwarded_packets_is_refused(
    host: EmulatedHost, tmp_path: Path, priority: str
) -> None:
    chain = f"type filter hook forward priority {priority}; policy drop;"
    chains = f"{OTHERS}table inet site {{\n\tchain routed {{\n\t\t{chain}\n\t}}\n}}\n"
    expect_refusal(host, bundle_with_rules(tmp_path, chains), "table inet site, chain routed", "remove the")


def test_all_chains_that_drop_forwarded_packets_are_in_one_line(host: EmulatedHost, tmp_path: Path) -> None:
    expect_refusal(
        host,
        bundle_with_rules(tmp_path, dropping("ip filter") + dropping("bridge site")),
        "block the cluster: table ip filter, chain FORWARD; table bridge site, chain FORWARD; Kubewright",
    )


@pytest.mark.parametrize(
    "rule",
    [
        *("drop", "counter drop", "reject", "counter reject with icmpx admin-prohibited"),
        *('drop comment "all others"', 'log prefix "routed " drop'),
    ],
)
def test_chain_whose_rule_drops_all_forwarded_packets_is_refused(
    host: EmulatedHost, tmp_path: Path, rule: str
) -> None:
    rules = routed("ip saddr 192.0.2.0/24 accept", rule)
    expect_refusal(host, bundle_with_rules(tmp_path, rules), "cluster: table inet site, chain routed; Kube")


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(("ip saddr 192.0.2.1 drop", "counter ip saddr 192.0.2.2 reject"), id="condition"),
        pytest.param(("accept", "}", "chain other {", "drop"), id="chain without a hook"),
    ],
)
def test_rules_that_drop_some_packets_are_no_problem(
    host: EmulatedHost, tmp_path: Path, rules: tuple[str, ...]
) -> None:
    assert host.deliver(bundle_with_rules(tmp_path, routed(*rules))).returncode == 0


@pytest.mark.parametrize("others", [OTHERS, OWN_TABLE, dropping("ip6 filter")], ids=["accept", "own", "IPv6"])
def test_other_chains_are_no_problem(host: EmulatedHost, tmp_path: Path, others: str) -> None:
    """Test also that the table of an interrupted delivery does not count."""
    assert host.deliver(bundle_with_rules(tmp_path, others)).returncode == 0
    assert host.path(INSTALLED).exists()


def test_unreadable_packet_filter_is_refused(host: EmulatedHost, tmp_path: Path) -> None:
    bundle = bundle_with_rules(tmp_path, "", end="echo 'no netlink' >&2; exit 1")
    expect_refusal(host, bundle, "nft cannot read the packet filter of this host: no netlink")


def test_firewalld_is_refused(host: EmulatedHost) -> None:
    (host.fake / "active.firewalld").touch()
    expect_refusal(host, MINIMAL_BUNDLE, "firewalld", "systemctl disable --now firewalld")


def test_ufw_is_refused_if_it_is_enabled(host: EmulatedHost) -> None:
    write(host, "/etc/ufw/ufw.conf", "# comment\nENABLED=yes\nLOGLEVEL=low\n")
    expect_refusal(host, MINIMAL_BUNDLE, "ufw", "ufw disable")
    host.path("/etc/ufw/ufw.conf").write_text("ENABLED=no\n")
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0


def test_selinux_is_refused_if_it_is_enforcing(host: EmulatedHost) -> None:
    write(host, "/sys/fs/selinux/enforce", "1")
    expect_refusal(host, MINIMAL_BUNDLE, "SELinux is enforcing", "SELINUX=permissive")
    host.path("/sys/fs/selinux/enforce").write_text("0")
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0


def test_existing_hosts_are_not_checked(host: EmulatedHost) -> None:
    assert host.deliver(MINIMAL_BUNDLE).returncode == 0
    (host.fake / "active.firewalld").touch()
    assert host.deliver(replace(MINIMAL_BUNDLE, files=())).returncode == 0
