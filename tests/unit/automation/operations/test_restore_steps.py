"""Tests of the steps of `restore` that replace the data of etcd, with fake programs."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from automation.operations.restore import step_script
from tests.unit.automation.operations.restore_host import MEMBER, SNAPSHOT, RestoreHost, add_units


@pytest.fixture
def host(tmp_path: Path) -> RestoreHost:
    return RestoreHost(tmp_path)


def test_a_snapshot_that_is_cut_off_is_refused(host: RestoreHost) -> None:
    text = step_script("receive", {**MEMBER, "sum": sha256(b"a whole snapshot\n").hexdigest()})
    completed = host.run("receive", text=text)
    assert completed.returncode == 1
    assert b"the snapshot is not complete" in completed.stderr


def test_the_old_data_is_kept_beside_the_new(host: RestoreHost) -> None:
    host.run_all("receive", "prepare", "swap")
    assert (host.data / "member/db").read_bytes() == SNAPSHOT
    assert (host.data / "before-t1/member/db").read_text() == "old"


def test_commands_in_the_directory_of_etcd_run_as_its_user(host: RestoreHost) -> None:
    """A program of the user etcd can place links in this directory, which root would follow.

    Here the steps have paths in a directory, and the programs are fakes that record who calls them.
    """
    for step in ("receive", "prepare", "swap"):
        text = step_script(step, MEMBER).replace("ROOT=${KUBEWRIGHT_ROOT:-}", "ROOT=")
        for variable in ("BIN", "DATA"):
            text = text.replace(f"\n{variable}=$ROOT/", f"\n{variable}={host.root}/")
        completed = host.run(step, text=text)
        assert completed.returncode == 0, completed.stderr
    calls = [call for call in host.calls() if str(host.data) in call]
    writers = {call.split()[0] for call in calls}
    assert writers == {"etcd:etcdutl", "etcd:mkdir", "etcd:mv", "etcd:sh"}
    assert (host.data / "member/db").read_bytes() == SNAPSHOT


def test_clients_notice_that_revisions_went_back(host: RestoreHost) -> None:
    """Without these options, clients trust caches that are newer than the restored data."""
    host.run_all("receive", "prepare")
    (call,) = (line for line in host.calls() if line.startswith("etcdutl snapshot restore"))
    assert {"--bump-revision=1000000000", "--mark-compacted", "--initial-cluster-token=test-t1"} <= set(
        call.split()
    )


def test_the_data_of_a_running_member_is_not_replaced(host: RestoreHost) -> None:
    host.run_all("receive", "prepare")
    host.set_active("etcd")
    completed = host.run("swap")
    assert completed.returncode == 1
    assert b"etcd still runs" in completed.stderr
    assert (host.data / "member/db").read_text() == "old"


def test_an_unhealthy_etcd_stops_the_restore(host: RestoreHost) -> None:
    completed = host.run("wait-etcd")
    assert completed.returncode == 1
    assert b"etcd is not healthy after 180 s: connection refused" in completed.stderr
    host.run_all("start-etcd", "wait-etcd")


def test_controllers_restart_after_the_api_is_ready(host: RestoreHost) -> None:
    """They have caches of the data before the restore, also when something has started them again."""
    host.run_all("start-api")
    assert host.calls() == [
        "start kube-apiserver.service",
        "readyz",
        "restart kube-controller-manager.service kube-scheduler.service",
    ]


def test_an_api_that_does_not_start_is_an_error(host: RestoreHost) -> None:
    (host.fake / "stuck.kube-apiserver.service").touch()
    assert host.run("start-api").returncode != 0
    assert "restart kube-controller-manager.service kube-scheduler.service" not in host.calls()


@pytest.mark.parametrize("units", [["kube-apiserver.service"], []], ids=["control plane", "etcd member"])
def test_a_machine_of_a_cloud_is_not_repaired_during_the_restore(host: RestoreHost, units: list[str]) -> None:
    timer = add_units(host, *units)
    host.run_all("stop-etcd")
    assert not timer.exists()
    host.set_active("etcd")
    host.run_all("wait-etcd")
    assert timer.exists() == (not units)
    host.run_all("start-api")
    assert timer.exists()


def test_the_repair_of_a_control_plane_stops_before_its_api_server(host: RestoreHost) -> None:
    add_units(host)
    host.run_all("stop-api")
    assert host.calls()[0] == "stop kubewright-repair.timer"


@pytest.mark.parametrize("complete", [False, True])
def test_a_boot_that_has_not_completed_stops_during_the_restore(host: RestoreHost, complete: bool) -> None:
    """The boot program would start etcd again while its data is replaced."""
    add_units(host, "kube-apiserver.service", "kubewright-boot.service")
    if complete:
        (host.root / "run/kubewright-boot").mkdir(parents=True)
        (host.root / "run/kubewright-boot/complete").touch()
    boot = host.fake / "active.kubewright-boot.service"
    boot.touch()
    host.run_all("stop-etcd")
    assert boot.exists() == complete
    host.calls()
    host.run_all("start-api")
    assert ("start kubewright-boot.service" in host.calls()) != complete


def test_a_host_without_repair_does_not_start_it(host: RestoreHost) -> None:
    host.run_all("start-api")
    assert "start kubewright-repair.timer" not in host.calls()
