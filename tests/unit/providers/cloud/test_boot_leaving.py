"""Tests of leaving machines: drained before termination, or removed from the cluster permanently."""

from __future__ import annotations

import pytest

from testkit.boot import BootMachine

HOST_PROGRAM = (
    'set -eu\nWORK=$1\naway() { echo "away $*" >>"$FAKE/log"; }\nreset() { echo "reset $*" >>"$FAKE/log"; }\n'
)


class TestLeaving:
    @pytest.fixture
    def running_member(self, machine: BootMachine) -> BootMachine:
        """Return a running member with a host program that only records its calls."""
        machine.write_user_data(
            KIND="members/control-plane", UNIT="cp-1", ROLES="etcd control-plane node", DIGEST="abc"
        )
        state = machine.root / "var/lib/kubewright"
        state.mkdir(parents=True)
        (state / "host.sh").write_text(HOST_PROGRAM)
        return machine

    def test_without_a_request_nothing_happens(self, running_member: BootMachine) -> None:
        assert running_member.run("leaving").returncode == 0
        assert running_member.calls() == []

    def test_drains_before_the_termination_continues(self, running_member: BootMachine) -> None:
        (running_member.fake / "told").touch()
        assert running_member.run("leaving").returncode == 0
        assert running_member.calls() == ["stop kubewright-boot.service", "away 30", "left"]
        # A completed request is not repeated.
        assert running_member.run("leaving").returncode == 0
        assert running_member.calls() == []

    def test_a_failed_drain_is_retried(self, running_member: BootMachine) -> None:
        (running_member.fake / "told").touch()
        host = running_member.root / "var/lib/kubewright/host.sh"
        host.write_text(HOST_PROGRAM + "away() { exit 1; }\n")
        assert running_member.run("leaving").returncode == 1
        assert "left" not in running_member.calls()
        host.write_text(HOST_PROGRAM)
        assert running_member.run("leaving").returncode == 0
        assert running_member.calls()[-1] == "left"

    def test_a_machine_without_a_delivery_terminates_at_once(self, running_member: BootMachine) -> None:
        (running_member.root / "var/lib/kubewright/host.sh").unlink()
        (running_member.fake / "told").touch()
        assert running_member.run("leaving").returncode == 0
        assert running_member.calls() == ["stop kubewright-boot.service", "left"]

    def test_a_leaving_member_resets_its_roles_in_reverse_order(self, running_member: BootMachine) -> None:
        running_member.put("members/control-plane/cp-1/leave", "leave\n")
        assert running_member.run("leaving").returncode == 0
        assert running_member.calls() == [
            "stop kubewright-boot.service",
            "reset node leave 30",
            "reset control-plane leave 30",
            "reset etcd leave 30",
        ]
        assert running_member.status("members/control-plane/cp-1/left") == "abc"

    @pytest.mark.parametrize(("quorum", "expected_calls"), [("yes", ["asks"]), ("no", ["asks", "just goes"])])
    def test_etcd_leaves_its_cluster_when_the_whole_cluster_is_deleted(
        self, running_member: BootMachine, quorum: str, expected_calls: list[str]
    ) -> None:
        """The reset of the node records that the whole cluster is deleted. Otherwise the reset of etcd
        would leave the other members without quorum.
        """
        state = running_member.root / "var/lib/kubewright"
        reset_function = f"""reset() {{
            case $1 in
            node) : >"{state}/leaving" ;;
            etcd)
                if [ -e "{state}/leaving" ]; then echo "just goes" >>"$FAKE/log"; return 0; fi
                echo asks >>"$FAKE/log"
                [ {quorum} = yes ]
                ;;
            esac
        }}\n"""
        (state / "host.sh").write_text(HOST_PROGRAM + reset_function)
        running_member.put("members/control-plane/cp-1/leave", "leave\n")
        assert running_member.run("leaving").returncode == 0
        assert running_member.calls() == ["stop kubewright-boot.service", *expected_calls]
        assert running_member.status("members/control-plane/cp-1/left") == "abc"

    def test_leaving_an_existing_cluster_is_retried(self, running_member: BootMachine) -> None:
        host = running_member.root / "var/lib/kubewright/host.sh"
        host.write_text(HOST_PROGRAM + "reset() { [ $1 != etcd ]; }\n")
        running_member.put("members/control-plane/cp-1/leave", "leave\n")
        assert running_member.run("leaving").returncode == 1
        host.write_text(HOST_PROGRAM)
        assert running_member.run("leaving").returncode == 0
        assert "reset etcd leave 30" in running_member.calls()

    def test_nodes_of_a_pool_ignore_requests_to_leave(self, machine: BootMachine) -> None:
        machine.write_user_data()
        machine.put("pools/general/leave", "leave\n")
        assert machine.run("leaving").returncode == 0
        assert machine.calls() == []
