"""Tests of reset scripts in the state of an earlier version.

To reset a host, the engine runs the script that the last `up` wrote into the state. The host has the host
program of its last delivery.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle, File, SecretFile, Service
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

DELIVERIES = Path(__file__).parent / "deliveries"
NODE = Bundle(
    role=Role.NODE,
    program=PROGRAM,
    files=(File("/etc/a/a.conf", "one\n"), File("/etc/systemd/system/a.service", "[Service]\n")),
    secrets=(SecretFile("/etc/a/token", "token"),),
    artifacts=(),
    services=(Service("a.service", restart_on=("/etc/a/a.conf",), timeout=2),),
    directories=(File("/var/lib/a", "", mode=0o700),),
)


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


def recorded_reset(role: Role) -> str:
    """Return the script that commit e084926 rendered."""
    return (DELIVERIES / f"e084926-reset-{role.value}.sh").read_text()


def test_recorded_reset_removes_only_its_role(host: EmulatedHost) -> None:
    assert host.deliver(replace(NODE, role=Role.CONTROL_PLANE, services=(), directories=())).returncode == 0
    assert host.deliver(NODE).returncode == 0
    assert host.run(recorded_reset(Role.CONTROL_PLANE)).returncode == 0
    assert host.path("/etc/a/a.conf").exists()
    result = host.run(recorded_reset(Role.NODE))
    assert result.returncode == 0, result.stderr
    assert [path for path in host.root.rglob("*") if not path.is_dir()] == []
    assert host.run(recorded_reset(Role.NODE)).stdout == "node unchanged\n"


def test_recorded_reset_drains_a_node_and_requests_its_deletion(host: EmulatedHost) -> None:
    assert host.deliver(NODE).returncode == 0
    host.install_kubectl()
    assert host.run(recorded_reset(Role.NODE)).returncode == 0
    assert any(" drain w-1 " in call for call in host.kubectl_calls())
    assert any(" node w-1 kubewright.dev/leaving=node" in call for call in host.kubectl_calls())


def test_reset_keeps_the_directory_of_the_boot_program(host: EmulatedHost) -> None:
    """Test that a machine of a cloud can leave: its boot program runs the reset from this directory."""
    assert host.deliver(NODE).returncode == 0
    for directory in ("kubewright-boot/work", "kubewright-other"):
        host.path(f"/run/{directory}").mkdir(parents=True)
    result = host.run(recorded_reset(Role.NODE))
    assert result.returncode == 0, result.stderr
    assert host.path("/run/kubewright-boot/work").exists()
    assert not host.path("/run/kubewright-other").exists()
