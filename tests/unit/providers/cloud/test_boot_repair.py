"""Tests of unhealthy machines, which the cloud's part repairs or replaces, and of renewed drains."""

from __future__ import annotations

import time

import pytest

from testkit.boot import BootMachine

CLOUD = """
cloud_unhealthy() { echo unhealthy >>"$FAKE/log"; }
"""
HOST_PROGRAM = """set -eu
WORK=$1
well() { [ ! -e "$FAKE/broken" ]; }
others_well() { [ ! -e "$FAKE/others-broken" ]; }
away() { while [ ! -e "$FAKE/renewed" ]; do :; done; echo away >>"$FAKE/log"; }
"""


@pytest.fixture
def member(machine: BootMachine) -> BootMachine:
    """Return a member that has been unhealthy for 11 minutes."""
    machine.cloud_functions.write_text(machine.cloud_functions.read_text() + CLOUD)
    machine.write_user_data(
        KIND="members/control-plane", UNIT="cp-1", ROLES="control-plane node", REPAIR_SECONDS="600"
    )
    run, state = machine.root / "run/kubewright-boot", machine.root / "var/lib/kubewright"
    for directory in (run, state):
        directory.mkdir(parents=True)
    (state / "host.sh").write_text(HOST_PROGRAM)
    (state / "was-healthy").touch()
    (run / "complete").touch()
    (run / "unhealthy").write_text(f"{int(time.time()) - 660}\n")
    (machine.fake / "broken").touch()
    return machine


class TestRepair:
    def test_a_machine_that_stays_unhealthy_is_repaired(self, member: BootMachine) -> None:
        result = member.run("repair")
        assert result.returncode == 0, result.stderr
        assert member.calls() == ["unhealthy"]
        assert "this machine is repaired or replaced" in result.stdout

    def test_a_machine_without_the_processes_of_its_boot_is_repaired(self, member: BootMachine) -> None:
        (member.fake / "broken").unlink()
        (member.root / "run/kubewright-boot/complete").unlink()
        assert member.run("repair").returncode == 0
        assert member.calls() == ["unhealthy"]

    def test_a_short_failure_does_not_count(self, member: BootMachine) -> None:
        (member.root / "run/kubewright-boot/unhealthy").unlink()
        assert member.run("repair").returncode == 0
        assert member.calls() == []
        (member.fake / "broken").unlink()
        assert member.run("repair").returncode == 0
        assert not (member.root / "run/kubewright-boot/unhealthy").exists()

    def test_a_member_is_not_repaired_while_another_is_unhealthy(self, member: BootMachine) -> None:
        (member.fake / "others-broken").touch()
        result = member.run("repair")
        assert result.returncode == 1
        assert "not repaired while another member is not healthy" in result.stderr
        assert member.calls() == []

    def test_a_worker_does_not_depend_on_others(self, member: BootMachine) -> None:
        (member.fake / "others-broken").touch()
        member.write_user_data(REPAIR_SECONDS="600")
        assert member.run("repair").returncode == 0
        assert member.calls() == ["unhealthy"]

    @pytest.mark.parametrize("file", ["run/kubewright-boot/leaving", "run/kubewright-boot/left"])
    def test_a_leaving_machine_is_not_repaired(self, member: BootMachine, file: str) -> None:
        (member.root / file).touch()
        assert member.run("repair").returncode == 0
        assert member.calls() == []

    def test_a_machine_that_was_never_healthy_stays(self, member: BootMachine) -> None:
        (member.root / "var/lib/kubewright/was-healthy").unlink()
        assert member.run("repair").returncode == 0
        assert member.calls() == []

    def test_without_a_limit_nothing_is_repaired(self, member: BootMachine) -> None:
        member.write_user_data()
        assert member.run("repair").returncode == 0
        assert member.calls() == []


def test_a_machine_renews_its_time_while_it_drains(member: BootMachine) -> None:
    """A dead machine renews nothing, so that the cloud replaces it after a short time."""
    (member.fake / "told").touch()
    member.cloud_functions.write_text(
        member.cloud_functions.read_text() + 'cloud_renew() { : >"$FAKE/renewed"; }\n'
    )
    member.write_user_data(KIND="members/control-plane", UNIT="cp-1")
    result = member.run("leaving")
    assert result.returncode == 0, result.stderr
    assert member.calls() == ["stop kubewright-boot.service", "away", "left"]


def test_a_machine_renews_no_longer_than_its_drain(member: BootMachine) -> None:
    (member.fake / "told").touch()
    member.cloud_functions.write_text(
        member.cloud_functions.read_text() + 'cloud_renew() { : >"$FAKE/renewed"; }\n'
    )
    member.write_user_data(KIND="members/control-plane", UNIT="cp-1")
    (member.root / "run/kubewright-boot/leaving").write_text(f"{int(time.time()) - 151}\n")
    host = member.root / "var/lib/kubewright/host.sh"
    host.write_text(HOST_PROGRAM + "away() { command sleep 1; }\n")
    assert member.run("leaving").returncode == 0
    assert not (member.fake / "renewed").exists()
