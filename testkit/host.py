"""Emulates a host in a directory, for tests of the host program. Its systemctl only records calls."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from nodeconfig.bundle import Bundle, File, Identity, Program
from nodeconfig.host_program import digest, program
from nodeconfig.render import payload, script
from topology.model import Role

SYSTEMCTL = """#!/bin/sh
verb=$1; shift
while case ${1:-} in --*) true ;; *) false ;; esac; do shift; done
echo "$verb $*" >>"$FAKE/log"
[ "$verb" != reload ] || [ ! -e "$FAKE/refuses" ] || { echo "Job failed." >&2; exit 1; }
case $verb in
start | restart | reload) for unit; do [ -e "$FAKE/broken" ] || : >"$FAKE/active.$unit"; done ;;
stop | disable) for unit; do rm -f "$FAKE/active.$unit"; done ;;
is-active) [ -e "$FAKE/active.$1" ] ;;
is-failed) [ -e "$FAKE/broken" ] ;;
esac
"""

PROGRAM = Program("https://mirror/host-program", digest())
"""The host program of bundles for an emulated host, whose curl serves this URL."""

MINIMAL_BUNDLE = Bundle(
    role=Role.NODE,
    program=PROGRAM,
    files=(File("/etc/a/a.conf", "one\n"),),
    secrets=(),
    artifacts=(),
    services=(),
)
"""A bundle with one file."""

LIMITED_SLEEP = """#!/bin/sh
echo >>"$FAKE/slept"
[ "$(wc -l <"$FAKE/slept")" -lt 50 ] || kill "$PPID"
"""
"""A `sleep` that takes no time. It ends a program that sleeps 50 times and would never end itself."""

CURL = f"""#!/bin/sh
case $* in
*{PROGRAM.url})
    while [ "$1" != --output ]; do shift; done
    cp "$FAKE/host-program" "$2"
    ;;
*) PATH=${{PATH#*:}} exec curl "$@" ;;
esac
"""
_JOURNALCTL = "#!/bin/sh\necho a last message\n"
_KUBECTL = """#!/bin/sh
echo "$*" >>"$FAKE/kubectl-calls"
case $* in
*"annotate --overwrite node w-1 kubewright.dev/leaving=node"*) touch "$FAKE/unknown-node" ;;
*"get node w-1 -o name"*)
    [ ! -e "$FAKE/unknown-node" ] || { echo 'Error (NotFound): nodes "w-1" not found' >&2; exit 1; }
    [ ! -e "$FAKE/api-down" ] || { rm "$FAKE/api-down"; echo "connection refused" >&2; exit 1; } ;;
esac
"""


class EmulatedHost:
    """A directory that emulates a host.

    `root` contains the files of the host, and `fake` its fake programs. `shell` is the login shell.
    """

    def __init__(self, directory: Path, shell: str) -> None:
        self.root, self.fake, self.shell = directory / "root", directory / "fake", shell
        self.root.mkdir()
        self.fake.mkdir()
        (self.fake / "host-program").write_text(program())
        for name, text in {"systemctl": SYSTEMCTL, "journalctl": _JOURNALCTL, "curl": CURL}.items():
            self.add_program(name, text)

    def path(self, path: str) -> Path:
        """Return the path in the directory for an absolute path on the host."""
        return self.root / path.lstrip("/")

    def run(self, text: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a script in the login shell of the host."""
        environment = {"PATH": f"{self.fake}:{os.environ['PATH']}", "KUBEWRIGHT_ROOT": str(self.root)}
        environment["HOME"] = str(self.fake)
        return subprocess.run(
            [self.shell, "-c", text],
            input=stdin,
            text=True,
            capture_output=True,
            env=environment | {"FAKE": str(self.fake)},
            timeout=60,
        )

    def deliver(self, bundle: Bundle, **secrets: str) -> subprocess.CompletedProcess[str]:
        """Deliver a bundle with secrets by name. The secret `token` has a default."""
        all_secrets = {"token": "SECRET-1\n"} | secrets
        return self.run(script(bundle, Identity("w-1", "10.9.0.21")), payload(bundle, all_secrets))

    def add_program(self, name: str, text: str) -> None:
        """Add a fake program, which the host finds before the real one."""
        (self.fake / name).write_text(text)
        (self.fake / name).chmod(0o755)

    def install_kubectl(
        self, program: str = _KUBECTL, kubeconfig: str = "/var/lib/kubelet/kubeconfig"
    ) -> None:
        """Install a fake kubectl and an empty kubeconfig.

        `program` must append its arguments to the file `kubectl-calls` in `fake`. In the default program the
        node is not registered while the file `unknown-node` exists in `fake`, and the API is unavailable for
        one call if the file `api-down` exists. A node that requests its deletion is deleted.
        """
        for path, text in {"/usr/local/lib/kubewright/bin/kubectl": program, kubeconfig: ""}.items():
            self.path(path).parent.mkdir(parents=True)
            self.path(path).write_text(text)
            self.path(path).chmod(0o755)

    def kubectl_calls(self) -> list[str]:
        """Return the arguments of each call of the fake kubectl."""
        log = self.fake / "kubectl-calls"
        return log.read_text().splitlines() if log.exists() else []

    def calls(self) -> list[str]:
        """Return the calls that systemctl received since the last call of this method, without queries."""
        log = self.fake / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.strip() for line in lines if not line.startswith("is-")]
