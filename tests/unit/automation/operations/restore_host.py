"""Host with fake programs that keep its state, for tests of the steps of `restore`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

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
        [ "$unit" != flanneld.service ] || : >"$FAKE/flannel-starts"
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
# Pods are lines `NAME ADDRESS` of a file. A pod in the network of the host has no address.
CRICTL = """#!/bin/sh
for last; do :; done
shift
case $1 in
pods) while read -r name _; do echo "$name"; done <"$FAKE/pods" ;;
inspectp) while read -r name address; do [ "$name" != "$last" ] || echo "$address"; done <"$FAKE/pods" ;;
stopp) echo "stopp $last" >>"$FAKE/log"; sed -i "/^$last /d" "$FAKE/pods" ;;
esac
"""
# While a step waits, flannel starts. Later, the kubelet completes the pods in `late`.
SLEEP = """#!/bin/sh
case $1 in
0.5)
    [ ! -e "$FAKE/flannel-starts" ] || [ ! -e "$FAKE/subnet" ] || {
        echo "FLANNEL_SUBNET=$(cat "$FAKE/subnet")" >"$KUBEWRIGHT_ROOT/run/flannel/subnet.env"
        cp "$FAKE/subnet" "$FAKE/new"
        /bin/mv "$FAKE/new" "$KUBEWRIGHT_ROOT/etc/cni/net.d/10-kubewright.conflist"
    } ;;
5) [ ! -e "$FAKE/late" ] || cat "$FAKE/late" >>"$FAKE/pods" ;;
esac
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
            programs / "crictl": CRICTL,
            self.fake / "sleep": SLEEP,
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

    def set_flannel(
        self, subnet: str, pods: Mapping[str, str], late: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Give the host a unit of flannel, which gets a subnet at its next start, and running pods with their
        addresses. The kubelet is starting the pods in `late`. With an empty subnet, flannel does not start.
        """
        add_units(self, "flanneld.service")
        for path, text in {
            self.root / "run/flannel/subnet.env": "FLANNEL_SUBNET=10.244.0.1/24\n",
            self.root / "etc/cni/net.d/10-kubewright.conflist": "10.244.0.1/24",
            self.fake / "subnet": subnet,
            self.fake / "pods": _pod_lines(pods),
            self.fake / "late": _pod_lines(late),
        }.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if not subnet:
            (self.fake / "subnet").unlink()

    def set_active(self, unit: str) -> None:
        (self.fake / f"active.{unit}.service").touch()

    def calls(self) -> list[str]:
        log = self.fake / "log"
        return log.read_text().splitlines() if log.exists() else []


def _pod_lines(pods: Mapping[str, str]) -> str:
    return "".join(f"{name} {address}\n" for name, address in pods.items())


def add_units(host: RestoreHost, *units: str) -> Path:
    """Add units of the boot program of a cloud. Return the file that exists while the repair timer runs."""
    directory = host.root / "etc/systemd/system"
    directory.mkdir(parents=True)
    for unit in (*units, "kubewright-repair.timer"):
        (directory / unit).touch()
    timer = host.fake / "active.kubewright-repair.timer"
    timer.touch()
    return timer
