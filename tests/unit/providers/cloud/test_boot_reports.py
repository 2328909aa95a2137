"""Tests of what a booting machine tells the deployer: its last failure, and which objects it fetched."""

from __future__ import annotations

import pytest

from testkit.boot import BootMachine, bundle, put_bundles, put_node_bundle

ERROR = "pools/general/i-0123/error"
KUBECTL = """#!/bin/sh
echo "$*" >>"$FAKE/log"
[ ! -e "$FAKE/uninitialized" ] || echo node.cloudprovider.kubernetes.io/uninitialized
"""


class TestFailures:
    def test_the_last_failure_is_in_the_store_until_the_machine_is_healthy(
        self, machine: BootMachine
    ) -> None:
        digest = put_bundles(machine, "pools/general", bundle(ready="false"))
        machine.write_user_data(DIGEST=digest)
        assert machine.run("deliver").returncode == 1
        first, *journal = machine.status(ERROR).splitlines()
        assert first.endswith("Z: node: not healthy yet (the reason is above); tried again")
        assert journal == ["a line of the journal"]
        put_bundles(machine, "pools/general", bundle())
        assert machine.run("deliver").returncode == 0
        assert machine.status(ERROR) == ""

    def test_an_empty_store_is_reported(self, machine: BootMachine) -> None:
        machine.write_user_data()
        assert machine.run("deliver").returncode == 1
        assert "the store does not give what pools/general is" in machine.status(ERROR)

    def test_a_failed_command_without_a_message_is_reported(self, machine: BootMachine) -> None:
        put_node_bundle(machine)
        (machine.fake / "mount").write_text("#!/bin/sh\nexit 32\n")
        assert machine.run("deliver").returncode == 32
        assert "Z: ended with code 32\n" in f"{machine.status(ERROR)}\n"

    def test_a_new_machine_clears_the_failure_of_the_machine_before(self, machine: BootMachine) -> None:
        digest = put_bundles(machine, "members/etcd/e-1", bundle())
        machine.put("status/members/etcd/e-1/error", "an old failure\n")
        machine.write_user_data(KIND="members/etcd", UNIT="e-1", BOOT_NAME="e-1", DIGEST=digest)
        assert machine.run("deliver").returncode == 0
        assert machine.status("members/etcd/e-1/error") == ""

    def test_a_store_that_rejects_statuses_does_not_hide_the_failure(self, machine: BootMachine) -> None:
        machine.reject_statuses()
        machine.write_user_data()
        result = machine.run("deliver")
        assert result.returncode == 1
        assert "the store does not give what pools/general is" in result.stderr
        assert "this failure could not be written to the store" in result.stderr


class TestVersions:
    def test_a_machine_fetches_the_objects_with_its_own_digest(self, machine: BootMachine) -> None:
        """A machine that starts during an update must not get a newer kubelet than the API servers."""
        prefix = "pools/general"
        old = put_bundles(machine, f"{prefix}/old", bundle())
        (machine.store / prefix / "old").rename(machine.store / prefix / old)
        put_bundles(machine, f"{prefix}/{'f' * 64}", bundle(ready="false"))
        machine.write_user_data(DIGEST=old, CONFIG=f"{prefix}/{old}")
        result = machine.run("deliver")
        assert result.returncode == 0, result.stderr
        assert machine.status("pools/general/i-0123/node") == old

    def test_changed_objects_are_refused(self, machine: BootMachine) -> None:
        put_bundles(machine, f"pools/general/{'f' * 64}", bundle())
        machine.write_user_data(DIGEST="f" * 64, CONFIG=f"pools/general/{'f' * 64}")
        result = machine.run("deliver")
        assert result.returncode == 1
        assert "are not what was written" in result.stderr
        assert not (machine.root / "etc/node.conf").exists()


class TestJoining:
    @pytest.fixture
    def node(self, machine: BootMachine) -> BootMachine:
        put_node_bundle(machine)
        for path, text in {
            "usr/local/lib/kubewright/bin/kubectl": KUBECTL,
            "var/lib/kubelet/kubeconfig": "",
        }.items():
            (machine.root / path).parent.mkdir(parents=True)
            (machine.root / path).write_text(text)
            (machine.root / path).chmod(0o755)
        return machine

    def test_a_node_is_ready_when_the_cloud_controller_has_initialized_it(self, node: BootMachine) -> None:
        assert node.run("deliver").returncode == 0
        assert "get node i-0123 -o jsonpath={.spec.taints[*].key}" in "".join(node.calls()[-2:])

    def test_the_machine_waits_for_the_cloud_controller(self, node: BootMachine) -> None:
        (node.fake / "uninitialized").touch()
        node.cloud_functions.write_text(
            node.cloud_functions.read_text()
            + 'sleep() { [ ! -e "$FAKE/waited" ] || rm -f "$FAKE/uninitialized"; : >"$FAKE/waited"; }\n'
        )
        put_node_bundle(node)
        assert node.run("deliver").returncode == 0
        assert (node.fake / "waited").exists()
        assert node.calls()[-1] == "ready"
