"""Tests of changes that a host refuses: unsupported version changes, restarts without quorum, blocked
drains.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodeconfig.bundle import Artifact, Bundle, File, SecretFile, Service
from nodeconfig.render import reset_script
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

UNIT = "/etc/systemd/system/etcd.service"
MINOR = "/etc/kubewright/kubelet-minor"


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


def bundle_with_version(role: Role, component: str, version: str) -> Bundle:
    """Return a bundle with a version, and with a unit that changes when the version changes."""
    unit = File(UNIT, f"[Service]\n# {version}\n") if role is Role.ETCD else File("/etc/a", f"{version}\n")
    services = (Service("etcd.service", timeout=2),) if role is Role.ETCD else ()
    return Bundle(
        role=role,
        program=PROGRAM,
        files=(unit,),
        secrets=(),
        artifacts=(),
        services=services,
        versions=((component, version),),
    )


def write_program(host: EmulatedHost, path: str, text: str) -> None:
    host.path(path).parent.mkdir(parents=True, exist_ok=True)
    host.path(path).write_text(f"#!/bin/sh\n{text}\n")
    host.path(path).chmod(0o755)


def write_etcd_member(host: EmulatedHost, text: str) -> None:
    write_program(host, "/usr/local/lib/kubewright/etcd-member", text)


@pytest.mark.parametrize(
    ("role", "component", "old", "new", "reason"),
    [
        (Role.CONTROL_PLANE, "kubernetes", "1.34.2", "1.36.3", "cannot become 1.36.3 in one step"),
        (Role.CONTROL_PLANE, "kubernetes", "1.36.3", "1.35.6", "is not supported"),
        (Role.NODE, "kubernetes", "1.36.3", "1.35.6", "is not supported"),
        (Role.ETCD, "etcd", "3.7.3", "3.6.16", "is not supported"),
        (Role.ETCD, "etcd", "3.5.30", "3.7.3", "cannot become 3.7.3 in one step"),
    ],
)
def test_refused_version_steps_change_nothing(
    host: EmulatedHost, role: Role, component: str, old: str, new: str, reason: str
) -> None:
    assert host.deliver(bundle_with_version(role, component, old)).returncode == 0
    before = {path: path.read_bytes() for path in host.root.rglob("*") if path.is_file()}
    host.calls()
    write_etcd_member(host, "exit 0")
    result = host.deliver(bundle_with_version(role, component, new))
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"kubewright: w-1: {component} {old} ")
    assert reason in lines[0]
    assert host.calls() == []
    write_etcd_member(host, "exit 0")
    host.path("/usr/local/lib/kubewright/etcd-member").unlink()
    assert {path: path.read_bytes() for path in host.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("role", "old", "new"),
    [
        (Role.CONTROL_PLANE, "1.35.6", "1.36.3"),
        (Role.CONTROL_PLANE, "1.36.3", "1.36.1"),
        (Role.NODE, "1.33.0", "1.36.3"),
    ],
)
def test_supported_version_steps_are_taken(host: EmulatedHost, role: Role, old: str, new: str) -> None:
    assert host.deliver(bundle_with_version(role, "kubernetes", old)).returncode == 0
    result = host.deliver(bundle_with_version(role, "kubernetes", new))
    assert result.returncode == 0, result.stderr


def test_an_interrupted_version_step_is_remembered(host: EmulatedHost) -> None:
    """The host installed version 1.36, which did not become healthy. A change to 1.35 is then a step back,
    although the record of the host still has 1.35.
    """
    host.deliver(bundle_with_version(Role.CONTROL_PLANE, "kubernetes", "1.35.6"))
    unhealthy = replace(
        bundle_with_version(Role.CONTROL_PLANE, "kubernetes", "1.36.3"),
        services=(Service("a.service", ready="false", timeout=1),),
    )
    assert host.deliver(unhealthy).returncode != 0
    assert (
        "a step back" in host.deliver(bundle_with_version(Role.CONTROL_PLANE, "kubernetes", "1.35.6")).stderr
    )


def test_etcd_3_7_joins_only_members_of_a_late_3_6(host: EmulatedHost) -> None:
    host.deliver(bundle_with_version(Role.ETCD, "etcd", "3.6.16"))
    write_etcd_member(host, '[ "$1" != versions ] || printf "a 3.6.16\\nb 3.6.9\\n"')
    result = host.deliver(bundle_with_version(Role.ETCD, "etcd", "3.7.3"))
    assert result.returncode == 1
    assert "etcd cannot become 3.7.3 while member b is at 3.6.9" in result.stderr
    write_etcd_member(host, '[ "$1" != versions ] || printf "a 3.6.16\\nb 3.7.3\\nc 3.6.11\\n"')
    assert host.deliver(bundle_with_version(Role.ETCD, "etcd", "3.7.3")).returncode == 0


def test_etcd_does_not_restart_while_another_member_is_unavailable(host: EmulatedHost) -> None:
    old = bundle_with_version(Role.ETCD, "etcd", "3.7.2")
    host.deliver(old)
    write_etcd_member(host, 'echo "kubewright: w-1: etcd: member c does not serve" >&2; [ "$1" != others ]')
    host.calls()
    result = host.deliver(bundle_with_version(Role.ETCD, "etcd", "3.7.3"))
    assert result.returncode == 1
    assert "member c does not serve" in result.stderr
    assert host.calls() == []
    # A change without a restart is allowed: the list of peers without the lost member.
    peers = replace(old, files=(*old.files, File("/etc/etcd/peers", "x\n")))
    assert host.deliver(peers).returncode == 0


def etcd_with_certificate(artifact: Artifact) -> Bundle:
    """Return a bundle of etcd with a certificate, whose content is the secret `token`, and its program."""
    bundle = bundle_with_version(Role.ETCD, "etcd", "3.7.3")
    certificate = SecretFile("/etc/etcd/pki/server.crt", "token")
    return replace(bundle, secrets=(certificate,), artifacts=(artifact,))


def stored_artifact(host: EmulatedHost, name: str, content: str) -> Artifact:
    """Return an artifact that the host has already stored, so that it downloads nothing."""
    digest = sha256(content.encode()).hexdigest()
    stored = host.path(f"/var/lib/kubewright/artifacts/{digest}/{name}")
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(content)
    return Artifact(name, f"https://none/{name}", digest, f"/usr/local/lib/kubewright/bin/{name}")


@pytest.mark.parametrize("change", ["certificate", "program"])
def test_certificates_and_programs_of_etcd_change_only_while_all_members_serve(
    host: EmulatedHost, change: str
) -> None:
    """Both changes restart etcd, as a changed unit does."""
    assert host.deliver(etcd_with_certificate(stored_artifact(host, "etcd", "one"))).returncode == 0
    write_etcd_member(host, 'echo "kubewright: w-1: etcd: member c does not serve" >&2; [ "$1" != others ]')
    host.calls()
    if change == "certificate":
        result = host.deliver(etcd_with_certificate(stored_artifact(host, "etcd", "one")), token="new\n")
    else:
        result = host.deliver(etcd_with_certificate(stored_artifact(host, "etcd", "two")))
    assert result.returncode == 1
    assert "etcd was not changed" in result.stderr
    assert host.calls() == []
    assert host.path("/etc/etcd/pki/server.crt").read_text() == "SECRET-1\n"
    assert host.path("/usr/local/lib/kubewright/bin/etcd").read_text() == "one"


def test_a_reset_member_leaves_first_and_stays_when_it_cannot(host: EmulatedHost) -> None:
    host.deliver(bundle_with_version(Role.ETCD, "etcd", "3.7.3"))
    write_etcd_member(host, 'echo "$1" >>"$FAKE/asked"; exit 1')
    result = host.run(reset_script(Role.ETCD))
    assert result.returncode == 1
    assert host.path(UNIT).exists()
    write_etcd_member(host, 'echo "$1" >>"$FAKE/asked"')
    assert host.run(reset_script(Role.ETCD)).returncode == 0
    assert (host.fake / "asked").read_text() == "leave\nleave\n"
    assert not host.path(UNIT).exists()


def test_members_do_not_leave_a_cluster_that_is_removed(host: EmulatedHost) -> None:
    host.deliver(bundle_with_version(Role.ETCD, "etcd", "3.7.3"))
    write_etcd_member(host, "exit 1")
    host.path("/var/lib/kubewright/leaving").touch()
    assert host.run(reset_script(Role.ETCD)).returncode == 0


KUBECTL = r"""
case "$*" in
*"get node"*unschedulable*) ;;
*"get node"*) ;;
*eviction*)
    cat "$(eval echo \${$#})" >>"$FAKE/evictions"
    echo 'Response Body: {"message":"Cannot evict pod","details":{"causes":[{"reason":"DisruptionBudget",' \
        '"message":"The disruption budget web-budget needs 2 healthy pods and has 2 currently"}]}}' >&2
    exit 1 ;;
