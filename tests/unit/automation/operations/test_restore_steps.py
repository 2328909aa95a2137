"""Tests of the steps of `restore` on a host, with fake programs that keep the state of the host."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from automation.operations.restore import step_script

SNAPSHOT = b"a snapshot\n"
MEMBER = {
    "sum": sha256(SNAPSHOT).hexdigest(),
    "name": "e-0",
    "url": "https://10.9.0.100:2380",
    "cluster": "e-0=https://10.9.0.100:2380",
    "token": "test-t1",
    "stamp": "t1",
}
# Units are files: `active.<unit>` exists while the unit runs. A unit in `stuck` neither starts nor restarts.
SYSTEMCTL = """#!/bin/sh
verb=$1; shift
while case ${1:-} in --*) true ;; *) false ;; esac; do shift; done
echo "$verb $*" >>"$FAKE/log"
case $verb in
start | restart)
    for unit; do
        [ ! -e "$FAKE/stuck.$unit" ] || exit 1
        : >"$FAKE/active.$unit"
    done ;;
stop) for unit; do rm -f "$FAKE/active.$unit"; done ;;
is-active) [ -e "$FAKE/active.$1" ] ;;
esac
"""
ETCDUTL = """#!/bin/sh
echo "${WRITER}etcdutl $*" >>"$FAKE/log"
case $2 in
status) grep -q snapshot "$3" ;;
restore)
    for word; do
        case $word in --data-dir=*) mkdir -p "${word#*=}/member" && cp "$3" "${word#*=}/member/db" ;; esac
    done ;;
esac
"""
ETCDCTL = '#!/bin/sh\n[ -e "$FAKE/active.etcd.service" ] || { echo "connection refused" >&2; exit 1; }\n'
KUBECTL = """#!/bin/sh
case "$*" in
*"get node"*) cat "$FAKE/node" 2>/dev/null; exit 0 ;;
*"delete node"*) echo "kubectl ${*#* * }" >>"$FAKE/log"; exit 0 ;;
esac
echo readyz >>"$FAKE/log"
[ -e "$FAKE/active.kube-apiserver.service" ] || { echo "connection refused" >&2; exit 1; }
"""
# The time of the host advances by 100 s with each call of `date`.
DATE = """#!/bin/sh
read -r now 2>/dev/null <"$FAKE/now" || now=0
echo $((now + 100)) >"$FAKE/now"
echo "$now"
"""
# Programs that root must not run in a directory of another user. WRITER is `etcd:` below setpriv.
RUN_AND_RECORD = """#!/bin/sh
echo "$WRITER${0##*/} $*" >>"$FAKE/log"
PATH=${PATH#*:} exec "${0##*/}" "$@"
"""
SETPRIV = """#!/bin/sh
[ "$1 $2 $3" = "--reuid=7 --regid=7 --clear-groups" ] || exit 1
shift 3
WRITER=etcd: exec "$@"
"""
RECORD = '#!/bin/sh\necho "${0##*/} $*" >>"$FAKE/log"\n'


class RestoreHost:
    """A directory that emulates the host of an etcd member with data."""

    def __init__(self, directory: Path) -> None:
        self.root, self.fake = directory / "root", directory / "fake"
        self.data = self.root / "var/lib/etcd"
        programs = self.root / "usr/local/lib/kubewright/bin"
        for path in (self.data / "member", self.fake, programs):
            path.mkdir(parents=True)
        (self.data / "member/db").write_text("old")
        for path, text in {
            programs / "etcdutl": ETCDUTL,
            programs / "etcdctl": ETCDCTL,
            programs / "kubectl": KUBECTL,
            self.fake / "systemctl": SYSTEMCTL,
            self.fake / "date": DATE,
            self.fake / "id": "#!/bin/sh\necho 7\n",
            self.fake / "setpriv": SETPRIV,
            self.fake / "mkdir": RUN_AND_RECORD,
            self.fake / "mv": RUN_AND_RECORD,
            self.fake / "sh": RUN_AND_RECORD,
            self.fake / "sync": RECORD,
        }.items():
            path.write_text(text)
            path.chmod(0o755)

    def run(self, step: str, *, text: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a step, or another text of it, with the snapshot on standard input."""
        return subprocess.run(
            ["/bin/sh", "-c", text or step_script(step, MEMBER)],
            input=SNAPSHOT,
            capture_output=True,
            env={
                "PATH": f"{self.fake}:{os.environ['PATH']}",
                "KUBEWRIGHT_ROOT": str(self.root),
                "FAKE": str(self.fake),
                "WRITER": "",
            },
            timeout=60,
        )

    def run_all(self, *steps: str) -> None:
        for step in steps:
            completed = self.run(step)
            assert completed.returncode == 0, completed.stderr

    def set_active(self, unit: str) -> None:
        (self.fake / f"active.{unit}.service").touch()

    def calls(self) -> list[str]:
        log = self.fake / "log"
        return log.read_text().splitlines() if log.exists() else []


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


def test_a_kubelet_that_does_not_restart_is_an_error(host: RestoreHost) -> None:
    (host.fake / "stuck.kubelet.service").touch()
    completed = host.run("restart-kubelet")
    assert completed.returncode == 1
    assert b"the kubelet does not restart" in completed.stderr


def add_units(host: RestoreHost, *units: str) -> Path:
    """Add units of the boot program of a cloud. Return the file that exists while the repair timer runs."""
    directory = host.root / "etc/systemd/system"
    directory.mkdir(parents=True)
    for unit in (*units, "kubewright-repair.timer"):
        (directory / unit).touch()
    timer = host.fake / "active.kubewright-repair.timer"
    timer.touch()
    return timer


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


OWN_ID = "aws:///eu-west-1a/i-new"
RESTART, BOOT = "restart kubelet.service", "restart kubewright-boot.service"


@pytest.mark.parametrize(
    ("node", "calls"),
    [
        (f"cp-1 {OWN_ID}", [RESTART]),
        ("cp-1 aws:///eu-central-1a/i-old", ["kubectl delete node cp-1 --timeout=60s", RESTART, BOOT]),
        ("", [RESTART, BOOT]),
    ],
    ids=["own node", "node of another machine", "no node"],
)
def test_control_plane_of_a_cloud_gets_its_own_node(host: RestoreHost, node: str, calls: list[str]) -> None:
    """The snapshot of a cluster in another region has Nodes of that cluster, with the names of members."""
    complete = host.root / "run/kubewright-boot/complete"
    for path, text in {
        host.root / "etc/kubernetes/admin.conf": "",
        host.root / "etc/kubewright/host.env": f"NODE_NAME=cp-1\nPROVIDER_ID={OWN_ID}\n",
        host.fake / "node": node,
        complete: "",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    host.run_all("restart-kubelet")
    assert host.calls() == calls
    assert complete.exists() is (BOOT not in calls)


def test_node_of_a_host_without_a_cloud_stays(host: RestoreHost) -> None:
    """flannel restarts, because the kubelet may register a Node without the annotations of flannel."""
    add_units(host, "flanneld.service")
    for directory in ("kubernetes", "kubewright"):
        (host.root / "etc" / directory).mkdir(parents=True)
    (host.root / "etc/kubernetes/admin.conf").touch()
    (host.root / "etc/kubewright/host.env").write_text("NODE_NAME=cp-1\nPROVIDER_ID=\n")
    host.run_all("restart-kubelet")
    assert host.calls() == [RESTART, "restart flanneld.service"]