*" drain "*)
    echo "$*" >>"$FAKE/drains"
    [ -e "$FAKE/free" ] || {
        echo 'error when evicting pods/"web-1" -n "shop" (will retry after 5s): Cannot evict pod as it' \
            "would violate the pod's disruption budget." >&2
        exit 1
    } ;;
esac
"""


def test_a_blocked_drain_names_pod_and_budget_and_resumes(host: EmulatedHost) -> None:
    node = Bundle(
        role=Role.NODE,
        program=PROGRAM,
        files=(File(MINOR, "1.35\n"),),
        secrets=(),
        artifacts=(),
        services=(),
        drain=True,
        drain_on=(MINOR,),
        drain_seconds=7,
    )
    assert host.deliver(node).returncode == 0
    host.path("/var/lib/kubelet").mkdir(parents=True)
    host.path("/var/lib/kubelet/kubeconfig").touch()
    write_program(host, "/usr/local/lib/kubewright/bin/kubectl", KUBECTL)
    changed = replace(node, files=(File(MINOR, "1.36\n"),))
    result = host.deliver(changed)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"kubewright: w-1: the node was not drained in 7 s ({MINOR} changes): pod shop/web-1 is held "
        "by the disruption budget web-budget; it stays cordoned; free these pods, or raise drain_timeout, "
        "and run again"
    )
    assert host.path(MINOR).read_text() == "1.35\n"
    assert '"dryRun":["All"]' in (host.fake / "evictions").read_text()
    (host.fake / "free").touch()
    assert host.deliver(changed).returncode == 0
    assert host.path(MINOR).read_text() == "1.36\n"
    assert not host.path("/var/lib/kubewright/cordoned").exists()
    assert "--timeout=7s" in (host.fake / "drains").read_text()


def node_bundle(*, cache: bool, servers: str) -> Bundle:
    """Return the bundle of a node with the DNS servers of its pods, with or without the unit of the cache."""
    unit = "/etc/systemd/system/dns-cache-address.service"
    return Bundle(
        role=Role.NODE,
        program=PROGRAM,
        files=(
            File("/etc/kubernetes/kubelet.json", f'{{"clusterDNS": [{servers}]}}\n'),
            *((File(unit, "[Service]\n"),) if cache else ()),
        ),
        secrets=(),
        artifacts=(),
        services=(),
    )


def test_a_dns_cache_that_pods_ask_is_not_removed(host: EmulatedHost) -> None:
    """The state has `idle` although this host does not, because `up` failed before it changed this host."""
    used, service = '"169.254.20.10", "10.96.0.10"', '"10.96.0.10"'
    assert host.deliver(node_bundle(cache=True, servers=used)).returncode == 0
    removed = node_bundle(cache=False, servers=service)
    result = host.deliver(removed)
    assert result.returncode == 1
    assert "set dns.node_cache: idle, run `up` until it succeeds" in result.stderr
    assert used in host.path("/etc/kubernetes/kubelet.json").read_text()
    assert host.deliver(node_bundle(cache=True, servers=service)).returncode == 0
    assert host.deliver(removed).returncode == 0
